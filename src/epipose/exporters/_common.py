"""What the export formats share: one person a file, even times, and skeletons known by their joints."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names

_Y_UP_FROM_Z_UP = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])


def y_up(points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Return Z-up `points` in Y-up axes: (x, y, z) becomes (y, z, x)."""
    return np.asarray(points @ _Y_UP_FROM_Z_UP.T)


def z_up(points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Undo `y_up`."""
    return np.asarray(points @ _Y_UP_FROM_Z_UP)


def each_person(path: Path, poses: Poses) -> Iterator[tuple[Path, Poses]]:
    """Yield a file for every person and the poses of that person alone."""
    if poses.weight.shape[0] == 0 or poses.weight.shape[1] == 0:
        raise InputError(f"there is nothing to write to {path}: the poses hold no frame or no person")
    for person in range(poses.weight.shape[1]):
        alone = slice(person, person + 1)
        name = path if person == 0 else path.with_name(f"{path.stem}_person{person + 1}{path.suffix}")
        fields = (poses.positions, poses.uncertainty, poses.weight)
        positions, uncertainty, weight = (field[:, alone] for field in fields)
        yield name, replace(poses, positions=positions, uncertainty=uncertainty, weight=weight)


def at_even_times(poses: Poses, suffix: str) -> tuple[Poses, float]:
    """Return poses with one frame for every tick of a steady clock, and that clock's frame rate in hertz.

    Dropped frames come back with weight 0. Times that keep no steady clock (to a quarter of a frame) raise InputError.
    """
    rate = poses.frame_rate
    slots = np.round((poses.times - poses.times[0]) * rate).astype(int)
    if np.all(np.diff(slots) > 0):
        slope, start = np.polyfit(slots, poses.times, 1)
        if np.max(np.abs(poses.times - start - slope * slots)) <= 0.25 * slope:
            return _spread(poses, slots, start + slope * np.arange(slots[-1] + 1)), float(1 / slope)
    raise InputError(
        f"these poses have no steady frame rate, which {suffix} files need; export them as csv, trc or npz"
    )


def _spread(poses: Poses, slots: ndarray, times: Float[ndarray, "slots"]) -> Poses:
    def placed(field: ndarray) -> ndarray:
        wide = np.zeros((len(times), *field.shape[1:]), field.dtype)
        wide[slots] = field
        return wide

    fields = (poses.positions, poses.uncertainty, poses.weight)
    positions, uncertainty, weight = (placed(field) for field in fields)
    return replace(poses, positions=positions, uncertainty=uncertainty, weight=weight, times=times)


def skeleton_of(joint_names: Sequence[str]) -> Skeleton:
    """Return the shipped skeleton with exactly these joints, or else one without bones."""
    names = tuple(joint_names)
    shipped = (load_skeleton(name) for name in skeleton_names())
    bare = Skeleton("custom", names, (None,) * len(names), ())
    return next((skeleton for skeleton in shipped if skeleton.joint_names == names), bare)


def poses_from_positions(
    positions: Float[ndarray, "frames people joints 3"],
    times: Float[ndarray, "frames"],
    skeleton: Skeleton,
    uncertainty: Float[ndarray, "frames people joints"] | None = None,
) -> Poses:
    """Return poses of a foreign file, where a joint that is not finite is missing."""
    known: Bool[ndarray, "frames people joints"] = np.all(np.isfinite(positions), axis=-1)
    sigma = np.zeros(known.shape) if uncertainty is None else np.where(np.isfinite(uncertainty), uncertainty, 0)
    return Poses(
        np.where(known[..., None], positions, 0).astype(np.float32),
        np.where(known, sigma, 0).astype(np.float32),
        known.astype(np.float32),
        times,
        skeleton,
    )


def one_word(name: str) -> str:
    """Return a joint's name without the white space that would break a text format."""
    return "_".join(name.split())


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is parsed into one InputError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check its path") from error
    except InputError as error:
        raise InputError(f"{path} is not a usable {what} file: {error}") from error
    except (OSError, ValueError, IndexError, KeyError, TypeError, OverflowError, RuntimeError, MemoryError) as error:
        raise InputError(f"{path} is not a usable {what} file; check that it is complete") from error
