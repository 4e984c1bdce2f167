"""Lifting is taught: by poses filmed by made-up cameras, and by recordings; scores are those of the truth."""

import pickle

import numpy as np
import pytest
import torch
from numpy import ndarray
from torch import nn

from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.models.crop_poses import CropPoses
from epipose.models.lift import LiftNet
from epipose.pose.skeletons import load_skeleton
from epipose.training.lift_lesson import Exam, LiftLesson, marks
from epipose.training.sight_sources import LENS, FilmedPoses, RecordedPoses, filmed
from epipose.training.sights import squares_around, unplaced
from tests.training.bodies import BODY, standing

LENS_OF_VIEW = BrownConrady((900.0, 905.0), (480.0, 270.0), (-0.1, 0.02, 0.001, -0.001, 0.0))
PELVIS = BODY.index("pelvis")


def recorded(count: int = 50, seed: int = 0) -> tuple[ndarray, ndarray, ndarray]:
    """Return what an exact detector finds of people who stand aside of a camera, where they are, and weights."""
    upright = standing(count, seed) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    joints = upright @ rotation_from_rotvec(np.array([0.0, 0.8, 0.0])).T + np.array([0.4, 1.0, 4.0])
    pixels, _ = LENS_OF_VIEW.project(joints)
    return np.concatenate([pixels, np.ones((count, 21, 1))], axis=-1), joints, np.ones((count, 21))


class Knowing(LiftNet):
    """Gives answers that it was told, whatever it is fed with."""

    def __init__(self, units: ndarray) -> None:
        super().__init__(21, hidden=8)
        self.told = torch.from_numpy(units.astype(np.float32))

    def forward(self, joints: torch.Tensor) -> CropPoses:
        return CropPoses(self.told, torch.full(joints.shape[:2], 0.7))


def knowing(exam: Exam, off: ndarray | float = 0.0) -> Knowing:
    return Knowing(squares_around(exam.sights).targets(exam.sights)[0] + off)


def test_cameras_see_people_as_they_are_from_all_around() -> None:
    people = standing(500)
    sights, local = filmed(people, BODY, np.random.default_rng(0))
    again, valid = unplaced(LENS, sights.places, local[:, PELVIS, 2])
    np.testing.assert_allclose(again, local, atol=1e-3)
    assert valid.all()
    assert sights.weight.all()
    scale = np.linalg.norm(local[:, 0] - local[:, 20], axis=1) / np.linalg.norm(people[:, 0] - people[:, 20], axis=1)
    assert scale.min() > 0.84
    assert scale.max() < 1.16
    # A motion and a size, not a mirror image: all distances and the handedness of the body stay.
    shape, seen = people - people[:, [PELVIS]], (local - local[:, [PELVIS]]) / scale[:, None, None]
    np.testing.assert_allclose(np.linalg.norm(seen, axis=-1), np.linalg.norm(shape, axis=-1), atol=1e-6)
    corners = [BODY.index(name) for name in ("left_hip", "head_top", "nose")]
    assert (np.linalg.det(shape[:, corners]) * np.linalg.det(seen[:, corners]) > 0).all()
    # Upright cameras: heads are above feet, in the picture too; some people show their backs.
    assert (sights.places[:, BODY.index("head_top"), 1] < sights.places[:, BODY.index("left_ankle"), 1]).mean() > 0.98
    left, right = (sights.places[:, BODY.index(f"{side}_shoulder"), 0] for side in ("left", "right"))
    assert 0.4 < (left > right).mean() < 0.6
    assert local[..., 2].min() > 0.39
    assert np.ptp(local[:, PELVIS, 2]) > 6


def test_batches_follow_from_the_seed_and_their_number_and_survive_a_worker() -> None:
    def lesson(seed: int) -> LiftLesson:
        return LiftLesson(LiftNet(21, 8), [(FilmedPoses(standing(20).astype(np.float32), BODY), 1.0)], [], seed=seed)

    batch = lesson(3).batch(5)
    assert [part.shape for part in batch] == [(1024, 21, 3), (1024, 21, 3), (1024, 21)]
    assert all(part.dtype == torch.float32 and part.isfinite().all() for part in batch)
    again = pickle.loads(pickle.dumps(lesson(3))).batch(5)
    for one, other in zip(batch, again, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(batch[0], lesson(3).batch(6)[0])
    assert not torch.equal(batch[0], lesson(4).batch(5)[0])
    fed, units, weights = batch
    assert not fed[fed[..., 2] == 0].any()
    assert units[..., PELVIS, 2].abs().max() == 0
    assert 0.99 < weights.mean() <= 1
    # Mostly, joints are found near where they are.
    off = (fed[..., :2] - units[..., :2])[fed[..., 2] > 0].norm(dim=-1)
    assert off.median() < 0.03


def test_sources_have_their_shares_of_every_batch() -> None:
    one = RecordedPoses(BODY, LENS_OF_VIEW, *recorded())
    inputs, joints, weights = recorded()
    other = RecordedPoses(BODY, LENS_OF_VIEW, inputs, joints, 0.5 * weights)
    lesson = LiftLesson(LiftNet(21, 8), [(one, 3.0), (other, 1.0)], [], batch=200)
    assert (lesson.batch(0)[2] == 1).all(dim=1).sum() == 150


def test_a_perfect_answer_scores_nothing_and_known_errors_their_size() -> None:
    views = [RecordedPoses(BODY, LENS_OF_VIEW, *recorded(seed=seed)) for seed in (0, 1)]
    for asked in (Exam.recorded(views[0]), Exam.filmed(standing(100), BODY)):
        assert max(marks(knowing(asked), [asked]).values()) < 0.1
        away = np.zeros((21, 3))
        away[BODY.index("left_wrist"), 2] = 0.05
        side = squares_around(asked.sights).side * asked.truth[:, PELVIS, 2] / np.mean(asked.lens.focal)
        error = marks(knowing(asked, away), [asked])
        # A joint that is deeper on the same ray is off across as well.
        assert error["mpjpe_mm"] == pytest.approx(1000 * 0.05 * side.mean() / 21, rel=0.1)
    both = [Exam.recorded(view) for view in views]
    torch.manual_seed(0)
    net = LiftNet(21, 8).eval()
    single = [marks(net, [one])["mpjpe_mm"] for one in both]
    assert marks(net, both)["mpjpe_mm"] == pytest.approx(np.mean(single))


def test_says_how_sure_a_network_is_and_whether_it_is_right() -> None:
    asked = Exam.filmed(standing(100), BODY)
    away = np.zeros((21, 3))
    away[3, 0] = 0.06
    sure, near = asked.sureness(knowing(asked, away))
    assert (sure == np.float32(0.7)).all()
    assert near.all(axis=0).tolist() == [joint != 3 for joint in range(21)]
    assert not near[:, 3].any()


def test_recordings_keep_only_what_can_be_learned_from() -> None:
    inputs, joints, weights = recorded(6)
    inputs[0, 4:, 2] = 0.1
    weights[1, PELVIS] = 0
    joints[2, :, 2] *= -1
    kept = RecordedPoses(BODY, LENS_OF_VIEW, inputs, joints, weights)
    np.testing.assert_array_equal(kept.truth, joints[3:])
    assert len(kept.sights) == 3
    with pytest.raises(InputError, match="nobody has enough joints"):
        RecordedPoses(BODY, LENS_OF_VIEW, inputs[:3], joints[:3], weights[:3])
    with pytest.raises(InputError, match="do not go together"):
        RecordedPoses(load_skeleton("coco17"), LENS_OF_VIEW, inputs, joints, weights)


def test_joints_of_poses_that_are_not_known_are_neither_seen_nor_taught() -> None:
    poses, weights = standing(6).astype(np.float32), np.ones((6, 21), np.float32)
    spine = BODY.index("spine")
    poses[:, spine], weights[:, spine], weights[3:, 5] = 99.0, 0.0, 0.5
    weights[0, PELVIS] = 0
    sights = FilmedPoses(poses, BODY, weights).draw(300, np.random.default_rng(0))
    # Whoever lacks the spine has it made of others, as the runtime would, but is not taught where it is.
    assert not sights.weight[:, spine].any()
    assert set(np.unique(sights.weight[:, 5])) == {np.float32(0.5), np.float32(1)}
    assert np.ptp(sights.places[..., :2], axis=1).max() < 5000
    whole = FilmedPoses(poses[1:, :spine], BODY.subset(BODY.joint_names[:spine]), weights[1:, :spine])
    assert whole.draw(5, np.random.default_rng(0)).weight.all()
    with pytest.raises(InputError, match="nobody has enough joints"):
        FilmedPoses(poses[:1], BODY, weights[:1])


def test_skeletons_without_a_pelvis_are_rooted_between_the_hips() -> None:
    coco = load_skeleton("coco17")
    order = [BODY.index(name) for name in coco.joint_names]
    inputs, joints, weights = (array[:, order] for array in recorded())
    view = RecordedPoses(coco, LENS_OF_VIEW, inputs, joints, weights)
    lesson = LiftLesson(LiftNet(17, 8), [(view, 1.0)], [Exam.recorded(view)], batch=64)
    hips = [coco.index("left_hip"), coco.index("right_hip")]
    assert lesson.batch(0)[1][:, hips, 2].mean(dim=1).abs().max() < 1e-5
    assert set(lesson.score(lesson.net.eval())) == {"mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm"}


def test_learns_depths_and_how_sure_it_is() -> None:
    torch.manual_seed(0)
    learned, held_out = (RecordedPoses(BODY, LENS_OF_VIEW, *recorded(1000, seed)) for seed in (0, 1))
    asked = Exam.recorded(held_out)
    lesson = LiftLesson(LiftNet(21, 64, 0.0), [(learned, 1.0)], [asked], batch=128)
    optimiser = torch.optim.Adam(lesson.net.parameters(), 4e-3)
    losses = []
    for step in range(150):
        loss = lesson.loss(lesson.net, lesson.batch(step))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(lesson.net.parameters(), 5.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    lesson.net.eval()
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    flat = squares_around(asked.sights).targets(asked.sights)[0] * [1, 1, 0]
    assert lesson.score(lesson.net)["mpjpe_mm"] < 0.6 * marks(Knowing(flat), [asked])["mpjpe_mm"]
    sure, near = asked.sureness(lesson.net)
    assert near[sure > np.median(sure)].mean() > near[sure < np.median(sure)].mean() + 0.05
    assert sure.mean() == pytest.approx(near.mean(), abs=0.1)
