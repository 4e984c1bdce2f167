"""A stream of training crops: one person in the middle, with joints and visibility, everything else by chance.

    python -m epipose.studio.crops OUT --count 20000 --seed 1

writes OUT/shard-000/ and so on: `images.npy` (n, size, size, 3) uint8, `pixels.npy` (n, 21, 2) float32,
`depth.npy` (n, 21) float32, `visibility.npy` (n, 21) uint8 (see `visibility`), `box.npy` (n, 4) float32 x0 y0 x1 y1.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from epipose.errors import exit_code
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.io.files import atomic_write
from epipose.studio.backdrops import BackdropPool
from epipose.studio.bodies import JOINTS, make_body
from epipose.studio.camera_effects import CameraLook
from epipose.studio.figures import Figure, make_figure, pose_figures
from epipose.studio.garments import Outfit
from epipose.studio.light import Light, ShadowMap
from epipose.studio.people import random_phenotype
from epipose.studio.poses import random_pose
from epipose.studio.render import FURNITURE, Layer, cast_shadows, draw, figure_surface
from epipose.studio.rigs import looking_at
from epipose.studio.scene_view import pixel_rays
from epipose.studio.visibility import Sight, joint_visibility

SHARD = 1000
"""Crops in one folder."""
FIGURES = 32
"""Dressed people at hand at a time, ..."""
WORN = 40
"""... each taken this often before another one takes its place."""
BARE_CHESTED = 0.06
"""Share of the people without a top."""
BACKDROPS = 48
"""Pictures from which backgrounds are cut."""
FLOOR_STEP = 4
"""Pixels between which the soft shadow on the floor is interpolated."""
SAMPLES = 2
"""Each pixel is the mean of this many along each side."""
PERSON, OTHER = 1, 2
"""Labels of the person of the crop and of anybody else."""


@dataclass(frozen=True, eq=False)
class Crop:
    """One training picture with its truth."""

    image: UInt8[ndarray, "size size 3"]
    pixels: Float32[ndarray, "joints 2"]
    """The joints of body21; also where they are hidden or out of the picture."""
    depth: Float32[ndarray, "joints"]
    """Behind the pelvis, in units of the crop (see `geometry.crop_frames`)."""
    visibility: UInt8[ndarray, "joints"]
    box: Float32[ndarray, "4"]
    """x0 y0 x1 y1 around the whole person, in pixels of the crop; may reach beyond it."""


class CropStudio:
    """Makes crops of `size` pixels, all of which follow from the seed."""

    def __init__(self, seed: int, *, size: int = 128, device: str = "cpu") -> None:
        self._rng = np.random.default_rng([seed, 0])
        self._size, self._device = size, device
        self._backdrops = BackdropPool(np.random.default_rng([seed, 1]), BACKDROPS)
        self._figures = [self._new_figure() for _ in range(FIGURES)]
        self._uses = [int(self._rng.integers(WORN)) for _ in self._figures]
        self._others: list[_Sprite] = []

    def stream(self) -> Iterator[Crop]:
        """Yield crops without end."""
        while True:
            which = int(self._rng.integers(FIGURES))
            yield self._crop(self._figures[which])
            self._uses[which] += 1
            if self._uses[which] >= WORN:
                self._figures[which], self._uses[which] = self._new_figure(), 0

    def _new_figure(self) -> Figure:
        body, outfit = make_body(random_phenotype(self._rng)), Outfit.random(self._rng)
        if self._rng.random() < BARE_CHESTED:
            outfit = outfit.bare_chested()
        return make_figure(body, outfit, self._device)

    def _crop(self, figure: Figure) -> Crop:
        rng, size = self._rng, self._size
        motions = figure.body.motions(*random_pose(figure.body, rng))
        vertices, normals = (values[0] for values in pose_figures([figure], motions[None]))
        outline = vertices[::7].double().cpu().numpy()
        camera = _random_camera(rng, outline, size)
        light = Light.random(rng)
        surface = figure_surface(figure, vertices, normals, label=PERSON)
        shadows = cast_shadows([surface], light, vertices.mean(dim=0))
        sprite = _sprite(draw([surface], camera, light, shadows, (0, 0, size, size), samples=SAMPLES))
        backdrop = self._backdrops.draw(rng, (size, size)) * _floor_light(camera, shadows, light)[..., None]
        scene = self._composed(backdrop, sprite)
        joints = figure.body.joints(motions)
        pixels, seen = camera.project(joints)
        depth = camera.cam_from_world.apply(joints)[:, 2]
        sight = Sight(scene.labels, scene.depth, PERSON)
        visibility = joint_visibility(pixels, depth, seen, figure.joint_radii, sight)
        image = CameraLook.random(rng).metered(scene.colour).apply(scene.colour, rng)
        root = depth[JOINTS.index("pelvis")]
        behind = (depth - root) * float(np.mean(camera.lens.focal)) / (size * root)
        rim, _ = camera.project(outline)
        box = np.concatenate([rim.min(axis=0), rim.max(axis=0)])
        places = pixels.astype(np.float32), behind.astype(np.float32)
        return Crop(image, *places, visibility, box.astype(np.float32))

    def _composed(self, backdrop: Float32[ndarray, "size size 3"], sprite: "_Sprite") -> "_Sprite":
        """Lay the person over the backdrop, other people behind and in front of it, and things in front of all."""
        rng, size = self._rng, self._size
        nothing = np.zeros((size, size), np.uint8)
        scene = _Sprite(backdrop, np.ones((size, size), np.float32), nothing, np.full((size, size), np.inf, np.float32))
        behind, before = rng.random(2) < (0.3, 0.12)
        if behind and self._others:
            scene = scene.under(self._somebody_else(nearer=1.5))
        scene = scene.under(sprite)
        if before and self._others:
            scene = scene.under(self._somebody_else(nearer=0.5))
        if rng.random() < 0.35:
            scene = scene.under(_thing(rng, self._backdrops.draw(rng, (size, size))))
        self._others = [*self._others[-15:], sprite]
        return scene

    def _somebody_else(self, nearer: float) -> "_Sprite":
        """Return a person of an earlier crop, shifted aside; `nearer` scales its depth."""
        rng, size = self._rng, self._size
        other = self._others[int(rng.integers(len(self._others)))]
        aside = int(rng.choice([-1, 1]) * rng.uniform(0.3, 0.7) * size)
        down = int(rng.normal(0, 0.08) * size)
        matrix = np.array([[1.0, 0.0, aside], [0.0, 1.0, down]])
        if rng.random() < 0.5:
            matrix = np.array([[-1.0, 0.0, size - 1 + aside], [0.0, 1.0, down]])
        colour, alpha = (cv2.warpAffine(array, matrix, (size, size)) for array in (other.colour, other.alpha))
        depth = np.full((size, size), np.nanmedian(other.depth[other.labels > 0]) * nearer, np.float32)
        return _Sprite(colour, alpha, np.where(alpha > 0.5, OTHER, 0).astype(np.uint8), depth)


@dataclass(frozen=True, eq=False)
class _Sprite:
    """A picture with transparency."""

    colour: Float32[ndarray, "size size 3"]
    """Linear RGB times `alpha`."""
    alpha: Float32[ndarray, "size size"]
    labels: UInt8[ndarray, "size size"]
    depth: Float32[ndarray, "size size"]

    def under(self, upper: "_Sprite") -> "_Sprite":
        """Return this with another one laid over it."""
        rest = 1 - upper.alpha
        on_top = upper.labels > 0
        return _Sprite(
            upper.colour + self.colour * rest[..., None],
            upper.alpha + self.alpha * rest,
            np.where(on_top, upper.labels, self.labels),
            np.where(on_top, upper.depth, self.depth),
        )


def _sprite(layer: Layer) -> _Sprite:
    """Return a layer at the resolution of the crop."""
    colour, labels = layer.colour.cpu().numpy(), layer.labels.cpu().numpy()
    size = (len(labels) // SAMPLES, len(labels) // SAMPLES)
    covered = (labels > 0).astype(np.float32)
    colour, alpha = (cv2.resize(array, size, interpolation=cv2.INTER_AREA) for array in (colour, covered))
    first = np.s_[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]
    return _Sprite(colour, alpha, labels[first], layer.depth.cpu().numpy()[first])


def _thing(rng: np.random.Generator, texture: Float32[ndarray, "size size 3"]) -> _Sprite:
    """Return something in front: a table's edge across the picture, a disc, or a slanted board."""
    size = len(texture)
    mask = np.zeros((size, size), np.uint8)
    kind = rng.integers(3)
    if kind == 0:
        top = int(rng.uniform(0.45, 0.85) * size)
        corners = np.array([[-1, top + rng.normal(0, 6)], [size, top + rng.normal(0, 6)], [size, size], [-1, size]])
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 1)
    else:
        centre, axes = rng.uniform(0.1, 0.9, 2) * size, rng.uniform(0.06, 0.26, 2) * size
        angle = rng.uniform(0, 180)
        if kind == 1:
            cv2.ellipse(mask, centre.astype(int).tolist(), axes.astype(int).tolist(), angle, 0, 360, 1, -1)
        else:
            corners = cv2.boxPoints((centre.tolist(), (2 * axes * [1, 1.6]).tolist(), angle))
            cv2.fillConvexPoly(mask, corners.astype(np.int32), 1)
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)
    colour = texture * rng.uniform(0.3, 1.3) * alpha[..., None]
    return _Sprite(colour, alpha, np.where(mask > 0, FURNITURE, 0).astype(np.uint8), np.zeros_like(alpha))


def _random_camera(rng: np.random.Generator, points: Float[ndarray, "points 3"], size: int) -> Camera:
    """Return a camera that stands anywhere around a person's `points` and whose window of `size` shows it."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    bearing, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.8, 7.0)
    height = rng.uniform(0.3, 2.6) if rng.random() < 0.85 else rng.uniform(2.6, 4.5)
    away = [distance * np.cos(bearing), distance * np.sin(bearing), height - middle[2]]
    centre = middle + np.array(away)
    level = looking_at(centre, middle).rotation
    # The person is somewhere in the picture that the window is cut from, so the axis points past it.
    roll = rng.normal(0, np.deg2rad(5)) if rng.random() < 0.8 else rng.uniform(-0.6, 0.6)
    turn = rotation_from_rotvec(np.array([rng.normal(0, 0.15), rng.normal(0, 0.25), roll]))
    cam_from_world = Rigid.from_centre(turn @ level, centre)
    local = cam_from_world.apply(points)
    ideal = local[:, :2] / local[:, 2:]
    begin, end = ideal.min(axis=0), ideal.max(axis=0)
    fill = rng.choice([rng.uniform(0.5, 0.85), rng.uniform(0.2, 0.5), rng.uniform(0.9, 1.7)], p=[0.74, 0.16, 0.1])
    focal = fill * size / np.max(end - begin)
    aim = (begin + end) / 2 + (end - begin) * rng.uniform(-0.5, 0.5, 2) * max(fill - 0.7, 0.0)
    principal = size / 2 - 0.5 - focal * aim + rng.normal(0, 0.04, 2) * size
    return Camera(Pinhole((focal, focal), (float(principal[0]), float(principal[1]))), cam_from_world, (size, size))


def _floor_light(camera: Camera, shadows: ShadowMap, light: Light) -> Float32[ndarray, "size size"]:
    """Return by what the person's shadow darkens a floor at height 0, where the picture's lower part shows one."""
    width, height = camera.size_wh
    small = camera.resized((width // FLOOR_STEP, height // FLOOR_STEP))
    rays = pixel_rays(small, np.arange(height // FLOOR_STEP))
    down = rays[..., 2] < -0.05
    points = camera.centre - rays[down] * (camera.centre[2] / rays[down][:, 2:])
    lit = shadows.lit(torch.from_numpy(points.astype(np.float32)).to(shadows.depth.device), softness=3.0).cpu().numpy()
    around, key = np.mean(light.above), np.mean(light.key) * light.towards[2]
    result = np.ones(rays.shape[:2], np.float32)
    result[down] = (around + key * lit) / (around + key)
    return cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)


def write_crops(folder: Path, *, count: int, seed: int, size: int, part: tuple[int, int] = (0, 1)) -> None:
    """Write `count` crops in shards of SHARD; shards that are there are kept, so that an interrupted run goes on.

    `part` (which, of how many): processes that share the work take a part of the shards each.
    """
    for shard in range(part[0], -(-count // SHARD), part[1]):
        target = folder / f"shard-{shard:03d}"
        if (target / "box.npy").is_file():
            continue
        begun = time.perf_counter()
        stream = CropStudio(seed * 100_003 + shard, size=size).stream()
        crops = [next(stream) for _ in range(min(SHARD, count - shard * SHARD))]
        for name, array in (  # the box last: its presence says that the shard is whole
            ("images", np.stack([crop.image for crop in crops])),
            ("pixels", np.stack([crop.pixels for crop in crops])),
            ("depth", np.stack([crop.depth for crop in crops])),
            ("visibility", np.stack([crop.visibility for crop in crops])),
            ("box", np.stack([crop.box for crop in crops])),
        ):
            with atomic_write(target / f"{name}.npy", "wb") as file:
                np.save(file, array)
        print(f"{target}: {len(crops) / (time.perf_counter() - begun):.1f} crops/s", flush=True)


def main() -> None:
    """Read the command line and write crops."""
    parser = argparse.ArgumentParser(description="Write training crops of synthetic people.")
    parser.add_argument("folder", type=Path, help="where to write shards; those that are there are kept")
    parser.add_argument("--count", type=int, default=10_000, help="how many crops (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="everything follows from it (default: 0)")
    parser.add_argument("--size", type=int, default=192, help="pixels along each side (default: 192)")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="which part of how many (default: 0 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    write_crops(
        arguments.folder, count=arguments.count, seed=arguments.seed, size=arguments.size, part=tuple(arguments.part)
    )


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
