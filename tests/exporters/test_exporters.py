"""Every export format that is found must bring back frames, frame rate, metres and axes to its stated precision."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epipose import exporters, plugins
from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.pose.keypoints import Poses
from tests.bodies import moving_people, without

NAMES = plugins.names(exporters)


@pytest.fixture(params=NAMES)
def exporter(request: pytest.FixtureRequest) -> Exporter:
    """Each format in turn; one whose extra is missing is skipped by name."""
    if request.param == "c3d":
        pytest.importorskip("ezc3d", reason="the extra c3d is not installed")
    plugin: Exporter = plugins.load(exporters, request.param)
    return plugin


def _joints(read: Poses, joints: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    index = [read.skeleton.index(joint) for joint in joints]
    return read.positions[:, :, index], read.weight[:, :, index] > 0


def test_the_formats_are_found() -> None:
    assert NAMES == ["bvh", "c3d", "csv", "npz", "trc"]


@pytest.mark.parametrize("frame_rate", [29.97, 30000 / 1001, 25.0, 119.88])
def test_people_survive_writing_and_reading(exporter: Exporter, tmp_path: Path, frame_rate: float) -> None:
    poses = moving_people(frames=31, frame_rate=frame_rate)
    files = exporter.write(tmp_path / "new" / f"walk{exporter.suffix}", poses)
    assert sorted(tmp_path.rglob("*.*")) == sorted(files)
    parts = [exporter.read(file) for file in files]
    assert sum(part.weight.shape[1] for part in parts) == 2
    assert (len(parts) == 1) == ("people" in exporter.keeps)
    positions = np.concatenate([_joints(part, poses.skeleton.joint_names)[0] for part in parts], axis=1)
    assert np.max(np.abs(positions - poses.positions)) <= exporter.precision_m
    for part in parts:
        assert part.frame_rate == pytest.approx(frame_rate, abs=2e-6 * frame_rate)
        start = poses.times[0] if "start" in exporter.keeps else 0
        np.testing.assert_allclose(part.times, poses.times - poses.times[0] + start, atol=1e-5)
    if "uncertainty" in exporter.keeps:
        np.testing.assert_allclose(parts[0].uncertainty, poses.uncertainty, atol=exporter.precision_m)


def test_missing_joints_stay_missing(exporter: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=20, people=1)
    missing = np.random.default_rng(3).random(poses.weight.shape) < 0.2
    missing[7] = True  # a frame without anyone
    missing[:, :, 3] = True  # a joint never seen
    missing[4, :, -3:] = True  # the end of a line
    poses = without(poses, missing)
    files = exporter.write(tmp_path / f"gaps{exporter.suffix}", poses)
    read = exporter.read(files[0])
    assert len(read.times) == 20
    if "missing" in exporter.keeps:
        positions, known = _joints(read, poses.skeleton.joint_names)
        np.testing.assert_array_equal(known, ~missing)
        assert np.max(np.abs(positions - poses.positions)[~missing]) <= exporter.precision_m


def test_a_dropped_frame_keeps_the_clock(exporter: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=20, people=1, frame_rate=30.0, start=0.0)
    kept = np.delete(np.arange(20), [6, 7, 13])
    fields = {f: getattr(poses, f)[kept] for f in ("positions", "uncertainty", "weight", "times")}
    read = exporter.read(exporter.write(tmp_path / f"a{exporter.suffix}", replace(poses, **fields))[0])
    assert read.frame_rate == pytest.approx(30.0, rel=1e-6)
    frame = int(np.argmin(np.abs(read.times - poses.times[12])))
    assert read.times[frame] == pytest.approx(poses.times[12], abs=1e-6)
    assert (
        np.max(np.abs(_joints(read, poses.skeleton.joint_names)[0][frame] - poses.positions[12]))
        <= exporter.precision_m
    )


@pytest.mark.parametrize(
    "times",
    [
        np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 30)),
        np.arange(30) / 30 + 0.012 * np.sin(np.arange(30) / 5),
    ],
)
def test_an_uneven_clock_is_kept_or_refused(exporter: Exporter, tmp_path: Path, times: np.ndarray) -> None:
    poses = replace(moving_people(frames=30, people=1), times=times)
    path = tmp_path / f"a{exporter.suffix}"
    if "start" in exporter.keeps:
        np.testing.assert_allclose(exporter.read(exporter.write(path, poses)[0]).times, poses.times, atol=1e-8)
    else:
        with pytest.raises(InputError, match=r"no steady frame rate.*csv, trc or npz"):
            exporter.write(path, poses)
        assert not list(tmp_path.iterdir())


def test_a_single_frame_is_kept_or_refused_in_one_sentence(exporter: Exporter, tmp_path: Path) -> None:
    path = tmp_path / f"a{exporter.suffix}"
    try:
        written = exporter.write(path, moving_people(frames=1, people=1))
    except InputError as error:
        assert "one frame has no frame rate" in str(error)  # noqa: PT017
        assert not list(tmp_path.iterdir())
    else:
        assert len(exporter.read(written[0]).times) == 1


def test_a_place_that_cannot_be_written_is_named(exporter: Exporter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not write"):
        exporter.write(tmp_path / "file" / f"a{exporter.suffix}", moving_people(frames=5, people=1))


HOSTILE: list[Any] = [
    b"",
    b"\0" * 600,
    b"PathFileType",
    b"HIERARCHY\nROOT a\n{",
    b"time,person,a_x\n1,1,2\n",
    b"\xff\xfe" * 99,
]


@pytest.mark.parametrize("content", HOSTILE)
def test_other_files_are_refused_by_name(exporter: Exporter, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"odd{exporter.suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\."):
        exporter.read(path)


def test_truncated_files_are_refused_by_name(exporter: Exporter, tmp_path: Path) -> None:
    file = exporter.write(tmp_path / f"cut{exporter.suffix}", moving_people(frames=6, people=1))[0]
    content = file.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.8):
        file.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"cut\."):
            exporter.read(file)
    with pytest.raises(InputError, match="none"):
        exporter.read(tmp_path / f"none{exporter.suffix}")
