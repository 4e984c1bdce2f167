"""Seat a camera anew against the others: finds one whose detector had the sides swapped most of the time."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import poselib
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_quaternion
from epipose.geometry.triangulation import robust
from epipose.pose.observations import Observations

CLEARLY_BETTER = 1.3
"""A new seat must explain so many times more joints than the old one."""
MIN_POINTS = 30
SAMPLE = 500
"""Points drawn for one seat."""


def reseat(cameras: Sequence[Camera], observations: Observations, threshold_px: float) -> list[Camera]:
    """Return the cameras, each checked against points of the others alone (three views or more).

    A view whose sides are swapped in most frames agrees with itself and drags its own pairs along. Against points that
    the other views triangulate, its place is found from its joints as named, and from their mirrors; the place that
    explains clearly more joints than the present one, each frame taken as named or mirrored, wins.
    """
    seated = list(cameras)
    if len(seated) < 3:
        return seated
    both = observations, observations.mirrored(np.ones(observations.weight.shape[:2], bool))
    for view in range(len(seated)):
        others = [v for v in range(len(seated)) if v != view]
        points = robust(
            [seated[v] for v in others],
            observations.pixels[others],
            observations.weight[others],
            sigma_px=threshold_px / 2,
        )
        known = points.valid & (observations.weight[view] > 0)
        if known.sum() < MIN_POINTS:
            continue
        present = _support(seated[view], points.points, observations, view, threshold_px)
        for named in both:
            motion = _seat(seated[view].lens, points.points[known], named.pixels[view][known], threshold_px)
            found = replace(seated[view], cam_from_world=motion)
            support = _support(found, points.points, observations, view, threshold_px)
            if support > CLEARLY_BETTER * present:
                seated[view], present = found, support
    return seated


def _seat(lens: Lens, points: Float[ndarray, "n 3"], pixels: Float[ndarray, "n 2"], threshold_px: float) -> Rigid:
    chosen = np.random.default_rng(0).permutation(len(points))[:SAMPLE]
    focal = float(np.mean(lens.focal))
    ideal, valid = lens.undistort(pixels[chosen])
    camera = {"model": "SIMPLE_PINHOLE", "width": 1, "height": 1, "params": [focal, 0.0, 0.0]}
    options = {"max_reproj_error": 2 * threshold_px, "seed": 0, "max_iterations": 2000}
    motion, _ = poselib.estimate_absolute_pose(ideal[valid] * focal, points[chosen][valid], camera, options, {})
    return Rigid(rotation_from_quaternion(np.asarray(motion.q)), np.asarray(motion.t))


def _support(
    camera: Camera,
    points: Float[ndarray, "frames joints 3"],
    observations: Observations,
    view: int,
    threshold_px: float,
) -> int:
    """Count the joints that a camera explains, with the sides of each frame as named or exchanged."""
    projected, valid = camera.project(points)
    counts = []
    for exchange in (False, True):
        swapped = np.full(observations.weight.shape[:2], exchange)
        named = observations.mirrored(swapped)
        near = np.linalg.norm(projected - named.pixels[view], axis=-1) < 2 * threshold_px
        counts.append(np.sum(near & valid & (named.weight[view] > 0), axis=-1))
    return int(np.sum(np.maximum(*counts)))
