"""Everybody's joints in space: association over views, left/right repair, triangulation, smooth motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from epipose.calibration.association import associate
from epipose.calibration.left_right import find_swaps
from epipose.calibration.trust import repetition
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.triangulation import Triangulated, robust
from epipose.io.pose_files import Covariance
from epipose.pipeline.progress import Report
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.motion_prior import Measurements, smooth_motion
from epipose.pose.observations import Observations
from epipose.pose.resampling import common_clock, observe, on_clock
from epipose.pose.skeletons import Skeleton

CHUNK = 4000
"""Frames triangulated at once, so that memory stays flat in the length of a recording."""
LONGEST_GAP = 0.5
"""Seconds without a joint that smooth motion fills in; longer gaps stay gaps."""
FILLED_WEIGHT = 0.5
FEWEST_FRAMES = 10
"""Frames that two views or more must share of a person to be worth a skeleton."""
LEAST_SEEN = 0.01
"""Share of the main person's joints that every view shows by which the cameras were found."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in space, and what the views say about it."""

    positions: Float32[ndarray, "frames joints 3"]
    uncertainty: Float32[ndarray, "frames joints"]
    covariance: Float32[ndarray, "frames joints 6"]
    """Entries xx, xy, xz, yy, yz, zz, in square metres; 0 where not valid."""
    valid: Bool[ndarray, "frames joints"]
    smooth: Float32[ndarray, "frames joints 3"]
    smooth_uncertainty: Float32[ndarray, "frames joints"]
    smooth_weight: Float32[ndarray, "frames joints"]
    residual_px: Float32[ndarray, "views frames joints"]
    """Distance between observed and reprojected pixel; 0 where missing."""
    used: Bool[ndarray, "views frames joints"]
    seen: Bool[ndarray, "views frames joints"]
    swapped: Bool[ndarray, "views frames"]


@dataclass(frozen=True, eq=False)
class People:
    """Everybody whom two views or more saw, the main person first."""

    persons: tuple[Person, ...]
    times: Float[ndarray, "frames"]
    skeleton: Skeleton

    def poses(self) -> Poses:
        """Return the triangulated joints as they are, frame by frame."""
        return self._poses("positions", "uncertainty", [person.valid.astype(np.float32) for person in self.persons])

    def smooth_poses(self) -> Poses:
        """Return the joints with constant bones and smooth motion, short gaps filled."""
        return self._poses("smooth", "smooth_uncertainty", [person.smooth_weight for person in self.persons])

    def covariance(self) -> Covariance:
        """Return the covariance of the triangulated joints."""
        return np.stack([person.covariance for person in self.persons], axis=1)

    def _poses(self, positions: str, uncertainty: str, weights: Sequence[Float32[ndarray, "frames joints"]]) -> Poses:
        return Poses(
            np.stack([getattr(person, positions) for person in self.persons], axis=1),
            np.stack([getattr(person, uncertainty) for person in self.persons], axis=1),
            np.stack(weights, axis=1),
            self.times,
            self.skeleton,
        )


def shaped_like(covariance: Covariance, uncertainty: Float32[ndarray, "frames people joints"]) -> Covariance:
    """Return covariance of the same shapes and another `uncertainty` (m); spheres where no shape is known."""
    trace = covariance[..., [0, 3, 5]].sum(axis=-1, keepdims=True)
    sphere = np.array([1, 0, 0, 1, 0, 1], np.float32) / 3
    unit = np.where(trace > 0, covariance / np.maximum(trace, np.finfo(np.float32).tiny), sphere)
    return np.asarray(3 * uncertainty[..., None] ** 2 * unit, np.float32)


def check_same_person(people: People, names: Sequence[str]) -> None:
    """Raise InputError if a view shows nothing of the person by whom all views were calibrated.

    Where the person moves too little, cameras in quite wrong places can explain the joints; then the views' people do
    not meet in space.
    """
    shares = people.persons[0].seen.mean(axis=(1, 2))
    lost = [name for name, share in zip(names, shares, strict=True) if share < LEAST_SEEN]
    if lost:
        raise InputError(
            f"the cameras cannot be found: where view {lost[0]!r} would stand, what it shows is not the person that the"
            " other views show; film the person walking through the whole space for 10 seconds, or give the cameras"
        )


def find_people(
    views: Sequence[Keypoints],
    offsets: Float[ndarray, "views"],
    cameras: Sequence[Camera],
    sigma_px: float,
    progress: Report,
) -> People:
    """Return everybody in space. `views` are tracked, each on its own clock; `offsets` (s) lead to the common one."""
    clock = common_clock(views, offsets)
    together = associate(on_clock(views, offsets, clock), cameras)
    persons = []
    for slot in range(together[0].score.shape[1]):
        observations = observe(together, slot)
        in_two_views = np.sum(np.any(observations.weight > 0, axis=-1), axis=0) >= 2
        # Somebody whom two views barely shared is left out, but a capture always has its main person.
        if slot and in_two_views.sum() < FEWEST_FRAMES:
            continue
        persons.append(triangulate_person(observations, cameras, sigma_px, progress))
    return People(tuple(persons), clock, together[0].skeleton)


def triangulate_person(
    observations: Observations, cameras: Sequence[Camera], sigma_px: float, progress: Report
) -> Person:
    """Return one person in space, sides repaired first."""
    swapped = find_swaps(cameras, observations, sigma_px)
    repaired = observations.mirrored(swapped)
    views, frames, joints = repaired.weight.shape
    positions, uncertainty = np.zeros((frames, joints, 3), np.float32), np.zeros((frames, joints), np.float32)
    smooth, smooth_uncertainty = np.zeros_like(positions), np.zeros_like(uncertainty)
    covariance = np.zeros((frames, joints, 6), np.float32)
    valid, used = np.zeros((frames, joints), bool), np.zeros((views, frames, joints), bool)
    residual = np.zeros((views, frames, joints), np.float32)
    for start in range(0, frames, CHUNK):
        progress("triangulate", start, frames)
        part = slice(start, min(start + CHUNK, frames))
        # The frames before and after steady the motion at the chunk's ends.
        wide = slice(max(0, start - 100), min(frames, part.stop + 100))
        inner = slice(part.start - wide.start, part.stop - wide.start)
        some = repaired.at(np.arange(wide.start, wide.stop))
        found = robust(cameras, some.pixels, some.weight, sigma_px=sigma_px)
        information = np.linalg.inv(found.covariance) * found.valid[..., None, None]
        known = np.where(found.valid[..., None], found.points, 0.0)
        motion = smooth_motion(Measurements(known, information, some.times, some.stretch), some.skeleton)
        deviation = np.sqrt(np.trace(found.covariance, axis1=-2, axis2=-1) / 3)
        positions[part], valid[part] = known[inner], found.valid[inner]
        uncertainty[part] = np.where(found.valid, deviation, 0)[inner]
        entries = found.covariance[..., *np.triu_indices(3)]
        covariance[part] = np.where(found.valid[..., None], entries, 0)[inner]
        # Smoothing averages errors only as far as neighbouring frames have errors of their own.
        repeated = motion.uncertainty * np.sqrt(_repetition(cameras, some, found))
        smooth_deviation = np.where(found.valid, np.minimum(repeated, deviation), repeated)
        smooth[part], smooth_uncertainty[part] = motion.positions[inner], smooth_deviation[inner]
        used[:, part], residual[:, part] = found.used[:, inner], found.residual_px[:, inner]
    progress("triangulate", frames, frames)
    weight = _filled_weight(valid, repaired.times)
    kept = weight > 0
    return Person(
        positions=positions,
        uncertainty=uncertainty,
        covariance=covariance,
        valid=valid,
        smooth=np.where(kept[..., None], smooth, 0),
        smooth_uncertainty=np.where(kept, smooth_uncertainty, 0),
        smooth_weight=weight,
        residual_px=residual,
        used=used,
        seen=repaired.weight > 0,
        swapped=swapped,
    )


def _repetition(cameras: Sequence[Camera], observations: Observations, found: Triangulated) -> float:
    """Return in how many frames a detector's error repeats, from the residuals of triangulated joints."""
    used = found.used & found.valid
    projected = np.stack([camera.project(found.points)[0] for camera in cameras])
    return repetition(np.where(used[..., None], projected - observations.pixels, 0.0), observations)


def _filled_weight(
    valid: Bool[ndarray, "frames joints"], times: Float[ndarray, "frames"]
) -> Float32[ndarray, "frames joints"]:
    """Return 1 where a joint was measured, less in gaps short enough to be filled, 0 in longer ones and at the ends."""
    index = np.arange(len(valid))[:, None]
    before = np.maximum.accumulate(np.where(valid, index, -1), axis=0)
    after = np.minimum.accumulate(np.where(valid, index, len(valid))[::-1], axis=0)[::-1]
    inside = (before >= 0) & (after < len(valid))
    gap = times[np.minimum(after, len(valid) - 1)] - times[np.maximum(before, 0)]
    return np.where(valid, 1.0, np.where(inside & (gap <= LONGEST_GAP), FILLED_WEIGHT, 0.0)).astype(np.float32)
