"""Every shipped skeleton is a sound tree whose names, pairs and order agree with what its makers publish."""

import pytest

from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names

SIZES = {
    "body21": 21,
    "body25": 25,
    "body25b": 25,
    "coco17": 17,
    "h36m17": 17,
    "halpe26": 26,
    "mediapipe33": 33,
    "mpi_inf_3dhp17": 17,
    "mpi_inf_3dhp28": 28,
    "mpii16": 16,
    "openpose18": 18,
    "panoptic19": 19,
    "smpl24": 24,
    "totalcapture21": 21,
}


@pytest.fixture(params=skeleton_names())
def skeleton(request: pytest.FixtureRequest) -> Skeleton:
    return load_skeleton(request.param)


def test_sizes_are_those_of_the_names() -> None:
    assert {name: len(load_skeleton(name)) for name in skeleton_names()} == SIZES


def test_mirror_undoes_itself_and_keeps_the_bones(skeleton: Skeleton) -> None:
    mirror = skeleton.mirror
    assert [mirror[j] for j in mirror] == list(range(len(skeleton)))
    mirrored = {(mirror[a], mirror[b]) for a, b in skeleton.bones}
    assert mirrored == set(skeleton.bones)


def test_every_joint_hangs_on_one_root(skeleton: Skeleton) -> None:
    parents = dict(zip(skeleton.joint_names, skeleton.parents, strict=True))
    assert list(parents.values()).count(None) == 1
    for joint in skeleton.joint_names:
        chain = [joint]
        while (parent := parents[chain[-1]]) is not None:
            assert parent not in chain
            chain.append(parent)


def test_names_and_pairs_agree_on_left_and_right(skeleton: Skeleton) -> None:
    for left, right in skeleton.pairs:
        assert "left" in left
        assert right == left.replace("left", "right")
    paired = {joint for pair in skeleton.pairs for joint in pair}
    sided = {joint for joint in skeleton.joint_names if "left" in joint or "right" in joint}
    assert paired == sided


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mpii16", {0: "right_ankle", 6: "pelvis", 7: "thorax", 9: "head_top", 13: "left_shoulder", 15: "left_wrist"}),
        (
            "halpe26",
            {5: "left_shoulder", 17: "head_top", 18: "neck", 19: "pelvis", 20: "left_big_toe", 25: "right_heel"},
        ),
        (
            "body25",
            {2: "right_shoulder", 8: "pelvis", 12: "left_hip", 15: "right_eye", 19: "left_big_toe", 24: "right_heel"},
        ),
        ("body25b", {6: "right_shoulder", 11: "left_hip", 17: "upper_neck", 18: "head_top", 24: "right_heel"}),
        ("openpose18", {4: "right_wrist", 8: "right_hip", 13: "left_ankle", 14: "right_eye", 17: "left_ear"}),
        ("panoptic19", {2: "pelvis", 3: "left_shoulder", 9: "right_shoulder", 15: "left_eye", 16: "left_ear"}),
        ("mpi_inf_3dhp28", {4: "pelvis", 7: "head_top", 11: "left_wrist", 18: "left_hip", 27: "right_toe"}),
        ("totalcapture21", {4: "spine_4", 6: "head", 8: "right_shoulder", 14: "left_wrist", 17: "right_ankle"}),
        ("smpl24", {1: "left_hip", 9: "spine_upper", 12: "neck", 15: "head", 21: "right_wrist", 23: "right_hand"}),
    ],
)
def test_order_is_the_published_one(name: str, known: dict[int, str]) -> None:
    names = load_skeleton(name).joint_names
    assert {index: names[index] for index in known} == known


def test_relevant_joints_of_3dhp_are_taken_from_its_28() -> None:
    relevant = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
    names = load_skeleton("mpi_inf_3dhp28").joint_names
    assert load_skeleton("mpi_inf_3dhp17").joint_names == tuple(names[j] for j in relevant)
