"""The demo: it compares with the truth but never reads it, is quick to repeat, and leaves other folders alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose import samples
from epipose.cli import main
from epipose.errors import InputError
from epipose.io.truth_files import read_truth, write_truth
from epipose.pipeline import demo as stage
from epipose.pipeline.demo import MARK, SAMPLE, demo
from epipose.report.contents import ReconstructionReport
from tests.pipeline.captures import Filming, contents, make_capture
from tests.truths import CAMERAS, make_truth

DETECTOR = "made"
"""The folder of keypoints that stands for a detector's, so that no video is needed."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one sample: keypoints of the stick figure, and its truth."""
    root = tmp_path_factory.mktemp("samples")
    folder = make_capture(root / SAMPLE, views=dict.fromkeys(CAMERAS, Filming(seconds=5.0)))
    for lenses in folder.glob("*.toml"):
        lenses.unlink()
    write_truth(folder / "truth", make_truth(seconds=5.0))
    return root


@pytest.fixture(autouse=True)
def sample(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(samples, "_root", lambda: made)
    return made / SAMPLE


@pytest.fixture(scope="module")
def done(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReconstructionReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "_root", lambda: made)
        folder = tmp_path_factory.mktemp("demo") / "epipose-demo"
        return folder, demo(folder, detector=DETECTOR)


def test_the_sample_is_copied_whole(done: tuple[Path, ReconstructionReport], sample: Path) -> None:
    there = contents(done[0])
    assert contents(sample).items() <= there.items()
    assert {"report.html", "report.json", "cameras.toml", "poses/smooth.npz", MARK} <= set(there)


def test_the_errors_against_the_truth_are_in_the_report(done: tuple[Path, ReconstructionReport]) -> None:
    folder, report = done
    assert report.truth is not None
    table = json.loads((folder / "report.json").read_text(encoding="utf-8"))["truth"]
    assert table["all_joints"]["error_mean_m"] == pytest.approx(report.truth.all_joints.error_m, abs=1e-5)
    assert "Against the truth" in (folder / "report.html").read_text(encoding="utf-8")
    assert np.rad2deg(report.truth.rotation_rad) < 2
    assert report.truth.all_joints.error_m < 0.04


def test_nothing_but_the_stature_is_taken_from_the_truth(
    done: tuple[Path, ReconstructionReport], sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With cameras, joints and clocks of the truth changed, the same is found."""
    _, report = done
    assert report.cameras_source == "people"
    assert report.focal_source == "shared"
    shutil.copytree(sample, tmp_path / "changed" / SAMPLE)
    other = make_truth(seconds=5.0, late={"cam1": 0.3})
    exchanged = dict(zip(other.cameras, reversed(other.cameras.values()), strict=True))
    shutil.rmtree(tmp_path / "changed" / SAMPLE / "truth")
    write_truth(
        tmp_path / "changed" / SAMPLE / "truth",
        replace(other, cameras=exchanged, seed=1, rig="another"),
    )
    monkeypatch.setattr(samples, "_root", lambda: tmp_path / "changed")
    again = demo(tmp_path / "epipose-demo", detector=DETECTOR)
    np.testing.assert_array_equal(again.poses.positions, report.poses.positions)


def test_a_demo_folder_is_used_again(
    done: tuple[Path, ReconstructionReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the sample that are the same keep their time of change, and views of an older sample go."""
    folder = shutil.copytree(done[0], tmp_path / "demo")
    stale = folder / "truth" / "views" / "old.npz"
    stale.write_bytes(b"old")
    kept = folder / "truth" / "views" / "cam1.npz"
    before = kept.stat().st_mtime_ns
    (folder / "truth" / "scene.json").write_text("{}")
    monkeypatch.setattr(stage, "reconstruct", lambda *_, **__: done[1])
    demo(folder, detector=DETECTOR)
    assert not stale.exists()
    assert kept.stat().st_mtime_ns == before
    assert read_truth(folder / "truth").seed == 7


@pytest.mark.parametrize("content", [None, "my notes", "\ud800"])
def test_other_folders_are_left_alone(tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ("film.mp4" if content is None else MARK)).write_bytes(
        (content or "").encode(errors="surrogatepass")
    )
    before = contents(tmp_path)
    assert main(["demo", str(tmp_path / "mine")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "not made by epipose demo" in err
    assert contents(tmp_path) == before
    with pytest.raises(InputError, match="is a file"):
        demo(next((tmp_path / "mine").iterdir()))


def test_the_command_prints_a_table_in_words_or_json(
    done: tuple[Path, ReconstructionReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stage, "demo", lambda *_, **__: done[1])
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["How", "far", "off", "Error", "What", "epipose", "said", "(1", "sigma)"]
    assert any(line.startswith("Joints, in epipose's own metres") and line.endswith(" mm") for line in lines)
    assert lines[-1].endswith(f"open the report: {Path('epipose-demo') / 'report.html'}")
    assert main(["demo", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["truth"]["all_joints"]["compared"] > 1000
