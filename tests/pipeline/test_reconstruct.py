"""The main path: everything is written, readable and true, the same again, and never half."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.exporters.csv import PLUGIN as CSV
from epipose.exporters.trc import PLUGIN as TRC
from epipose.io import files
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.pose_files import read_poses
from epipose.pipeline import reconstruct as stage
from epipose.pipeline.reconstruct import reconstruct
from epipose.report.contents import ReconstructionReport
from tests.pipeline.captures import CAMERAS, COCO, STATURE, Filming, contents, elsewhere, figure, make_capture, misfit

WRITTEN = {
    "cameras.toml",
    "poses/triangulated.npz",
    "poses/smooth.npz",
    "exports/smooth.csv",
    "exports/smooth.trc",
    "exports/smooth_person2.trc",
    "report.html",
    "report.json",
}
BYSTANDER = elsewhere(figure, shift=(-0.3, 2.6), turn=2.0, later=3.0)
BROUGHT = ("keypoints/", "lenses.toml", "given.toml")


def run(capture: Path) -> ReconstructionReport:
    return reconstruct(capture, intrinsics=str(capture / "lenses.toml"), height_m=STATURE)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person in four views, and somebody else beside in two of them."""
    views = {name: Filming(people=(1, 0) if name in ("cam1", "cam4") else (0,), seconds=5.0) for name in CAMERAS}
    return make_capture(tmp_path_factory.mktemp("reconstruct") / "walk", bodies=(figure, BYSTANDER), views=views)


@pytest.fixture(scope="module")
def slow_steps() -> dict[str, Any]:
    """What the slow steps of the first run found, for tests that only look at files."""
    return {}


def remembering(name: str, step: Callable[..., Any], found: dict[str, Any]) -> Callable[..., Any]:
    """Return the step, which also leaves what it finds in `found`."""

    def remembered(*given: Any, **options: Any) -> Any:
        found[name] = step(*given, **options)
        return found[name]

    return remembered


@pytest.fixture(scope="module")
def report(capture: Path, slow_steps: dict[str, Any]) -> ReconstructionReport:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("find_rig", "find_people"):
            patch.setattr(stage, name, remembering(name, getattr(stage, name), slow_steps))
        return run(capture)


@pytest.fixture
def brisk(
    capture: Path, report: ReconstructionReport, slow_steps: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The capture, done once already, whose cameras and people need not be found again."""
    assert report.views
    for name, found in slow_steps.items():
        monkeypatch.setattr(stage, name, lambda *_, found=found, **__: found)
    return capture


def written(capture: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(capture).items() if not name.startswith(BROUGHT)}


def test_everything_is_written_and_can_be_read(capture: Path, report: ReconstructionReport) -> None:
    assert set(written(capture)) == WRITTEN
    smooth = read_poses(capture / "poses" / "smooth.npz")
    np.testing.assert_array_equal(smooth.positions, report.poses.positions)
    for exporter, suffix in ((CSV, "csv"), (TRC, "trc")):
        back = exporter.read(capture / "exports" / f"smooth.{suffix}")
        assert len(back.times) == len(smooth.times)
    table = json.loads((capture / "report.json").read_text(encoding="utf-8"))
    assert {view["name"] for view in table["views"]} == set(CAMERAS)
    assert "cam3" in (capture / "report.html").read_text(encoding="utf-8")


def test_the_main_person_is_where_it_was(capture: Path, report: ReconstructionReport) -> None:
    off = misfit(read_cameras(capture / "cameras.toml").cameras)
    assert off.rotation_deg.max() < 0.5
    assert abs(off.scale - 1) < 0.05
    assert off.tilt_deg < 3
    assert abs(off.floor_m) < 0.05
    poses = report.poses
    truth = figure(poses.times)[:, [COCO.index(name) for name in poses.skeleton.joint_names]]
    height, true_height = poses.positions[:, 0, :, 2], truth[..., 2]
    assert np.quantile(np.abs(height - true_height)[poses.weight[:, 0] > 0], 0.95) < 0.08
    assert report.cameras_source == "people"
    assert "1.75" in report.scale_source


def test_running_again_gives_the_same(capture: Path, report: ReconstructionReport) -> None:
    before = written(capture)
    again = run(capture)
    after = written(capture)
    assert set(after) == set(before)
    for name in ("cameras.toml", "exports/smooth.csv", "exports/smooth.trc"):
        assert after[name] == before[name]
    np.testing.assert_array_equal(again.poses.positions, report.poses.positions)
    np.testing.assert_array_equal(again.poses.uncertainty, report.poses.uncertainty)


@pytest.mark.parametrize("writes", range(len(WRITTEN)))
def test_a_disk_that_is_full_leaves_nothing_half_written(
    brisk: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(brisk)
    done = []

    def full(_: int) -> None:
        done.append(1)
        if len(done) > writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match="free some space"):
        run(brisk)
    after = contents(brisk)
    assert set(after) == set(before)
    changed = {name for name in before if after[name] != before[name]}
    assert len(changed) <= writes
    read_poses(brisk / "poses" / "smooth.npz")
    read_cameras(brisk / "cameras.toml")
    json.loads(after["report.json"])


def test_an_interruption_leaves_nothing_half_written(brisk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(brisk)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(brisk)
    assert contents(brisk) == before


def test_cameras_of_the_user_are_kept_and_believed(tmp_path: Path) -> None:
    """Also where the calibration was of pictures of another size, which is noted at its view."""
    capture = make_capture(tmp_path / "walk")
    write_cameras(capture / "cameras.toml", {**CAMERAS, "cam2": CAMERAS["cam2"].resized((960, 540))})
    before = (capture / "cameras.toml").read_bytes()
    report = reconstruct(capture)
    assert report.cameras_source == report.focal_source == "given"
    assert report.scale_sigma is None
    assert (capture / "cameras.toml").read_bytes() == before
    assert not (capture / "cameras-estimated.toml").exists()
    poses = report.poses
    truth = figure(poses.times)[:, [COCO.index(name) for name in poses.skeleton.joint_names]]
    error = np.linalg.norm(poses.positions[:, 0] - truth, axis=-1)[poses.weight[:, 0] > 0]
    assert np.median(error) < 0.01
    notes = {view.name: " ".join(view.notes) for view in report.views}
    assert "960x540" in notes.pop("cam2")
    assert not any(notes.values())
    assert "960x540" in (capture / "report.html").read_text(encoding="utf-8")
