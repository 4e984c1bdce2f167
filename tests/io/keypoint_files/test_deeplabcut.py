"""DeepLabCut's tables: CSV written here, HDF5 written by pandas 2 and kept beside this file."""

import gzip
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.keypoint_files import read_keypoints
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton
from tests.io.keypoint_files.damage import assert_refused_or_read, damaged

SINGLE = """scorer,net,net,net,net,net,net
bodyparts,LHip,LHip,LHip,RHip,RHip,RHip
coords,x,y,likelihood,x,y,likelihood
0,1.5,2,0.9,3,4,0.8
1,,,,5,6,0.7
4,nan,8,0.6,7,inf,0.5
"""

MULTI = """scorer,net,net,net,net,net,net,net
individuals,ann,ann,ann,bob,bob,bob,single
bodyparts,nose,nose,nose,nose,nose,nose,door
coords,x,y,likelihood,x,y,likelihood,x
0,1,2,0.9,3,4,0.8,9
"""


def read(path: Path, skeleton: str | None = None) -> Keypoints:
    return read_keypoints(path, frame_rate=29.97, image_size_wh=(640, 480), skeleton=skeleton)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def pandas_file(name: str, folder: Path) -> Path:
    packed = Path(__file__).with_name(f"pandas_{name}.h5.gz")
    (folder / f"{name}.h5").write_bytes(gzip.decompress(packed.read_bytes()))
    return folder / f"{name}.h5"


def test_csv_of_one_individual(tmp_path: Path) -> None:
    keypoints = read(write(tmp_path / "a.csv", SINGLE))
    assert keypoints.skeleton.joint_names == ("left_hip", "right_hip")
    assert keypoints.skeleton.pairs == (("left_hip", "right_hip"),)
    np.testing.assert_allclose(keypoints.times, np.array([0, 1, 4]) / 29.97)
    np.testing.assert_allclose(keypoints.pixels[:, 0, 0], [[1.5, 2], [0, 0], [0, 0]])
    np.testing.assert_allclose(keypoints.score[:, 0], [[0.9, 0.8], [0, 0.7], [0, 0]])


def test_csv_of_several_individuals_leaves_out_what_belongs_to_nobody(tmp_path: Path) -> None:
    keypoints = read(write(tmp_path / "b.csv", MULTI))
    assert keypoints.skeleton.joint_names == ("nose",)
    np.testing.assert_allclose(keypoints.pixels[0, :, 0], [[1, 2], [3, 4]])


def test_labels_without_likelihood_have_score_1(tmp_path: Path) -> None:
    text = "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n0,1,2\n1,,\n"
    assert read(write(tmp_path / "c.csv", text)).score.ravel().tolist() == [1, 0]


def test_names_of_a_shipped_skeleton_are_put_in_its_order(tmp_path: Path) -> None:
    names = load_skeleton("coco17").joint_names[::-1]
    columns = [(name, c) for name in names for c in ("x", "y", "likelihood")]
    lines = [
        ["scorer"] + ["net"] * len(columns),
        ["bodyparts", *(n for n, _ in columns)],
        ["coords", *(c for _, c in columns)],
    ]
    lines.append(["0", *(str(16 - names.index(n)) if c != "likelihood" else "1" for n, c in columns)])
    keypoints = read(write(tmp_path / "d.csv", "\n".join(",".join(line) for line in lines)))
    assert keypoints.skeleton is load_skeleton("coco17")
    assert keypoints.pixels[0, 0, :, 0].tolist() == list(range(17))
    with pytest.raises(InputError, match=r"d\.csv.*'h36m17'.*pelvis"):
        read(tmp_path / "d.csv", "h36m17")


@pytest.mark.parametrize("name", ["single_table", "multi_fixed"])
def test_hdf5_written_by_pandas(name: str, tmp_path: Path) -> None:
    """The values were 1, 1.25, 1.5 ... row by row, x of the first joint in the second frame missing."""
    keypoints = read(pandas_file(name, tmp_path))
    people = 2 if name == "multi_fixed" else 1
    expected = (1 + 0.25 * np.arange(4 * people * 9)).reshape(4, people, 3, 3)[..., :2]
    expected[1, 0, 0] = 0
    assert keypoints.skeleton.joint_names == ("left_hip", "right_hip", "tail base")
    np.testing.assert_array_equal(keypoints.pixels, expected)
    np.testing.assert_array_equal(keypoints.score, expected.any(axis=-1))


def test_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path, trace = pandas_file("single_table", tmp_path), tmp_path / "trace"
    with h5py.File(path, "r+") as file:
        hostile = f"cos\nmkdir\n(S'{trace}'\ntR."
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(hostile.encode())
    with pytest.raises(InputError, match=r"single_table\.h5.*CSV"):
        read(path)
    assert not trace.exists()


def test_missing_h5py_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"single_table\.h5 needs .*epipose\[h5\]"):
        read(pandas_file("single_table", tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("1,,,,5,6,0.7", "1,,,,5,6", "line 5"),
        ("1,,,,5,6,0.7", "1,,,,5,six,0.7", "line 5"),
        ("1,,,,5,6,0.7", "img01.png,,,,5,6,0.7", "line 5"),
        ("4,nan", "1,nan", "rising"),
        ("likelihood,x", "z,x", "LHip/z"),
        ("RHip,RHip,RHip", "RHip,RHip,LHip", "two columns"),
        ("coords", "numbers", "does not start with"),
        (SINGLE[SINGLE.index("0,1.5") :], "", "no frames"),
        (SINGLE[SINGLE.index("coords") :], "", "ends before"),
    ],
)
def test_wrong_csv_is_refused_by_name(tmp_path: Path, old: str, new: str, word: str) -> None:
    assert old in SINGLE
    with pytest.raises(InputError, match=rf"e\.csv.*{word}|{word}.*e\.csv"):
        read(write(tmp_path / "e.csv", SINGLE.replace(old, new)))


def test_frame_rate_and_picture_size_must_be_known(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", SINGLE)
    with pytest.raises(InputError, match=r"f\.csv.*frame_rate"):
        read_keypoints(path, image_size_wh=(640, 480))
    with pytest.raises(InputError, match=r"f\.csv.*image_size_wh"):
        read_keypoints(path, frame_rate=30.0)
    with pytest.raises(InputError, match=r"frame rate of 0\.0"):
        read_keypoints(path, frame_rate=0.0, image_size_wh=(640, 480))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    text, name = data.draw(st.sampled_from([(SINGLE, "x.csv"), (MULTI, "y.csv")]))
    (folder / name).write_bytes(data.draw(damaged(text.encode())))
    assert_refused_or_read(folder / name)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_hdf5_is_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = pandas_file(data.draw(st.sampled_from(["single_table", "multi_fixed"])), tmp_path_factory.mktemp("fuzz"))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    assert_refused_or_read(path)
