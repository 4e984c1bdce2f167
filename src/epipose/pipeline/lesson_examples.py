"""Which frames of recordings are learned from and which are held out, and what is cut from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from epipose.errors import InputError
from epipose.pipeline.obstacles import believed
from epipose.pipeline.progress import Report
from epipose.pipeline.teaching import TaughtView, Teaching
from epipose.report.wording import percent
from epipose.training.crop_examples import CropExamples
from epipose.training.recorded_examples import Cut, FilmedView, joined, squares, write_examples

if TYPE_CHECKING:
    from epipose.training.autoencoder_lesson import SeenPoses

MOST_BYTES = 4_000_000_000
"""Of the squares cut from all recordings together: 23,000 for `small`. Where there would be more, frames are left out
evenly."""


@dataclass(frozen=True)
class HoldOut:
    """What is kept for marking: the last `share` of the frames of every camera, all of one camera, or one recording."""

    share: float = 0.0
    view: str | None = None
    recording: str | None = None

    @classmethod
    def parse(cls, text: str, teachings: Sequence[Teaching]) -> "HoldOut":
        """Read a share from 0 to 1, or the name of a view or a recording; raises InputError for anything else."""
        names = sorted({view.name for teaching in teachings for view in teaching.views})
        if text in names:
            return cls(view=text)
        recordings = [teaching.path.resolve().name for teaching in teachings]
        if text in recordings and len(recordings) > 1:
            return cls(recording=text)
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not 0 < share < 1:
            raise InputError(
                f"cannot hold out {text!r}; give a share of the frames, such as 0.25, one of {', '.join(names)}, or one"
                " of several recordings"
            )
        return cls(share=share)

    def __str__(self) -> str:
        """Say it in words."""
        whole = self.view or self.recording
        return f"all of {whole}" if whole else f"the last {percent(self.share)} of the frames of every camera"

    def of(self, view: TaughtView, teaching: Teaching) -> Bool[ndarray, "frames"]:
        """Return which frames of a view are held out."""
        times = view.times
        if self.view is not None:
            return np.full(len(times), view.name == self.view)
        if self.recording is not None:
            return np.full(len(times), teaching.path.resolve().name == self.recording)
        begin, end = teaching.labels.poses.times[[0, -1]]
        return np.asarray(times >= end - self.share * (end - begin))

    def of_labels(self, teaching: Teaching) -> Bool[ndarray, "frames"]:
        """Return at which moments of the labels nothing may be learned."""
        times = teaching.labels.poses.times
        if self.view is not None:
            return np.zeros(len(times), bool)
        if self.recording is not None:
            return np.full(len(times), teaching.path.resolve().name == self.recording)
        begin, end = times[[0, -1]]
        return np.asarray(times >= end - self.share * (end - begin))


@dataclass(frozen=True, eq=False)
class Divided:
    """Examples to learn from, and those held out."""

    learned: CropExamples
    held_out: CropExamples


def cut_examples(teachings: Sequence[Teaching], hold_out: HoldOut, cut: Cut, folder: Path, progress: Report) -> Divided:
    """Cut squares with room for crops from all recordings, and keep them in `folder`."""
    total = sum(len(view.times) * teaching.people for teaching in teachings for view in teaching.views)
    step = max(1, -(-total * 3 * cut.side**2 // MOST_BYTES))
    parts: dict[bool, list[CropExamples]] = {False: [], True: []}
    jobs = [(teaching, view) for teaching in teachings for view in teaching.views]
    for number, (teaching, view) in enumerate(jobs):
        progress("cut examples", number, len(jobs))
        labels = believed(teaching, view)
        filmed = FilmedView(view.name, view.camera, view.frames(), view.offset_s, view.discs)
        kept_back = hold_out.of(view, teaching)
        found = list(squares(filmed, labels, range(0, len(view.times), step), cut))
        for held in parts:
            chosen = [square for square in found if kept_back[square.frame] == held]
            if chosen:
                file = folder / ("held-out" if held else "learned") / teaching.path.resolve().name / f"{view.name}.npy"
                parts[held].append(write_examples(chosen, labels.skeleton, cut.frame, file))
    progress("cut examples", len(jobs), len(jobs))
    for held, words in ((False, "to learn from"), (True, "held out")):
        if not parts[held]:
            raise InputError(
                f"nothing is left {words} when {hold_out} are kept back: no such frame shows a person whose joints are"
                " known; hold out something else"
            )
    return Divided(joined(parts[False]), joined(parts[True]))


def seen_poses(teachings: Sequence[Teaching], hold_out: HoldOut) -> "SeenPoses":
    """Return the whole poses that people take in recordings; what is held out is not learned from.

    Where a view is held out, the poses of all moments are learned, and marked on. Raises InputError if nobody is whole.
    """
    from epipose.training.autoencoder_lesson import SeenPoses

    parts: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for teaching in teachings:
        labels, held = teaching.labelled, hold_out.of_labels(teaching)
        whole = (labels.weight > 0).all(axis=-1)
        for kept_back in parts:
            parts[kept_back].append(labels.positions[(held == kept_back)[:, None] & whole])
    learned, held_out = (np.concatenate(parts[kept_back]).astype(np.float32) for kept_back in (False, True))
    if not len(learned):
        raise InputError(
            "nobody in the recordings is known from head to foot at any moment that may be learned from; film people "
            "whole, or use another recipe"
        )
    return SeenPoses(learned, held_out if len(held_out) else learned, teachings[0].labels.poses.skeleton)
