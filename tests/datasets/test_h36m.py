"""Human3.6M in every format: the same joints, cameras and clocks come out of each."""

from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from epipose.datasets import Recording, Wanted, _h36m_facts
from epipose.datasets.h36m import PLUGIN
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from tests.datasets import h36m_miniature as mini

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="module", params=mini.FORMATS)
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def root(form: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp(form) / "h36m"
    mini.FORMATS[form](root)
    if form in mini.NAMELESS:
        mini.write_metadata(root)
    return root


def recordings(root: Path, **wanted: object) -> dict[str, Recording]:
    found, _ = PLUGIN.recordings(root, Wanted(**wanted))
    return {recording.name: recording for recording in found}


def off_px(camera: Camera, positions: ndarray, true: ndarray) -> float:
    seen, valid = camera.project(positions)
    assert valid.all()
    return float(np.abs(seen - true).max())


def test_joints_reproject_onto_what_the_cameras_filmed(root: Path) -> None:
    found = recordings(root, damaged=True)
    assert sorted(found) == sorted(take.name for take in mini.TAKES)
    for take in mini.TAKES:
        recording = found[take.name]
        poses = recording.read().poses
        assert poses.skeleton.name == "h36m17"
        assert poses.skeleton.joint_names == mini.JOINTS
        np.testing.assert_allclose(poses.positions[:, 0], mini.joints_mm(take) / 1000, atol=1e-5)
        for view, camera in recording.cameras.items():
            assert camera.size_wh == mini.SIZES[view]
            assert off_px(camera, poses.positions[:, 0].astype(float), mini.pixels(take, view)) < 0.1


def test_another_model_of_distortion_would_be_noticed(root: Path) -> None:
    """What is asserted above fails with OpenCV's tangential terms, and more so without distortion."""
    take = mini.TAKES[0]
    recording = recordings(root)[take.name]
    positions = recording.read().poses.positions[:, 0].astype(float)
    worst = {BrownConrady: 0.0, Pinhole: 0.0}
    for view, camera in recording.cameras.items():
        for kind in worst:
            lens = kind(camera.lens.focal, camera.lens.centre, camera.lens.coefficients if kind is BrownConrady else ())
            other = Camera(lens, camera.cam_from_world, camera.size_wh)
            worst[kind] = max(worst[kind], off_px(other, positions, mini.pixels(take, view)))
    assert worst[BrownConrady] > 0.1
    assert worst[Pinhole] > 1


def test_people_stand_upright_in_metres_with_left_on_their_left_at_50_per_second(root: Path) -> None:
    for take in mini.TAKES[:2]:
        poses = recordings(root)[take.name].read().poses
        joints = dict(zip(poses.skeleton.joint_names, poses.positions[:, 0].swapaxes(0, 1), strict=True))
        height = joints["head_top"][:, 2] - np.minimum(joints["left_ankle"], joints["right_ankle"])[:, 2]
        assert ((height > 1.2) & (height < 2.1)).all()
        # With Z up, what is left of the hips, seen from behind, is up x forward; knees bend and noses point forward.
        left = joints["left_hip"] - joints["right_hip"]
        forward = joints["nose"] - joints["thorax"]
        assert (np.cross([0, 0, 1.0], forward)[:, :2] * left[:, :2]).sum(axis=1).mean() > 0
        assert poses.frame_rate == pytest.approx(50)
        assert poses.times[0] == 0


def test_damaged_takes_are_left_out_and_named(root: Path) -> None:
    found, notes = PLUGIN.recordings(root, Wanted())
    assert mini.DAMAGED not in {recording.name for recording in found}
    assert sum(mini.DAMAGED in note for note in notes) == 1
    assert len(found) == len(mini.TAKES) - 1


def test_a_camera_that_did_not_film_is_left_out_where_there_are_pictures(root: Path, form: str) -> None:
    views = set(recordings(root)[mini.THREE_VIEWS].cameras)
    without = {"54138969"} if form in ("official", "mono", "json", "annotations") else set()
    assert views == set(mini.CAMERAS) - without
    said = [note for note in PLUGIN.recordings(root, Wanted())[1] if "has no camera" in note]
    assert said == [
        f"{mini.THREE_VIEWS} has no camera {view}: its video is not part of the release" for view in without
    ]


def test_subjects_and_actions_can_be_chosen(root: Path) -> None:
    assert set(recordings(root, subjects=("S9", "11"))) == {"S9_Greeting-1", "S9_TakingPhoto-1", mini.THREE_VIEWS}
    assert set(recordings(root, actions=("Photo",))) == {"S1_TakingPhoto-2", "S9_TakingPhoto-1"}
    with pytest.raises(InputError, match="nothing of subject S5; it has S1, S9, S11"):
        recordings(root, subjects=("S5", "S1"))
    with pytest.raises(InputError, match="nothing of action Walking; it has"):
        recordings(root, actions=("Walking",))
    with pytest.raises(InputError, match="no action 'Jumping'; choose from Directions"):
        recordings(root, actions=("Jumping",))


@pytest.mark.parametrize("form", mini.NAMELESS)
def test_without_metadata_nobody_guesses_which_take_is_damaged(form: str, tmp_path: Path) -> None:
    mini.FORMATS[form](tmp_path)
    found, notes = PLUGIN.recordings(tmp_path, Wanted())
    assert {recording.name for recording in found} == {
        "S1_Directions_1",
        "S1_TakingPhoto",
        "S9_Photo_1",
        "S11_Directions",
    }
    assert [note for note in notes if "S9_Greeting_1 was left out: it may be" in note]
    assert [note for note in notes if "metadata.xml" in note and "S9_Greeting was" in note]


def test_keypoints_of_others_come_along(tmp_path: Path) -> None:
    mini.write_metadata(mini.write_npz(tmp_path))
    take = mini.TAKES[0]
    contents = recordings(tmp_path)[take.name].read()
    assert set(contents.keypoints) == {"gt"}
    for view, keypoints in contents.keypoints["gt"].items():
        assert keypoints.image_size_wh == mini.SIZES[view]
        np.testing.assert_array_equal(keypoints.times, contents.poses.times)
        np.testing.assert_allclose(keypoints.pixels[:, 0], mini.pixels(take, view), atol=1e-3)


def test_cameras_that_a_zip_lacks_are_the_published_ones(tmp_path: Path) -> None:
    mini.write_metadata(mini.write_h5(tmp_path, cameras=False))
    found, notes = PLUGIN.recordings(tmp_path, Wanted())
    assert any("cameras are those published" in note for note in notes)
    take = mini.TAKES[0]
    recording = next(recording for recording in found if recording.name == take.name)
    for view, camera in recording.cameras.items():
        assert off_px(camera, mini.joints_mm(take) / 1000, mini.pixels(take, view)) < 1e-6


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("by_camera", [True, False])
def test_annotations_by_any_python(by_camera: bool, protocol: int, tmp_path: Path) -> None:
    mini.write_annotations(tmp_path, mini.TAKES[:2], by_camera=by_camera, protocol=protocol)
    poses = recordings(tmp_path)[mini.TAKES[0].name].read().poses
    np.testing.assert_allclose(poses.positions[:, 0], mini.joints_mm(mini.TAKES[0]) / 1000, atol=1e-5)


def test_annotations_of_sixteen_joints_are_those_of_mpii(tmp_path: Path) -> None:
    """Their order is 3 2 1 4 5 6 0 8 9 10 16 15 14 11 12 13 of the 17."""
    mini.write_annotations(tmp_path, mini.TAKES[:1], joints=16)
    poses = recordings(tmp_path)[mini.TAKES[0].name].read().poses
    assert poses.skeleton.name == "mpii16"
    for joint in ("right_ankle", "left_knee", "pelvis", "thorax", "head_top", "right_wrist", "left_elbow"):
        true = mini.joints_mm(mini.TAKES[0])[:, mini.JOINTS.index(joint)] / 1000
        np.testing.assert_allclose(poses.positions[:, 0, poses.skeleton.index(joint)], true, atol=1e-5)


@pytest.mark.parametrize("name", ["Walking /../../x", "../Walking", "Walking\n1", "Walking 1/x", "WalkingDog x"])
def test_names_cannot_lead_elsewhere(name: str, tmp_path: Path) -> None:
    poses = (mini.joints_32(mini.TAKES[0]) / 1000).astype(np.float32)
    held = {"S1": {"Walking": poses, name: poses}, "/1": {"Walking": poses}, "S1/../..": {"Walking": poses}}
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=np.array(held, object))
    assert list(recordings(tmp_path)) == ["S1_Walking"]


def test_files_that_metadata_does_not_know_are_left_out_and_named(tmp_path: Path) -> None:
    mini.write_official(tmp_path, mini.TAKES[:1])
    mini.write_cdf(tmp_path / "S1" / "MyPoseFeatures" / "D3_Positions" / "Sitting 3.cdf", np.zeros((1, 2, 96)))
    found, notes = PLUGIN.recordings(tmp_path, Wanted())
    assert [recording.name for recording in found] == [mini.TAKES[0].name]
    assert len(notes) == 1
    assert "Sitting 3.cdf was left out: metadata.xml does not know it" in notes[0]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the numbers of another source are not there")
def test_published_cameras_are_those_of_two_other_sources() -> None:
    import json

    others = json.loads((SHARED / "reference" / "h36m_cameras.json").read_text())
    for subject in _h36m_facts.SUBJECTS:
        for name, camera in _h36m_facts.published_rig(subject).items():
            other = others["extrinsics"][subject][name]
            np.testing.assert_allclose(camera.cam_from_world.rotation, other["R_world_to_cam"], atol=1e-12)
            np.testing.assert_allclose(camera.cam_from_world.translation, np.array(other["t_mm"]) / 1000, atol=1e-9)
            assert list(camera.size_wh) == others["intrinsics"][name]["resolution_wh"]
