"""From a network that was taught to one that is the same, but for the Refinement Unit that corrects its poses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN
from epipose.io.model_files import ModelDescription
from epipose.models.refined import Correction, RefinedNet
from epipose.pose.skeletons import Skeleton
from epipose.training.courses import Course, Taught, new_net
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_lesson import CropLesson
from epipose.training.examination import examine
from epipose.training.loop import Plan, Watch, fit, new_fabric
from epipose.training.model_files import model_bytes, read_model
from epipose.training.refine_lesson import RefineLesson, corrected, find_poses

CROPS, AT_ONCE = 4000, 32
"""Crops in which the network finds the poses that the unit learns from, and how many it sees together."""


def refine(
    course: Course,
    learned: CropExamples,
    held_out: CropExamples,
    description: ModelDescription,
    checkpoint: Path,
    watch: Watch,
    tell: Callable[[int, int], None],
) -> Taught:
    """Teach a unit to correct the network that `course` starts from, which stays as it is.

    Of the joints that examples and network both know. `tell` is told in how many crops, and of how many, poses were
    found. Raises InputError for a network that cannot be refined by these examples.
    """
    skeleton = _shared(course, learned)
    learned, held_out = (examples.of_joints(skeleton.joint_names) for examples in (learned, held_out))
    finding = new_net(course, learned).eval().to(new_fabric().device)
    rows, before = examine(finding, held_out, np.arange(len(held_out)))
    crops = CropLesson(finding, learned, held_out, batch=AT_ONCE, seed=course.seed, variation=course.variation)
    findings = find_poses(finding, crops, -(-CROPS // AT_ONCE), lambda done: tell(done * AT_ONCE, CROPS))
    torch.manual_seed(course.seed)
    lesson = RefineLesson(Correction(skeleton), findings, before, batch=course.batch, seed=course.seed)
    what = f"{description.note}; {len(learned)} examples, {learned.frame}; {course.start}; {course.variation}"
    plan = Plan(course.steps, course.learning_rate, seed=course.seed, what=what)
    points = fit(lesson, plan, checkpoint, watch=watch, workers=0, fabric=new_fabric(exact=True))
    net = RefinedNet(finding, lesson.net)
    described = replace(_of_joints(description, skeleton), size=net.size, margin=MARGIN, frame=learned.frame)
    return Taught(model_bytes(net, described), points, corrected(before, lesson.net), rows, len(learned), before)


def _shared(course: Course, examples: CropExamples) -> Skeleton:
    """Return the skeleton of the joints that the network to be refined knows, too."""
    assert course.start is not None, "there is a network to refine"
    refined, wanted = read_model(course.start)[0], examples.skeleton
    if refined.frame != examples.frame:
        raise InputError(f"{course.start} was taught with --crops {refined.frame}; refine it with the same")
    shared = [joint for joint in wanted.joint_names if joint in refined.skeleton.joint_names]
    if not shared:
        raise InputError(f"{course.start} knows none of the joints that the recordings show; refine another model")
    return wanted.subset(shared)


def _of_joints(description: ModelDescription, skeleton: Skeleton) -> ModelDescription:
    """Return a description of fewer joints."""
    names = skeleton.joint_names
    bones = {(names[parent], names[child]) for parent, child in skeleton.bones}
    lengths = {bone: length for bone, length in description.bone_lengths_m.items() if bone in bones}
    return replace(description, skeleton=skeleton, bone_lengths_m=lengths)
