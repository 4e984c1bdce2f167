"""ASPset-510 that cannot be used: one sentence that names the file and what to do, and never a crash."""

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
from numpy import ndarray

from epipose.cli import main
from epipose.datasets import Wanted
from epipose.datasets.aspset510 import PLUGIN
from epipose.errors import InputError
from tests.datasets import aspset510_miniature as mini
from tests.datasets.breaking import Damage, binary, cut, edited, emptied, refusal, video
from tests.datasets.test_h36m_fuzz import PLAIN, spoiled

CLIP = "04ac-0001"
JOINTS = f"trainval/joints_3d/04ac/{CLIP}.c3d"
CAMERAS = "trainval/cameras/04ac"
CAMERA = f"{CAMERAS}/04ac-mid.json"
VIDEO = f"trainval/videos/04ac/{CLIP}-mid.mkv"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "poses": lambda root: mini.write(root, (CLIP,)),
    "filmed": lambda root: mini.write(root, (CLIP,), videos=True),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {form: make(place / form) for form, make in MAKERS.items()}


def joints(change: Callable[[ndarray], ndarray] = lambda points: points, **how: object) -> Damage:
    return lambda file: mini.write_c3d(file, change(mini.given(CLIP)), **how)


def matrix(name: str, row: int, column: int, value: float) -> Damage:
    return edited(lambda table: table[name][row].__setitem__(column, value))


CASES: list[tuple[str, str, Damage, str]] = [
    ("poses", JOINTS, Path.unlink, r"holds no trainval/joints_3d/\*/\*.c3d or test/joints_3d/\*/\*.c3d of ASP"),
    ("poses", JOINTS, cut, "04ac-0001.c3d is not a usable C3D file: it ends before its last frame; get or export it"),
    ("poses", JOINTS, emptied, "04ac-0001.c3d is not a usable C3D file: it does not begin with a C3D header"),
    ("poses", JOINTS, binary, "04ac-0001.c3d is not a usable C3D file: it does not begin with a C3D header"),
    ("poses", JOINTS, joints(lambda p: p[:, :16], names=mini.JOINTS[:16]), "c3d has other joints .* than ASPset-510"),
    ("poses", JOINTS, joints(names=("x", *mini.JOINTS[1:])), r"c3d has other joints \(x, right_knee, .* than ASPset"),
    ("poses", JOINTS, joints(rate=25), "04ac-0001.c3d has 25 poses per second, ASPset-510 50; get it again"),
    ("poses", JOINTS, joints(unit="cm"), "04ac-0001.c3d has people whose trunks are .* m long; its joints or its unit"),
    ("poses", JOINTS, joints(lambda p: p * np.nan), "joints_3d/04ac holds no pose; get it from its source again"),
    ("poses", JOINTS, joints(lambda p: np.full_like(p, np.inf)), "04ac-0001.c3d has positions that are not finite"),
    ("poses", CAMERAS, shutil.rmtree, "there is no .*04ac-left.json or other camera; unpack the cameras again"),
    ("poses", CAMERA, cut, "04ac-mid.json is missing, cut short or damaged; get it from its source again"),
    ("poses", CAMERA, binary, "04ac-mid.json is missing, cut short or damaged; get it from its source again"),
    ("poses", CAMERA, edited(lambda table: table.pop("extrinsic_matrix")), "04ac-mid.json is not laid out as expected"),
    ("poses", CAMERA, matrix("extrinsic_matrix", 0, 0, 3.0), "04ac-mid.json is not laid out as expected"),
    ("poses", CAMERA, matrix("extrinsic_matrix", 0, 3, float("nan")), "04ac-mid.json is not laid out as expected"),
    ("poses", CAMERA, matrix("intrinsic_matrix", 0, 0, -1.0), "focal length .* which must be positive"),
    ("filmed", VIDEO, cut, "04ac-0001-mid.mkv (is not a video that can be read|shows . of 5 frames)"),
    ("filmed", VIDEO, emptied, "04ac-0001-mid.mkv is empty"),
    ("filmed", VIDEO, video(3, mini.SIZE, Fraction(50)), "04ac-0001-mid.mkv shows 3 of 5 frames; it was cut short"),
    ("filmed", VIDEO, video(5, mini.SIZE, Fraction(25)), "has 25 frames per second, ASPset-510 50; use the videos as"),
    ("filmed", VIDEO, video(5, (960, 540), Fraction(50)), "pictures of 960x540, its camera takes 3840x2160; use the"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{c[0]}-{Path(c[1]).name}-{i}" for i, c in enumerate(CASES)])
def test_one_sentence_says_what_is_wrong(
    case: int, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / name)
    said = refusal(capsys, "aspset510", root, tmp_path / "out")
    assert re.search(complaint, said), said


def test_a_wrong_root_or_subject_says_what_there_is(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no folder" in refusal(capsys, "aspset510", tmp_path / "nowhere", tmp_path / "out")
    said = refusal(capsys, "aspset510", whole["poses"] / "trainval", tmp_path / "out")
    assert "name the folder in which trainval and test lie with --root" in said
    said = refusal(capsys, "aspset510", whole["poses"], tmp_path / "out", "--subjects", "ffff")
    assert "holds nothing of subject ffff; it has 04ac" in said
    assert not (tmp_path / "out").exists()


def test_names_cannot_lead_elsewhere(whole: dict[str, Path], tmp_path: Path) -> None:
    root = shutil.copytree(whole["poses"], tmp_path / "root")
    good = root / JOINTS
    for name in ("..-0001", "04ac-00\n1", "04ac-", "04ac-1-2", "ffff-0001"):
        shutil.copy(good, good.with_name(f"{name}.c3d"))
    assert [recording.name for recording in PLUGIN.recordings(root, Wanted())[0]] == [CLIP]


def test_the_last_line_has_the_numbers_that_matter(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "aspset510", "--root", str(whole["filmed"]), "--out", str(tmp_path)]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line == f"wrote 1 of 1 captures into {tmp_path} (0 were there): 5 poses, 3 cameras"


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_camera_with_anything_in_it_is_read_or_refused(
    data: st.DataObject, whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(whole["poses"], tmp_path_factory.mktemp("spoiled") / "root")
    file = root / CAMERA
    file.write_text(json.dumps(spoiled(data, json.loads(file.read_text()), PLAIN)))
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            assert np.isfinite(recording.read().poses.positions).all()


@given(changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_damaged_joints_are_read_or_refused(
    changes: list[tuple[int, int]], whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(whole["poses"], tmp_path_factory.mktemp("spoiled") / "root")
    content = bytearray((root / JOINTS).read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (root / JOINTS).write_bytes(content)
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            assert np.isfinite(recording.read().poses.positions).all()
