import numpy as np

from epipose.studio.bodies import JOINTS, Body
from epipose.studio.poses import random_pose


def poses(body: Body, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rotations (count, bones, 3, 3) and shifts (count, 3)."""
    rng = np.random.default_rng(seed)
    drawn = [random_pose(body, rng) for _ in range(count)]
    return np.stack([turns for turns, _ in drawn]), np.stack([shift for _, shift in drawn])


def test_follow_from_the_seed(body: Body) -> None:
    for first, second in zip(poses(body, 5), poses(body, 5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_stand_on_the_floor_over_the_origin(body: Body) -> None:
    turns, shift = poses(body, 30)
    motions = body.motions(turns, shift)
    lowest = [body.skinned(motion)[:, 2].min() for motion in motions]
    assert -0.02 < min(lowest) < max(lowest) < 1e-9
    root = np.einsum("nij,j->ni", motions[:, 0], np.append(body.heads[0], 1.0))
    np.testing.assert_allclose(root[:, :2], 0.0, atol=1e-9)


def test_knees_and_elbows_bend_one_way(body: Body) -> None:
    turns, _ = poses(body, 200)
    for side in ("L", "R"):
        knee = turns[:, body.bones.index(f"lowerleg01.{side}")]
        bend = np.arctan2(knee[:, 2, 1], knee[:, 1, 1])
        assert bend.min() > -0.05
        assert 1.5 < bend.max() < 2.5
    joints = dict(zip(JOINTS, np.moveaxis(body.joints(body.motions(turns, np.zeros((200, 3)))), 1, 0), strict=True))
    for side in ("left", "right"):
        upper, fore = (
            joints[f"{side}_elbow"] - joints[f"{side}_shoulder"],
            joints[f"{side}_wrist"] - joints[f"{side}_elbow"],
        )
        cosine = np.sum(upper * fore, axis=1) / np.linalg.norm(upper, axis=1) / np.linalg.norm(fore, axis=1)
        assert np.degrees(np.arccos(cosine.min())) < 160


def test_are_of_many_kinds(body: Body) -> None:
    turns, shift = poses(body, 300)
    joints = dict(zip(JOINTS, np.moveaxis(body.joints(body.motions(turns, shift)), 1, 0), strict=True))
    wrist_up = joints["left_wrist"][:, 2] > joints["head_top"][:, 2]
    low = joints["pelvis"][:, 2] < 0.55
    upright = joints["head_top"][:, 2] > 0.9 * body.stature
    assert 0.04 < wrist_up.mean() < 0.4
    assert 0.08 < low.mean() < 0.45
    assert 0.3 < upright.mean() < 0.9
    heading = joints["left_hip"] - joints["right_hip"]
    assert np.abs(np.mean(np.exp(1j * np.arctan2(heading[:, 1], heading[:, 0])))) < 0.15
