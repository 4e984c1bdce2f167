"""Keypoints and poses refuse what does not fit together, in one sentence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.skeletons import Skeleton

SKELETON = Skeleton("three", ("hip", "left_knee", "right_knee"), (None, "hip", "hip"), (("left_knee", "right_knee"),))
SHAPE = (4, 2, 3)
KEYPOINT_PARTS = ("pixels", "score", "times")
POSE_PARTS = ("positions", "uncertainty", "weight", "times")


def _keypoint_parts() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "pixels": rng.normal(size=(*SHAPE, 2)).astype(np.float32),
        "score": np.ones(SHAPE, np.float32),
        "times": np.arange(4) / 29.97,
        "skeleton": SKELETON,
        "image_size_wh": (1920, 1080),
    }


def _pose_parts() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "positions": rng.normal(size=(*SHAPE, 3)).astype(np.float32),
        "uncertainty": np.ones(SHAPE, np.float32),
        "weight": np.ones(SHAPE, np.float32),
        "times": np.arange(4) / 29.97,
        "skeleton": SKELETON,
    }


def _make(kind: str, parts: dict[str, Any]) -> Keypoints | Poses:
    return Keypoints(**parts) if kind == "keypoints" else Poses(**parts)


def _parts(kind: str) -> dict[str, Any]:
    return _keypoint_parts() if kind == "keypoints" else _pose_parts()


CASES = [("keypoints", part) for part in KEYPOINT_PARTS] + [("poses", part) for part in POSE_PARTS]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CASES), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_one_number_that_is_not_finite_is_refused(case: tuple[str, str], bad: float, data: st.DataObject) -> None:
    kind, part = case
    parts = _parts(kind)
    place = data.draw(st.integers(0, parts[part].size - 1))
    parts[part].flat[place] = bad
    with pytest.raises(InputError, match=f"{kind} hold numbers that are not finite; a missing joint has"):
        _make(kind, parts)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["keypoints", "poses"]), st.integers(1, 3), st.floats(0, 10))
def test_times_that_stand_still_or_fall_are_refused(kind: str, frame: int, fall: float) -> None:
    parts = _parts(kind)
    parts["times"][frame] = parts["times"][frame - 1] - fall
    with pytest.raises(InputError, match=f"the times of {kind} do not rise"):
        _make(kind, parts)


@pytest.mark.parametrize(("kind", "part"), [("keypoints", "pixels"), ("poses", "positions")])
@pytest.mark.parametrize("joints", [0, 2, 4])
def test_another_number_of_joints_than_the_skeletons_is_refused(kind: str, part: str, joints: int) -> None:
    parts = _parts(kind)
    for name in set(parts) - {"times", "skeleton", "image_size_wh"}:
        parts[name] = np.zeros((4, 2, joints, *parts[name].shape[3:]), np.float32)
    with pytest.raises(InputError, match=r"do not fit skeleton 'three' of 3 joints") as refusal:
        _make(kind, parts)
    assert str(parts[part].shape) in str(refusal.value)


@pytest.mark.parametrize("shape", [(0, 2, 3), (1, 1, 3), (4, 0, 3)])
def test_no_people_and_no_frames_are_fine(shape: tuple[int, int, int]) -> None:
    times = np.arange(shape[0], dtype=float)
    keypoints = Keypoints(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32), times, SKELETON, (640, 480))
    assert keypoints.score.shape == shape


def test_joints_are_selected_by_name() -> None:
    keypoints = Keypoints(**_keypoint_parts())
    chosen = keypoints.select(("right_knee", "hip"))
    np.testing.assert_array_equal(chosen.pixels, keypoints.pixels[:, :, [2, 0]])
    assert chosen.skeleton.joint_names == ("right_knee", "hip")
    assert chosen.skeleton.parents == ("hip", None)
    assert chosen.skeleton.pairs == ()
    with pytest.raises(InputError, match="no joint 'nose'"):
        keypoints.select(("nose",))


@pytest.mark.parametrize("rate", [24.0, 29.97, 30000 / 1001, 240.0])
def test_the_frame_rate_is_exact_and_ignores_a_gap(rate: float) -> None:
    parts = _pose_parts()
    parts["times"] = np.array([0, 1, 2, 9]) / rate
    assert Poses(**parts).frame_rate == pytest.approx(rate, rel=1e-12)


def test_one_frame_has_no_frame_rate() -> None:
    one = {k: v[:1] if isinstance(v, np.ndarray) else v for k, v in _pose_parts().items()}
    with pytest.raises(InputError, match="no frame rate"):
        _ = Poses(**one).frame_rate


NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(NAMES, st.lists(st.sampled_from([None, *"abcdefg"]), max_size=6), st.lists(st.tuples(NAMES, NAMES), max_size=2))
def test_a_skeleton_is_refused_or_consistent(names: list[str], parents: list[str | None], pairs: list[Any]) -> None:
    couples = tuple((a[0], b[0]) for a, b in pairs)
    strangers = {*parents, *(name for couple in couples for name in couple)} - {None, *names}
    if len(parents) != len(names) or len(set(names)) != len(names) or strangers:
        with pytest.raises(InputError, match="skeleton 'made'"):
            Skeleton("made", tuple(names), tuple(parents), couples)
        return
    ancestors: set[str | None] = set(names)
    for _ in names:
        ancestors = {parents[names.index(name)] for name in ancestors if name is not None}
    if ancestors - {None}:
        with pytest.raises(InputError, match="run in a circle"):
            Skeleton("made", tuple(names), tuple(parents), couples)
        return
    skeleton = Skeleton("made", tuple(names), tuple(parents), couples)
    assert len(skeleton) == len(set(names)) == len(parents)
    assert sorted(child for _, child in skeleton.bones) == [j for j, p in enumerate(parents) if p is not None]
    assert all(0 <= joint < len(skeleton) for joint in skeleton.mirror)


def test_a_subset_hangs_on_the_nearest_kept_ancestor_and_mirrors_itself() -> None:
    chain = Skeleton("chain", ("a", "b", "c", "d"), (None, "a", "b", "c"), (("b", "c"),))
    assert chain.subset(("d", "a")).parents == ("a", None)
    assert chain.subset(("c", "b")).mirror == (1, 0)
    mirror = np.array(chain.mirror)
    np.testing.assert_array_equal(mirror[mirror], np.arange(4))
