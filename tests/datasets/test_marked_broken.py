"""MPII and COCO that cannot be used: one sentence that names the file and what to do, whatever is wrong with it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from epipose.datasets import MarkedPictures, Wanted
from epipose.datasets.coco import PLUGIN as COCO
from epipose.datasets.mpii import PLUGIN as MPII
from epipose.errors import InputError
from tests.cli.test_bad_input import assert_one_sentence
from tests.datasets import marked_miniature as mini

MAT = "mpii_human_pose_v1_u12_1.mat"
JSON = "annot/valid.json"
HEADS = "annot/gt_valid.mat"
PEOPLE = "annotations/person_keypoints_val2017.json"
FORMS: dict[str, tuple[MarkedPictures, Callable[[Path], Path]]] = {
    "release": (MPII, mini.write_mpii_release),
    "json": (MPII, mini.write_mpii_json),
    "coco": (COCO, lambda root: mini.write_coco(root, ("val2017",))),
}
SCALE = f'"scale": {mini.SCALE}'
HUGE = "1e400"
"""Infinity for every reader of JSON."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {form: write(place / form) for form, (_, write) in FORMS.items()}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def of_text(old: str, new: str) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        held = file.read_text()
        assert old in held
        file.write_text(held.replace(old, new, 1))

    return edit


def of_first(**changes: Any) -> Callable[[Path], None]:
    """Change the first person in a JSON file."""

    def edit(file: Path) -> None:
        table = json.loads(file.read_text())
        people = table["annotations"] if isinstance(table, dict) else table
        people[0].update(changes)
        file.write_text(json.dumps(table))

    return edit


def of_table(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        table = json.loads(file.read_text())
        change(table)
        file.write_text(json.dumps(table))

    return edit


def of_rect(**changes: Any) -> Callable[[Path], None]:
    """Change the first person of the release."""

    def edit(file: Path) -> None:
        held = mini.release()
        rect = held["annolist"][0, 0]["annorect"]
        for name, value in changes.items():
            rect[name][0, 0] = value
        savemat(file, {"RELEASE": held})

    return edit


def of_point(**changes: Any) -> Callable[[Path], None]:
    """Change the first joint of the first person of the release."""
    points = mini.annorect(mini.PEOPLE[0], "numbers")["annopoints"]
    for name, value in changes.items():
        points[0, 0]["point"][name][0, 0] = value
    return of_rect(annopoints=points)


def of_release(**changes: Any) -> Callable[[Path], None]:
    return lambda file: savemat(file, {"RELEASE": {**mini.release(), **changes}})


def named(name: str) -> Callable[[Path], None]:
    """Give the first picture of the release another name."""

    def edit(file: Path) -> None:
        held = mini.release()
        held["annolist"][0, 0]["image"] = mini.structs([{"name": name}])
        savemat(file, {"RELEASE": held})

    return edit


def hdf5(file: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(file, "w", userblock_size=512) as opened:
        opened["RELEASE"] = np.zeros(3)
    with file.open("r+b") as header:
        header.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def heads_of(count: int, shift: float = 0.0) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        held = mini.mpii_records()["valid"][:count]
        moved = [{**one, "joints": (np.array(one["joints"]) + shift).tolist()} for one in held]
        mini.write_heads(file, moved)

    return edit


FAR = "gives person 1 of .*jpg joints, a size or a head that no picture can show; get it from its source again"
NOT_LAID_OUT = "is not laid out as expected; get it from its source again"
DAMAGED = "is (missing, )?cut short or damaged; get it from its source again"
POINT = [[10.0, 10.0]] * 15
CASES: list[tuple[str, str, Callable[[Path], object], str]] = [
    ("release", MAT, cut, f"{MAT} {DAMAGED}"),
    ("release", MAT, emptied, f"{MAT} {DAMAGED}"),
    ("release", MAT, hdf5, "was saved as v7.3, not as released; get the original, or save it again with -v7"),
    ("release", MAT, lambda file: file.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(999)), "was saved as v7.3"),
    ("release", MAT, lambda file: savemat(file, {"annolist": 3}), f"{MAT} holds no RELEASE; get it from its source"),
    ("release", MAT, lambda file: savemat(file, {"RELEASE": 3}), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_release(img_train=np.ones((1, 2))), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_release(annolist=mini.NOTHING), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_release(img_train=np.zeros((1, 4))), "nobody in .* has a marked joint; use MPII's own"),
    ("release", MAT, of_rect(scale=-2.0), FAR),
    ("release", MAT, of_rect(scale=np.nan), FAR),
    ("release", MAT, of_rect(scale="2"), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_rect(x2=np.inf), FAR),
    ("release", MAT, of_rect(objpos=mini.structs([{"x": np.nan, "y": 1.0}])), FAR),
    ("release", MAT, of_point(x=np.nan), FAR),
    ("release", MAT, of_point(y=-1e30), FAR),
    ("release", MAT, of_point(x=np.array([[1.0, 2.0]])), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_point(id=16.0), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_point(id=0.5), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, of_point(is_visible="perhaps"), f"{MAT} {NOT_LAID_OUT}"),
    ("release", MAT, named("../../etc/passwd"), "names '../../etc/passwd', which is no picture of MPII; get it from"),
    ("release", MAT, named("/etc/passwd.jpg"), "names '/etc/passwd.jpg', which is no picture of MPII"),
    ("release", MAT, named("1.jpg"), "there is no picture .*images/1.jpg; unpack mpii_human_pose_v1.tar.gz into"),
    ("release", "images/015601864.jpg", Path.unlink, "there is no picture .*/015601864.jpg; unpack mpii_human_pose_v1"),
    ("release", "images", shutil.rmtree, "there is no folder .*images; unpack mpii_human_pose_v1.tar.gz into"),
    ("release", MAT, Path.unlink, f"holds MPII in no known format; it should have {MAT} or annot/train.json"),
    ("release", "annot", lambda p: mini.write_mpii_json(p.parent), "of the same people; take one of them away"),
    ("json", JSON, cut, f"valid.json {DAMAGED}"),
    ("json", JSON, lambda file: file.write_text("[" * 99999), f"valid.json {DAMAGED}"),
    ("json", JSON, lambda file: file.write_text('{"a": 1}'), f"valid.json {NOT_LAID_OUT}"),
    ("json", JSON, of_text(SCALE, f'"scale": {HUGE}'), FAR),
    ("json", JSON, of_text(SCALE, '"scale": NaN'), FAR),
    ("json", JSON, of_text(SCALE, '"scale": -2.5'), FAR),
    ("json", JSON, of_text(SCALE, f'"scale": {"9" * 999}'), f"valid.json {NOT_LAID_OUT}"),
    ("json", JSON, of_text(SCALE, f'"scale": {"9" * 9999}'), f"valid.json {DAMAGED}"),
    ("json", JSON, of_first(joints=[*POINT, [10.0, None]], joints_vis=[1] * 16), FAR),
    ("json", JSON, of_first(joints=POINT), r"valid.json holds joints of shape \(15, 2\), not \(16, 2\); use"),
    ("json", JSON, of_first(joints=[*POINT, [1.0]]), f"valid.json {NOT_LAID_OUT}"),
    ("json", JSON, of_first(image="../../etc/passwd"), "names '../../etc/passwd', which is no picture of MPII"),
    ("json", JSON, of_first(image="a\0.jpg"), r"names 'a\\x00.jpg', which is no picture of MPII"),
    ("json", HEADS, cut, f"gt_valid.mat {DAMAGED}"),
    ("json", HEADS, heads_of(3), "gt_valid.mat is not about the people of valid.json; get both from one source"),
    ("json", HEADS, heads_of(4, 9.0), "gt_valid.mat is not about the people of valid.json; get both from one source"),
    ("coco", PEOPLE, cut, f"val2017.json {DAMAGED}"),
    ("coco", PEOPLE, emptied, f"val2017.json {DAMAGED}"),
    ("coco", PEOPLE, lambda file: file.write_bytes(b"\xff\xfe" * 9), f"val2017.json {DAMAGED}"),
    ("coco", PEOPLE, of_table(lambda t: t.pop("categories")), f"val2017.json {NOT_LAID_OUT}"),
    (
        "coco",
        PEOPLE,
        of_table(lambda t: t["categories"][0]["keypoints"].reverse()),
        "val2017.json marks other joints than COCO's 17; use COCO's own annotations",
    ),
    ("coco", PEOPLE, of_table(lambda t: t["annotations"].append(t["annotations"][0])), f"val2017.json {NOT_LAID_OUT}"),
    ("coco", PEOPLE, of_first(keypoints=[1] * 48), "holds 48 numbers for the joints of annotation 200000, not 51"),
    ("coco", PEOPLE, of_first(keypoints=["x"] * 51), f"val2017.json {NOT_LAID_OUT}"),
    ("coco", PEOPLE, of_first(keypoints=[1, 1, 3] * 17), "marks a joint of annotation 200000 where no"),
    ("coco", PEOPLE, of_first(keypoints=[1e9, 1, 2] * 17), "marks a joint of annotation 200000 where no picture can"),
    ("coco", PEOPLE, of_first(keypoints=[float("nan"), 1, 2] * 17), "marks a joint of annotation 200000 where no"),
    ("coco", PEOPLE, of_first(bbox=[1, 1, -5, 5]), "gives annotation 200000 a box that no picture can hold; get it"),
    ("coco", PEOPLE, of_first(bbox=[1, 1, float("inf"), 5]), "gives annotation 200000 a box that no picture can hold"),
    ("coco", PEOPLE, of_first(bbox=[1, 1, 5]), f"val2017.json {NOT_LAID_OUT}"),
    ("coco", PEOPLE, of_first(id="../x"), f"val2017.json {NOT_LAID_OUT}"),
    ("coco", PEOPLE, of_first(image_id=7), "does not name picture 7, but people in it; get it from its source again"),
    ("coco", PEOPLE, of_first(image_id=[]), f"val2017.json {NOT_LAID_OUT}"),
    (
        "coco",
        PEOPLE,
        of_text("000015601864.jpg", "../../../etc/passwd"),
        "names '../../../etc/passwd', which is no file of .*val2017; get it from its source again",
    ),
    ("coco", PEOPLE, of_text("000015601864.jpg", ".."), "names '..', which is no file of .*val2017"),
    ("coco", "val2017/000015601864.jpg", Path.unlink, "no picture .*000015601864.jpg; unpack val2017.zip into .*, or"),
    ("coco", "val2017", shutil.rmtree, "there is no folder .*val2017; unpack val2017.zip into .*, or choose another"),
    ("coco", "annotations", shutil.rmtree, r"no annotations/person_keypoints_\*.json in .*; name COCO's folder with"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_one_sentence_says_what_is_wrong(case: int, whole: dict[str, Path], tmp_path: Path) -> None:
    form, name, damage, complaint = CASES[case]
    root = shutil.copytree(whole[form], tmp_path / "root")
    damage(root / name)
    with pytest.raises(InputError) as refusal:
        FORMS[form][0].people(root, Wanted())
    said = str(refusal.value)
    assert re.search(complaint, said), said
    assert_one_sentence(f"epipose: {said}\n")


@pytest.mark.parametrize("name", ["mpii", "coco"])
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    reader = {"mpii": MPII, "coco": COCO}[name]
    with pytest.raises(InputError, match=r"name .* with --root"):
        reader.people(tmp_path / "nowhere", Wanted())
