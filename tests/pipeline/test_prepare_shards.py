"""Shards made of a data set: the truth that captures have, the same bytes from any number of processes, and redone."""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.datasets import Contents, Wanted
from epipose.datasets.h36m import PLUGIN
from epipose.errors import InputError
from epipose.geometry.images import mapped
from epipose.io.shard_index import camera_of
from epipose.io.shards import open_shards
from epipose.pipeline.lesson_examples import HoldOut, cut_examples
from epipose.pipeline.prepare import Prepared, prepare
from epipose.pipeline.prepare_shards import Cutting, make_shards
from epipose.pipeline.progress import no_report
from epipose.pipeline.recorded_crops import RecordedCrops
from epipose.pipeline.teaching import load_teaching
from epipose.training.crop_examples import ArrayFiles
from epipose.training.recorded_examples import Cut
from epipose.training.shard_examples import shard_examples
from tests.datasets import h36m_miniature as mini
from tests.pipeline.test_prepare_captures import state

TAKE = mini.TAKES[0]
TAKES = (*mini.TAKES[:2], mini.TAKES[5])
VIEWS = 11
"""Of the three takes, one of which was filmed by three cameras."""


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official release of three takes with their videos."""
    return mini.write_official(tmp_path_factory.mktemp("filmed"), TAKES, videos=True)


@pytest.fixture(scope="module")
def made(filmed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their shards, made by as many processes as there are cores."""
    out = tmp_path_factory.mktemp("out") / "h36m"
    done = prepare("h36m", filmed, out)
    names = tuple(take.name for take in TAKES)
    note = "S11_Directions-2 has no camera 54138969: its video is not part of the release"
    assert done == Prepared(out, names, VIEWS, VIEWS, VIEWS * TAKE.frames, mini.CAMERAS, (note,))
    return out


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "h36m"))


def contents(folder: Path) -> dict[str, bytes]:
    return {name: content for name, (_, content) in state(folder).items()}


def test_the_index_knows_what_the_data_set_knows(made: Path) -> None:
    shards = open_shards(made)
    assert len(shards) == VIEWS * TAKE.frames
    assert (shards.about.dataset, shards.about.skeleton.name, shards.about.side) == ("h36m", "h36m17", 256)
    takes = {take.name: take for take in TAKES}
    for number in range(0, len(shards), 5):
        row = shards.row(number)
        take, view, frame = takes[row["recording"]], row["view"], row["frame"]
        assert (row["subject"], row["action"], row["take"]) == (
            f"S{take.subject}", mini.ACTIONS[take.action - 1], str(take.number)
        )  # fmt: skip
        assert row["time_s"] == pytest.approx(frame / 50)
        pixels, metres = np.reshape(row["pixels"], (17, 2)), np.reshape(row["metres"], (17, 3))
        seen = mini.pixels(take, view)[frame]
        np.testing.assert_allclose(pixels, seen, atol=0.01)
        np.testing.assert_allclose(metres, mini.in_camera(take, view)[frame] / 1000, atol=1e-5)
        np.testing.assert_allclose(row["box"], [*seen.min(axis=0), *seen.max(axis=0)], atol=0.01)
        camera = camera_of(row)
        assert camera is not None
        assert camera.size_wh == mini.SIZES[view]
        world = camera.cam_from_world.inverse().apply(metres)
        np.testing.assert_allclose(world, mini.joints_mm(take)[frame] / 1000, atol=1e-5)
        np.testing.assert_allclose(camera.project(world)[0], seen, atol=0.01)


def test_crops_are_those_that_captures_teach_by(made: Path, filmed: Path, tmp_path: Path) -> None:
    prepare("h36m", filmed, tmp_path / "captures", form="captures")
    teachings = [load_teaching(tmp_path / "captures" / take.name, "truth", "auto", no_report) for take in TAKES]
    hold_out = HoldOut(recording=TAKES[-1].name)
    cut = cut_examples(teachings, hold_out, Cut.of_side(256), tmp_path / "examples", no_report)
    shards = open_shards(made)
    examples = shard_examples(shards, np.arange(len(shards)))
    by_capture = {
        (pictures.files[place].parent.name, pictures.files[place].stem, int(part.frames[row])): (part, row)
        for part in (cut.learned, cut.held_out)
        for row in range(len(part))
        for pictures in [part.pictures]
        if isinstance(pictures, ArrayFiles)
        for place in [int(np.searchsorted(pictures.starts, row, side="right")) - 1]
    }
    assert len(by_capture) == len(shards) == len(examples)
    for number in range(len(shards)):
        row = shards.row(number)
        other, place = by_capture[row["recording"], row["view"], row["frame"]]
        assert np.abs(examples.joints[number, :, :2] - other.joints[place, :, :2]).max() < 0.1
        assert np.abs(examples.joints[number, :, 2] - other.joints[place, :, 2]).max() < 1e-4
        for name in ("weight", "side_m", "span", "disc", "frames"):
            np.testing.assert_allclose(getattr(examples, name)[number], getattr(other, name)[place], rtol=1e-5)
        apart = examples.picture(number).astype(float) - other.picture(place)
        assert np.abs(apart).mean() < 2
        assert examples.place(number) == f"{row['recording']}, {row['view']}, frame {row['frame']}"
    some, rows = examples.at_hand(np.array([5, 60]))
    np.testing.assert_array_equal(some.joints[rows], examples.joints[[5, 60]])
    np.testing.assert_array_equal(some.picture(1), examples.picture(60))
    assert some.place(1) == examples.place(60)


def marked(take: mini.Take, root: Path) -> None:
    """Pictures with a white spot on the top of the head and a red one on the left ankle."""
    for index, camera in enumerate(mini.CAMERAS):
        for frame in range(take.frames):
            picture = np.full((*mini.SIZES[camera][::-1], 3), 40 * index, np.uint8)
            for joint, colour in (("head_top", (255, 255, 255)), ("left_ankle", (0, 0, 255))):
                x, y = mini.pixels(take, camera)[frame, mini.JOINTS.index(joint)]
                cv2.circle(picture, (round(16 * x), round(16 * y)), 16 * 12, colour, -1, cv2.LINE_AA, 4)
            cv2.imwrite(str(root / "images" / mini.picture_name(take, camera, frame)), picture)


def spot(picture: ndarray, like: ndarray) -> ndarray:
    """The middle of what is nearly of a colour."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - like).max(axis=2) < 60)
    return np.array([columns.mean(), rows.mean()])


def test_joints_lie_on_what_the_crops_show(tmp_path: Path) -> None:
    take = mini.Take(1, 2, 1, "Directions 1", frames=4)
    root = mini.write_json(tmp_path / "json", (take,))
    mini.write_pictures(root, (take,))
    marked(take, root)
    prepare("h36m", root, tmp_path / "out", side=200, every=2)
    shards = open_shards(tmp_path / "out")
    assert len(shards) == 8
    assert shards.about.side == 200
    pictures = shards.files.pictures(range(8))
    for number, picture in enumerate(pictures):
        row = shards.row(number)
        assert row["frame"] in (0, 2)
        places = mapped(np.reshape(row["crop_from_px"], (2, 3)), np.reshape(row["pixels"], (17, 2)).astype(float))
        for joint, colour in (("head_top", [255, 255, 255]), ("left_ankle", [255, 0, 0])):
            found = spot(picture, np.array(colour))
            assert np.abs(found - places[mini.JOINTS.index(joint)]).max() < 0.6


def test_any_program_reads_the_tar_files(made: Path) -> None:
    shards = open_shards(made)
    for number in range(0, len(shards), 7):
        row = shards.row(number)
        with tarfile.open(made / row["shard"]) as tar:
            names = tar.getnames()
            assert names[0::2] == [name.removesuffix(".json") + ".jpg" for name in names[1::2]]
            picture, labels = (tar.extractfile(f"{row['key']}.{suffix}") for suffix in ("jpg", "json"))
            assert picture is not None
            assert labels is not None
            jpeg, known = picture.read(), json.loads(labels.read())
        decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        np.testing.assert_array_equal(decoded, shards.files.pictures([number])[0])
        assert known == {name: row[name] for name in row if name not in ("shard", "offset", "length")} | known
        np.testing.assert_allclose(known["pixels"], row["pixels"], rtol=1e-6)
        assert known["head_px"] is None


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_bytes_come_from_any_number_of_processes(
    workers: int, made: Path, filmed: Path, tmp_path: Path
) -> None:
    recordings, notes = PLUGIN.recordings(filmed, Wanted())
    make_shards(RecordedCrops("h36m", recordings, notes, Cutting(1, 256)), tmp_path, no_report, workers=workers)
    assert contents(tmp_path) == contents(made)


def test_a_second_run_does_only_what_is_missing(copied: Path, filmed: Path) -> None:
    whole = state(copied)
    assert prepare("h36m", filmed, copied).written == 0
    assert state(copied) == whole

    part = copied / "S1_TakingPhoto-2" / "55011271-0000.tar"
    for spoil in (
        part.unlink,
        lambda: part.write_bytes(part.read_bytes()[:-512]),
        part.with_name("55011271.parquet").unlink,
    ):
        spoil()
        assert prepare("h36m", filmed, copied).written == 1
        after = state(copied)
        assert contents(copied) == {name: content for name, (_, content) in whole.items()}
        again = {name for name in whole if after[name] != whole[name]}
        ours = {"S1_TakingPhoto-2/55011271-0000.tar", "S1_TakingPhoto-2/55011271.parquet"}
        assert again == {*ours, "index.parquet", "shards.json"}

    (copied / "index.parquet").unlink()
    assert prepare("h36m", filmed, copied).written == 0
    assert contents(copied) == {name: content for name, (_, content) in whole.items()}


def test_an_interruption_leaves_nothing_that_is_believed(filmed: Path, tmp_path: Path) -> None:
    out, wanted = tmp_path / "out", Wanted(subjects=("S1",))
    (first, second), notes = PLUGIN.recordings(filmed, wanted)

    def vanished() -> Contents:
        known = second.read()
        return replace(known, videos={**known.videos, "58860488": tmp_path / "vanished.mp4"})

    broken = [first, replace(second, read=vanished)]
    with pytest.raises(InputError, match=r"there is no video file .*vanished"):
        make_shards(RecordedCrops("h36m", broken, notes, Cutting(1, 64)), out, no_report, workers=1)
    with pytest.raises(InputError, match="is not finished; the same epipose prepare again goes on"):
        open_shards(out)
    assert not (out / "S1_TakingPhoto-2" / "58860488.parquet").exists()
    stray = out / "S1_TakingPhoto-2" / ".58860488-0000.tar.12345678.part"
    stray.write_bytes(b"half")
    done = prepare("h36m", filmed, out, wanted, side=64)
    assert (done.written, done.examples) == (2, 8 * TAKE.frames)
    assert not stray.exists()
    prepare("h36m", filmed, tmp_path / "at once", wanted, side=64)
    assert contents(out) == contents(tmp_path / "at once")


def test_what_changed_is_made_again(filmed: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(filmed, tmp_path / "root"))
    out = tmp_path / "out"
    wanted = Wanted(subjects=("S1",))
    assert prepare("h36m", root, out, wanted, side=64, every=3).examples == 16
    mini.write_cdf(
        root / "S1" / "MyPoseFeatures" / "D3_Positions" / f"{TAKE.file}.cdf",
        mini.joints_32(TAKE).reshape(1, -1, 96) + 10,
    )
    assert prepare("h36m", root, out, wanted, side=64, every=3).written == 4
    row = open_shards(out).row(0)
    assert row["recording"] == TAKE.name
    camera = camera_of(row)
    assert camera is not None
    moved = camera.cam_from_world.inverse().apply(np.reshape(row["metres"], (17, 3)).astype(float))
    np.testing.assert_allclose(moved, mini.joints_mm(TAKE)[0] / 1000 + 0.01, atol=1e-5)
    assert prepare("h36m", root, out, wanted, side=96, every=3).written == 8
    fewer = prepare("h36m", root, out, Wanted(subjects=("S1",), actions=("Directions",)), side=96, every=3)
    assert (fewer.written, fewer.examples, len(open_shards(out))) == (0, 8, 8)


@pytest.mark.parametrize("form", ["npz", "labels"])
def test_poses_without_pictures_are_for_captures(form: str, tmp_path: Path) -> None:
    mini.write_metadata(mini.FORMATS[form](tmp_path / "root"))
    with pytest.raises(InputError, match=r"no pictures of S1_Directions-1, .*add --as captures"):
        prepare("h36m", tmp_path / "root", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_of_others_and_senseless_numbers_are_refused(filmed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no shards; name another place with --out"):
        prepare("h36m", filmed, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    for numbers, words in (({"side": 8}, "8 pixels"), ({"every": 0}, "every 0th")):
        with pytest.raises(InputError, match=words):
            prepare("h36m", filmed, tmp_path / "out", **numbers)
