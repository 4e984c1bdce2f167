"""From examples to a model file: which network, how long it is taught, and how good it is in the end."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN, FrameKind
from epipose.io.model_files import ModelDescription
from epipose.models.crop_poses import CropNet
from epipose.models.resnet import LAYERS
from epipose.models.small import SmallNet
from epipose.models.volumetric import VolumetricNet
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_lesson import CropLesson, Variation
from epipose.training.disturbances import COVERING
from epipose.training.examination import Answers, examine
from epipose.training.loop import Plan, Point, Watch, fit
from epipose.training.model_files import model_bytes
from epipose.training.published_crops import PublishedVariation
from epipose.training.starting import start_from

MODELS = ("small", *(f"resnet{depth}" for depth in LAYERS))
"""Networks that see pictures: ours, and the published one by the depth of its trunk."""
OBSTACLE, BESIDE_OBSTACLE = 0.8, 0.3
"""Share of crops over which the scene's own round obstacle is drawn, and then that of crops covered by chance."""


@dataclass(frozen=True)
class Course:
    """How a network is taught."""

    model: str
    """One of MODELS."""
    name: str
    start: Path | None
    """A model file whose weights it begins with; random ones without."""
    steps: int
    seed: int = 0
    batch: int = 32
    learning_rate: float = 1e-3
    variation: Variation | PublishedVariation = Variation()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, eq=False)
class Taught:
    """A network that was taught."""

    file: bytes
    """Content of its model file."""
    points: tuple[Point, ...]
    """The learning curve."""
    answers: Answers
    """To the examples that were held out, ..."""
    rows: tuple[int, ...]
    """... and which of them these are."""
    learned: int
    """How many examples it learned from."""
    before: Answers | None = None
    """Those of the network that was refined, where one was."""


def teach(
    course: Course,
    learned: CropExamples,
    held_out: CropExamples,
    description: ModelDescription,
    checkpoint: Path,
    watch: Watch,
) -> Taught:
    """Teach a network on some examples and mark it on others; goes on from `checkpoint` where that is there."""
    net = new_net(course, learned)
    lesson = CropLesson(net, learned, held_out, batch=course.batch, seed=course.seed, variation=course.variation)
    what = f"{description.note}; {len(learned)} examples, {learned.frame}; {course.start}; {course.variation}"
    plan = Plan(course.steps, course.learning_rate, seed=course.seed, what=what)
    points = fit(lesson, plan, checkpoint, watch=watch)
    rows, answers = examine(net, held_out, np.arange(len(held_out)))
    description = replace(description, size=net.size, margin=MARGIN, frame=learned.frame)
    return Taught(model_bytes(net, description), points, answers, rows, len(learned))


def usual_variation(frame: FrameKind, *, obstacle: bool) -> Variation | PublishedVariation:
    """Return by how much crops of a kind are varied; an `obstacle` of the scene's own takes the place of others."""
    return PublishedVariation(disc=OBSTACLE if obstacle else 0.0) if frame == "paper" else box_variation(obstacle)


def box_variation(obstacle: bool) -> Variation:
    """Return by how much crops of people's boxes are varied."""
    return Variation(disc=OBSTACLE, covering=BESIDE_OBSTACLE) if obstacle else Variation(covering=COVERING)


def picture_size(course: Course) -> int:
    """Return the side of the pictures that a network sees; raises InputError for a model that there is not."""
    if course.model not in MODELS:
        raise InputError(f"there is no model {course.model!r} to teach; choose from {', '.join(MODELS)}")
    return SmallNet.size if course.model == "small" else VolumetricNet.size


def new_net(course: Course, examples: CropExamples) -> CropNet:
    """Return the network before it is taught."""
    torch.manual_seed(course.seed)
    joints = len(examples.skeleton)
    net = (
        SmallNet(joints) if course.model == "small" else VolumetricNet(joints, int(course.model.removeprefix("resnet")))
    )
    if course.start is not None:
        start_from(net, examples.skeleton, course.start)
    return net
