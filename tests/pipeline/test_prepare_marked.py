"""Shards made of people who were marked in single pictures."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.cli import main
from epipose.datasets.coco import PLUGIN as COCO
from epipose.datasets.mpii import PLUGIN as MPII
from epipose.errors import InputError
from epipose.geometry.images import mapped
from epipose.io.shards import open_shards
from epipose.pipeline.prepare import prepare
from tests.datasets import marked_miniature as mini
from tests.pipeline.test_prepare_captures import state

SIDE = 512
READERS = {"mpii": MPII, "coco": COCO}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("marked")
    return {"mpii": mini.write_mpii_release(place / "mpii"), "coco": mini.write_coco(place / "coco", ("val2017",))}


@pytest.mark.parametrize("dataset", READERS)
def test_joints_lie_on_the_dots_of_the_crops(dataset: str, roots: dict[str, Path], tmp_path: Path) -> None:
    done = prepare(dataset, roots[dataset], tmp_path, side=SIDE)
    split = "train" if dataset == "mpii" else "val2017"
    assert (done.recordings, done.parts, done.written, done.examples, done.views) == ((split,), 1, 1, 3, ())
    shards = open_shards(tmp_path)
    names = shards.about.skeleton.joint_names
    assert shards.about.skeleton == READERS[dataset].skeleton
    pictures = shards.files.pictures(range(3))
    for number, person in enumerate(mini.PEOPLE):
        row = shards.row(number)
        assert row["picture_wh"] == list(mini.SIZE_WH)
        assert (row["recording"], row["lens"], np.isnan(row["metres"]).all()) == (split, "", True)
        pixels = np.reshape(row["pixels"], (-1, 2)).astype(float)
        marked = np.array(row["weight"]) > 0
        assert {name for name, known in zip(names, marked, strict=True) if not known} == set(person.missing) & set(
            names
        )
        assert np.isnan(pixels[~marked]).all()
        places = mapped(np.reshape(row["crop_from_px"], (2, 3)), pixels[marked])
        assert ((places > 0) & (places < SIDE - 1)).all()
        for name, place in zip(np.array(names)[marked], places, strict=True):
            middle, side = mini.dot(pictures[number], place)
            np.testing.assert_allclose(place, middle, atol=0.5, err_msg=name)
            assert side == ("left" if "left" in name else "right" if "right" in name else "middle"), name
        if dataset == "mpii":
            assert row["head_px"] > 10
    assert prepare(dataset, roots[dataset], tmp_path, side=SIDE).written == 0


def test_people_with_few_marked_joints_are_left_out_and_counted(roots: dict[str, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(roots["coco"], tmp_path / "root"))
    file = root / "annotations" / "person_keypoints_val2017.json"
    table = json.loads(file.read_text())
    keypoints = table["annotations"][0]["keypoints"]
    keypoints[15:] = [0] * len(keypoints[15:])
    table["annotations"][0]["num_keypoints"] = sum(1 for seen in keypoints[2::3] if seen)
    file.write_text(json.dumps(table))
    done = prepare("coco", root, tmp_path / "out", side=64)
    assert done.examples == 2
    assert "1 people with fewer than 6 marked joints were left out" in done.notes


def test_pictures_are_taken_as_they_are_stored(roots: dict[str, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(roots["coco"], tmp_path / "root"))
    before = prepare("coco", root, tmp_path / "before", side=64)
    for file in (root / "val2017").glob("*.jpg"):
        stored = file.read_bytes()
        # Exif that asks to turn the picture by a quarter.
        exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
        file.write_bytes(stored[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + stored[2:])
        assert cv2.imread(str(file)).shape[:2] == mini.SIZE_WH
    assert prepare("coco", root, tmp_path / "after", side=64).examples == before.examples
    crops = [open_shards(tmp_path / place).files.pictures(range(3)) for place in ("before", "after")]
    np.testing.assert_array_equal(*crops)


def test_what_changed_is_made_again(roots: dict[str, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(roots["coco"], tmp_path / "root"))
    out = tmp_path / "out"
    prepare("coco", root, out, side=64)
    before = state(out)
    picture = sorted((root / "val2017").glob("*.jpg"))[0]
    shown = picture.read_bytes()
    picture.write_bytes(shown + b"\0")
    assert prepare("coco", root, out, side=64).written == 1
    picture.write_bytes(shown)
    assert prepare("coco", root, out, side=64).written == 1
    assert {name: content for name, (_, content) in state(out).items()} == {
        name: content for name, (_, content) in before.items()
    }


def test_single_pictures_make_no_captures(roots: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="single pictures, which make no captures; leave out --as captures"):
        prepare("mpii", roots["mpii"], tmp_path, form="captures")


def test_a_picture_that_cannot_be_read_is_named(
    roots: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(roots["coco"], tmp_path / "root"))
    picture = sorted((root / "val2017").glob("*.jpg"))[0]
    picture.write_bytes(b"nothing")
    out = tmp_path / "out"
    assert main(["prepare", "coco", "--root", str(root), "--out", str(out), "--splits", "val2017"]) == 2
    assert f"{picture} is not a picture that can be read" in capsys.readouterr().err
    mini.write_picture(picture, [])
    assert main(["prepare", "coco", "--root", str(root), "--out", str(out), "--side", "64", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["as"], told["recordings"], told["written"], told["crops"]) == ("shards", ["val2017"], 1, 3)
