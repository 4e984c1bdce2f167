"""What a network always gets wrong is corrected, on poses that were never seen; what it gets right stays."""

import numpy as np
import pytest
import torch
from torch import Tensor

from epipose.models.crop_poses import CropPoses
from epipose.models.refined import Correction, mean_bone
from epipose.pose.skeletons import load_skeleton
from epipose.training.examination import Answers
from epipose.training.loop import Plan, fit
from epipose.training.refine_lesson import NOISE, Findings, RefineLesson, corrected

SKELETON = load_skeleton("h36m17")
FOREARMS = [(SKELETON.index(f"{side}_elbow"), SKELETON.index(f"{side}_wrist")) for side in ("left", "right")]


def bodies(count: int, seed: int) -> Tensor:
    """Return people of any size in their crops, whose bones are as long as each other's but point anywhere."""
    generator = torch.Generator().manual_seed(seed)
    joints = torch.zeros(count, len(SKELETON), 3)
    for parent, child in sorted(SKELETON.bones, key=lambda bone: depth(bone[1])):
        length = 0.06 + 0.01 * (min(child, SKELETON.mirror[child]) % 5)
        toward = torch.randn(count, 3, generator=generator)
        joints[:, child] = joints[:, parent] + length * toward / toward.norm(dim=1, keepdim=True)
    size = 0.6 + 0.6 * torch.rand(count, 1, 1, generator=generator)
    return size * joints + 0.05 * torch.randn(count, 1, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.0])


def depth(joint: int) -> int:
    parent = SKELETON.parents[joint]
    return 0 if parent is None else 1 + depth(SKELETON.index(parent))


def mistaken(truth: Tensor, seed: int) -> Tensor:
    """Return what a network says that sees depths as two thirds of what they are, and forearms half as long."""
    found = truth.clone()
    for elbow, wrist in FOREARMS:
        found[:, wrist] = (truth[:, elbow] + truth[:, wrist]) / 2
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed))
    return found * torch.tensor([1, 1, 2 / 3]) + 0.003 * noise


def findings(count: int, seed: int) -> Findings:
    truth = bodies(count, seed)
    weights = torch.ones(truth.shape[:2])
    return Findings(mistaken(truth, seed + 1), 0.7 * weights, truth, weights)


def answers(given: Findings) -> Answers:
    predicted, confidence, truth, weights = (part.double().numpy() for part in given)
    return Answers(predicted, truth, weights, np.full(len(truth), 2.0), SKELETON, confidence)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Correction:
    torch.manual_seed(0)
    lesson = RefineLesson(Correction(SKELETON, hidden=64, dropout=0.0), findings(1500, 0), answers(findings(200, 5)))
    fit(lesson, Plan(300, 3e-3, averaging=0.98, scored=2), tmp_path_factory.mktemp("unit") / "c.pt",
        watch=lambda *_: None, workers=0)  # fmt: skip
    return lesson.net


def test_systematic_errors_are_corrected_on_new_poses(taught: Correction) -> None:
    unseen = answers(findings(200, 9))
    before, after = unseen.errors(), corrected(unseen, taught).errors()
    assert after["mpjpe_mm"] < 0.65 * before["mpjpe_mm"]
    assert after["pa_mpjpe_mm"] < 0.75 * before["pa_mpjpe_mm"]
    assert after["bone_length_mm"] < 0.85 * before["bone_length_mm"]


def test_it_begins_by_leaving_poses_as_they_are() -> None:
    given = findings(64, 3)
    lesson = RefineLesson(Correction(SKELETON, hidden=64), given, answers(given))
    with torch.inference_mode():
        apart = (lesson.net(given.found).positions - given.positions).norm(dim=-1)
    error = (given.truth - given.positions).norm(dim=-1)
    assert float(apart.mean()) < 0.3 * float(error.mean())
    assert torch.equal(lesson.net(given.found).confidence, given.confidence)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_people_of_any_size_anywhere_in_the_crop_are_corrected_alike(taught: Correction, scale: float) -> None:
    one = findings(16, 4)
    shift = torch.tensor([0.1, -0.05, 0.0])
    straight, moved = (
        taught(CropPoses(positions, one.confidence)).positions
        for positions in (one.positions, scale * one.positions + shift)
    )
    torch.testing.assert_close(moved, scale * straight + shift, atol=1e-5, rtol=0)


def test_a_mirror_twice_changes_nothing_and_sides_are_exchanged() -> None:
    one = findings(8, 6)
    mirror = SKELETON.mirror
    for part, twice in zip(one, one.mirrored(mirror).mirrored(mirror), strict=True):
        assert torch.equal(part, twice)
    left, right = SKELETON.index("left_wrist"), SKELETON.index("right_wrist")
    flipped = one.mirrored(mirror).truth[:, left] * torch.tensor([-1, 1, 1])
    assert torch.equal(flipped, one.truth[:, right])


def test_a_limb_of_somebody_else_comes_with_its_truth_and_fits_the_body() -> None:
    bent = findings(400, 7)
    perfect = bent._replace(positions=bent.truth)
    lesson = RefineLesson(Correction(SKELETON, hidden=8), perfect, answers(perfect), batch=64)
    positions, _, truth, _ = lesson.batch(0)
    again = lesson.batch(0)[0]
    assert torch.equal(positions, again)
    assert not torch.equal(positions, lesson.batch(1)[0])
    # What was found was the truth, and still is, up to what disturbs it.
    assert float((positions - truth).abs().median()) < 2 * NOISE
    # Bones are as long as they were: the donor's limb takes the size of its new body.
    for parent, child in SKELETON.bones:
        bone = (truth[:, parent] - truth[:, child]).norm(dim=-1) / mean_bone(truth, SKELETON.bones).flatten()
        assert float(bone.std() / bone.mean()) < 1e-3
    poses = {tuple(pose.flatten().tolist()) for part in (perfect, perfect.mirrored(SKELETON.mirror))
             for pose in part.truth.round(decimals=4)}  # fmt: skip
    new = sum(tuple(pose.flatten().tolist()) not in poses for pose in truth.round(decimals=4))
    assert 0.25 * 64 < new < 0.75 * 64


def test_joints_that_nobody_saw_teach_nothing() -> None:
    given = findings(100, 8)
    given.weights[:, FOREARMS[0][1]] = 0
    lesson = RefineLesson(Correction(SKELETON, hidden=8), given, answers(given))
    batch = list(lesson.batch(0))
    unseen = batch[3] == 0
    before = lesson.loss(lesson.net.eval(), tuple(batch))
    batch[2] = torch.where(unseen[..., None], batch[2] + 9.0, batch[2])
    assert torch.equal(lesson.loss(lesson.net, tuple(batch)), before)
    assert unseen.any(dim=1).float().mean() > 0.9
