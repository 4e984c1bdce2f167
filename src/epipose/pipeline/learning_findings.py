"""The report's numbers, from what a network answered."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose import __version__
from epipose.pipeline.lesson_sources import LessonSource, Recordings
from epipose.pipeline.teaching import Teaching
from epipose.report.learning import CurvePoint, LabelShares, LearningReport, Shown
from epipose.report.learning.summary import millimetres
from epipose.report.wording import percent
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_squares import steady_frame

if TYPE_CHECKING:
    from epipose.training.courses import Course, Taught

SHOWN = 6
"""Best and worst examples in the report, each."""
SHOWN_PX = 240
"""Side of their pictures."""
BY_TRUTH = ("supervised", "lift-supervised", "refine-supervised", "structured-supervised")
"""Recipes whose labels are the truth; those of others are triangulated."""


def describe_learning(
    course: "Course",
    taught: "Taught",
    source: LessonSource,
    *,
    recipe: str,
    file: Path,
    held_out: CropExamples | None,
) -> LearningReport:
    """Return all that is to be said of a network that was taught; `held_out`: the pictures of what it was marked on."""
    return LearningReport(
        name=course.name,
        recipe=recipe,
        model=course.model,
        file=file,
        version=__version__,
        created=datetime.now(UTC),
        sources=source.paths,
        hold_out=source.hold_out,
        truth="the truth" if recipe in BY_TRUTH else "the triangulation",
        learned_examples=taught.learned,
        held_out_examples=len(taught.rows),
        seconds=taught.points[-1].seconds if taught.points else 0.0,
        skeleton=taught.answers.skeleton,
        curve=_curve(course, taught),
        errors=taught.answers.errors(),
        per_joint_mm=taught.answers.joint_errors_mm(),
        best=_shown(taught, held_out, worst=False),
        worst=_shown(taught, held_out, worst=True),
        labels=None if recipe in BY_TRUTH or not isinstance(source, Recordings) else _shares(source.teachings),
        notes=_notes(course, taught),
    )


def _notes(course: "Course", taught: "Taught") -> tuple[str, ...]:
    """Say what refining changed, where that was done."""
    if taught.before is None or course.start is None:
        return ()
    before, after = taught.before.errors(), taught.answers.errors()
    changes = [
        f"{words} from {millimetres(before[key])} to {millimetres(after[key])} ({_change(before[key], after[key])})"
        for key, words in (("mpjpe_mm", "MPJPE"), ("pa_mpjpe_mm", "PA-MPJPE"))
        if key in before
    ]
    return (f"Refined from {course.start.name}: {', '.join(changes)}.",) if changes else ()


def _change(before: float, after: float) -> str:
    return f"{percent(abs(1 - after / before))} {'less' if after <= before else 'more'}"


def _curve(course: "Course", taught: "Taught") -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(point.step, point.step * course.batch, point.seconds, point.loss, point.errors)
        for point in taught.points
    )


def _shares(teachings: Sequence[Teaching]) -> LabelShares:
    """Return what became of the labels, over all recordings."""
    counts = np.array([float((teaching.labels.poses.weight > 0).sum()) for teaching in teachings])
    dropped = np.array([[t.labels.dropped_by_shape, t.labels.dropped_by_views] for t in teachings])
    shape, views = (counts @ dropped / counts.sum()).tolist()
    return LabelShares(1 - shape - views, shape, views)


def _shown(taught: "Taught", held_out: CropExamples | None, *, worst: bool) -> tuple[Shown, ...]:
    """Return some held-out examples to look at."""
    answers, errors = taught.answers, taught.answers.example_errors_mm()
    order = np.argsort(-errors if worst else errors)[:SHOWN]
    shown = []
    for index in order.tolist():
        truth = np.where(answers.weight[index, :, None] > 0, answers.truth[index], np.nan)
        picture, place = _seen(held_out, taught.rows[index]) if held_out else (None, f"example {index}")
        shown.append(Shown(picture, answers.predicted[index], truth, float(errors[index]), place))
    return tuple(shown)


def _seen(held_out: CropExamples, row: int) -> tuple[UInt8[ndarray, "side side 3"], str]:
    """Return the crop of an example, and where it comes from."""
    frame = steady_frame(held_out, row, SHOWN_PX)
    return frame.cut(held_out.picture(row)), held_out.place(row)
