"""Panoptic Studio that cannot be used: one sentence that names the file and what to do, and never a crash."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.cli import main
from epipose.datasets import Wanted
from epipose.datasets.panoptic import PLUGIN
from epipose.errors import InputError
from tests.datasets import panoptic_miniature as mini
from tests.datasets.breaking import Damage, binary, cut, edited, emptied, refusal, text, video
from tests.datasets.test_h36m_fuzz import PLAIN, spoiled

SEQUENCE = mini.SEQUENCES[1]
CALIBRATION = f"calibration_{SEQUENCE}.json"
POSES = "hdPose3d_stage1_coco19"
SCENE = f"{POSES}/body3DScene_00000004.json"
VIDEO = "hdVideos/hd_00_12.mp4"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "poses": lambda root: mini.write(root, (SEQUENCE,)),
    "filmed": lambda root: mini.write(root, (SEQUENCE,), videos=True),
    "pictured": lambda root: mini.write(root, (SEQUENCE,), pictures=True),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {form: make(place / form) for form, make in MAKERS.items()}


def first_camera(**changes: object) -> Damage:
    return edited(lambda table: table["cameras"][1].update(changes))


def first_body(**changes: object) -> Damage:
    return edited(lambda table: table["bodies"][0].update(changes))


def renamed(name: str) -> Damage:
    return lambda file: file.rename(file.with_name(name))


def in_metres(folder: Path) -> None:
    for file in folder.glob("*.json"):
        table = json.loads(file.read_text())
        for body in table["bodies"]:
            body["joints19"] = [
                value if index % 4 == 3 else value / 100 for index, value in enumerate(body["joints19"])
            ]
        file.write_text(json.dumps(table))


def no_bodies(folder: Path) -> None:
    for file in folder.glob("*.json"):
        file.write_text(json.dumps({"version": 0.7, "bodies": []}))


def early_pictures(folder: Path) -> None:
    for file in folder.iterdir():
        if file.stem > "00_12_00000002":
            file.unlink()


CASES: list[tuple[str, str, Damage, str]] = [
    ("poses", CALIBRATION, Path.unlink, "holds no sequence of Panoptic Studio such as 171204_pose1/calibration_1712"),
    ("poses", CALIBRATION, cut, "pose1_sample.json is missing, cut short or damaged; get it from its source again"),
    ("poses", CALIBRATION, binary, "pose1_sample.json is missing, cut short or damaged; get it from its source again"),
    ("poses", CALIBRATION, text('"hd"', '"vga"'), "pose1_sample.json knows no HD camera"),
    ("poses", CALIBRATION, first_camera(name="../../00_00"), "pose1_sample.json is not laid out as expected"),
    ("poses", CALIBRATION, first_camera(R=np.ones((3, 3)).tolist()), "is not laid out as expected"),
    ("poses", CALIBRATION, first_camera(R=(-np.eye(3)).tolist()), "is not laid out as expected"),
    ("poses", CALIBRATION, first_camera(t=[1, 2]), "is not laid out as expected"),
    ("poses", CALIBRATION, first_camera(t=[[1], [2], [float("nan")]]), "is not laid out as expected"),
    ("poses", CALIBRATION, first_camera(distCoef=[0.1, 0.2]), "lens takes 4 or 5 or 8 distortion coefficients, not 2"),
    ("poses", CALIBRATION, first_camera(K=[[1, 0, 0], [0, float("inf"), 0], [0, 0, 1]]), "is not laid out as expected"),
    ("poses", POSES, shutil.rmtree, "there is no .*body3DScene_00000000.json or the like; unpack hdPose3d_stage1_coco"),
    ("poses", POSES, no_bodies, "hdPose3d_stage1_coco19 holds no pose"),
    ("poses", POSES, in_metres, "has people whose trunks are 0.00.* m long; its joints or its unit are not"),
    ("poses", SCENE, cut, "body3DScene_00000004.json is missing, cut short or damaged"),
    ("poses", SCENE, emptied, "body3DScene_00000004.json is missing, cut short or damaged"),
    ("poses", SCENE, edited(lambda table: table.pop("bodies")), "04.json is not laid out as expected"),
    ("poses", SCENE, first_body(joints19=[0.0] * 60), "body3DScene_00000004.json has 15 joints for a person, not 19"),
    ("poses", SCENE, first_body(joints19=[float("nan")] * 3 + [0.5] * 73), "04.json has positions that are not finite"),
    ("poses", SCENE, first_body(id="../x"), "04.json is not laid out as expected"),
    (
        "poses",
        SCENE,
        edited(lambda table: table["bodies"].append(table["bodies"][0])),
        "body3DScene_00000004.json has person 0 twice",
    ),
    ("poses", SCENE, renamed("body3DScene_99999999.json"), "has poses of frame 99999999, but few of those before"),
    ("filmed", VIDEO, cut, "hd_00_12.mp4 is not a video that can be read, or it was cut short"),
    ("filmed", VIDEO, emptied, "hd_00_12.mp4 is empty"),
    ("filmed", VIDEO, video(4, mini.SIZE, mini.RATE), "hd_00_12.mp4 shows 4 of 9 frames; it was cut short, so unpack"),
    ("filmed", VIDEO, video(9, mini.SIZE, Fraction(25)), "has 25 frames per second, Panoptic Studio 29.97; use"),
    ("filmed", VIDEO, video(9, (960, 540), mini.RATE), "shows pictures of 960x540, its camera takes 1920x1080; use"),
    ("pictured", "hdImgs/00_12", early_pictures, "hdImgs has no moment with a pose"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{c[0]}-{Path(c[1]).name}-{i}" for i, c in enumerate(CASES)])
def test_one_sentence_says_what_is_wrong(
    case: int, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / SEQUENCE / name)
    said = refusal(capsys, "panoptic", root, tmp_path / "out")
    assert re.search(complaint, said), said


def test_a_wrong_root_says_what_it_should_hold(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no folder" in refusal(capsys, "panoptic", tmp_path / "nowhere", tmp_path / "out")
    said = refusal(capsys, "panoptic", whole["poses"] / SEQUENCE, tmp_path / "out")
    assert "name the folder in which the sequences lie with --root" in said
    assert not (tmp_path / "out").exists()


def test_names_that_are_no_sequence_are_not_read(whole: dict[str, Path], tmp_path: Path) -> None:
    root = shutil.copytree(whole["poses"], tmp_path / "root")
    for name in ("..171204_pose1", "171204_pose1\n2", "notes"):
        (root / name).mkdir()
        (root / name / f"calibration_{name}.json").write_text("{}")
    assert [recording.name for recording in PLUGIN.recordings(root, Wanted())[0]] == [SEQUENCE]


def test_the_last_line_has_the_numbers_that_matter(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "panoptic", "--root", str(whole["filmed"]), "--out", str(tmp_path)]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line == f"wrote 1 of 1 captures into {tmp_path} (0 were there): 9 poses, 2 cameras"


@pytest.mark.parametrize("name", [CALIBRATION, SCENE])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_what_nobody_expects_is_read_or_refused(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = mini.write(tmp_path_factory.mktemp("spoiled"), (SEQUENCE,))
    file = root / SEQUENCE / name
    file.write_text(json.dumps(spoiled(data, json.loads(file.read_text()), PLAIN)))
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            assert np.isfinite(recording.read().poses.positions).all()
