"""Cameras from the person alone, against the truth, and the files that are left behind."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.pipeline.calibrate import Calibrated, calibrate
from epipose.pipeline.provenance import metadata_of
from tests.pipeline.captures import CAMERAS, STATURE, Filming, contents, elsewhere, figure, make_capture, misfit

LATE = 0.2


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Views at different frame rates, one of them late."""
    views = {
        "cam1": Filming(seconds=5.0),
        "cam2": Filming(frame_rate=50.0, seconds=5.0),
        "cam3": Filming(frame_rate=29.97, seconds=5.0),
        "cam4": Filming(late=LATE, seconds=5.0),
    }
    return make_capture(tmp_path_factory.mktemp("calibrate") / "walk", views=views)


@pytest.fixture(scope="module")
def found(capture: Path) -> Calibrated:
    return calibrate(capture, intrinsics=str(capture / "lenses.toml"), height_m=STATURE)


def test_places_are_within_the_stated_uncertainty(found: Calibrated) -> None:
    off = misfit(dict(zip(found.names, found.rig.cameras, strict=True)))
    assert found.rig.uncertainty is not None
    assert off.rotation_deg.max() < 0.5
    for error, sigma in zip(off.centres_m, found.rig.uncertainty, strict=True):
        assert error < 3.5 * sigma.centre_m
        assert 0.0005 < sigma.centre_m < 0.02


def test_the_world_is_metric_and_upright_with_the_floor_at_0(found: Calibrated) -> None:
    off = misfit(dict(zip(found.names, found.rig.cameras, strict=True)))
    assert abs(off.scale - 1) < 3 * found.rig.scale.sigma
    assert abs(off.scale - 1) < 0.05
    assert off.tilt_deg < 3
    assert abs(off.floor_m) < 0.05


def test_the_late_view_is_found_across_frame_rates(found: Calibrated) -> None:
    offsets = -found.rig.offsets
    np.testing.assert_allclose(offsets - offsets[0], [0, 0, 0, LATE], atol=0.15 / 25)


def test_the_file_says_what_was_found_and_from_what(found: Calibrated, capture: Path) -> None:
    assert found.cameras_path == capture / "cameras.toml"
    written = read_cameras(found.cameras_path)
    assert written.posed
    assert set(written.uncertainty) == set(CAMERAS)
    for name, camera in zip(found.names, found.rig.cameras, strict=True):
        np.testing.assert_allclose(written.cameras[name].cam_from_world.matrix, camera.cam_from_world.matrix, atol=1e-9)
    about = metadata_of(found.cameras_path)
    assert about["made_by"] == "epipose"
    assert about["cameras_source"] == "people"
    assert about["focal_source"] == "given"
    np.testing.assert_allclose(about["time_offsets_s"], -found.rig.offsets)


def test_cameras_that_the_user_brought_are_not_overwritten(tmp_path: Path) -> None:
    capture = make_capture(tmp_path / "walk")
    write_cameras(capture / "cameras.toml", CAMERAS)
    before = contents(capture)
    kept = calibrate(capture)
    assert kept.cameras_path is None
    assert kept.rig.cameras_source == "given"
    assert contents(capture) == before
    anew = calibrate(capture, cameras="people")
    assert anew.cameras_path == capture / "cameras-estimated.toml"
    after = contents(capture)
    assert after.pop("cameras-estimated.toml")
    assert after == before


def test_given_cameras_that_are_a_little_off_are_refined(tmp_path: Path) -> None:
    capture = make_capture(tmp_path / "walk")
    bent = dict(CAMERAS)
    for number, (name, camera) in enumerate(CAMERAS.items()):
        turn = type(camera.cam_from_world).from_rotvec(np.deg2rad([0.5, -0.5, 0.5]) * (-1) ** number, np.zeros(3))
        bent[name] = type(camera)(camera.lens, turn @ camera.cam_from_world, camera.size_wh)
    write_cameras(tmp_path / "bent.toml", bent)
    refined = calibrate(capture, cameras=str(tmp_path / "bent.toml"), refine=True)
    off = misfit(dict(zip(refined.names, refined.rig.cameras, strict=True)))
    assert off.rotation_deg.max() < 0.4 < misfit(bent).rotation_deg.max()
    assert abs(off.scale - 1) < 0.03
    assert off.tilt_deg < 1
    assert refined.cameras_path == capture / "cameras.toml"


def test_an_unknown_focal_length_is_estimated(tmp_path: Path) -> None:
    capture = make_capture(tmp_path / "walk")
    found = calibrate(capture, height_m=STATURE)
    assert found.rig.focal_source == "shared"
    assert found.rig.focal_sigma_px is not None
    truth = np.mean([camera.lens.focal[0] for camera in CAMERAS.values()])
    # The lenses differ by 25 px and bend, which one focal length without distortion cannot follow.
    assert abs(found.rig.cameras[0].lens.focal[0] - truth) < 60
    assert misfit(dict(zip(found.names, found.rig.cameras, strict=True))).rotation_deg.max() < 2


def test_a_view_of_somebody_else_is_named(tmp_path: Path) -> None:
    other = elsewhere(figure, shift=(0.3, -0.2), turn=2.0, later=4.0)
    views = {name: Filming(people=(1,) if name == "cam4" else (0,)) for name in CAMERAS}
    capture = make_capture(tmp_path / "walk", bodies=(figure, other), views=views)
    before = contents(capture)
    with pytest.raises(InputError, match="cam4"):
        calibrate(capture, intrinsics=str(capture / "lenses.toml"))
    assert contents(capture) == before
