"""MPII and COCO as the readers return them: joints on the dots of the pictures, left and right, boxes and heads."""

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from epipose.datasets import MarkedPerson, MarkedPictures, Wanted
from epipose.datasets.coco import PLUGIN as COCO
from epipose.datasets.mpii import PLUGIN as MPII
from epipose.errors import InputError
from epipose.io.pictures import read_picture
from tests.datasets import marked_miniature as mini

FORMS = {
    "mpii release": (MPII, mini.write_mpii_release, ("train",)),
    "mpii json": (MPII, mini.write_mpii_json, ("train", "valid")),
    "coco": (COCO, lambda root: mini.write_coco(root, ("val2017",)), ("val2017",)),
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("marked")
    return {form: write(place / form) for form, (_, write, _) in FORMS.items()}


def everybody(reader: MarkedPictures, root: Path, *splits: str) -> list[MarkedPerson]:
    return reader.people(root, Wanted(splits=splits))[0]


@pytest.mark.parametrize("form", FORMS)
def test_joints_lie_on_the_dots_and_left_is_left(form: str, roots: dict[str, Path]) -> None:
    reader = FORMS[form][0]
    people = everybody(reader, roots[form])
    assert len(people) == len(mini.PEOPLE)
    for person, shown in zip(people, mini.PEOPLE, strict=True):
        picture = read_picture(person.picture)
        for joint, name in enumerate(reader.skeleton.joint_names):
            assert person.marked[joint] == (name not in shown.missing)
            if not person.marked[joint]:
                assert not person.pixels[joint].any()
                continue
            middle, side = mini.dot(picture, person.pixels[joint])
            np.testing.assert_allclose(person.pixels[joint], middle, atol=0.1, err_msg=name)
            assert side == ("left" if "left" in name else "right" if "right" in name else "middle"), name


@pytest.mark.parametrize("form", FORMS)
def test_people_are_named_apart_and_boxes_hold_their_joints(form: str, roots: dict[str, Path]) -> None:
    reader, _, splits = FORMS[form]
    people = everybody(reader, roots[form])
    assert len({person.name for person in people}) == len(people)
    for person in people:
        assert re.fullmatch(r"[\w-]+", person.name, re.ASCII)
        assert person.about["split"] in splits
        assert person.picture.is_file()
        assert (person.box[:2] <= person.pixels[person.marked] - 0.5).all()
        assert (person.pixels[person.marked] + 0.5 <= person.box[2:]).all()
        assert not (person.visible & ~person.marked).any()


def test_what_mpii_says_of_visibility_is_taken_however_it_is_written(roots: dict[str, Path]) -> None:
    names = MPII.skeleton.joint_names
    numbers, text, unsaid = everybody(MPII, roots["mpii release"])
    hidden = {"left_wrist", "right_knee", "upper_neck", "head_top"}
    assert {name for name, seen in zip(names, numbers.visible, strict=True) if not seen} == hidden
    hidden = {"left_ankle", "right_ankle", "upper_neck", "head_top"}
    assert {name for name, seen in zip(names, text.visible, strict=True) if not seen} == hidden
    assert not unsaid.visible.any()
    assert unsaid.marked.all()


def test_the_release_of_mpii_tells_names_heads_and_boxes(roots: dict[str, Path]) -> None:
    people, notes = MPII.people(roots["mpii release"], Wanted())
    assert [person.name for person in people] == ["train_015601864_1", "train_000003072_1", "train_000003072_3"]
    assert people[0].about == {
        "split": "train", "activity": "curling", "category": "winter activities", "separate": 1
    }  # fmt: skip
    assert [person.about["separate"] for person in people] == [1, 0, 1]
    for person, shown in zip(people, mini.PEOPLE, strict=True):
        assert person.head_px == pytest.approx(0.6 * 50)
        middle = mini.place_of(shown)
        np.testing.assert_allclose(person.box, np.concatenate([middle - 250, middle + 250]))
    assert notes == [
        "1 people of train were left out: none of their joints is marked",
        "1 people of train were left out: how large they are is not told",
        "1 pictures of test were left out: their joints were never published",
    ]


def test_a_box_that_cuts_off_joints_grows_to_hold_them(tmp_path: Path) -> None:
    root = mini.write_mpii_json(tmp_path)
    file = root / "annot" / "train.json"
    file.write_text(file.read_text().replace(f'"scale": {mini.SCALE}', '"scale": 1.5'))
    (person,) = everybody(MPII, root, "train")
    middle, ankle = mini.place_of(mini.PEOPLE[0]), person.pixels[5]
    np.testing.assert_allclose(person.box[:3], [*(middle - 150), middle[0] + 150])
    assert person.box[3] == person.pixels[:, 1].max() + 0.5
    assert person.box[3] >= ankle[1] > middle[1] + 150


def test_json_of_mpii_agrees_with_the_release(roots: dict[str, Path]) -> None:
    released = everybody(MPII, roots["mpii release"])
    people, notes = MPII.people(roots["mpii json"], Wanted())
    assert [person.name for person in people] == ["train_015601864_1", "valid_000003072_1", "valid_000003072_2"]
    for ours, theirs in zip(people, released, strict=True):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        np.testing.assert_array_equal(ours.marked, theirs.marked)
        np.testing.assert_array_equal(ours.box, theirs.box)
    assert [math.isnan(person.head_px) for person in people] == [True, False, False]
    assert people[1].head_px == pytest.approx(30)
    assert not any(person.visible.any() for person in people)
    assert "which marked joints of valid are hidden is not told" in notes
    assert "how large the heads of train are is not told, so PCKh cannot be measured" in notes
    assert "how large the heads of valid are is not told, so PCKh cannot be measured" not in notes


def test_coco_boxes_count_from_the_corner_and_grow_to_the_ankles(roots: dict[str, Path]) -> None:
    people = everybody(COCO, roots["coco"])
    assert [person.name for person in people] == ["val2017_200000", "val2017_200001", "val2017_200002"]
    for person, shown, said in zip(people, mini.PEOPLE, mini.coco_table()["annotations"], strict=False):
        x, y, width, _ = said["bbox"]
        np.testing.assert_allclose(person.box[:3], [x - 0.5, y - 0.5, x - 0.5 + width])
        lowest = max(place[1] for name, place in mini.coco_joints(shown).items() if name not in shown.missing)
        assert person.box[3] == lowest + 0.5
        assert math.isnan(person.head_px)
        hidden = {*shown.hidden, *shown.missing} & set(mini.COCO)
        assert {n for n, seen in zip(COCO.skeleton.joint_names, person.visible, strict=True) if not seen} == hidden


def test_coco_says_whom_it_leaves_out(roots: dict[str, Path]) -> None:
    assert COCO.people(roots["coco"], Wanted())[1] == [
        "1 crowds of val2017 were left out: nobody is marked in them",
        "1 people of val2017 were left out: none of their joints is marked",
    ]


def test_splits_are_read_as_asked(tmp_path: Path, roots: dict[str, Path]) -> None:
    root = mini.write_coco(tmp_path / "coco", images="images")
    assert len(everybody(COCO, root)) == 2 * len(mini.PEOPLE)
    assert {person.about["split"] for person in everybody(COCO, root, "val2017")} == {"val2017"}
    shutil.rmtree(root / "images" / "train2017")
    assert len(everybody(COCO, root, "val2017")) == len(mini.PEOPLE)
    assert len(everybody(MPII, roots["mpii json"], "valid")) == 2
    trainval = shutil.copytree(roots["mpii json"], tmp_path / "trainval")
    (trainval / "annot" / "train.json").unlink()
    assert {person.about["split"] for person in everybody(MPII, trainval)} == {"trainval"}
    assert len(everybody(MPII, trainval)) == len(mini.PEOPLE)


def test_the_release_may_lie_in_its_own_folder_and_list_a_picture_twice(tmp_path: Path) -> None:
    held = mini.release()
    held["annolist"][0, 2] = held["annolist"][0, 0]
    root = mini.write_mpii_release(tmp_path / "mpii", held, folder="mpii_human_pose_v1_u12_2")
    names = [person.name for person in everybody(MPII, root)]
    assert names == ["train_015601864_1", "train_000003072_1", "train_000003072_3", "train_015601864_2"]


def test_a_release_that_was_saved_again_without_compression_is_the_same(tmp_path: Path, roots: dict[str, Path]) -> None:
    root = shutil.copytree(roots["mpii release"], tmp_path / "mpii")
    file = root / "mpii_human_pose_v1_u12_1.mat"
    # As lists of structures with only their own axes.
    savemat(file, {"RELEASE": loadmat(file, squeeze_me=True, struct_as_record=True)["RELEASE"]}, oned_as="column")
    for ours, theirs in zip(everybody(MPII, root), everybody(MPII, roots["mpii release"]), strict=True):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        assert ours.about == theirs.about


@pytest.mark.parametrize("form", FORMS)
def test_people_and_actions_cannot_be_chosen(form: str, roots: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="no subjects and no actions to choose from; choose with --splits"):
        FORMS[form][0].people(roots[form], Wanted(subjects=("S1",)))
    with pytest.raises(InputError, match=f"holds no split 'test'; it has {', '.join(FORMS[form][2])}"):
        FORMS[form][0].people(roots[form], Wanted(splits=("test",)))


def test_other_programs_agree_on_where_coco_puts_people(roots: dict[str, Path]) -> None:
    table = json.loads((roots["coco"] / "annotations" / "person_keypoints_val2017.json").read_text())
    first = np.array(table["annotations"][0]["keypoints"]).reshape(17, 3)
    np.testing.assert_array_equal(everybody(COCO, roots["coco"])[0].pixels, first[:, :2])
