"""Recordings: what is written agrees with itself, comes out the same again, and is never half there."""

import hashlib
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.camera_files import read_cameras
from epipose.io.capture_folder import open_capture
from epipose.io.mask_videos import boxes_of, mask_path, read_masks
from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, VISIBLE, read_truth
from epipose.io.videos import probe, read_frames
from epipose.studio.figures import make_figure
from epipose.studio.recording import record
from epipose.studio.rigs import RigRequest
from epipose.studio.scenes import Scene, SceneOptions, plan_scene

SEED = 7
OPTIONS = SceneOptions(
    rig="phones",
    request=RigRequest(cameras=2, size_wh=(160, 120), frame_rate=Fraction(30000, 1001)),
    people=2,
    seconds=0.1,
    motion="walk",
    occluder="round_table",
    cover=0.4,
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return plan_scene(OPTIONS, SEED)


@pytest.fixture(scope="module")
def capture(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio") / "deep" / "capture"
    assert record(scene, folder)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Return what is in every file of a folder; of masks the pictures, as Matroska files have numbers of their own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(_content(path)).hexdigest() for path in files}


def _content(path: Path) -> bytes:
    return np.array(list(read_masks(path))).tobytes() if path.suffix == ".mkv" else path.read_bytes()


def test_is_a_capture_of_every_view(capture: Path, scene: Scene) -> None:
    assert [view.name for view in open_capture(capture).views] == list(scene.rig.cameras)
    assert sorted(path.name for path in capture.iterdir()) == ["cameras.toml", "truth", "videos"]
    assert [path.name for path in capture.parent.iterdir()] == ["capture"], "nothing is left beside it"


def test_videos_have_the_sizes_and_times_of_the_truth(capture: Path, scene: Scene) -> None:
    truth = read_truth(capture / "truth")
    for name, view in truth.views.items():
        info = probe(capture / "videos" / f"{name}.mp4")
        assert info.size_wh == truth.cameras[name].size_wh
        assert info.times == pytest.approx(np.arange(3) * 1001 / 30000, abs=1e-9)
        assert view.times == pytest.approx(info.times, abs=1e-9)
        assert view.time_offset_s == scene.rig.time_offsets[name]
        masks = list(read_masks(mask_path(capture / "truth", name)))
        assert len(masks) == 3
        assert set(np.unique(masks)) == {0, 1, 2}, "furniture is nobody"
    assert len({view.time_offset_s for view in truth.views.values()}) == 2


def test_pixels_are_the_joints_at_the_times_of_each_view(capture: Path, scene: Scene) -> None:
    truth, cameras = read_truth(capture / "truth"), read_cameras(capture / "cameras.toml").cameras
    for name, view in truth.views.items():
        joints = scene.joints(view.times + view.time_offset_s)
        assert view.pixels == pytest.approx(cameras[name].project(joints)[0], abs=1e-3)
    assert truth.poses.positions == pytest.approx(scene.joints(truth.poses.times), abs=1e-6)
    assert truth.poses.times == pytest.approx(np.arange(3) * 1001 / 30000)


def test_masks_show_the_bodies_at_the_times_of_their_view(capture: Path, scene: Scene) -> None:
    """By the nearer person before the camera that has no table before it."""
    camera, view = scene.rig.cameras["cam2"], read_truth(capture / "truth").views["cam2"]
    assert abs(view.time_offset_s) > 0.1
    depth = camera.cam_from_world.apply(scene.joints(view.times)[0, :, 0])[:, 2]
    nearer = int(np.argmin(depth))
    person = scene.people[nearer]
    body = make_figure(person.body, person.outfit).body
    for frame, time in enumerate(view.times + view.time_offset_s):
        pixels, _ = camera.project(body.skinned(person.motions(np.array([time]))[0]))
        left, top = np.maximum(pixels.min(axis=0), 0)
        right = min(float(pixels[:, 0].max()), camera.size_wh[0] - 1)
        assert view.boxes[frame, nearer, :3] == pytest.approx([left, top, right], abs=1.5)


def test_every_visible_joint_lies_in_its_mask(capture: Path) -> None:
    truth, count = read_truth(capture / "truth"), 0
    for name, view in truth.views.items():
        for frame, labels in enumerate(read_masks(mask_path(capture / "truth", name))):
            assert view.boxes[frame] == pytest.approx(boxes_of(labels, 2))
            for person in range(2):
                for x, y in view.pixels[frame, person][view.visibility[frame, person] == VISIBLE]:
                    column, row = round(float(x)), round(float(y))
                    around = labels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
                    assert np.any(around == person + 1)
                    count += 1
    assert count > 60


def test_tables_hide_legs_and_joints_outside_are_out_of_frame(capture: Path) -> None:
    truth = read_truth(capture / "truth")
    hidden = np.mean(truth.views["cam1"].visibility == HIDDEN_BY_OCCLUDER)
    assert 0.15 < hidden < 0.8
    for name, view in truth.views.items():
        inside = np.all((view.pixels >= -0.5) & (view.pixels < np.array(truth.cameras[name].size_wh) - 0.5), axis=-1)
        assert np.array_equal(view.visibility == OUT_OF_FRAME, ~inside)


def test_tells_who_was_there(capture: Path, scene: Scene) -> None:
    truth = read_truth(capture / "truth")
    assert [person.motion for person in truth.people] == ["walk", "walk"]
    assert [person.stature_m for person in truth.people] == [person.body.stature for person in scene.people]
    assert truth.seed == SEED
    assert truth.details["cover"] == 0.4


def test_pictures_show_the_people_where_the_masks_say(capture: Path) -> None:
    """The pictures change most, from frame to frame, where the masks do."""
    name = "cam2"
    frames = [frame.image.astype(float) for frame in read_frames(capture / "videos" / f"{name}.mp4")]
    masks = list(read_masks(mask_path(capture / "truth", name)))
    assert np.std(frames[0]) > 15
    change = np.abs(frames[-1] - frames[0]).mean(axis=-1)
    people = (masks[0] > 0) | (masks[-1] > 0)
    assert change[people].mean() > 1.5 * change[~people].mean()


def test_the_same_seed_gives_the_same_files(capture: Path, tmp_path: Path) -> None:
    record(plan_scene(OPTIONS, SEED), tmp_path / "again")
    assert digests(tmp_path / "again") == digests(capture)


def test_is_kept_when_it_is_there_and_anything_else_is_refused(capture: Path, scene: Scene, tmp_path: Path) -> None:
    before = digests(capture)
    assert not record(scene, capture)
    assert not record(plan_scene(OPTIONS, SEED), capture)
    with pytest.raises(InputError, match="already holds something else; choose another place"):
        record(plan_scene(OPTIONS, SEED + 1), capture)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="already holds something else"):
        record(scene, tmp_path)
    with pytest.raises(InputError, match="is a file"):
        record(scene, tmp_path / "notes.txt")
    with pytest.raises(InputError, match="could not write"):
        record(scene, tmp_path / "notes.txt" / "capture")
    assert digests(capture) == before
    assert digests(tmp_path) == {"notes.txt": hashlib.sha256(b"mine").hexdigest()}


def test_one_that_is_not_whole_is_not_kept(capture: Path, scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(capture, tmp_path / "capture")
    (tmp_path / "capture" / "videos" / "cam2.mp4").unlink()
    with pytest.raises(InputError, match=r"lacks .*cam2\.mp4; delete it"):
        record(scene, tmp_path / "capture")


def test_an_empty_folder_is_taken(scene: Scene, tmp_path: Path) -> None:
    target = tmp_path / "empty"
    target.mkdir()
    stop_at = _Interrupt(0)
    with pytest.raises(KeyboardInterrupt):
        record(scene, target, stop_at)
    assert not any(target.iterdir())


def test_goes_on_where_it_was_interrupted(capture: Path, scene: Scene, tmp_path: Path) -> None:
    target = tmp_path / "capture"
    with pytest.raises(KeyboardInterrupt):
        record(scene, target, _Interrupt(4))
    assert not target.exists()
    seen: list[int] = []
    assert record(scene, target, lambda _, done, __: seen.append(done))
    assert seen == list(range(4, 7)), "the first view is not drawn again"
    assert digests(target) == digests(capture)
    assert [path.name for path in tmp_path.iterdir()] == ["capture"]


def test_what_is_left_of_another_recording_is_not_taken(capture: Path, scene: Scene, tmp_path: Path) -> None:
    other = replace(scene, fingerprint="of something else")
    with pytest.raises(KeyboardInterrupt):
        record(other, tmp_path / "capture", _Interrupt(4))
    seen: list[int] = []
    record(scene, tmp_path / "capture", lambda _, done, __: seen.append(done))
    assert seen == list(range(1, 7))
    assert digests(tmp_path / "capture") == digests(capture)


@pytest.mark.parametrize("change", [{"shutter": 1.0, "crf": 45}, {"clean": True}])
def test_artefacts_change_pictures_and_nothing_else(change: dict[str, object], capture: Path, tmp_path: Path) -> None:
    record(plan_scene(replace(OPTIONS, **change), SEED), tmp_path / "other")  # type: ignore[arg-type]
    first, second = digests(capture), digests(tmp_path / "other")
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"truth/scene.json", *(f"videos/cam{index}.mp4" for index in (1, 2))}


class _Interrupt:
    """A report that somebody answers with Ctrl-C after some frames."""

    def __init__(self, frames: int) -> None:
        self._left = frames

    def __call__(self, *_: object) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
