"""Files of Human3.6M with something in them that nobody expects: read, or refused in one sentence, never a crash."""

import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from epipose.datasets import Wanted
from epipose.datasets._cdf_files import read_cdf
from epipose.datasets._restricted_pickle import read_pickle
from epipose.datasets.h36m import PLUGIN
from epipose.errors import InputError
from tests.datasets import h36m_miniature as mini
from tests.datasets.spoiling import JUNK, PLAIN, spoiled

h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")

TAKES = (mini.Take(1, 2, 1, "Directions 1", 2), mini.Take(9, 5, 1, "Greeting 1", 2))


def spoil_json(name: str) -> Callable[[Path, st.DataObject], None]:
    def spoil(root: Path, data: st.DataObject) -> None:
        file = mini.write_json(root, TAKES) / "annotations" / f"Human36M_subject1_{name}.json"
        file.write_text(json.dumps(spoiled(data, json.loads(file.read_text()), PLAIN)))

    return spoil


def spoil_annotations(root: Path, data: st.DataObject) -> None:
    file = mini.write_annotations(root, TAKES) / "annot" / "valid.pkl"
    held = read_pickle(file, frozenset({"lib.utils.cameras.Camera"}))
    file.write_bytes(pickle.dumps(spoiled(data, held, JUNK)))


def spoil_labels(root: Path, data: st.DataObject) -> None:
    file = mini.write_labels(root, TAKES) / "human36m-multiview-labels-GTbboxes.npy"
    held = np.load(file, allow_pickle=True).item()
    np.save(file, np.array(spoiled(data, held, JUNK), object))


def spoil_npz(root: Path, data: st.DataObject) -> None:
    file = mini.write_npz(root, TAKES) / data.draw(st.sampled_from(["data_3d_h36m.npz", "data_2d_h36m_gt.npz"]))
    with np.load(file, allow_pickle=True) as arrays:
        held = {name: arrays[name].item() for name in arrays.files}
    made = {name: np.empty((), object) for name in held if data.draw(st.integers(0, 9))}
    for name, array in made.items():
        array[()] = spoiled(data, held[name], JUNK)
    np.savez(file, **made)


def spoil_cameras(root: Path, data: st.DataObject) -> None:
    file = mini.write_h5(root, TAKES) / "cameras.h5"
    with h5py.File(file, "a") as opened:
        key = (
            f"subject1/camera{data.draw(st.integers(1, 4))}/{data.draw(st.sampled_from(['R', 'T', 'f', 'c', 'Name']))}"
        )
        del opened[key]
        if data.draw(st.booleans()):
            opened[key] = data.draw(st.sampled_from([np.zeros(3), np.full((2, 1), np.nan), "x", -np.ones((2, 1))]))


def spoil_metadata(root: Path, data: st.DataObject) -> None:
    file = mini.write_metadata(mini.write_h5(root, TAKES))
    words = ["<td>", "</td>", "S1", "Directions 1", "[", "]", " ", "w0", "<id>", "1", "."]
    old, new = data.draw(st.sampled_from(words)), data.draw(st.sampled_from(["", "-", "x", "<td>", "99", "nan", "<"]))
    file.write_text(file.read_text().replace(old, new, data.draw(st.integers(1, 400))))


SPOILERS: dict[str, Callable[[Path, st.DataObject], None]] = {
    "poses in JSON": spoil_json("joint_3d"),
    "cameras in JSON": spoil_json("camera"),
    "pictures in JSON": spoil_json("data"),
    "annotations": spoil_annotations,
    "labels": spoil_labels,
    "npz": spoil_npz,
    "cameras in h5": spoil_cameras,
    "metadata": spoil_metadata,
}


@pytest.mark.parametrize("kind", SPOILERS)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_what_nobody_expects_is_read_or_refused(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("spoiled") / "h36m"
    SPOILERS[kind](root, data)
    with suppress(InputError):
        for recording in PLUGIN.recordings(root, Wanted())[0]:
            poses = recording.read().poses
            assert np.isfinite(poses.positions).all()


@given(
    changes=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), max_size=5),
    kept=st.one_of(st.none(), st.integers(0, 5000)),
)
@settings(max_examples=60, deadline=5000)
@example(changes=[(376, 127)], kept=None)  # two billion dimensions
@example(changes=[(380, 127)], kept=None)  # and variables
def test_a_damaged_cdf_is_read_or_refused_soon(
    changes: list[tuple[int, int]], kept: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = mini.write_cdf(tmp_path_factory.mktemp("cdf") / "a.cdf", mini.joints_32(TAKES[0]).reshape(1, -1, 96))
    content = bytearray(file.read_bytes())
    for place, value in changes:
        content[place] = value
    file.write_bytes(content[:kept])
    with suppress(InputError):
        read_cdf(file, "Pose")


def test_a_long_recording_is_read_whole(tmp_path: Path) -> None:
    poses = np.random.default_rng(0).normal(size=(1, 7000, 96))
    np.testing.assert_array_equal(read_cdf(mini.write_cdf(tmp_path / "a.cdf", poses), "Pose"), poses)
