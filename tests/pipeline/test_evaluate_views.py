"""Errors of triangulation and calibration by number of views, against what is known of the recording."""

import json
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.keypoint_files.npz import write_npz
from epipose.io.truth_files import write_truth
from epipose.pipeline import evaluate_views as stage
from epipose.pipeline.calibrate import calibrate
from epipose.pipeline.evaluate_views import chosen_subsets, evaluate_views
from epipose.pose.keypoints import Keypoints
from tests.pipeline.captures import CAMERAS, COCO, Filming, figure, make_capture, misfit
from tests.truths import make_truth

LATE = {"cam2": 0.1, "cam4": 0.24}
NAMES = tuple(CAMERAS)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keypoints as a detector sees them, by views that started at different times, with the truth."""
    views = {name: Filming(late=LATE.get(name, 0.0)) for name in CAMERAS}
    folder = make_capture(tmp_path_factory.mktemp("views") / "walk", views=views)
    write_truth(folder / "truth", make_truth(late=LATE))
    rng = np.random.default_rng(2)
    for name, camera in CAMERAS.items():
        times = np.arange(80) / 25
        pixels, _ = camera.project(figure(times + LATE.get(name, 0.0)))
        # Without any error, that of lines between frames would be all that there is, and be taken for gross.
        pixels += rng.normal(0, 0.3, pixels.shape)
        score = np.ones((80, 1, 17), np.float32)
        keypoints = Keypoints(pixels[:, None].astype(np.float32), score, times, COCO, camera.size_wh)
        write_npz(folder / "keypoints" / "good" / f"{name}.npz", keypoints)
    return folder


def given(capture: Path) -> str:
    return str(capture / "given.toml")


def test_good_keypoints_of_known_cameras_give_the_truth_with_any_views(capture: Path) -> None:
    report = evaluate_views(capture, cameras=given(capture), detector="good").report
    assert [one.views for one in report.subsets] == [c for n in (2, 3, 4) for c in combinations(NAMES, n)]
    assert report.possible == {2: 6, 3: 4, 4: 1}
    for one in report.subsets:
        assert one.failure == ""
        assert max(one.relative_m, one.absolute_m) < 0.008
        assert one.found_share > 0.9
        assert max(one.rotation_rad, one.centre_m) < 1e-5


def test_a_camera_in_a_wrong_place_shows_in_absolute_errors_and_in_its_views_alone(
    capture: Path, tmp_path: Path
) -> None:
    off = 0.1
    shifted = CAMERAS["cam1"].moved(Rigid(np.eye(3), np.array([off, 0.0, 0.0])))
    write_cameras(tmp_path / "off.toml", {**CAMERAS, "cam1": shifted})
    report = evaluate_views(capture, cameras=str(tmp_path / "off.toml"), detector="good", out=tmp_path).report
    for one in report.of(2):
        assert one.centre_m == pytest.approx(off / 2 if "cam1" in one.views else 0, abs=1e-6)
        assert (one.absolute_m > 0.01) == ("cam1" in one.views)
    everybody = {name: camera.moved(Rigid(np.eye(3), np.array([off, 0.0, 0.0]))) for name, camera in CAMERAS.items()}
    write_cameras(tmp_path / "off.toml", everybody)
    report = evaluate_views(capture, cameras=str(tmp_path / "off.toml"), detector="good", out=tmp_path).report
    for one in report.subsets:
        assert one.absolute_m == pytest.approx(off, abs=0.006)
        assert one.relative_m < 0.008


def test_two_views_are_as_opencv_triangulates_them(capture: Path) -> None:
    """Of views that started together, frame by frame, without lens distortion."""
    report = evaluate_views(capture, cameras=given(capture), detector="made").report
    one = next(one for one in report.of(2) if one.views == ("cam1", "cam3"))
    seen = {}
    for name in one.views:
        with np.load(capture / "keypoints" / "made" / f"{name}.npz") as arrays:
            seen[name] = arrays["pixels"][:, 0].astype(float), arrays["score"][:, 0], arrays["times"]
    found = opencv(seen, {name: CAMERAS[name] for name in one.views})
    body = [index for index, name in enumerate(COCO.joint_names) if "eye" not in name]
    truth = figure(seen["cam1"][2])
    known = np.minimum(seen["cam1"][1], seen["cam3"][1]) >= 0.5
    errors = np.linalg.norm(found - truth, axis=-1)[:, body][known[:, body]]
    assert 0.003 < one.absolute_m < 0.1
    assert one.absolute_m == pytest.approx(np.mean(errors), rel=0.35), "gross errors and swapped sides are repaired"
    assert np.median(errors) < 2 * one.absolute_m


def opencv(seen: dict[str, tuple[np.ndarray, ...]], cameras: dict[str, Camera]) -> np.ndarray:
    first, second = seen
    ideal = [cameras[name].lens.undistort(seen[name][0])[0].reshape(-1, 2).T for name in (first, second)]
    points = cv2.triangulatePoints(cameras[first].ideal_from_world, cameras[second].ideal_from_world, *ideal)
    return (points[:3] / points[3]).T.reshape(-1, 17, 3)


def test_more_views_are_better_and_all_is_written(capture: Path) -> None:
    done = evaluate_views(capture, cameras=given(capture), detector="made")
    means = [np.mean([one.relative_m for one in done.report.of(count)]) for count in (2, 3, 4)]
    assert means[0] > means[1] > means[2]
    assert [file.name for file in done.files] == ["by-views_made_given.json", "by-views_made_given.md"]
    table = json.loads(done.files[0].read_text(encoding="utf-8"))
    assert [row["views"] for row in table["by_count"]] == [2, 3, 4]
    assert table["by_count"][0]["mean"]["relative_mpjpe_mm"] == pytest.approx(1000 * means[0], abs=0.01)
    worst = max(one.absolute_m for one in done.report.of(2))
    assert table["by_count"][0]["worst"]["absolute_mpjpe_mm"] == pytest.approx(1000 * worst, abs=0.01)
    assert len(table["subsets"]) == 11
    assert "|     4 |  1 of 1 |" in done.files[1].read_text(encoding="utf-8")


def test_cameras_from_people_are_compared_after_alignment(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `misfit`, which shares no code with it, says of what `calibrate` finds in the same keypoints."""
    monkeypatch.setattr(stage, "chosen_subsets", lambda count, size, _: list(combinations(range(count), size))[-1:])
    (capture / "cameras.toml").unlink(missing_ok=True)
    lenses = {name: Camera(camera.lens, Rigid.identity(), camera.size_wh) for name, camera in CAMERAS.items()}
    write_cameras(capture / "cameras.toml", lenses)
    report = evaluate_views(capture, cameras="people", detector="made", out=tmp_path).report
    (capture / "cameras.toml").unlink()
    assert report.own_world
    whole = report.of(4)[0]
    calibrate(capture, intrinsics=str(capture / "lenses.toml"), detector="made")
    off = misfit(read_cameras(capture / "cameras.toml").cameras)
    assert np.rad2deg(whole.rotation_rad) == pytest.approx(np.mean(off.rotation_deg), rel=0.05)
    assert whole.centre_m == pytest.approx(np.mean(off.centres_m), rel=0.05)
    assert 1 + whole.scale == pytest.approx(1 / off.scale, abs=0.005)
    for one in report.subsets:
        # Cameras of which none started with the truth are no worse: clocks are taken into account.
        assert one.relative_m < 0.03
        assert one.absolute_m < 0.06
    # What calibrate wrote is in a world of its own, too.
    auto = evaluate_views(capture, detector="made", out=tmp_path).report
    assert auto.own_world
    assert auto.of(4)[0].relative_m == pytest.approx(whole.relative_m, rel=0.05)
    (capture / "cameras.toml").unlink()


def test_views_are_chosen_evenly_where_there_are_too_many() -> None:
    assert chosen_subsets(4, 2, 6) == list(combinations(range(4), 2))
    for count, size, most in ((31, 2, 24), (31, 15, 24), (8, 4, 24), (26, 25, 24), (7, 3, 34)):
        chosen = chosen_subsets(count, size, most)
        assert chosen == chosen_subsets(count, size, most)
        assert len(set(chosen)) == most
        assert all(len(set(one)) == size and list(one) == sorted(one) for one in chosen)
        used = np.bincount(np.concatenate(chosen), minlength=count)
        assert np.ptp(used) <= 2


def test_choices_that_cannot_be_used_are_named(capture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = stage._triangulated

    def fails(world: stage._World, chosen: tuple[int, ...]) -> object:
        if 0 in chosen:
            raise InputError("the person hardly moves")
        return usual(world, chosen)

    monkeypatch.setattr(stage, "_triangulated", fails)
    done = evaluate_views(capture, cameras=given(capture), detector="good", out=tmp_path)
    assert [len(done.report.of(count)) for count in (2, 3, 4)] == [3, 1, 0]
    text = done.files[1].read_text(encoding="utf-8")
    assert "- cam1, cam2: the person hardly moves" in text
    assert json.loads(done.files[0].read_text(encoding="utf-8"))["by_count"][2]["mean"]["relative_mpjpe_mm"] is None
    monkeypatch.setattr(stage, "chosen_subsets", lambda *_: [(0, 1)])
    with pytest.raises(InputError, match="cannot be triangulated with any of its views: the person hardly moves"):
        evaluate_views(capture, cameras=given(capture), detector="good", out=tmp_path)


def test_a_capture_without_a_truth_or_with_another_is_refused(tmp_path: Path) -> None:
    other = make_capture(tmp_path / "other")
    with pytest.raises(InputError, match="holds no truth/"):
        evaluate_views(other)
    write_truth(other / "truth", make_truth())
    with pytest.raises(InputError, match="epipose calibrate"):
        evaluate_views(other)
    for file in sorted((other / "keypoints" / "made").iterdir()):
        file.rename(file.with_name(f"my-{file.name}"))
    write_cameras(other / "given.toml", {f"my-{name}": camera for name, camera in CAMERAS.items()})
    with pytest.raises(InputError, match="says nothing of view my-cam1, my-cam2"):
        evaluate_views(other, cameras=given(other))
