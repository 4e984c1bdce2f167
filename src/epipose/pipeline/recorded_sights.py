"""What a detector found in each view of a capture, beside where the cameras together say the joints were."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pipeline.lesson_examples import HoldOut
from epipose.pipeline.obstacles import believed
from epipose.pipeline.teaching import TaughtView, Teaching, match_person
from epipose.pose.keypoints import Poses
from epipose.training.recorded_examples import labels_at
from epipose.training.sight_sources import RecordedPoses


def recorded_sights(
    teachings: Sequence[Teaching], hold_out: HoldOut
) -> tuple[list[RecordedPoses], list[RecordedPoses]]:
    """Return what may be learned from, view by view, and what is held out; raises InputError if either is nothing."""
    learned: list[RecordedPoses] = []
    held_out: list[RecordedPoses] = []
    for teaching in teachings:
        for view in teaching.views:
            kept_back = hold_out.of(view, teaching)
            for part, frames in ((learned, ~kept_back), (held_out, kept_back)):
                with suppress(InputError):  # of views in which nobody is found; somewhere somebody has to be
                    part.append(_sights(view, teaching, np.flatnonzero(frames).tolist()))
    for part, words in ((learned, "to learn from"), (held_out, "held out")):
        if not part:
            raise InputError(
                f"nothing is left {words} when {hold_out} are kept back: no such frame shows a person that was found"
                " and whose joints are known; hold out something else"
            )
    return learned, held_out


def _sights(view: TaughtView, teaching: Teaching, frames: Iterable[int]) -> RecordedPoses:
    """Return everybody who was found in some frames of a view and whose joints are known."""
    labels = believed(teaching, view)
    names, found = labels.skeleton.joint_names, view.keypoints
    shared = [joint for joint in names if joint in found.skeleton.joint_names]
    ours = np.array([labels.skeleton.index(joint) for joint in shared])
    theirs = np.array([found.skeleton.index(joint) for joint in shared])
    inputs, targets, weights = [], [], []
    for frame in frames:
        for positions, weight in _people(labels, float(view.times[frame])):
            joints = view.camera.cam_from_world.apply(positions)
            pixels, seen = view.camera.lens.project(joints)
            known = seen & (weight > 0)
            slots, scores = found.pixels[frame][:, theirs], found.score[frame][:, theirs]
            slot, _ = match_person(pixels[ours], known[ours], slots, scores)
            if slot is None:
                continue
            given = np.zeros((len(names), 3))
            given[ours] = np.column_stack([slots[slot], scores[slot]])
            inputs.append(given)
            targets.append(joints)
            weights.append(np.where(seen, weight, 0))
    count = len(names)
    return RecordedPoses(
        labels.skeleton,
        view.camera.lens,
        np.array(inputs).reshape(-1, count, 3),
        np.array(targets).reshape(-1, count, 3),
        np.array(weights).reshape(-1, count),
    )


def _people(labels: Poses, time: float) -> Iterable[tuple[Float[ndarray, "joints 3"], Float[ndarray, "joints"]]]:
    found = labels_at(labels, time)
    return zip(*found, strict=True) if found is not None else ()
