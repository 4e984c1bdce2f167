"""Poses of a capture against its truth and against each other, whatever clocks and axes they are in."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import write_cameras
from epipose.io.pose_files import write_poses
from epipose.io.truth_files import Truth, write_truth
from epipose.pipeline.evaluate import evaluate, fit_structure_clusters
from epipose.pipeline.provenance import MADE_BY
from epipose.pose.conversion import convert_poses
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton
from tests.pipeline.captures import CAMERAS, elsewhere, figure, make_capture
from tests.truths import make_truth

LATE = {"cam2": 0.1, "cam4": 0.24}
BESIDE = elsewhere(figure, shift=(0.4, 1.2), turn=0.8, later=1.0)
EXACT_MM = 0.6
"""Cubic curves between frames that are 40 ms apart miss by less."""


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(bodies=(figure, BESIDE), late=LATE)


@pytest.fixture
def capture(truth: Truth, tmp_path: Path) -> Path:
    """A capture with its truth and the same poses on another common clock, as its cameras.toml says."""
    folder = make_capture(tmp_path / "walk")
    write_truth(folder / "truth", truth)
    add(folder, "smooth", truth.poses, 0.31)
    offsets = [LATE.get(name, 0.0) + 0.31 for name in CAMERAS]
    write_cameras(folder / "cameras.toml", CAMERAS, metadata={"made_by": MADE_BY, "time_offsets_s": offsets})
    return folder


def add(folder: Path, name: str, poses: Poses, clock_s: float = 0.0, motion: Rigid | None = None) -> None:
    """Write poses (in coco17) on a clock that shows so much more, moved."""
    poses, _ = convert_poses(poses, load_skeleton("coco17"))
    moved = (motion or Rigid.identity()).apply(poses.positions.astype(float)).astype(np.float32)
    write_poses(folder / "poses" / f"{name}.npz", replace(poses, positions=moved, times=poses.times + clock_s))


def error_mm(folder: Path, **settings: object) -> float:
    return 1000 * evaluate(folder, **settings).report.errors.mpjpe_m  # type: ignore[arg-type]


def test_the_truth_is_found_on_its_clock(capture: Path) -> None:
    report = evaluate(capture).report
    assert (report.people, report.true_people, report.found_share) == (2, 2, 1.0)
    assert 1000 * report.errors.mpjpe_m < EXACT_MM
    assert report.warnings == ()
    (capture / "cameras.toml").unlink()
    assert error_mm(capture) > 20


def test_the_last_stage_says_when_the_views_started(capture: Path, truth: Truth) -> None:
    views = [{"name": name, "time_offset_s": LATE.get(name, 0.0) - 0.2} for name in CAMERAS]
    (capture / "report.json").write_text(json.dumps({"views": views}))
    add(capture, "smooth", truth.poses, -0.2)
    assert error_mm(capture) < EXACT_MM
    os.utime(capture / "report.json", (0, 0))
    assert error_mm(capture) > 20
    (capture / "report.json").write_text("{")
    with pytest.raises(InputError, match=r"report\.json does not say when the views started"):
        evaluate(capture)


def test_poses_of_one_view_are_in_its_axes_and_on_its_clock(capture: Path, truth: Truth) -> None:
    add(capture, "seen", truth.poses, -LATE["cam4"], CAMERAS["cam4"].cam_from_world)
    assert error_mm(capture, poses="seen", view="cam4") < EXACT_MM
    assert error_mm(capture, poses="seen", view="cam2") > 100
    with pytest.raises(InputError, match="no view 'cam9'; choose from cam1, cam2, cam3, cam4"):
        evaluate(capture, poses="seen", view="cam9")


def test_the_same_against_other_poses_needs_cameras(capture: Path, truth: Truth) -> None:
    add(capture, "seen", truth.poses, -LATE["cam2"], CAMERAS["cam2"].cam_from_world)
    assert error_mm(capture, poses="seen", truth="smooth", view="cam2") < EXACT_MM
    given = str(capture / "given.toml")
    assert error_mm(capture, poses="seen", truth="smooth", view="cam2", cameras=given) < EXACT_MM
    (capture / "cameras.toml").unlink()
    with pytest.raises(InputError, match="epipose calibrate"):
        evaluate(capture, poses="seen", truth="smooth", view="cam2")


def test_a_world_of_its_own_is_noticed_and_turned_away(capture: Path, truth: Truth) -> None:
    single = replace(
        truth.poses,
        positions=truth.poses.positions[:, :1],
        uncertainty=truth.poses.uncertainty[:, :1],
        weight=truth.poses.weight[:, :1],
    )
    add(capture, "true", single)
    motion = Rigid.from_rotvec(np.array([0.0, 0.0, 1.0]), np.array([5.0, 0.0, 0.0]))
    add(capture, "turned", single, motion=motion)
    report = evaluate(capture, poses="turned", truth="true").report
    assert report.errors.mpjpe_m > 0.1
    assert "use --protocol own-axes" in report.warnings[0]
    own = evaluate(capture, poses="turned", truth="true", protocol="own-axes").report
    assert own.errors.mpjpe_m == pytest.approx(0, abs=1e-6)
    assert own.warnings == ()


def test_only_the_moments_asked_for_count(capture: Path, truth: Truth) -> None:
    spoiled = replace(truth.poses, positions=truth.poses.positions.copy())
    spoiled.positions[25:, :, 3:9] += np.float32(0.1)
    add(capture, "spoiled", spoiled, 0.31)
    assert error_mm(capture, poses="spoiled", between=(0.31, 1.29)) < EXACT_MM
    late = evaluate(capture, poses="spoiled", between=(1.32, 2.0)).report
    assert late.errors.mpjpe_m > 0.02
    assert late.compared_poses == 2 * 17
    with pytest.raises(InputError, match=r"no moment from 9 to 10 s; they last from 0\.31 to"):
        evaluate(capture, poses="spoiled", between=(9.0, 10.0))


def test_clusters_follow_from_the_poses_and_score_them(capture: Path, tmp_path: Path) -> None:
    files = [capture / "poses" / "smooth.npz", capture / "truth" / "poses" / "coco17.npz"]
    first = fit_structure_clusters(files, tmp_path / "a.npz", 20)
    assert first.hash == fit_structure_clusters(files, tmp_path / "b.npz", 20).hash
    assert first.hash != fit_structure_clusters(files[:1], tmp_path / "c.npz", 20).hash
    assert first.joint_names[-1] == "pelvis"
    structure = evaluate(capture, clusters=[tmp_path / "a.npz", tmp_path / "c.npz"]).report.structure
    assert [score.clusters for score in structure] == [20, 20]
    assert structure[0].hash == first.hash
    assert structure[0].score > 0.97
    with pytest.raises(InputError, match="1 clusters cannot"):
        fit_structure_clusters(files, tmp_path / "a.npz", 1)


def test_files_say_what_was_found(capture: Path) -> None:
    done = evaluate(capture, poses=str(capture / "poses" / "smooth.npz"), reference_compatible=True)
    assert [file.name for file in done.files] == ["smooth_against_truth.json", "smooth_against_truth.md"]
    table = json.loads(done.files[0].read_text(encoding="utf-8"))
    assert table["errors"]["mpjpe_mm"] == pytest.approx(1000 * done.report.errors.mpjpe_m, abs=1e-3)
    assert table["reference_compatible"]["poses"] == done.report.compared_poses == 180
    assert "| MPJPE (roots laid on each other)" in done.files[1].read_text(encoding="utf-8")
