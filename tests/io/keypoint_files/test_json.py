"""OpenPose's folders of frames and MMPose's single file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.keypoint_files import read_keypoints
from epipose.pose.conversion import convert
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton
from tests.io.keypoint_files.damage import assert_refused_or_read, damaged
from tests.recordings import balancing_keypoints


def person(joints: int, seed: int = 0) -> ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(2, 600, (joints, 2)), rng.uniform(0.1, 1, (joints, 1))], axis=1)


def write_frame(folder: Path, name: str, people: list[ndarray]) -> None:
    folder.mkdir(exist_ok=True)
    content = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": p.ravel().tolist()} for p in people]}
    (folder / name).write_text(json.dumps(content))


def read(path: Path, skeleton: str | None = None) -> Keypoints:
    return read_keypoints(path, frame_rate=25.0, image_size_wh=(640, 480), skeleton=skeleton)


def test_openpose_frames_are_ordered_by_number_and_people_padded(tmp_path: Path) -> None:
    for number, people in ((10, 2), (9, 0), (2, 1)):
        write_frame(
            tmp_path / "cam1", f"take2_{number}_keypoints.json", [person(25, number + i) for i in range(people)]
        )
    keypoints = read(tmp_path / "cam1")
    assert keypoints.skeleton.name == "body25"
    np.testing.assert_allclose(keypoints.times, [2 / 25, 9 / 25, 10 / 25])
    assert keypoints.score.any(axis=-1).tolist() == [[True, False], [False, False], [True, True]]
    np.testing.assert_allclose(keypoints.pixels[2, 1], person(25, 11)[:, :2], rtol=1e-6)


@pytest.mark.parametrize("name", ["coco17", "openpose18", "body25", "halpe26", "mediapipe33"])
def test_openpose_number_of_joints_tells_the_skeleton(tmp_path: Path, name: str) -> None:
    write_frame(tmp_path / "c", "000000000000_keypoints.json", [person(len(load_skeleton(name)))])
    assert read(tmp_path / "c").skeleton.name == name


def test_openpose_skeleton_can_be_named(tmp_path: Path) -> None:
    write_frame(tmp_path / "c", "0_keypoints.json", [person(17)])
    assert read(tmp_path / "c", "h36m17").skeleton.name == "h36m17"
    with pytest.raises(InputError, match=r"0_keypoints\.json has a person of 17 joints, but 'mpii16' has 16"):
        read(tmp_path / "c", "mpii16")


def test_openpose_unseen_joints_have_score_0_and_high_scores_are_limited(tmp_path: Path) -> None:
    found = person(25)
    found[3], found[4, 2], found[5, 0] = 0, 1.7, np.nan
    write_frame(tmp_path / "c", "0_keypoints.json", [found])
    keypoints = read(tmp_path / "c")
    assert keypoints.score[0, 0, 3:6].tolist() == [0, 1, 0]
    assert np.all(np.isfinite(keypoints.pixels))


def test_real_recording_survives_as_openpose(tmp_path: Path, shared: Path) -> None:
    keypoints = balancing_keypoints(shared)["cam02"]
    for number, (pixels, score) in enumerate(zip(keypoints.pixels, keypoints.score, strict=True)):
        write_frame(
            tmp_path / "c", f"cam02_{number:012}_keypoints.json", [np.append(pixels[0], score[0][:, None], axis=1)]
        )
    again = read_keypoints(tmp_path / "c", frame_rate=60.0, image_size_wh=(1080, 1920))
    np.testing.assert_array_equal(again.pixels, keypoints.pixels)
    np.testing.assert_array_equal(again.score, keypoints.score)
    np.testing.assert_allclose(again.times, keypoints.times)
    assert again.skeleton == keypoints.skeleton


@pytest.mark.parametrize("name", ["body25", "body25b"])
@pytest.mark.parametrize("view", ["cam01", "cam02", "cam03", "cam04"])
def test_openpose_tells_its_two_orders_of_25_joints_apart(tmp_path: Path, shared: Path, name: str, view: str) -> None:
    keypoints, _ = convert(balancing_keypoints(shared)[view], load_skeleton(name))
    for number in range(0, 100, 20):
        found = np.append(keypoints.pixels[number, 0], keypoints.score[number, 0][:, None], axis=1)
        write_frame(tmp_path / name, f"{number}.json", [found])
    assert read(tmp_path / name).skeleton.name == name


def test_wrong_openpose_folders_are_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "cam7"
    folder.mkdir()
    with pytest.raises(InputError, match=r"cam7 holds no JSON"):
        read(folder)
    write_frame(folder, "a_1_keypoints.json", [])
    with pytest.raises(InputError, match=r"nobody is seen in any frame of .*cam7"):
        read(folder)
    write_frame(folder, "a_1_keypoints.json", [person(25)[:, :3] / [1000, 1000, 1]])
    with pytest.raises(InputError, match=r"cam7 .*keypoint_scale"):
        read(folder)
    write_frame(folder, "a_1_keypoints.json", [person(25)])
    write_frame(folder, "a_2_keypoints.json", [person(25), person(18)])
    with pytest.raises(InputError, match=r"a_2_keypoints\.json has a person of 18 joints"):
        read(folder)
    write_frame(folder, "b_1_keypoints.json", [person(25)])
    with pytest.raises(InputError, match=r"[ab]_1_keypoints\.json"):
        read(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100000,
        '{"people": 3}',
        '{"people": [3]}',
        '{"people": [{"pose_keypoints_2d": "ab"}]}',
        '{"people": [{"pose_keypoints_2d": [1, 2]}]}',
        '{"people": [{"pose_keypoints_2d": [1, 2, [3]]}]}',
        '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}',
        f'{{"people": [{{"pose_keypoints_2d": [1, 2, {"9" * 400}]}}]}}',
    ],
)
def test_wrong_openpose_frames_are_refused_by_name(tmp_path: Path, text: str) -> None:
    write_frame(tmp_path / "c", "f_1_keypoints.json", [person(25)])
    (tmp_path / "c" / "f_2_keypoints.json").write_text(text)
    with pytest.raises(InputError, match=r"f_2_keypoints\.json"):
        read(tmp_path / "c")


def mmpose(people: list[list[ndarray]], first: int = 1, meta: dict[str, Any] | None = None) -> Any:
    entries = [
        {
            "frame_id": first + number,
            "instances": [
                {"keypoints": p[:, :2].tolist(), "keypoint_scores": p[:, 2].tolist(), "bbox": [[1, 2, 3, 4]]}
                for p in found
            ],
        }
        for number, found in enumerate(people)
    ]
    return entries if meta is None else {"meta_info": meta, "instance_info": entries}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_mmpose_demo_and_inferencer_start_with_the_video(tmp_path: Path) -> None:
    people = [[person(17)], [], [person(17, 1), person(17, 2)]]
    demo = read(write(tmp_path / "demo.json", mmpose(people, 1, {"dataset_name": "coco"})))
    inferencer = read(write(tmp_path / "inferencer.json", mmpose(people, 0)))
    assert demo.skeleton.name == inferencer.skeleton.name == "coco17"
    for keypoints in (demo, inferencer):
        np.testing.assert_allclose(keypoints.times, np.arange(3) / 25)
        np.testing.assert_allclose(keypoints.pixels[2, 1], people[2][1][:, :2], rtol=1e-6)
        assert keypoints.score.any(axis=-1).sum(axis=1).tolist() == [1, 0, 2]


def test_mmpose_names_decide_an_unknown_skeleton(tmp_path: Path) -> None:
    meta = {"dataset_name": "mine", "keypoint_id2name": {"0": "LShoulder", "1": "RShoulder", "2": "ball"}}
    keypoints = read(write(tmp_path / "a.json", mmpose([[person(3)]], 0, meta)))
    assert keypoints.skeleton.joint_names == ("left_shoulder", "right_shoulder", "ball")
    h36m = read(write(tmp_path / "b.json", mmpose([[person(17)]], 0, {"dataset_name": "h36m"})))
    assert h36m.skeleton.name == "h36m17"
    with pytest.raises(InputError, match=r"c\.json have 5 joints"):
        read(write(tmp_path / "c.json", mmpose([[person(5)]], 0)))


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        [3],
        {"instance_info": None},
        [{"frame_id": 0}],
        [{"frame_id": "a", "instances": []}],
        [{"frame_id": 0, "instances": [{"bbox": []}]}],
        [{"frame_id": 0, "instances": [{"keypoints": 3}]}],
        [{"frame_id": 0, "instances": [{"keypoints": [[1, 2]], "keypoint_scores": [1, 1]}]}],
        mmpose([[]]),
        mmpose([[person(17), person(16)]]),
        mmpose([[person(17)]]) * 2,
    ],
)
def test_wrong_mmpose_files_are_refused_by_name(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InputError, match=r"m\.json"):
        read(write(tmp_path / "m.json", content))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    found = person(17).round(1)
    if data.draw(st.booleans()):
        file = write(folder / "m.json", mmpose([[found]], 1, {"dataset_name": "coco"}))
        target = file
    else:
        write_frame(folder / "c", "1.json", [found])
        file, target = folder / "c" / "1.json", folder / "c"
    file.write_bytes(data.draw(damaged(file.read_bytes())))
    assert_refused_or_read(target)
