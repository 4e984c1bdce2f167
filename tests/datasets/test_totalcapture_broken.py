"""TotalCapture that cannot be used: one sentence that names the file and what to do, and never a crash."""

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
from epipose.datasets.totalcapture import PLUGIN
from epipose.errors import InputError
from tests.datasets import totalcapture_miniature as mini
from tests.datasets.breaking import Damage, binary, cut, emptied, refusal, text, video

TAKE = mini.TAKES[0]
POSES = "vicon/S1/acting1/gt_skel_gbl_pos.txt"
CALIBRATION = "calibration.cal"
VIDEO = "video/S1/acting1/TC_S1_acting1_cam3.mp4"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "poses": lambda root: mini.write(root, (TAKE,)),
    "filmed": lambda root: mini.write(root, (TAKE,), videos=True),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {form: make(place / form) for form, make in MAKERS.items()}


def joints(change: Callable[[ndarray], ndarray], names: tuple[str, ...] = mini.NAMES) -> Damage:
    return lambda file: mini.write_poses(file, change(mini.y_up(mini.truth(TAKE)) / 0.0254), names)


def line(number: int, words: str) -> Damage:
    def replace(file: Path) -> None:
        lines = file.read_text().splitlines()
        lines[number] = words
        file.write_text("\n".join(lines) + "\n")

    return replace


def cut_line(file: Path) -> None:
    file.write_text(file.read_text()[:-100])


def twice(file: Path) -> None:
    other = file.parents[3] / "s1" / "Acting1" / file.name
    other.parent.mkdir(parents=True)
    shutil.copy(file, other)


LAID_OUT = "is not laid out as expected; get it from its source again"
CASES: list[tuple[str, str, Damage, str]] = [
    ("poses", POSES, Path.unlink, "holds no S1/acting1/gt_skel_gbl_pos.txt or the like of TotalCapture, nor"),
    ("poses", POSES, emptied, "gbl_pos.txt does not begin with the names of the 21 joints of TotalCapture; unpack it"),
    ("poses", POSES, binary, "gt_skel_gbl_pos.txt is missing or no text; get it from its source again"),
    ("poses", POSES, cut_line, f"gt_skel_gbl_pos.txt {LAID_OUT}"),
    ("poses", POSES, text("Hips", "Hip"), "gbl_pos.txt does not begin with the names of the 21 joints"),
    ("poses", POSES, joints(lambda j: j[:, :17], mini.NAMES[:17]), "does not begin with the names of the 21 joints"),
    ("poses", POSES, joints(lambda j: j[:, :20]), f"gt_skel_gbl_pos.txt {LAID_OUT}"),
    ("poses", POSES, joints(lambda j: j[:0]), "gt_skel_gbl_pos.txt holds no pose"),
    ("poses", POSES, joints(lambda j: j * 25.4), "has people whose trunks are .* m long; its joints or its unit are"),
    ("poses", POSES, joints(lambda j: np.where(j == j[2, 3, 1], np.nan, j)), "has positions that are not finite"),
    ("poses", POSES, twice, "holds S1_acting1 twice, .* and .*gt_skel_gbl_pos.txt; take one away"),
    ("poses", CALIBRATION, Path.unlink, "there is no calibration.cal in .*, which tells where the cameras stood; put"),
    ("poses", CALIBRATION, cut, f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, emptied, f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, binary, "calibration.cal is missing or no text"),
    ("poses", CALIBRATION, line(0, "8 2"), f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, line(0, "9 1"), f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, line(0, "999999999999 1"), f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, line(2, "-1000 1000 960 540"), "focal length .* which must be positive"),
    ("poses", CALIBRATION, line(2, "1000 nan 960 540"), f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, line(4, "1 2 3"), f"calibration.cal {LAID_OUT}"),
    ("poses", CALIBRATION, line(7, "1 2 inf"), f"calibration.cal {LAID_OUT}"),
    ("filmed", VIDEO, cut, "cam3.mp4 is not a video that can be read, or it was cut short"),
    ("filmed", VIDEO, emptied, "cam3.mp4 is empty"),
    ("filmed", VIDEO, video(4, mini.SIZE, Fraction(60)), "cam3.mp4 shows 4 of 6 frames; it was cut short, so unpack"),
    ("filmed", VIDEO, video(6, mini.SIZE, Fraction(30)), "cam3.mp4 has 30 frames per second, TotalCapture 60; use the"),
    ("filmed", VIDEO, video(6, (960, 540), Fraction(60)), "pictures of 960x540, its camera takes 1920x1080; use the"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{c[0]}-{Path(c[1]).name}-{i}" for i, c in enumerate(CASES)])
def test_one_sentence_says_what_is_wrong(
    case: int, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / name)
    said = refusal(capsys, "totalcapture", root, tmp_path / "out")
    assert re.search(complaint, said), said


def test_a_wrong_root_or_subject_says_what_there_is(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no folder" in refusal(capsys, "totalcapture", tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    said = refusal(capsys, "totalcapture", tmp_path / "empty", tmp_path / "out")
    assert "name the folder in which its archives were unpacked with --root" in said
    said = refusal(capsys, "totalcapture", whole["poses"], tmp_path / "out", "--subjects", "S5")
    assert "holds nothing of subject S5; it has S1" in said
    assert not (tmp_path / "out").exists()


def test_names_cannot_lead_elsewhere(whole: dict[str, Path], tmp_path: Path) -> None:
    root = shutil.copytree(whole["poses"], tmp_path / "root")
    for place in ("S1/..1", "S1/acting\n1", "S1/acting", "S11/acting1", "someone/acting1"):
        (root / place).mkdir(parents=True)
        shutil.copy(root / POSES, root / place / "gt_skel_gbl_pos.txt")
    assert [recording.name for recording in PLUGIN.recordings(root, Wanted())[0]] == [TAKE.name]


def test_the_last_line_has_the_numbers_that_matter(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "totalcapture", "--root", str(whole["filmed"]), "--out", str(tmp_path)]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line == f"wrote 1 of 1 captures into {tmp_path} (0 were there): 6 poses, 3 cameras"


@pytest.mark.parametrize("name", [POSES, CALIBRATION])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_text_with_anything_in_it_is_read_or_refused(
    name: str, data: st.DataObject, whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(whole["poses"], tmp_path_factory.mktemp("spoiled") / "root")
    words = re.split(r"(\s)", (root / name).read_text())
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(["", "x", "nan", "1e400", "-1", "0", "\n", "Hips", "1 2 3", "é", "1e308"]))
    (root / name).write_text("".join(words))
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            assert np.isfinite(recording.read().poses.positions).all()
