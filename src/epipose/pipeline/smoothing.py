"""How triangulated joints become smooth ones: by the body's own motion, or by a named filter with a cut-off."""

from collections.abc import Callable
from functools import partial

from epipose.errors import InputError
from epipose.pipeline.people3d import LONGEST_GAP, People
from epipose.pose.filters import butterworth, fill_gaps, one_euro, savitzky_golay
from epipose.pose.keypoints import Poses

ONE_EURO_BETA = 0.5
"""Hertz by which the one-euro filter's cut-off grows for every metre per second."""


Smoothing = Callable[[People], Poses]


def smoothing(how: str) -> Smoothing:
    """Return what makes everybody's joints smooth as `how` says; raises InputError for a word it does not know.

    "motion": constant bones and smooth motion, learned from the recording; "none": as triangulated, gaps left open;
    "butterworth:6", "savitzky_golay:6" or "one_euro:1": that filter with its cut-off in Hz, short gaps filled first.
    """
    if how == "motion":
        return People.smooth_poses
    if how == "none":
        return People.poses
    name, _, number = how.partition(":")
    filters: dict[str, Callable[..., Poses]] = {
        "butterworth": butterworth,
        "savitzky_golay": savitzky_golay,
        "one_euro": partial(one_euro, beta=ONE_EURO_BETA),
    }
    try:
        chosen = partial(filters[name], cutoff_hz=float(number))
    except (KeyError, ValueError):
        choice = "motion, none, butterworth:HZ, savitzky_golay:HZ or one_euro:HZ"
        raise InputError(f"there is no smoothing {how!r}; choose {choice}") from None
    return lambda people: chosen(fill_gaps(people.poses(), max_gap_s=LONGEST_GAP))
