"""From keypoints of recordings to a model file that lifts such keypoints."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy import ndarray

from epipose.geometry.crop_frames import MARGIN
from epipose.io.model_files import ModelDescription
from epipose.models.lift import LiftNet
from epipose.pose.roots import root
from epipose.training.courses import Course, Taught
from epipose.training.examination import Answers
from epipose.training.lift_lesson import Exam, LiftLesson
from epipose.training.loop import Plan, Watch, fit, new_fabric
from epipose.training.model_files import model_bytes
from epipose.training.sight_sources import FilmedPoses, RecordedPoses
from epipose.training.sights import squares_around
from epipose.training.starting import start_from


def teach_lift(
    course: Course,
    learned: Sequence[RecordedPoses],
    anew: Sequence[FilmedPoses],
    held_out: Sequence[RecordedPoses],
    description: ModelDescription,
    checkpoint: Path,
    watch: Watch,
) -> Taught:
    """Teach a network to lift what a detector found in some pictures, and mark it on others.

    Half of what it learns from are the same people `anew`, seen by made-up cameras and detectors: of the real pictures
    there are so few that it would know them by heart.
    """
    torch.manual_seed(course.seed)
    net = LiftNet(len(description.skeleton))
    if course.start is not None:
        start_from(net, description.skeleton, course.start)
    exams = [Exam.recorded(part) for part in held_out]
    views = [(part, float(len(part.sights))) for part in learned]
    share = sum(count for _, count in views) / max(len(anew), 1)
    lesson = LiftLesson(net, [*views, *((part, share) for part in anew)], exams, batch=course.batch, seed=course.seed)
    counts = [len(part.sights) for part in (*learned, *held_out)]
    what = f"{description.note}; {counts} sights; {course.start}"
    plan = Plan(course.steps, course.learning_rate, seed=course.seed, what=what)
    # 16 bits would round where joints are.
    points = fit(lesson, plan, checkpoint, watch=watch, fabric=new_fabric(exact=True))
    answers = _joined([_answers(net, exam) for exam in exams])
    described = replace(description, kind="lift", size=0, margin=MARGIN)
    return Taught(
        model_bytes(net, described),
        points,
        answers,
        tuple(range(len(answers.truth))),
        sum(len(part.sights) for part in learned),
    )


def _answers(net: LiftNet, exam: Exam) -> Answers:
    """Return what a network says of the sights of an exam, in units of their crops."""
    squares = squares_around(exam.sights)
    with torch.inference_mode():
        predicted = net(torch.from_numpy(squares.inputs(exam.sights))).positions.numpy()
    truth, weight = squares.targets(exam.sights)
    depth = root(exam.truth, exam.skeleton)[:, 2]
    side_m = squares.side.astype(float) * depth / float(np.mean(exam.lens.focal))
    return Answers(predicted.astype(float), truth.astype(float), weight.astype(float), side_m, exam.skeleton)


def _joined(parts: Sequence[Answers]) -> Answers:
    def array(name: str) -> ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Answers(array("predicted"), array("truth"), array("weight"), array("side_m"), parts[0].skeleton)
