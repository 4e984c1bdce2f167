"""`predict` against people whose places are known, and for everything that can be looked at."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from epipose.detectors import mediapipe
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import write_cameras
from epipose.io.pictures import read_picture
from epipose.io.pose_files import read_poses
from epipose.io.truth_files import read_truth
from epipose.io.videos import probe, read_frames
from epipose.io.webcams import live_frames
from epipose.pipeline import sources
from epipose.pipeline.placement import LEVEL
from epipose.pipeline.predict import Prediction, predict
from epipose.pose.conversion import convert_poses
from epipose.pose.roots import from_root, root
from epipose.samples import copy_sample
from tests.runtime.discs import (
    LENS,
    SIZE_WH,
    SKELETON,
    DiscDetector,
    bone_lengths,
    draw,
    person,
    write_disc_model,
    write_disc_video,
)

FRAMES = 12
LENGTHS = bone_lengths(person((0, 0, 4)))
CAMERA = Camera(LENS, Rigid.from_rotvec(np.array([1.4, 0.3, -0.2]), np.array([0.3, 1.1, 3.0])), SIZE_WH)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_disc_model(tmp_path_factory.mktemp("models") / "discs.onnx", bone_lengths_m=LENGTHS))


@pytest.fixture(autouse=True)
def discs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediapipe, "PLUGIN", DiscDetector())


def walk() -> list[np.ndarray]:
    return [person((0.3 + 0.005 * k, 0.1, 4.0), 0.02 * k) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_disc_video(tmp_path_factory.mktemp("videos") / "walk.mkv", [[joints] for joints in walk()])


def cameras(path: Path, **views: Camera) -> Path:
    write_cameras(path, views or {"cam1": CAMERA})
    return path


def write_picture(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


def seen(source: object, model: str, **more: Any) -> Prediction:
    return predict(str(source), model=model, detector="mediapipe", **more)


def test_people_are_where_they_are_in_the_world_of_the_camera_file(model: str, video: Path, tmp_path: Path) -> None:
    done = seen(video, model, cameras=cameras(tmp_path / "rig.toml"), out=tmp_path / "out")
    assert done.measure == "camera metres"
    assert "world of rig.toml" in done.meaning
    world_from_cam = CAMERA.cam_from_world.inverse()
    truth = np.array([world_from_cam.apply(joints) for joints in walk()])
    poses = read_poses(tmp_path / "out" / "poses.npz")
    np.testing.assert_array_equal(poses.positions, done.poses.positions)
    off = np.linalg.norm(poses.positions[:, 0] - truth, axis=-1)
    assert np.median(off) < 0.04
    np.testing.assert_allclose(poses.times, np.arange(FRAMES) / 30, atol=1e-3)
    assert poses.weight.shape == (FRAMES, 1, len(SKELETON))


def test_with_the_lens_alone_the_camera_is_level_and_the_origin(model: str, video: Path, tmp_path: Path) -> None:
    done = seen(video, model, intrinsics=cameras(tmp_path / "rig.toml"), out=tmp_path / "out", overlay=False)
    assert "from the camera, taken as level" in done.meaning
    truth = np.array([LEVEL.apply(joints) for joints in walk()])
    assert np.median(np.linalg.norm(done.poses.positions[:, 0] - truth, axis=-1)) < 0.04
    head, foot = (done.poses.positions[0, 0, SKELETON.index(name)] for name in ("head_top", "left_ankle"))
    assert head[2] - foot[2] > 1.5, "z is up"
    assert 3.9 < head[1] < 4.1, "y is forward"


def test_without_a_lens_people_stand_on_their_roots(model: str, video: Path, tmp_path: Path) -> None:
    done = seen(video, model, out=tmp_path / "out", overlay=False)
    assert done.measure == "relative metres"
    assert "each person's root" in done.meaning
    truth = np.array([LEVEL.apply(from_root(joints, SKELETON)) for joints in walk()])
    assert np.median(np.linalg.norm(done.poses.positions[:, 0] - truth, axis=-1)) < 0.06
    tall = seen(video, model, out=tmp_path / "out", overlay=False, height_m=2.2)
    ratio = np.linalg.norm(tall.poses.positions, axis=-1) / np.maximum(
        np.linalg.norm(done.poses.positions, axis=-1), 1e-6
    )
    assert np.ptp(ratio[:, 0, 1:]) < 0.01, "but for smoothing, which depends on metres per second"


def test_everything_is_written_and_says_what_it_is(model: str, video: Path, tmp_path: Path) -> None:
    done = seen(video, model, out=tmp_path / "out", formats=("csv", "trc"))
    names = {file.relative_to(tmp_path / "out").as_posix() for file in done.files}
    assert names == {"poses.npz", "overlay.mp4", "prediction.json", "poses.csv", "poses.trc"}
    assert all(file.is_file() for file in done.files)
    info = probe(tmp_path / "out" / "overlay.mp4")
    assert (info.size_wh, len(info.times)) == (SIZE_WH, FRAMES)
    drawn = next(iter(read_frames(tmp_path / "out" / "overlay.mp4"))).image.astype(int)
    assert np.abs(drawn - draw([walk()[0]], LENS)).mean() > 2
    told = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert told["measure"] == done.measure
    assert told["people"] == [[1]] * FRAMES
    assert len(told["times_s"]) == FRAMES
    assert done.frames_with_people == FRAMES


def test_the_animation_shows_what_the_overlay_shows(model: str, video: Path, tmp_path: Path) -> None:
    done = seen(video, model, out=tmp_path, animation=True)
    assert {file.name for file in done.files} == {"poses.npz", "overlay.mp4", "overlay.webp", "prediction.json"}
    read, animation = cv2.imreadanimation(str(tmp_path / "overlay.webp"))
    assert read
    assert sum(animation.durations) == pytest.approx(1000 * FRAMES / 30, abs=70)
    film = [frame.image for frame in read_frames(tmp_path / "overlay.mp4")]
    assert len(animation.frames) == FRAMES / 2, "every other frame of 30 a second"
    for index, picture in enumerate(animation.frames):
        assert np.abs(picture[..., 2::-1].astype(int) - film[2 * index]).mean() < 3
    alone = seen(video, model, out=tmp_path / "alone", overlay=False, animation=True)
    assert {file.name for file in alone.files} == {"poses.npz", "overlay.webp", "prediction.json"}


def test_pictures_by_themselves_are_no_animation(model: str, tmp_path: Path) -> None:
    shot = write_picture(tmp_path / "shots" / "0.png", draw([walk()[0]], LENS)[..., ::-1])
    with pytest.raises(InputError, match="give their --frame-rate"):
        seen(shot, model, animation=True)
    assert (seen(shot.parent, model, animation=True, frame_rate=10.0).folder / "overlay.webp").is_file()


def test_results_stand_beside_the_source_or_in_the_capture(model: str, video: Path, tmp_path: Path) -> None:
    (tmp_path / "capture" / "videos").mkdir(parents=True)
    inside = tmp_path / "capture" / "videos" / "cam1.mkv"
    beside = tmp_path / "cam2.mkv"
    for place in (inside, beside):
        place.write_bytes(video.read_bytes())
    assert seen(inside, model, overlay=False).folder == tmp_path / "capture" / "predicted" / "cam1"
    assert seen(beside, model, overlay=False).folder == tmp_path / "cam2-predicted"
    learned = tmp_path / "capture" / "models" / "mine" / "mine.onnx"
    learned.parent.mkdir(parents=True)
    learned.write_bytes(Path(model).read_bytes())
    assert seen(inside, "mine", overlay=False).frames_with_people == FRAMES


def test_pictures_are_seen_one_by_one_unless_they_have_a_rate(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    for number, joints in enumerate(walk()[:3]):
        write_picture(folder / f"{number}.png", draw([joints], LENS)[..., ::-1])
    write_picture(folder / "small.png", draw([], LENS, (320, 200))[..., ::-1])
    done = seen(folder, model)
    assert [len(people) for people in done.people] == [1, 1, 1, 0]
    assert {file.name for file in (folder.parent / "shots-predicted" / "overlay").iterdir()} == {
        "0.jpg", "1.jpg", "2.jpg", "small.jpg",
    }  # fmt: skip
    told = json.loads((done.folder / "prediction.json").read_text())
    assert told["pictures"] == ["0.png", "1.png", "2.png", "small.png"]
    with pytest.raises(InputError, match=r"small\.png differs in size"):
        seen(folder, model, frame_rate=30.0)
    with pytest.raises(InputError, match=r"small\.png differs in size"):
        seen(folder, model, intrinsics=cameras(tmp_path / "rig.toml"))
    (folder / "small.png").unlink()
    film = seen(folder, model, frame_rate=30.0)
    assert film.poses.frame_rate == pytest.approx(30.0)
    assert (film.folder / "overlay.mp4").is_file()
    lone = seen(folder / "0.png", model)
    np.testing.assert_array_equal(lone.poses.positions[0], done.poses.positions[0])
    assert (tmp_path / "shots" / "0-predicted" / "overlay.jpg").is_file()


def test_a_video_of_nobody_gives_empty_poses_and_says_so(model: str, tmp_path: Path) -> None:
    empty = write_disc_video(tmp_path / "empty.mkv", [[]] * 5)
    done = seen(empty, model, formats=("csv", "bvh"))
    assert done.notes == (f"nobody was found in {empty}",)
    assert read_poses(done.folder / "poses.npz").positions.shape == (5, 0, len(SKELETON), 3)
    assert not (done.folder / "poses.csv").exists()
    assert (done.folder / "overlay.mp4").is_file()


@pytest.mark.parametrize("kind", ["one pixel", "grey", "transparent", "16 bits", "16 bits of grey", "tall"])
def test_pictures_of_every_kind(kind: str, model: str, tmp_path: Path) -> None:
    shown = draw([walk()[0]], LENS)[..., ::-1]
    grey = shown.mean(axis=-1).astype(np.uint8)
    picture = {
        "one pixel": shown[:1, :1],
        "grey": grey,
        "transparent": np.dstack([shown, grey]),
        "16 bits": shown.astype(np.uint16) * 257,
        "16 bits of grey": grey.astype(np.uint16) * 257,
        "tall": np.zeros((3000, 2, 3), np.uint8),
    }[kind]
    done = seen(write_picture(tmp_path / "shot.png", picture), model)
    assert len(done.people[0]) == (kind in ("transparent", "16 bits"))
    assert read_picture(done.folder / "overlay.jpg").dtype == np.uint8


def test_a_picture_of_ten_thousand_by_ten_thousand_pixels(model: str, tmp_path: Path) -> None:
    huge = write_picture(tmp_path / "huge.jpg", np.full((10_000, 10_000), 128, np.uint8))
    done = predict(huge, model=model)
    assert done.people == ((),)
    assert max(read_picture(done.folder / "overlay.jpg").shape) == 1920


def test_a_webcam_is_watched_until_it_is_interrupted(
    model: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def open_video(_: int) -> Iterator[Any]:
        yield cv2.VideoCapture(str(video))

    def interrupt(_: str, done: int, __: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(sources, "open_webcam", open_video)
    monkeypatch.chdir(tmp_path)
    done = seen(3, model, progress=interrupt)
    assert done.folder == Path("webcam3-predicted")
    assert len(done.people) == 7
    assert 7 <= len(probe(done.folder / "overlay.mp4").times) <= 8
    assert len(read_poses(done.folder / "poses.npz").times) == 7
    with pytest.raises(KeyboardInterrupt):
        seen(video, model, progress=interrupt, out=tmp_path / "out")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_live_frames_are_rgb_and_their_times_rise(video: Path) -> None:
    frames = list(live_frames(cv2.VideoCapture(str(video))))
    assert len(frames) == FRAMES
    np.testing.assert_array_equal(frames[3].image, draw([walk()[3]], LENS))
    assert frames[0].time == 0
    assert all(np.diff([frame.time for frame in frames]) > 0)


def test_a_camera_is_found_by_the_name_of_its_view(model: str, video: Path, tmp_path: Path) -> None:
    other = Camera(LENS, Rigid.identity(), SIZE_WH)
    rig = cameras(tmp_path / "rig.toml", left=other, walk=CAMERA)
    done = seen(video, model, cameras=rig, out=tmp_path / "out", overlay=False)
    alone = seen(video, model, cameras=cameras(tmp_path / "one.toml"), out=tmp_path / "out", overlay=False)
    np.testing.assert_array_equal(done.poses.positions, alone.poses.positions)
    with pytest.raises(InputError, match="none is clearly that of 'walk'"):
        seen(video, model, cameras=cameras(tmp_path / "two.toml", left=other, right=CAMERA))
    with pytest.raises(InputError, match="leave out --intrinsics"):
        seen(video, model, cameras=rig, intrinsics=rig)
    half = seen(video, model, cameras=cameras(tmp_path / "half.toml", cam1=CAMERA.resized((320, 240))),
                out=tmp_path / "out", overlay=False)  # fmt: skip
    np.testing.assert_allclose(half.poses.positions, alone.poses.positions, atol=1e-5)
    assert "taken as resized" in half.notes[0]


def test_the_model_that_comes_with_epipose_sees_the_person_of_the_demo(tmp_path: Path) -> None:
    copy_sample("turning", tmp_path)
    truth = read_truth(tmp_path / "truth")
    rig = cameras(tmp_path / "rig.toml", **truth.cameras)
    done = predict(tmp_path / "videos" / "cam1.mp4", cameras=rig, height_m=truth.people[0].stature_m, overlay=False)
    assert done.poses.weight.shape[1] == 1
    assert done.frames_with_people == len(done.people)
    wanted = convert_poses(truth.poses, done.poses.skeleton)[0].positions[: len(done.people), 0].astype(float)
    found = done.poses.positions[:, 0].astype(float)
    assert (
        np.median(np.linalg.norm(root(found, done.poses.skeleton) - root(wanted, done.poses.skeleton), axis=-1)) < 0.4
    )
    off = from_root(found, done.poses.skeleton) - from_root(wanted, done.poses.skeleton)
    assert np.linalg.norm(off, axis=-1).mean() < 0.13
    share = np.mean(np.abs(off) < done.poses.uncertainty[:, 0, :, None])
    assert 0.6 < share < 0.97, "a standard deviation is stated"
