"""From light to what a camera stores: blur, exposure, noise, tone and compression."""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.studio.textures import Colour

LEVELS = 4096
"""Steps of light that the tone curve tells apart."""
NOISE = 1_000_003
"""Random numbers made in advance; each picture starts at another one."""
GREY = 0.2
"""Linear light that a metered camera gives the middle of what it sees."""


@dataclass(frozen=True)
class CameraLook:
    """How one camera renders light. Linear light of 1 is white at exposure 1."""

    exposure: float
    white: Colour
    """Gains of red, green and blue."""
    saturation: float
    """1 leaves colours as they are, 0 makes them grey."""
    contrast: float
    """How much the tone curve is steeper in the middle than sRGB's; 0 is sRGB."""
    vignette: float
    """Share of light lost in the corners."""
    defocus: float
    """Spread of a point in pixels (one sigma)."""
    resolution: float
    """Share of the picture's width that the camera really resolves; it is enlarged afterwards."""
    electrons: float
    """What white collects; the fewer, the more noise."""
    read_noise: float
    """Noise of black, as a share of white (one sigma)."""
    quality: int
    """JPEG quality, or 100 for none."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> "CameraLook":
        """Draw a camera: good ones mostly, some soft, noisy, tinted or heavily compressed."""
        tint = rng.normal(0, 0.05)
        soft = rng.random() < 0.25
        noisy = rng.random() < 0.3
        return cls(
            exposure=float(np.exp(rng.normal(0.0, 0.28))),
            white=(1 + tint, 1 + rng.normal(0, 0.02), 1 - tint),
            saturation=float(rng.uniform(0.75, 1.3)),
            contrast=float(rng.uniform(0.0, 0.5)),
            vignette=float(rng.uniform(0.0, 0.35)),
            defocus=float(rng.uniform(0.5, 1.4) if soft else rng.uniform(0.0, 0.5)),
            resolution=float(rng.uniform(0.45, 0.9)) if rng.random() < 0.2 else 1.0,
            electrons=float(np.exp(rng.uniform(np.log(150), np.log(1500)) if noisy else rng.uniform(7.3, 10.0))),
            read_noise=float(rng.uniform(0.002, 0.012) if noisy else rng.uniform(0.0, 0.002)),
            quality=int(rng.integers(35, 97)),
        )

    def metered(self, linear: Float32[ndarray, "height width 3"]) -> "CameraLook":
        """Return this camera after it has measured a scene: dark ones are exposed for longer, within reason."""
        middle, bright = np.quantile(linear[::4, ::4].mean(axis=-1), [0.5, 0.9])
        wanted = min(GREY / max(middle, 1e-6), 0.8 / max(bright, 1e-6))
        return replace(self, exposure=self.exposure * float(np.clip(wanted, 0.4, 3.0)))

    def apply(
        self, linear: Float32[ndarray, "height width 3"], rng: np.random.Generator
    ) -> UInt8[ndarray, "height width 3"]:
        """Return what is stored of linear light; `rng` draws the noise."""
        height, width = linear.shape[:2]
        picture = linear
        if self.resolution < 1:
            small = (max(1, round(width * self.resolution)), max(1, round(height * self.resolution)))
            picture = np.asarray(cv2.resize(linear, small, interpolation=cv2.INTER_AREA))
        if self.defocus > 0.15:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.defocus))
        picture = self._exposed(picture)
        picture = self._noisy(picture, rng)
        np.clip(picture, 0, 1, out=picture)
        stored = np.take(self._curve, (picture * np.float32(LEVELS - 1) + np.float32(0.5)).astype(np.uint16))
        if self.resolution < 1:
            stored = np.asarray(cv2.resize(stored, (width, height), interpolation=cv2.INTER_CUBIC))
        return compressed(stored, self.quality) if self.quality < 100 else stored

    def _exposed(self, linear: Float32[ndarray, "height width 3"]) -> Float32[ndarray, "height width 3"]:
        """Return light after vignette, exposure, white balance and saturation."""
        matrix = self.saturation * np.eye(3) + (1 - self.saturation) / 3
        matrix = matrix @ np.diag(self.exposure * np.array(self.white))
        picture = np.asarray(cv2.transform(linear, matrix.astype(np.float32)))
        if self.vignette > 0.02:
            picture *= _falloff(linear.shape[:2], self.vignette)
        return picture

    def _noisy(
        self, picture: Float32[ndarray, "height width 3"], rng: np.random.Generator
    ) -> Float32[ndarray, "height width 3"]:
        """Return light with the noise of photons and electronics."""
        spread: Float32[ndarray, "height width 3"] = np.maximum(picture, 0)
        spread *= np.float32(1 / self.electrons)
        spread += np.float32(self.read_noise**2)
        np.sqrt(spread, out=spread)
        spread *= _normals(picture.size, rng).reshape(picture.shape)
        spread += picture
        return spread

    @cached_property
    def _curve(self) -> UInt8[ndarray, "levels"]:
        """What is stored of each level of light: sRGB, then an S."""
        light = np.arange(LEVELS) / (LEVELS - 1)
        value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        value = value + self.contrast * (value * value * (3 - 2 * value) - value)
        return np.asarray(value * 255 + 0.5).astype(np.uint8)


def compressed(stored: UInt8[ndarray, "height width 3"], quality: int) -> UInt8[ndarray, "height width 3"]:
    """Return a picture (RGB) as it comes back from a JPEG file of `quality` (1 to 100)."""
    bgr = cv2.cvtColor(stored, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _normals(count: int, rng: np.random.Generator) -> Float32[ndarray, "numbers"]:
    """Return `count` normal random numbers: a stretch of those made in advance, from a random place on."""
    made = _made_normals()
    start = int(rng.integers(NOISE))
    if start + count <= NOISE:
        return made[start : start + count]
    rest = count - (NOISE - start)
    return np.concatenate([made[start:], *([made] * (rest // NOISE)), made[: rest % NOISE]])


@cache
def _made_normals() -> Float32[ndarray, "numbers"]:
    return np.random.default_rng(17).standard_normal(NOISE, dtype=np.float32)


def _falloff(shape: tuple[int, int], corner: float) -> Float32[ndarray, "height width 1"]:
    """Return the share of light that is left of a vignette that takes `corner` in the corners."""
    down, along = (np.linspace(-1, 1, size, dtype=np.float32) ** 2 for size in shape)
    return (1 - np.float32(corner / 2) * (down[:, None] + along))[..., None]
