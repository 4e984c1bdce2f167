"""One camera's view of a scene: what stands still is drawn once, people and what else moves in every frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray
from torch import Tensor

from epipose.geometry.cameras import Camera
from epipose.studio.light import SHADOW_REACH, SHADOW_SIZE, Light, ShadowMap
from epipose.studio.render import Layer, Surface, cast_shadows, draw

SAMPLES = 2
"""Each pixel is the mean of this many along each side."""
ROWS = 64
"""Rows of the background that are looked at together."""
OFF_SURFACE = 0.05
"""Metres towards the lamp at which furniture asks for its light, so as not to stand in its own."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a view."""

    colour: Float32[ndarray, "height width 3"]
    """Linear RGB as it falls into the camera."""
    labels: UInt8[ndarray, "height width"]
    """0 the room, 1 to n people, FURNITURE the rest."""
    depth: Float32[ndarray, "height width"]
    """Metres along the camera's axis to people and furniture, infinite elsewhere."""


@dataclass(frozen=True, eq=False)
class Background:
    """What a camera sees where nothing moves, without the shadow of anything, at its own resolution."""

    ambient: Float32[Tensor, "height width 3"]
    """Linear RGB without the key light..."""
    key: Float32[Tensor, "height width 3"]
    """... and what it adds where it reaches."""
    points: Float32[Tensor, "height width 3"]
    """Metres in the world."""


class SceneView:
    """Draws the frames of one view."""

    def __init__(
        self, camera: Camera, background: Background, furniture: Sequence[Surface], light: Light, middle: ndarray
    ) -> None:
        """Draw what stands still; `middle` (metres) is about where people are, around which shadows are cast."""
        width, height = camera.size_wh
        self._camera, self._furniture, self._light = camera, list(furniture), light
        self._middle = torch.from_numpy(np.asarray(middle, np.float32))
        self._still = Layer(
            torch.zeros(height * SAMPLES, width * SAMPLES, 3),
            torch.zeros(height * SAMPLES, width * SAMPLES, dtype=torch.uint8),
            torch.full((height * SAMPLES, width * SAMPLES), torch.inf),
        )
        if furniture:
            background = self._furnished(background)
        self._background = background
        off = (background.points - self._middle).flatten(0, 1)
        near = (off.norm(dim=1) < SHADOW_REACH * 1.5) & (background.key.flatten(0, 1).sum(dim=1) > 0)
        self._shaded = torch.nonzero(near)[:, 0]

    def _furnished(self, background: Background) -> Background:
        """Return the background with the furniture before it."""
        window = (0, 0, *self._camera.size_wh)
        lit, dark = (
            draw(self._furniture, self._camera, self._light, _no_shadows(self._middle, lit=lit), window, SAMPLES)
            for lit in (True, False)
        )
        self._still = lit
        share = _reduced((lit.labels > 0).float()[..., None])
        points = torch.from_numpy(_points_at(self._camera, lit.depth[1::SAMPLES, 1::SAMPLES].numpy()))
        solid = lit.labels[1::SAMPLES, 1::SAMPLES, None] > 0
        ambient, full = _reduced(dark.colour), _reduced(lit.colour)
        return Background(
            background.ambient * (1 - share) + ambient,
            background.key * (1 - share) + (full - ambient),
            torch.where(solid, points + OFF_SURFACE * points.new_tensor(self._light.towards), background.points),
        )

    def frame(self, moving: Sequence[Surface]) -> Frame:
        """Return the picture while people and furniture that moves (`moving`) are there."""
        shadows = cast_shadows([*self._furniture, *moving], self._light, self._middle)
        background = self._background
        key = background.key.flatten(0, 1).clone()
        lit = shadows.lit(background.points.flatten(0, 1)[self._shaded], softness=2.0)
        key[self._shaded] *= lit[:, None]
        colour = background.ambient + key.view_as(background.ambient)
        labels = self._still.labels[1::SAMPLES, 1::SAMPLES].clone()
        depth = self._still.depth[1::SAMPLES, 1::SAMPLES].clone()
        window = _window(moving, self._camera)
        if window is not None:
            left, top, width, height = window
            layer = draw(moving, self._camera, self._light, shadows, window, SAMPLES)
            still = self._still.depth[
                top * SAMPLES : (top + height) * SAMPLES, left * SAMPLES : (left + width) * SAMPLES
            ]
            shown = (layer.labels > 0) & (layer.depth < still)
            inside = np.s_[top : top + height, left : left + width]
            share = _reduced(shown.float()[..., None])
            colour[inside] = colour[inside] * (1 - share) + _reduced(layer.colour * shown[..., None])
            here = shown[1::SAMPLES, 1::SAMPLES]
            labels[inside] = torch.where(here, layer.labels[1::SAMPLES, 1::SAMPLES], labels[inside])
            depth[inside] = torch.where(here, layer.depth[1::SAMPLES, 1::SAMPLES], depth[inside])
        return Frame(colour.numpy(), labels.numpy(), depth.numpy())


def blended(frames: Sequence[Frame]) -> Frame:
    """Return what a shutter that is open over all `frames` sees; labels and depth are those of the middle one."""
    colour = np.mean([frame.colour for frame in frames], axis=0, dtype=np.float32)
    return replace(frames[len(frames) // 2], colour=np.asarray(colour))


def _reduced(array: Float32[Tensor, "tall wide channels"]) -> Float32[Tensor, "height width channels"]:
    """Return the mean of each pixel's samples."""
    tall, wide, channels = array.shape
    return array.view(tall // SAMPLES, SAMPLES, wide // SAMPLES, SAMPLES, channels).mean(dim=(1, 3))


def _no_shadows(middle: Float32[Tensor, "3"], *, lit: bool) -> ShadowMap:
    """Return a map by which all is lit or nothing is; without axes every point lies in its middle."""
    return ShadowMap(
        torch.zeros(3, 3), middle, torch.full((SHADOW_SIZE, SHADOW_SIZE), torch.inf if lit else -torch.inf)
    )


def _points_at(camera: Camera, depth: Float32[ndarray, "height width"]) -> Float32[ndarray, "height width 3"]:
    """Return the points in the world (metres) that pixels show at `depth` along the axis; the camera if infinite."""
    height, width = depth.shape
    result = np.empty((height, width, 3), np.float32)
    axis = camera.cam_from_world.rotation[2]
    for begin in range(0, height, ROWS):
        rays = pixel_rays(camera, np.arange(begin, min(begin + ROWS, height)))
        here = np.where(np.isfinite(depth[begin : begin + ROWS]), depth[begin : begin + ROWS], 0.0)
        result[begin : begin + ROWS] = camera.centre + rays * (here / (rays @ axis))[..., None]
    return result


def pixel_rays(camera: Camera, rows: ndarray) -> ndarray:
    """Return unit directions (rows, width, 3) in the world of the pixels of some rows of the picture."""
    column, row = np.meshgrid(np.arange(camera.size_wh[0], dtype=float), rows.astype(float))
    return camera.rays(np.stack([column, row], axis=-1))[0]


def _window(surfaces: Sequence[Surface], camera: Camera) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height of the part of the picture that may show `surfaces`; None if none does."""
    if not surfaces:
        return None
    points = (
        torch.cat([surface.vertices[:: 1 + len(surface.vertices) // 3000] for surface in surfaces]).double().numpy()
    )
    pixels, seen = camera.project(points)
    if not seen.any():
        return None
    begin = np.floor(pixels[seen].min(axis=0)).astype(int) - 6
    end = np.ceil(pixels[seen].max(axis=0)).astype(int) + 7
    begin, end = np.maximum(begin, 0), np.minimum(end, camera.size_wh)
    if np.any(end <= begin):
        return None
    return int(begin[0]), int(begin[1]), int(end[0] - begin[0]), int(end[1] - begin[1])
