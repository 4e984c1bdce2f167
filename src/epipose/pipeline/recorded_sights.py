"""What a detector found in each view of a capture, beside where the cameras together say the joints were."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pipeline.lesson_examples import HoldOut
from epipose.pipeline.obstacles import believed
from epipose.pipeline.teaching import TaughtView, Teaching, match_person
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from epipose.training.recorded_examples import labels_at
from epipose.training.sight_sources import FilmedPoses, RecordedPoses


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
                    part.append(_sights(view, teaching, frames, repaired=part is learned))
    for part, words in ((learned, "to learn from"), (held_out, "held out")):
        if not part:
            raise InputError(
                f"nothing is left {words} when {hold_out} are kept back: no such frame shows a person that was found"
                " and whose joints are known; hold out something else"
            )
    return learned, held_out


def filmed_anew(teachings: Sequence[Teaching], hold_out: HoldOut) -> list[FilmedPoses]:
    """Return what people did in the recordings, but for what is held out, to be learned as if seen from everywhere."""
    found = []
    for teaching in teachings:
        labels, learned = teaching.labelled, ~hold_out.of_labels(teaching)
        joints = len(labels.skeleton)
        positions, weights = (
            labels.positions[learned].reshape(-1, joints, 3),
            labels.weight[learned].reshape(-1, joints),
        )
        with suppress(InputError):  # of recordings in which nobody is whole enough
            found.append(FilmedPoses(positions, labels.skeleton, weights))
    return found


def _sights(view: TaughtView, teaching: Teaching, frames: Bool[ndarray, "frames"], *, repaired: bool) -> RecordedPoses:
    """Return everybody who was found in some frames of a view and whose joints are known.

    `repaired`: with their sides exchanged where a detector confused them, which only the labels tell.
    """
    labels = believed(teaching, view)
    names, found = labels.skeleton.joint_names, view.keypoints
    shared = [joint for joint in names if joint in found.skeleton.joint_names]
    ours = np.array([labels.skeleton.index(joint) for joint in shared])
    theirs = np.array([found.skeleton.index(joint) for joint in shared])
    inputs, targets, weights = [], [], []
    for frame in np.flatnonzero(frames).tolist():
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
            inputs.append(_with_right_sides(given, pixels, known, labels.skeleton) if repaired else given)
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


def _with_right_sides(
    given: Float[ndarray, "joints 3"],
    pixels: Float[ndarray, "joints 2"],
    known: Bool[ndarray, "joints"],
    skeleton: Skeleton,
) -> Float[ndarray, "joints 3"]:
    """Return keypoints with left and right exchanged where that brings them nearer to the labels at `pixels`.

    What a detector confuses at times, a network cannot know; it would only learn to mistrust it always.
    """
    exchanged = given[list(skeleton.mirror)]
    counted = known & (given[:, 2] > 0) & (exchanged[:, 2] > 0)
    as_given, as_exchanged = (
        np.linalg.norm(keypoints[:, :2] - pixels, axis=-1)[counted].sum() for keypoints in (given, exchanged)
    )
    return exchanged if as_exchanged < as_given else given


def _people(labels: Poses, time: float) -> Iterable[tuple[Float[ndarray, "joints 3"], Float[ndarray, "joints"]]]:
    found = labels_at(labels, time)
    return zip(*found, strict=True) if found is not None else ()
