"""Commands from end to end: what they print, what they write, how they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import epipose
from epipose import cli, exporters, plugins
from epipose.cli import main
from epipose.geometry.alignment import similarity
from epipose.io.camera_files import read_cameras
from epipose.io.pose_files import read_poses
from tests.sample import make_sample

COMMANDS = plugins.names(cli)
Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("commands") / "walk")


@pytest.fixture(scope="module")
def reconstructed(capture: Path) -> Path:
    """The sample after `epipose reconstruct`."""
    epipose.reconstruct(capture, intrinsics=str(capture / "lenses.toml"), height_m=1.75)
    return capture


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "epipose", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_commands_are_found() -> None:
    assert COMMANDS == [
        "calibrate",
        "convert",
        "demo",
        "detect",
        "evaluate",
        "export",
        "learn",
        "predict",
        "prepare",
        "reconstruct",
        "serve",
        "synthesize",
        "triangulate",
        "view",
    ]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_names_every_argument_and_its_unit(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    if not command:
        assert all(f"• {name}" in words for name in COMMANDS)
        return
    assert "--json" in words
    assert "None)" not in words, "a default that says nothing"
    fields = {"height_m": "--height METRES", "frame_rate": "--frame-rate PER-SECOND", "intrinsics": "--intrinsics FILE"}
    for field, shown in fields.items():
        assert (shown in words) == (field in plugins.load(cli, command).__dataclass_fields__)


def test_help_says_which_formats_and_detectors_there_are(capsys: Output) -> None:
    for command, names in (("export", plugins.names(exporters)), ("detect", ["builtin", "mediapipe", "rtmlib"])):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert ", ".join(names) in capsys.readouterr().out


def test_no_arguments_at_all_show_the_help(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "usage: epipose" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["detekt"], ["detect"], ["export", "a.npz", "trc", "--bogus"]])
def test_arguments_that_are_wrong_end_with_code_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_the_version_is_printed() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"epipose {epipose.__version__}\n")


def test_reconstruct_finds_the_truth_of_the_sample(reconstructed: Path) -> None:
    with np.load(reconstructed / "truth.npz") as truth:
        cameras = read_cameras(reconstructed / "cameras.toml").cameras
        assert list(cameras) == truth["views"].tolist()
        true_rotation = truth["cam_from_world"][:, :, :3]
        true_centre = -np.einsum("vji,vj->vi", true_rotation, truth["cam_from_world"][:, :, 3])
        centre = np.stack([camera.centre for camera in cameras.values()])
        scale, moved = similarity(centre, true_centre)
        assert abs(scale - 1) < 0.02
        assert np.linalg.norm(moved.apply(scale * centre) - true_centre, axis=-1).max() < 0.01
        poses = read_poses(reconstructed / "poses" / "smooth.npz")
        joints = [truth["joint_names"].tolist().index(name) for name in poses.skeleton.joint_names]
        found = moved.apply(scale * poses.positions[:, 0].astype(float))
        error = np.linalg.norm(found - truth["positions"][: len(found), joints], axis=-1)
        assert np.mean(error[poses.weight[:, 0] > 0]) < 0.006
    report = json.loads((reconstructed / "report.json").read_text())
    views = {view["name"]: view for view in report["views"]}
    assert views["cam2"]["swapped_runs"] == [[90, 129]]
    assert sum(view["swapped_frames"] for view in views.values()) == 40
    assert views["cam4"]["time_offset_s"] == pytest.approx(0.24, abs=0.004)
    assert (reconstructed / "report.html").stat().st_size > 1e6


def test_one_line_for_people_and_nothing_but_json_for_programs(reconstructed: Path, capsys: Output) -> None:
    assert main(["triangulate", str(reconstructed)]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert out.startswith(f"wrote {reconstructed / 'poses' / 'triangulated.npz'} and ")
    assert "1 person, 250 frames, joints known to" in out
    assert err == ""
    for command in (["triangulate", reconstructed], ["export", reconstructed / "poses" / "smooth.npz", "trc", "bvh"]):
        assert main([*map(str, command), "--json"]) == 0
        out, err = capsys.readouterr()
        summary = json.loads(out)
        assert summary["warnings"] == []
        assert err == ""
    assert [Path(file).name for file in summary["files"]] == ["smooth.trc", "smooth.bvh"]
    assert all(Path(file).is_file() for file in summary["files"])


def test_calibrate_says_how_sure_it_is(reconstructed: Path, tmp_path: Path, capsys: Output) -> None:
    folder = make_sample(tmp_path / "walk")
    assert main(["calibrate", str(folder), "--intrinsics", str(folder / "lenses.toml"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["file"] == str(folder / "cameras.toml")
    assert summary["scale_source"].startswith("an average adult")
    assert 0 < summary["centre_sigma_m"] < 0.01
    assert list(summary["views"]) == list(read_cameras(reconstructed / "cameras.toml").cameras)
    assert main(["calibrate", str(folder), "--cameras", str(reconstructed / "cameras.toml")]) == 0
    assert "4 cameras given and held" in capsys.readouterr().out


def test_an_interruption_ends_with_code_130(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plugins.load(cli, "detect"), "run", interrupted)
    assert main(["detect", "capture"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epipose: interrupted")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir(mode=0)
    done = run("detect", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
