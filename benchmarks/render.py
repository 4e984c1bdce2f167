"""How fast the studio draws, and whether what it calls visible is in its masks.

    python -m benchmarks.render [--views 1000]

One core for views (256x256, one person), two processes for finished training crops (128x128).
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

import cv2
import numpy as np
import torch

from benchmarks.measures import print_table
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady
from epipose.io.truth_files import OUT_OF_FRAME, VISIBLE
from epipose.studio.bodies import make_body
from epipose.studio.crops import CropStudio
from epipose.studio.figures import Figure, make_figure, pose_figures
from epipose.studio.garments import Outfit
from epipose.studio.light import Light
from epipose.studio.people import random_phenotype
from epipose.studio.poses import random_pose
from epipose.studio.raster import rasterise
from epipose.studio.render import Layer, Surface, cast_shadows, draw, figure_surface
from epipose.studio.rigs import looking_at
from epipose.studio.visibility import Sight, joint_visibility

SIZE = (256, 256)


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description="Time the studio's renderer and check its visibility.")
    parser.add_argument("--views", type=int, default=1000, help="random views to check (default: 1000)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_table("The renderer", ("", "measured"), list(timings().items()))
    print(check_masks(arguments.views))


def timings() -> dict[str, str]:
    """Return what each step takes, in words."""
    rng = np.random.default_rng(0)
    figure = make_figure(make_body(random_phenotype(rng)), Outfit.random(rng))
    motions = figure.body.motions(*random_pose(figure.body, rng))
    camera, light = random_camera(rng), Light.random(rng)
    vertices, normals = pose_figures([figure], motions[None])
    surface = figure_surface(figure, vertices[0], normals[0], label=1)
    corners = torch.from_numpy(_corners(surface, camera))[None]
    nothing = torch.zeros((1, len(vertices[0]), 0))
    backdrop = torch.rand((*SIZE, 3))

    def view() -> None:
        moved, turned = pose_figures([figure], motions[None])
        layer = whole_picture(figure_surface(figure, moved[0], turned[0], label=1), camera, light)
        torch.where(layer.labels[..., None] > 0, layer.colour, backdrop).clamp(0, 1)

    return {
        f"raster alone, {len(figure.body.faces)} triangles at 256x256, one core": _median_ms(
            lambda: rasterise(corners, surface.faces, nothing, SIZE)
        ),
        "whole view at 256x256: pose, shadows, raster, colour, light, composite, one core": _median_ms(view),
        "finished 128x128 training crops, two processes": f"{crops_per_second():.0f} a second",
    }


def crops_per_second(seconds: float = 30.0) -> float:
    """Return how many crops two processes finish a second, start-up left out."""
    with ProcessPoolExecutor(2) as pool:
        return sum(pool.map(_crop_rate, (1, 2), (seconds, seconds)))


def _crop_rate(seed: int, seconds: float) -> float:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    stream = CropStudio(seed, size=128).stream()
    list(islice(stream, 20))
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        next(stream)
        count += 1
    return count / (time.perf_counter() - begun)


def check_masks(views: int) -> str:
    """Return, in words, how many visible joints of random views lie in the person's mask grown by 2 pixels."""
    rng = np.random.default_rng(1)
    visible = inside = shown = 0
    for count in range(views):
        if count % 20 == 0:
            figure = make_figure(make_body(random_phenotype(rng)), Outfit.random(rng))
        motions = figure.body.motions(*random_pose(figure.body, rng))
        camera = random_camera(rng)
        vertices, normals = pose_figures([figure], motions[None])
        layer = whole_picture(figure_surface(figure, vertices[0], normals[0], label=1), camera, Light.random(rng))
        pixels, states = _joints(figure, motions, camera, layer)
        grown = cv2.dilate((layer.labels.numpy() == 1).astype(np.uint8), np.ones((5, 5), np.uint8))
        column, row = np.round(pixels[states == VISIBLE]).astype(int).T
        visible += len(column)
        inside += int(grown[row, column].sum())
        shown += int(np.sum(states != OUT_OF_FRAME))
    return (
        f"{inside} of {visible} visible joints lie in the mask (+-2 px), in {views} random views; "
        f"{visible / shown:.1%} of the joints in the picture are visible"
    )


def random_camera(rng: np.random.Generator) -> Camera:
    """Return a camera with some distortion that looks at the middle of a person at the origin."""
    bearing, away = rng.uniform(0, 2 * np.pi), rng.uniform(2.0, 5.0)
    centre = np.array([away * np.cos(bearing), away * np.sin(bearing), rng.uniform(0.3, 2.8)])
    focal = 100 * away
    lens = BrownConrady((focal, focal), (127.5, 127.5), (-0.1, 0.02, 0.001, -0.0005))
    return Camera(lens, looking_at(centre, np.array([0.0, 0.0, 0.85])), SIZE)


def whole_picture(surface: Surface, camera: Camera, light: Light) -> Layer:
    """Return all that a camera sees of one person."""
    shadows = cast_shadows([surface], light, surface.vertices.mean(dim=0))
    return draw([surface], camera, light, shadows, (0, 0, *SIZE))


def _joints(figure: Figure, motions: np.ndarray, camera: Camera, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    joints = figure.body.joints(motions)
    pixels, seen = camera.project(joints)
    depth = camera.cam_from_world.apply(joints)[:, 2]
    sight = Sight(layer.labels.numpy(), layer.depth.numpy(), 1)
    return pixels, joint_visibility(pixels, depth, seen, figure.joint_radii, sight)


def _corners(surface: Surface, camera: Camera) -> np.ndarray:
    points = camera.cam_from_world.apply(surface.vertices.double().numpy())
    pixels, _ = camera.lens.project(points)
    return np.concatenate([pixels, points[:, 2:]], axis=1).astype(np.float32)


def _median_ms(work: Callable[[], object], repeats: int = 60) -> str:
    """Return the median time in words, after a warm-up."""
    for _ in range(5):
        work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return f"{1000 * float(np.median(times)):.1f} ms (best {1000 * min(times):.1f})"


if __name__ == "__main__":
    main()
