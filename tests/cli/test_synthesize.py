"""`epipose synthesize`: what it says, what it writes, and how it refuses."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from epipose import studio
from epipose.cli import main
from epipose.cli.synthesize import Synthesize
from epipose.io.truth_files import read_truth
from epipose.io.videos import probe
from epipose.studio.motion.procedural import PROCEDURAL
from epipose.studio.rigs import RIGS
from epipose.studio.scene_furniture import OCCLUDERS

SMALL = ["--cameras", "2", "--size", "96", "64", "--seconds", "0.1", "--motion", "reach"]
Output = pytest.CaptureFixture[str]


def refusal(capsys: Output, out: Path, *arguments: str) -> str:
    """Run the command, which must refuse and write nothing, and return its sentence."""
    before = sorted(out.parent.rglob("*"))
    assert main(["synthesize", str(out), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("epipose: ")
    assert captured.err.count("\n") == 1
    assert sorted(out.parent.rglob("*")) == before
    return captured.err


def test_makes_a_capture_and_keeps_it(tmp_path: Path, capsys: Output) -> None:
    command = ["synthesize", str(tmp_path / "out"), *SMALL, "--frame-rate", "29.97", "--seed", "3", "--json"]
    assert main(command) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["made"]
    assert table["seed"] == read_truth(tmp_path / "out" / "truth").seed == 3
    assert {view["frames"] for view in table["views"].values()} == {3}
    assert probe(tmp_path / "out" / "videos" / "cam2.mp4").times[1] == pytest.approx(1001 / 30000)
    stature = table["people"][0]["stature_m"]
    assert main([*command[:-1]]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"kept {tmp_path / 'out'}: 2 views, 6 frames, ")
    assert f"1 person of {stature:.2f} m" in line
    assert "already holds something else" in refusal(capsys, tmp_path / "out", *SMALL, "--seed", "4")


def test_help_names_every_choice(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["synthesize", "--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert all(name in words for name in (*RIGS, *PROCEDURAL, *OCCLUDERS))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "0"], "0 s cannot be made"),
        (["--frame-rate", "0"], "a frame rate of 0"),
        (["--frame-rate", "fast"], "'fast' is no frame rate"),
        (["--frame-rate", "1/0"], "'1/0' is no frame rate"),
        (["--frame-rate", "1e400"], "a frame rate of 1e400 cannot be"),
        (["--rig", "dome"], "no rig 'dome'; choose from ring, human36m, phones"),
        (["--radius", "0.1"], "stands in somebody's way"),
        (["--people", "0"], "0 people"),
        (["--size", "641", "480"], "even"),
        (["--motion", "nowhere"], "no motion 'nowhere'"),
        (["--occluder", "cloud"], "no occluder 'cloud'"),
        (["--background", "nowhere"], "no folder nowhere of pictures"),
        (["--seed", "-1"], "seed of -1"),
    ],
)
def test_refuses_in_one_sentence(arguments: list[str], words: str, tmp_path: Path, capsys: Output) -> None:
    assert words in refusal(capsys, tmp_path / "out", *arguments)


def test_refuses_motion_that_is_none(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "motion"
    folder.mkdir()
    assert "holds no motion" in refusal(capsys, tmp_path / "out", "--motion", str(folder))
    (folder / "a.bvh").write_text("HIERARCHY\n")
    assert str(folder / "a.bvh") in refusal(capsys, tmp_path / "out", "--motion", str(folder))


def test_refuses_a_place_that_cannot_be_written(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refusal(capsys, tmp_path / "file", *SMALL)
    assert "could not write" in refusal(capsys, tmp_path / "file" / "out", *SMALL)


def test_refuses_the_folder_where_one_is(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "is where you are" in refusal(capsys, Path(), *SMALL)


def test_names_the_extra_that_is_missing(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "find_spec", lambda name: None if name == "warp" else object())
    assert "pip install 'epipose[studio]'" in refusal(capsys, tmp_path / "out", *SMALL)


@pytest.mark.parametrize(
    ("typed", "rate"),
    [
        ("25", Fraction(25)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        ("29.97002997003", Fraction(30000, 1001)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_takes_frame_rates_as_they_are_written(typed: str, rate: Fraction) -> None:
    options = Synthesize(out=Path("out"), frame_rate=typed).options()
    assert options.request.frame_rate == rate
    assert not options.request.mixed_rates
    assert Synthesize(out=Path("out"), frame_rate="mixed").options().request.mixed_rates
