"""Laws of the comparison with the truth: it sees exactly the errors that were put in, whatever the world and clock."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, Truth, write_truth
from epipose.pipeline.against_truth import compare_with_truth
from epipose.pipeline.reconstruct import reconstruct
from epipose.pose.conversion import convert_poses
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton
from epipose.report.contents import ReconstructionReport
from epipose.report.truth import TruthReport
from tests.pipeline.captures import CAMERAS, STATURE, Filming, elsewhere, figure, make_capture, misfit
from tests.report import sample
from tests.truths import make_truth

LATE = {"cam2": 0.1, "cam4": 0.24}
BESIDE = elsewhere(figure, shift=(0.4, 1.2), turn=0.8, later=1.0)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(bodies=(figure, BESIDE), late=LATE)


@pytest.fixture
def capture(truth: Truth, tmp_path: Path) -> Path:
    write_truth(tmp_path / "truth", truth)
    return tmp_path


def exact(truth: Truth) -> ReconstructionReport:
    """Return the reconstruction that says nothing but the truth (in coco17), with 10 mm of uncertainty."""
    poses, _ = convert_poses(truth.poses, load_skeleton("coco17"))
    return around(truth, replace(poses, uncertainty=np.full_like(poses.uncertainty, 0.01)))


def around(truth: Truth, poses: Poses) -> ReconstructionReport:
    views = tuple(
        replace(sample.view_report(name, 0), camera=camera, time_offset_s=truth.views[name].time_offset_s)
        for name, camera in truth.cameras.items()
    )
    return replace(sample.report(), views=views, poses=poses)


def in_another_world(report: ReconstructionReport, scale: float, motion: Rigid, shift_s: float) -> ReconstructionReport:
    poses = report.poses
    moved = motion.apply(scale * poses.positions.astype(float)).astype(np.float32)
    views = tuple(
        replace(view, camera=view.camera.moved(motion, scale), time_offset_s=view.time_offset_s + shift_s)
        for view in report.views
    )
    return replace(report, views=views, poses=replace(poses, positions=moved, times=poses.times + shift_s))


def numbers(found: TruthReport) -> list[float]:
    joints = found.all_joints
    return [found.rotation_rad, found.centre_m, found.time_offset_s, joints.error_m, joints.metric_error_m, found.scale]


def test_the_truth_itself_is_not_off(capture: Path, truth: Truth) -> None:
    found = compare_with_truth(capture, exact(truth))
    np.testing.assert_allclose(numbers(found), 0, atol=1e-6)
    assert found.all_joints.within_two_sigma == 1
    assert found.visible_found == 1
    assert (found.people, found.people_found) == (2, 2)
    assert [joint.name for joint in found.joints] == list(load_skeleton("coco17").joint_names)


def test_the_choice_of_world_and_clock_does_not_matter_but_for_the_size(capture: Path, truth: Truth) -> None:
    motion = Rigid.from_rotvec(np.array([0.5, -1.2, 2.0]), np.array([3.0, -4.0, 0.5]))
    found = compare_with_truth(capture, in_another_world(exact(truth), 1.25, motion, 0.31))
    assert found.scale == pytest.approx(0.25, abs=1e-5)
    assert found.all_joints.metric_error_m > 0.05
    np.testing.assert_allclose(numbers(found)[:4], 0, atol=1e-5)


def test_people_are_known_by_where_they_are_not_by_their_number(capture: Path, truth: Truth) -> None:
    report = exact(truth)
    poses = report.poses
    turned = replace(poses, positions=poses.positions[:, ::-1].copy())
    found = compare_with_truth(capture, in_another_world(replace(report, poses=turned), 1.1, Rigid.identity(), 0.0))
    assert found.all_joints.error_m < 1e-5
    alone = replace(poses, **{k: getattr(poses, k)[:, 1:] for k in ("positions", "uncertainty", "weight")})
    found = compare_with_truth(capture, replace(report, poses=alone))
    assert found.all_joints.error_m < 1e-5
    assert found.people_found == 1
    assert found.visible_found == pytest.approx(0.5, abs=0.1)


def test_a_camera_that_is_off_is_named(capture: Path, truth: Truth) -> None:
    report = exact(truth)
    second = report.views[1].camera
    turn = rotation_from_rotvec(np.deg2rad([0.0, 3.0, 0.0]))
    moved = replace(second, cam_from_world=Rigid.from_centre(turn @ second.cam_from_world.rotation, second.centre))
    views = (report.views[0], replace(report.views[1], camera=moved, time_offset_s=0.14), *report.views[2:])
    found = compare_with_truth(capture, replace(report, views=views))
    np.testing.assert_allclose(np.rad2deg([view.rotation_rad for view in found.views]), [1, 3, 1, 1], atol=1e-6)
    assert np.rad2deg(found.rotation_rad) == pytest.approx(1.5)
    # 40 ms of one view, of which the shift that all share takes a quarter away.
    np.testing.assert_allclose([view.time_offset_s for view in found.views], [-0.01, 0.03, -0.01, -0.01], atol=1e-9)


def test_centres_are_laid_on_by_similarity(capture: Path, truth: Truth) -> None:
    report = exact(truth)
    third = report.views[2].camera
    off = Rigid.from_centre(third.cam_from_world.rotation, third.centre + np.array([0.0, 0.0, 0.04]))
    views = (*report.views[:2], replace(report.views[2], camera=replace(third, cam_from_world=off)), report.views[3])
    found = compare_with_truth(capture, replace(report, views=views))
    wanted = misfit({view.name: view.camera for view in views})
    np.testing.assert_allclose([view.centre_m for view in found.views], wanted.centres_m, atol=1e-9)
    # Two cameras alone always lie on two others: the joints say how far they are off.
    pair = compare_with_truth(capture, replace(report, views=views[1:3]))
    np.testing.assert_allclose([view.centre_m for view in pair.views], [0, 0.04], atol=1e-5)


def test_only_joints_that_two_views_show_count(truth: Truth, tmp_path: Path) -> None:
    wrist = truth.poses.skeleton.index("left_wrist")

    def hidden(names: Sequence[str]) -> Truth:
        views = dict(truth.views)
        for name in names:
            visibility = views[name].visibility.copy()
            visibility[:, :, wrist] = HIDDEN_BY_OCCLUDER
            views[name] = replace(views[name], visibility=visibility)
        return replace(truth, views=views)

    report = exact(truth)
    off = report.poses.positions.copy()
    off[:, :, load_skeleton("coco17").index("left_wrist")] += 0.5
    report = replace(report, poses=replace(report.poses, positions=off))
    for names, counts in ((["cam1", "cam2"], True), (["cam1", "cam2", "cam3"], False)):
        write_truth(tmp_path / "truth", hidden(names))
        found = compare_with_truth(tmp_path, report)
        wrist_error = next(joint for joint in found.joints if joint.name == "left_wrist")
        assert (wrist_error.compared > 0) == counts
        assert (found.all_joints.error_m > 0.01) == counts
        assert np.isnan(wrist_error.error_m) != counts


def test_honest_uncertainty_covers_95_percent(capture: Path, truth: Truth) -> None:
    rng = np.random.default_rng(0)
    report = exact(truth)
    noisy = report.poses.positions + rng.normal(scale=0.01, size=report.poses.positions.shape).astype(np.float32)
    found = compare_with_truth(capture, replace(report, poses=replace(report.poses, positions=noisy)))
    assert found.all_joints.within_two_sigma == pytest.approx(0.9545, abs=0.01)
    assert found.all_joints.error_m == pytest.approx(0.01 * np.sqrt(8 / np.pi), rel=0.03)
    assert found.all_joints.uncertainty_m == pytest.approx(0.01)


def test_a_truth_of_another_capture_is_refused(capture: Path, truth: Truth) -> None:
    report = exact(truth)
    other = replace(report, views=(replace(report.views[0], name="door"), *report.views[1:]))
    with pytest.raises(InputError, match="nothing of view door"):
        compare_with_truth(capture, other)
    with pytest.raises(InputError, match=r"scene\.json"):
        compare_with_truth(capture / "elsewhere", report)
    nobody = replace(report, poses=replace(report.poses, weight=np.zeros_like(report.poses.weight)))
    with pytest.raises(InputError, match="nothing to compare"):
        compare_with_truth(capture, nobody)


def test_a_real_reconstruction_is_as_near_as_its_cameras(tmp_path: Path) -> None:
    views = {name: Filming(late=LATE.get(name, 0.0)) for name in CAMERAS}
    folder = make_capture(tmp_path / "walk", views=views)
    write_truth(folder / "truth", make_truth(seconds=4.0, late=LATE))
    report = reconstruct(folder, intrinsics=str(folder / "lenses.toml"), height_m=STATURE)
    found = compare_with_truth(folder, report)
    off = misfit({view.name: view.camera for view in report.views})
    assert np.rad2deg(found.rotation_rad) == pytest.approx(off.rotation_deg.mean())
    assert found.centre_m == pytest.approx(off.centres_m.mean())
    assert found.time_offset_s < 0.003
    assert found.all_joints.error_m < 0.02
    assert found.all_joints.error_m < found.all_joints.metric_error_m < 0.06
    assert found.visible_found > 0.95
    assert 0.8 < found.all_joints.within_two_sigma <= 1


def test_a_fragment_that_fits_and_a_ghost_are_not_taken_for_people(capture: Path, truth: Truth) -> None:
    report = exact(truth)
    poses = report.poses
    rough = poses.positions + np.random.default_rng(0).normal(0, 0.02, poses.positions.shape).astype(np.float32)
    fragment, ghost = poses.positions[:, :1].copy(), poses.positions[:, :1] + np.float32(5)
    weight = np.concatenate([poses.weight, np.zeros_like(poses.weight[:, :1]), poses.weight[:, :1]], axis=1)
    weight[3:9, 2] = 1
    sigma = np.concatenate([poses.uncertainty, poses.uncertainty], axis=1)[:, :4]
    everybody = Poses(np.concatenate([rough, fragment, ghost], axis=1), sigma, weight, poses.times, poses.skeleton)
    found = compare_with_truth(capture, replace(report, poses=everybody))
    assert found.people_found == 2
    assert found.visible_found > 0.99
    assert 0.02 < found.all_joints.error_m < 0.05
    alone = Poses(rough[:, :1], poses.uncertainty[:, :1], poses.weight[:, :1], poses.times, poses.skeleton)
    away = replace(report, poses=replace(alone, positions=alone.positions + np.float32(5)))
    with pytest.raises(InputError, match="nothing to compare"):
        compare_with_truth(capture, away)
