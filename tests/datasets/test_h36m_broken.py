"""Human3.6M that cannot be used: one sentence that names the file and what to do, whatever is wrong with it."""

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from epipose.cli import main
from tests.cli.test_bad_input import assert_one_sentence
from tests.datasets import h36m_miniature as mini
from tests.io.made_videos import write_video

h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")

TAKES = (mini.Take(1, 2, 1, "Directions 1", 4), mini.Take(9, 5, 1, "Greeting 1", 4))
POSES = "S1/MyPoseFeatures/D3_Positions/Directions 1.cdf"
VIDEO = "S1/Videos/Directions 1.55011271.mp4"
LABELS = "human36m-multiview-labels-GTbboxes.npy"
BEGIN = "annotations/Human36M_subject1_"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "official": lambda root: mini.write_official(root, TAKES),
    "filmed": lambda root: mini.write_official(root, TAKES[:1], videos=True),
    "mono": lambda root: mini.write_official(root, TAKES, mono=True),
    "h5": lambda root: mini.write_h5(root, TAKES),
    "npz": lambda root: mini.write_npz(root, TAKES),
    "labels": lambda root: mini.write_labels(root, TAKES),
    "json": lambda root: mini.write_json(root, TAKES),
    "annotations": lambda root: mini.write_annotations(root, TAKES),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    for form, make in MAKERS.items():
        make(place / form)
    return {form: place / form for form in MAKERS}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def wrong_count(file: Path) -> None:
    mini.write_cdf(file, np.zeros((1, 4, 51)))


def other_variable(file: Path) -> None:
    mini.write_cdf(file, np.zeros((1, 4, 96)), name="Angles")


def metres(file: Path) -> None:
    mini.write_cdf(file, mini.joints_32(TAKES[0]).reshape(1, -1, 96) / 1000)


def not_finite(file: Path) -> None:
    poses = mini.joints_32(TAKES[0]).reshape(1, -1, 96)
    poses[0, 2, 5] = np.nan
    mini.write_cdf(file, poses)


def shorter(file: Path) -> None:
    write_video(file, 3, size_wh=(1000, 1000), rate=Fraction(50), codec="mpeg4")


def slower(file: Path) -> None:
    write_video(file, 5, size_wh=(1000, 1000), rate=Fraction(25), codec="mpeg4")


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def text(old: str, new: str) -> Callable[[Path], None]:
    return lambda file: file.write_text(file.read_text().replace(old, new))


def sixteen(file: Path) -> None:
    """As many joints as others have."""
    with h5py.File(file, "w") as opened:
        opened["3D_positions"] = np.zeros((48, 4))


def object_npz(**held: object) -> Callable[[Path], None]:
    return lambda file: np.savez(file, **{name: np.array(value, object) for name, value in held.items()})


def hostile(file: Path) -> None:
    class Runs:
        def __reduce__(self) -> object:
            return os.system, ("touch ran",)

    if file.suffix == ".pkl":
        file.write_bytes(pickle.dumps([Runs()]))
    elif file.suffix == ".npy":
        np.save(file, np.array(Runs(), object))
    else:
        np.savez(file, positions_3d=np.array(Runs(), object))


def edited(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        table = json.loads(file.read_text())
        change(table)
        file.write_text(json.dumps(table))

    return edit


def records(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Change the first record of the first camera; cameras become plain dictionaries."""
    from epipose.datasets._restricted_pickle import read_pickle

    def edit(file: Path) -> None:
        held = read_pickle(file, frozenset({"lib.utils.cameras.Camera"}))
        change(held[1][0])
        file.write_bytes(pickle.dumps(held))

    return edit


def fewer_joints(table: dict) -> None:
    table["2"]["1"] = {frame: pose[:16] for frame, pose in table["2"]["1"].items()}


def cut_labels(file: Path) -> None:
    held = np.load(file, allow_pickle=True).item()
    kind = [("subject_idx", "i1"), ("action_idx", "i1"), ("frame_idx", "i2"), ("keypoints", "f4", (16, 3))]
    held["table"] = np.zeros(4, kind)
    np.save(file, np.array(held, object))


def far_labels(file: Path) -> None:
    held = np.load(file, allow_pickle=True).item()
    held["table"]["action_idx"] = 99
    np.save(file, np.array(held, object))


CASES: list[tuple[str, str, Callable[[Path], object], str]] = [
    ("official", "metadata.xml", Path.unlink, "no metadata.xml in .* copy it there"),
    ("official", "metadata.xml", cut, "metadata.xml is not the metadata.xml of"),
    ("official", "metadata.xml", text("<w0>[", "<w0>[x "), "metadata.xml is not the metadata.xml of"),
    ("official", "metadata.xml", text("54138969", "54138960"), "metadata.xml is not the metadata.xml of"),
    (
        "official",
        "metadata.xml",
        text(" 1<", " 7<"),
        "metadata.xml knows none of the poses in .*; use the metadata.xml of the",
    ),
    ("official", POSES, cut, "Directions 1.cdf is cut short or damaged, or has no 'Pose'; unpack it again"),
    ("official", POSES, emptied, "Directions 1.cdf is cut short or damaged, or has no 'Pose'; unpack it again"),
    ("official", POSES, wrong_count, r"Directions 1.cdf holds poses of shape \(1, 4, 51\), not \(1, frames, 96\)"),
    ("official", POSES, other_variable, "Directions 1.cdf is cut short or damaged"),
    ("official", POSES, metres, "Directions 1.cdf has people whose trunks are .* m long; its joints or its unit"),
    ("official", POSES, not_finite, "Directions 1.cdf has positions that are not finite"),
    ("official", "S1/MyPoseFeatures/D3_Positions", shutil.rmtree, r"MyPoseFeatures holds no D3_Positions/\*.cdf; unp"),
    ("filmed", VIDEO, Path.unlink, "there is no video .*Directions 1.55011271.mp4; unpack the videos of S1 again"),
    ("filmed", VIDEO, cut, "Directions 1.55011271.mp4 is not a video that can be read, or it was cut short"),
    ("filmed", VIDEO, emptied, "Directions 1.55011271.mp4 is empty"),
    ("filmed", VIDEO, shorter, "Directions 1.55011271.mp4 shows 3 of 4 frames; it was cut short"),
    ("filmed", VIDEO, slower, "has 25 frames per second, Human3.6M 50; use the videos as released"),
    (
        "h5",
        "S1/MyPoses/3D_positions/Directions 1.h5",
        cut,
        "Directions 1.h5 is damaged or not laid out as expected; get",
    ),
    ("h5", "S1/MyPoses/3D_positions/Directions 1.h5", sixteen, r"holds poses of shape \(48, 4\), not \(96, frames\)"),
    ("h5", "cameras.h5", cut, "cameras.h5 is damaged or not laid out as expected; get it from its source again"),
    ("npz", "data_3d_h36m.npz", cut, "data_3d_h36m.npz is cut short or damaged; get it from its source again"),
    ("npz", "data_3d_h36m.npz", hostile, r"data_3d_h36m.npz was not opened: it asks to run (posix|nt).system"),
    ("npz", "data_3d_h36m.npz", object_npz(positions_3d=3), "holds no positions_3d by subject and action"),
    ("npz", "data_3d_h36m.npz", object_npz(positions_3d={"S1": {"Jumping": 3}}), "holds no action of Human3.6M"),
    (
        "npz",
        "data_3d_h36m.npz",
        object_npz(positions_3d={"S1": {"Walking": np.zeros((4, 17, 3))}}),
        r"S1 Walking of .*data_3d_h36m.npz has positions of shape \(4, 17, 3\), not \(frames, 32, 3\)",
    ),
    ("npz", "data_2d_h36m_gt.npz", cut, "data_2d_h36m_gt.npz is cut short or damaged"),
    (
        "npz",
        "data_2d_h36m_gt.npz",
        object_npz(positions_2d={"S1": {}}, metadata={"layout_name": "h36m", "keypoints_symmetry": [[1], [4]]}),
        "data_2d_h36m_gt.npz has left and right at other joints than h36m17",
    ),
    (
        "npz",
        "data_2d_h36m_gt.npz",
        object_npz(positions_2d={"S1": {}}, metadata={"layout_name": "hands"}),
        "says that its joints are 'hands'; the known layouts are h36m, coco, so remove the file",
    ),
    ("labels", LABELS, cut, "GTbboxes.npy is cut short or damaged"),
    ("labels", LABELS, hostile, r"GTbboxes.npy was not opened: it asks to run (posix|nt).system"),
    ("labels", LABELS, cut_labels, r"GTbboxes.npy holds poses of shape \(16, 3\), not \(17, 3\)"),
    ("labels", LABELS, far_labels, "GTbboxes.npy is no table of labels of Human3.6M"),
    ("labels", LABELS, lambda file: np.save(file, np.zeros(3)), "GTbboxes.npy is no table of labels of Human3.6M"),
    ("json", f"{BEGIN}joint_3d.json", cut, "joint_3d.json is cut short or damaged"),
    ("json", f"{BEGIN}camera.json", Path.unlink, "there is no .*camera.json; the three files of a subject belong toge"),
    ("json", f"{BEGIN}camera.json", edited(lambda t: t.pop("3")), "camera.json does not tell camera 3 as it should"),
    (
        "json",
        f"{BEGIN}camera.json",
        edited(lambda t: t["2"].update(f=[1000, 1000])),
        "camera.json does not tell camera 2 as it should",
    ),
    ("json", f"{BEGIN}joint_3d.json", edited(fewer_joints), r"holds poses of shape \(16, 3\), not \(17, 3\)"),
    ("json", f"{BEGIN}data.json", edited(lambda t: t["images"][0].pop("cam_idx")), "data.json does not list pictures"),
    ("annotations", "annot/valid.pkl", cut, "valid.pkl is cut short or damaged"),
    ("annotations", "annot/valid.pkl", hostile, r"valid.pkl was not opened: it asks to run (posix|nt).system"),
    ("annotations", "annot/valid.pkl", records(lambda r: r.update(image="a.jpg")), "record of 'a.jpg', which names no"),
    (
        "annotations",
        "annot/valid.pkl",
        records(lambda r: r.update(joints_3d=np.zeros((14, 3)))),
        r"valid.pkl holds poses of shape \(14, 3\), not \(17, 3\) or \(16, 3\)",
    ),
    (
        "annotations",
        "annot/valid.pkl",
        records(lambda r: r.update(flip_pairs=[[1, 2]])),
        "valid.pkl has left and right at other joints than h36m17",
    ),
    (
        "annotations",
        "annot/valid.pkl",
        records(lambda r: r.update(pelvis=r["pelvis"] + 100)),
        "place joints .* mm apart, as labels do that were not measured",
    ),
]


@pytest.mark.parametrize(
    "case", range(len(CASES)), ids=[f"{c[0]}-{Path(c[1]).suffix[1:]}-{i}" for i, c in enumerate(CASES)]
)
def test_one_sentence_says_what_is_wrong(
    case: int, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / name)
    said = refusal(capsys, root, tmp_path / "out")
    assert re.search(complaint, said), said
    assert not Path("ran").exists()


CAPTURES = ("--as", "captures")
"""Of poses, with pictures or without."""


def refusal(capsys: pytest.CaptureFixture[str], root: Path, out: Path, *arguments: str) -> str:
    assert main(["prepare", "h36m", "--root", str(root), "--out", str(out), *CAPTURES, *arguments]) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert_one_sentence(said)
    return said


def test_a_folder_without_it_says_what_it_should_hold(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no folder" in refusal(capsys, tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert "in no known format; it should have one of: the official" in refusal(
        capsys, tmp_path / "empty", tmp_path / "out"
    )
    both = shutil.copytree(whole["npz"], tmp_path / "both")
    shutil.copytree(whole["h5"], both, dirs_exist_ok=True)
    assert "in several formats" in refusal(capsys, both, tmp_path / "out")
    assert "nothing of subject S5; it has S1, S9" in refusal(capsys, whole["npz"], tmp_path / "out", "--subjects", "S5")
    assert "choose with --subjects" in refusal(capsys, whole["npz"], tmp_path / "out", "--splits", "train")
    assert not (tmp_path / "out").exists()


def test_what_was_made_before_the_bad_file_is_kept(
    whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(whole["official"], tmp_path / "root")
    bad = root / "S9" / "MyPoseFeatures" / "D3_Positions" / "Greeting 1.cdf"
    good = bad.read_bytes()
    cut(bad)
    refusal(capsys, root, tmp_path / "out")
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["S1_Directions-1"]
    bad.write_bytes(good)
    assert main(["prepare", "h36m", "--root", str(root), "--out", str(tmp_path / "out"), *CAPTURES, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recordings"] == ["S1_Directions-1", "S9_Greeting-1"]
    assert (told["written"], told["poses"], told["warnings"]) == (1, 8, [])


@pytest.mark.parametrize("form", sorted(MAKERS))
def test_the_last_line_has_the_numbers_that_matter(
    form: str, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--root", str(whole[form]), "--out", str(tmp_path), "--subjects", "S1"]
    assert main(["prepare", "h36m", *arguments, *CAPTURES]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line == f"wrote 1 of 1 captures into {tmp_path} (0 were there): 4 poses, 4 cameras"
