"""The whole calibration of a capture: clocks, cameras (given, refined or from people), metric scale, gravity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.calibration.clocks import find_clocks
from epipose.calibration.degeneracy import check_length, motion_warnings
from epipose.calibration.gravity import find_gravity
from epipose.calibration.people import (
    PeopleCalibration,
    calibrate_people,
    guessed_lens,
    hold,
    refine_people,
    size_of_errors_px,
)
from epipose.calibration.scale import Scale, scale_from_body
from epipose.errors import InputError
from epipose.geometry.alignment import similarity
from epipose.geometry.bundle import Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.triangulation import robust
from epipose.io.camera_files import CameraUncertainty
from epipose.pose.keypoints import Keypoints
from epipose.pose.observations import Observations
from epipose.threads import one_blas_thread

SAME_CAMERA = 1.05
"""Ratio of picture sizes up to which cameras are taken for the same kind."""


@dataclass(frozen=True, eq=False)
class View:
    """What is known about one view before calibration."""

    name: str
    size_wh: tuple[int, int]
    keypoints: Keypoints
    """Of the main person only, on the view's own clock."""
    lens: Lens | None
    """None when it has to be estimated."""
    camera: Camera | None
    """The given camera, in metres; None when its place has to be found."""


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras in a metric, upright world, and how far they can be trusted."""

    cameras: tuple[Camera, ...]
    uncertainty: tuple[CameraUncertainty, ...] | None
    """None for cameras that were given."""
    focal_sigma_px: tuple[float, ...] | None
    """None for lenses that were given."""
    offsets: Float[ndarray, "views"]
    """Seconds; a time on the common clock is a view's own time less its offset."""
    offsets_sigma: Float[ndarray, "views"]
    observations: Observations
    """Of the main person, on the common clock, left and right repaired."""
    swapped: Bool[ndarray, "views frames"]
    sigma_px: float
    cameras_source: str
    focal_source: str
    scale: Scale
    gravity_source: str
    warnings: tuple[str, ...]


@one_blas_thread
def find_rig(
    views: Sequence[View],
    *,
    height_m: float | None = None,
    refine: bool = False,
    focal: Literal["shared", "each"] = "shared",
    metric: bool = True,
) -> Rig:
    """Return the calibrated rig; raises InputError, with what to film next, when people do not determine it.

    Cameras that are given are held, or with `refine` are where bundle adjustment starts. `height_m` is the main
    person's stature; without it an average adult's gives the scale, unless cameras are given. `focal`: whether unknown
    lenses have one focal length or each their own, as they have in any case when pictures differ by more than a crop.
    `metric` is False for given cameras whose lengths have no known unit.
    """
    if height_m is not None and not 0.3 < height_m < 3:
        raise InputError(f"a height of {height_m} m cannot be a person's; give it in metres, such as 1.75")
    for view in views:
        check_length(len(view.keypoints.times), view.name)
    given = [view.camera for view in views if view.camera is not None]
    known = len(given) == len(views)
    sizes = [view.size_wh for view in views]
    unknown: Literal["shared", "each"] = focal if _alike(sizes) else "each"
    freedom = Freedom(focal=unknown if any(view.lens is None for view in views) else "fixed")
    names = [view.name for view in views]
    lenses = [view.lens or guessed_lens(view.size_wh) for view in views]
    if known and refine:
        calibrate = partial(refine_people, given, freedom=freedom, sigma_px=size_of_errors_px(sizes))
    elif known:
        calibrate = partial(hold, given, sigma_px=size_of_errors_px(sizes))
    else:
        calibrate = partial(
            calibrate_people, lenses=[view.lens for view in views], sizes_wh=sizes, freedom=freedom, names=names
        )
    clocks = find_clocks([view.keypoints for view in views], lenses, size_of_errors_px(sizes), calibrate)
    found = clocks.calibration
    placed = _on_given(found, given) if known and metric else _upright(found, height_m)
    covariance = found.covariance
    return Rig(
        cameras=placed.cameras,
        uncertainty=_uncertainty(found, placed) if covariance else None,
        focal_sigma_px=_focal_sigma(found, placed.cameras) if freedom.focal != "fixed" else None,
        offsets=clocks.offsets,
        offsets_sigma=clocks.sigma,
        observations=found.observations,
        swapped=found.swapped,
        sigma_px=found.sigma_px,
        cameras_source="given" if known and not refine else "people",
        focal_source={"fixed": "given", "shared": "shared", "each": "per view"}[freedom.focal],
        scale=placed.scale,
        gravity_source=placed.gravity_source,
        warnings=tuple(motion_warnings(covariance, found.observations) if covariance else ()) + placed.warnings,
    )


@dataclass(frozen=True, eq=False)
class _Placed:
    """Cameras in the final world."""

    cameras: tuple[Camera, ...]
    factor: float
    """Metres per unit of the calibration's own world."""
    scale: Scale
    gravity_source: str
    warnings: tuple[str, ...] = ()


def _on_given(found: PeopleCalibration, given: Sequence[Camera]) -> _Placed:
    """Return the cameras laid on the given ones, whose world they keep."""
    centres = np.stack([camera.centre for camera in found.cameras])
    target = np.stack([camera.centre for camera in given])
    scale = Scale(1.0, 0.0, "the given camera positions")
    if found.covariance is None:
        return _Placed(found.cameras, 1.0, scale, "the given cameras")
    if len(given) > 2:
        factor, motion = similarity(centres, target)
    else:
        factor = float(np.linalg.norm(target[1] - target[0]) / np.linalg.norm(centres[1] - centres[0]))
        first = found.cameras[0].moved(Rigid.identity(), factor)
        motion = given[0].cam_from_world.inverse() @ first.cam_from_world
    cameras = tuple(camera.moved(motion, factor) for camera in found.cameras)
    return _Placed(cameras, factor, scale, "the given cameras")


def _upright(found: PeopleCalibration, height_m: float | None) -> _Placed:
    """Return the cameras in a metric world with Z up and the floor at 0, as far as the person tells."""
    observations = found.observations
    chosen = observations.at(some_frames(observations))
    triangulated = robust(found.cameras, chosen.pixels, chosen.weight, sigma_px=found.sigma_px)
    warnings = []
    scale = scale_from_body(triangulated.points, triangulated.valid, observations.skeleton, height_m)
    if scale is None:
        warnings.append("no bone of known proportion was seen, so that the size of everything is arbitrary")
        scale = Scale(1.0, float("inf"), "nothing: lengths are in units of the first pair of cameras' distance")
    forward = found.cameras[0].cam_from_world.rotation[2]
    points = triangulated.points * scale.factor
    gravity = find_gravity(points, triangulated.valid, chosen.times, observations.skeleton, forward)
    if gravity is None:
        warnings.append("neither feet nor trunk were seen, so that up is only the first camera's up")
        motion, source = Rigid(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.zeros(3)), "the first camera"
    else:
        motion, source = gravity.world_from_scene, gravity.source
    cameras = tuple(camera.moved(motion, scale.factor) for camera in found.cameras)
    return _Placed(cameras, scale.factor, scale, source, tuple(warnings))


def some_frames(observations: Observations, most: int = 3000) -> ndarray:
    """Return a run of frames from the middle of a long recording: scale and gravity need no more."""
    frames = len(observations.times)
    start = max(0, (frames - most) // 2)
    return np.arange(start, min(frames, start + most))


def _uncertainty(found: PeopleCalibration, placed: _Placed) -> tuple[CameraUncertainty, ...]:
    """Return each camera's uncertainty within the rig; that of the scale is stated apart."""
    assert found.covariance is not None
    blocks = found.covariance.aligned()
    return tuple(
        CameraUncertainty(
            centre_m=float(np.sqrt(np.trace(block[3:, 3:])) * placed.factor),
            rotation_rad=float(np.sqrt(np.trace(block[:3, :3]))),
        )
        for block in blocks
    )


def _alike(sizes_wh: Sequence[tuple[int, int]]) -> bool:
    """Return whether pictures may come from one kind of camera: the same size, but for a crop or a quarter turn."""
    extents = [np.sqrt(width * height) for width, height in sizes_wh]
    return bool(max(extents) < SAME_CAMERA * min(extents))


def _focal_sigma(found: PeopleCalibration, cameras: Sequence[Camera]) -> tuple[float, ...]:
    assert found.covariance is not None
    deviations = np.sqrt(np.diag(found.covariance.beyond_cameras()))
    focals = np.array([np.mean(camera.lens.focal) for camera in cameras])
    return tuple(map(float, focals * deviations))


def single(keypoints: Keypoints, slot: int) -> Keypoints:
    """Return the keypoints of one person slot only."""
    return replace(keypoints, pixels=keypoints.pixels[:, [slot]], score=keypoints.score[:, [slot]])
