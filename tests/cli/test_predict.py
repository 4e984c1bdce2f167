"""`epipose predict` as people type it: its last line, its JSON, and input that cannot be used."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.cli import main
from epipose.detectors import mediapipe
from tests.cli.test_bad_input import assert_one_sentence, contents
from tests.runtime.discs import LENS, DiscDetector, draw, person, write_disc_model, write_disc_video

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a video of two people of discs."""
    folder = tmp_path_factory.mktemp("files")
    write_disc_model(folder / "discs.onnx")
    write_disc_video(folder / "walk.mkv", [[person((-0.8, 0, 4)), person((0.8, 0, 4))]] * 4)
    return folder


@pytest.fixture(autouse=True)
def discs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediapipe, "PLUGIN", DiscDetector())


def predict(files: Path, source: object, *more: object, model: str = "") -> int:
    chosen = model or files / "discs.onnx"
    return main(["predict", *map(str, (source, "--model", chosen, "--detector", "mediapipe", *more))])


def test_the_last_line_says_what_was_seen_how_large_and_how_fast(files: Path, tmp_path: Path, capsys: Output) -> None:
    assert predict(files, files / "walk.mkv", "--out", tmp_path / "seen", "--format", "csv", "trc") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(
        f"wrote {tmp_path / 'seen'}: 2 people at a time in 4 of 4 frames; metres from each person's root"
    )
    assert "where people stand takes a lens" in out
    assert "size from an average adult's height of 1.69 m" in out
    assert out.rstrip().endswith("frames/s")
    assert {file.name for file in (tmp_path / "seen").iterdir()} == {
        "poses.npz", "poses.csv", "poses.trc", "poses_person2.trc", "overlay.mp4", "prediction.json",
    }  # fmt: skip


def test_an_animation_on_request(files: Path, tmp_path: Path, capsys: Output) -> None:
    assert predict(files, files / "walk.mkv", "--out", tmp_path, "--animation", "--no-overlay", "--json") == 0
    table = json.loads(capsys.readouterr().out)
    assert sorted(Path(file).name for file in table["files"]) == ["overlay.webp", "poses.npz", "prediction.json"]


def test_the_same_for_programs(files: Path, tmp_path: Path, capsys: Output) -> None:
    assert (
        predict(files, files / "walk.mkv", "--out", tmp_path / "seen", "--no-overlay", "--json", "--height", 1.8) == 0
    )
    table = json.loads(capsys.readouterr().out)
    assert table["measure"] == "relative metres"
    assert "1.80 m" in table["meaning"]
    assert (table["frames"], table["frames_with_people"], table["most_people"]) == (4, 4, 2)
    assert sorted(Path(file).name for file in table["files"]) == ["poses.npz", "prediction.json"]
    assert table["frames_per_second"] > 0
    assert table["warnings"] == []


def test_nobody_is_a_warning(files: Path, tmp_path: Path, capsys: Output) -> None:
    empty = write_disc_video(tmp_path / "empty.mkv", [[]] * 3)
    assert predict(files, empty, "--format", "csv") == 0
    out, err = capsys.readouterr()
    assert err == f"warning: nobody was found in {empty}\n"
    assert "0 people in 0 of 3 frames" in out


def refusal(capsys: Output, folder: Path, files: Path, source: object, *more: object, model: str = "") -> str:
    before = contents(folder)
    assert predict(files, source, *more, model=model) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert_one_sentence(err)
    assert contents(folder) == before
    return err


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".mp4", ".mkv"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_damaged_pictures_and_videos(suffix: str, damage: str, files: Path, tmp_path: Path, capsys: Output) -> None:
    whole = (files / "walk.mkv").read_bytes()
    if suffix in (".jpg", ".png"):
        whole = cv2.imencode(suffix, draw([person((0, 0, 4))], LENS))[1].tobytes()
    content = {"empty": b"", "cut": whole[: len(whole) // 4], "text": b"Not a picture.\n" * 40}[damage]
    if suffix == ".mkv" and damage == "cut":
        content = whole[:400]
    file = tmp_path / f"shot{suffix}"
    file.write_bytes(content)
    assert f"shot{suffix}" in refusal(capsys, tmp_path, files, file)


def test_sources_that_are_not_there(files: Path, tmp_path: Path, capsys: Output) -> None:
    assert "nowhere.mp4" in refusal(capsys, tmp_path, files, tmp_path / "nowhere.mp4")
    assert "holds no pictures; name a folder" in refusal(capsys, tmp_path, files, tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "cam1.mp4").write_bytes(b"")
    assert "cam1.mp4" in refusal(capsys, tmp_path, files, tmp_path)
    assert "no camera 97" in refusal(capsys, tmp_path, files, 97)


def test_models_that_are_not_there_or_none(files: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "mine.onnx").write_bytes(b"")
    shot = tmp_path / "shot.png"
    cv2.imwrite(str(shot), np.zeros((8, 8, 3), np.uint8))
    said = refusal(capsys, tmp_path, files, shot, model="yours")
    assert "no model 'yours'" in said
    assert "mine" in said
    assert "is no ONNX file" in refusal(capsys, tmp_path, files, shot, model="mine")
    assert "shot.png is no ONNX file" in refusal(capsys, tmp_path, files, shot, model=str(shot))


def test_options_that_cannot_be(files: Path, tmp_path: Path, capsys: Output) -> None:
    video = files / "walk.mkv"
    for height in ("-1.7", "170", "nan"):
        assert f"{float(height)} m cannot be" in refusal(capsys, files, files, video, "--height", height)
    assert "bvh" in refusal(capsys, files, files, video, "--format", "fbx")
    assert "frame rate of 0.0" in refusal(capsys, files, files, files, "--frame-rate", 0)
    assert "'sight'" in refusal(capsys, files, files, video, "--detector", "sight")
    (tmp_path / "calib.toml").write_text("Not cameras.")
    assert "calib.toml" in refusal(capsys, files, files, video, "--cameras", tmp_path / "calib.toml")
    assert "none.toml" in refusal(capsys, files, files, video, "--intrinsics", tmp_path / "none.toml")
