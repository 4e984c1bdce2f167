"""The detect stage: resumable view by view, times as recorded, nothing half-written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.detectors import Detector, Look, People, mediapipe
from epipose.errors import InputError
from epipose.io.keypoint_files import read_keypoints
from epipose.pipeline.detect import detect
from epipose.pose.skeletons import load_skeleton
from tests.io.made_videos import write_video


class GreyMeter(Detector):
    """Puts all joints of one person at (brightness, 0), and counts the pictures it saw."""

    skeleton = load_skeleton("coco17")
    version = "1"
    uses_all_cores = False

    def __init__(self) -> None:
        self.seen, self.fails_at, self.lock = 0, {}, Lock()

    @contextmanager
    def session(self) -> Iterator[Look]:
        def look(image: ndarray) -> People:
            with self.lock:
                self.seen += 1
            grey = round(float(image[image.shape[0] // 2, image.shape[1] // 2].mean()) / 5)
            if (image.shape[1], grey) in self.fails_at:
                raise self.fails_at[image.shape[1], grey]
            pixels = np.zeros((1, 17, 2), np.float32)
            pixels[..., 0] = grey
            return pixels, np.ones((1, 17), np.float32)

        yield look


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> GreyMeter:
    detector = GreyMeter()
    monkeypatch.setattr(mediapipe, "PLUGIN", detector)
    return detector


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "cam2.mp4", 12)
    write_video(tmp_path / "videos" / "cam10.webm", 20, codec="libvpx-vp9", size_wh=(128, 96))
    return tmp_path


def greys(path: Path) -> list[int]:
    return read_keypoints(path).pixels[:, 0, 0, 0].astype(int).tolist()


def leftovers(capture: Path) -> list[str]:
    return sorted(p.name for p in (capture / "keypoints").rglob("*") if p.is_file())


def test_every_view_gets_its_file_and_progress_reaches_the_end(capture: Path, meter: GreyMeter) -> None:
    reports: list[tuple[str, int, int]] = []
    files = detect(capture, detector="mediapipe", progress=lambda *report: reports.append(report))
    assert list(files) == ["cam2", "cam10"]
    assert files["cam2"] == capture / "keypoints" / "mediapipe" / "cam2.npz"
    assert greys(files["cam2"]) == list(range(12))
    assert greys(files["cam10"]) == list(range(20))
    keypoints = read_keypoints(files["cam10"])
    assert keypoints.image_size_wh == (128, 96)
    np.testing.assert_allclose(keypoints.times, np.arange(20) / 30, atol=1e-3)
    assert [report for report in reports if report[0] == "cam2"] == [("cam2", done, 12) for done in range(1, 13)]
    assert meter.seen == 32


def test_only_what_changed_is_done_again(capture: Path, meter: GreyMeter) -> None:
    detect(capture, detector="mediapipe")
    detect(capture, detector="mediapipe")
    assert meter.seen == 32
    write_video(capture / "videos" / "cam2.mp4", 7)
    assert greys(detect(capture, detector="mediapipe")["cam2"]) == list(range(7))
    assert meter.seen == 32 + 7
    (capture / "keypoints" / "mediapipe" / "cam2.npz").write_bytes(b"damaged")
    detect(capture, detector="mediapipe")
    assert meter.seen == 32 + 7 + 7
    meter.version = "2"
    detect(capture, detector="mediapipe")
    assert meter.seen == 32 + 7 + 7 + 27


@pytest.mark.parametrize("failure", [InputError("broken"), KeyboardInterrupt()])
def test_an_interrupted_run_keeps_finished_views_and_goes_on(
    capture: Path, meter: GreyMeter, failure: BaseException
) -> None:
    meter.fails_at = {(128, 15): failure}
    meter.uses_all_cores = True  # one view after the other, so that the first is finished when the second fails
    with pytest.raises(type(failure)):
        detect(capture, detector="mediapipe")
    assert leftovers(capture) == ["cam2.npz"]
    meter.fails_at, meter.seen = {}, 0
    assert greys(detect(capture, detector="mediapipe")["cam10"]) == list(range(20))
    assert meter.seen == 20


def test_a_failing_view_ends_the_others_soon(tmp_path: Path, meter: GreyMeter) -> None:
    write_video(tmp_path / "long.mp4", 900)
    write_video(tmp_path / "short.mp4", 3, size_wh=(128, 96))
    meter.fails_at = {(128, 0): InputError("broken")}
    with pytest.raises(InputError, match="broken"):
        detect(tmp_path, detector="mediapipe")
    assert meter.seen < 900
    assert not (tmp_path / "keypoints").exists()


@pytest.mark.usefixtures("meter")
def test_a_full_disk_leaves_nothing_half_written(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detect(capture, detector="mediapipe")
    before = (capture / "keypoints" / "mediapipe" / "cam2.npz").read_bytes()
    write_video(capture / "videos" / "cam2.mp4", 7)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match=r"cam2\.npz .*free some space"):
        detect(capture, detector="mediapipe")
    assert (capture / "keypoints" / "mediapipe" / "cam2.npz").read_bytes() == before
    assert leftovers(capture) == ["cam10.npz", "cam2.npz"]


@pytest.mark.usefixtures("meter")
def test_faults_that_leave_a_video_usable_are_told(capture: Path) -> None:
    whole = write_video(capture / "whole.mp4", 120, movflags="faststart").read_bytes()
    (capture / "videos" / "cut.mp4").write_bytes(whole[: len(whole) * 7 // 10])
    notes: list[str] = []
    files = detect(capture, detector="mediapipe", note=notes.append)
    expected = notes[0].split(": ")[1].split(" of ")[0]
    kept = len(greys(files["cut"]))
    assert notes[0].startswith("cut.mp4 is cut short")
    assert notes[1:] == [f"{int(expected) - kept} of {expected} frames of cut are damaged and left out"]


@pytest.mark.usefixtures("meter")
def test_recorded_times_take_precedence(capture: Path) -> None:
    rows = [f"2,{100 + 0.05 * i}" for i in range(12)] + [f"10,{100.01 + 0.03 * i}" for i in range(20)]
    (capture / "timestamps.csv").write_text("\n".join(["cam_id,frame_time", *rows]))
    files = detect(capture, detector="mediapipe")
    np.testing.assert_allclose(read_keypoints(files["cam2"]).times, 0.05 * np.arange(12), atol=1e-9)
    np.testing.assert_allclose(read_keypoints(files["cam10"]).times, 0.01 + 0.03 * np.arange(20), atol=1e-9)
    (capture / "timestamps.csv").write_text("\n".join(["cam_id,frame_time", *rows[:-1]]))
    with pytest.raises(InputError, match=r"timestamps\.csv has 19 times for cam10, whose video has 20 frames"):
        detect(capture, detector="mediapipe")


@pytest.mark.usefixtures("meter")
def test_pictures_need_a_frame_rate(tmp_path: Path) -> None:
    for view in ("a", "b"):
        (tmp_path / "images" / view).mkdir(parents=True)
        for number in range(3):
            data = cv2.imencode(".png", np.full((48, 64, 3), 5 * number + 50 * (view == "b"), np.uint8))[1]
            (tmp_path / "images" / view / f"{number}.png").write_bytes(data.tobytes())
    with pytest.raises(InputError, match="give the frame rate"):
        detect(tmp_path, detector="mediapipe")
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="frames per second"):
            detect(tmp_path, detector="mediapipe", frame_rate=wrong)
    files = detect(tmp_path, detector="mediapipe", frame_rate=25.0)
    assert greys(files["b"]) == [10, 11, 12]
    np.testing.assert_allclose(read_keypoints(files["b"]).times, [0, 0.04, 0.08])
    np.testing.assert_allclose(
        read_keypoints(detect(tmp_path, detector="mediapipe", frame_rate=50.0)["b"]).times[1], 0.02
    )


def test_a_bad_video_is_refused_before_any_work(capture: Path, meter: GreyMeter) -> None:
    (capture / "videos" / "notes.mp4").write_text("not a video")
    with pytest.raises(InputError, match=r"notes\.mp4 is not a video"):
        detect(capture, detector="mediapipe")
    assert meter.seen == 0


@pytest.mark.usefixtures("meter")
def test_there_is_nothing_to_detect_in_keypoints(tmp_path: Path) -> None:
    (tmp_path / "keypoints" / "x").mkdir(parents=True)
    for view in "ab":
        (tmp_path / "keypoints" / "x" / f"{view}.npz").write_text(view)
    with pytest.raises(InputError, match="holds no video of a, only keypoints"):
        detect(tmp_path, detector="mediapipe")


def test_an_unknown_detector_is_refused_with_the_choices(capture: Path) -> None:
    with pytest.raises(InputError, match="choose from builtin, mediapipe, rtmlib"):
        detect(capture, detector="none")
