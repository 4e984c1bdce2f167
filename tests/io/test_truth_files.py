"""Laws of truth files: nothing is lost, both skeletons say the same, and damage is named in one sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.pose_files import read_poses
from epipose.io.truth_files import OUT_OF_FRAME, SKELETON, WRITTEN, Truth, read_truth, write_truth
from tests.bodies import moving_people
from tests.io.keypoint_files.damage import damaged
from tests.pipeline.captures import elsewhere, figure
from tests.truths import make_truth

BESIDE = elsewhere(figure, shift=(0.5, 1.0))


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(bodies=(figure, BESIDE), seconds=0.4, late={"cam4": 0.24})


@pytest.fixture
def folder(truth: Truth, tmp_path: Path) -> Path:
    write_truth(tmp_path / "truth", truth)
    return tmp_path / "truth"


def test_reading_gives_back_what_was_written(folder: Path, truth: Truth) -> None:
    back = read_truth(folder)
    np.testing.assert_array_equal(back.poses.positions, truth.poses.positions)
    np.testing.assert_array_equal(back.poses.times, truth.poses.times)
    assert back.poses.skeleton == SKELETON
    assert list(back.views) == list(truth.views)
    for name, view in truth.views.items():
        for part in ("times", "pixels", "visibility", "boxes", "time_offset_s"):
            np.testing.assert_array_equal(getattr(back.views[name], part), getattr(view, part))
        np.testing.assert_allclose(
            back.cameras[name].cam_from_world.matrix, truth.cameras[name].cam_from_world.matrix, atol=1e-12
        )
    assert (back.people, back.seed, back.rig, back.details) == (truth.people, truth.seed, truth.rig, truth.details)


@pytest.mark.parametrize("skeleton", WRITTEN)
def test_each_skeleton_is_whole_in_its_own_order(folder: Path, truth: Truth, skeleton: str) -> None:
    poses = read_poses(folder / "poses" / f"{skeleton}.npz")
    columns = [SKELETON.index(joint) for joint in poses.skeleton.joint_names]
    assert poses.skeleton.name == skeleton
    assert poses.weight.min() == 1
    assert poses.uncertainty.max() == 0
    np.testing.assert_array_equal(poses.positions, truth.poses.positions[:, :, columns])
    with np.load(folder / "views" / "cam1.npz") as view:
        np.testing.assert_array_equal(view[f"pixels_{skeleton}"], truth.views["cam1"].pixels[:, :, columns])
        np.testing.assert_array_equal(view[f"visibility_{skeleton}"], truth.views["cam1"].visibility[:, :, columns])


def _view(path: Path, **changes: Any) -> None:
    with np.load(path) as archive:
        data = {**{key: archive[key] for key in archive.files}, **changes}
    np.savez(path, **{key: value for key, value in data.items() if value is not None})


def _scene(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


VIEW, SCENE = "views/cam2.npz", "scene.json"


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        (VIEW, lambda f: f.unlink(), "no file"),
        (VIEW, lambda f: _view(f, boxes=None), "lacks boxes"),
        (VIEW, lambda f: _view(f, pixels_coco17=np.zeros((10, 2, 17, 3))), "wrong type or shape"),
        (VIEW, lambda f: _view(f, visibility_h36m17=np.zeros((10, 2, 17))), "wrong type or shape"),
        (VIEW, lambda f: _view(f, visibility_h36m17=np.zeros((9, 2, 17), np.uint8)), "do not fit together"),
        (VIEW, lambda f: _view(f, visibility_h36m17=np.full((10, 2, 17), 256, np.uint16)), "means nothing"),
        (VIEW, lambda f: _view(f, times=np.zeros(10)), "do not rise"),
        (VIEW, lambda f: _view(f, times=np.arange(9.0)), "do not fit together"),
        (VIEW, lambda f: _view(f, boxes=np.full((10, 2, 4), np.nan)), "not finite"),
        (VIEW, lambda f: _view(f, time_offset_s=np.array("late")), "wrong type or shape"),
        (VIEW, lambda f: _view(f, format_version=np.array(9)), "update epipose"),
        (VIEW, lambda f: f.write_bytes(b"PK"), "not a whole NPZ"),
        (SCENE, lambda f: f.unlink(), "epipose synthesize"),
        (SCENE, lambda f: f.write_text("{"), "not sound JSON"),
        (SCENE, lambda f: f.write_text("[" * 100_000), "not sound JSON"),
        (SCENE, lambda f: f.write_bytes(b"\xff\xfe{}"), "not sound JSON"),
        (SCENE, lambda f: f.write_text("[]"), "does not describe"),
        (SCENE, lambda f: _scene(f, seed="7"), "does not describe"),
        (SCENE, lambda f: _scene(f, people=[{"stature_m": -1, "phenotype": {}, "motion": ""}]), "does not describe"),
        (SCENE, lambda f: _scene(f, people=[3, 4]), "does not describe"),
        (SCENE, lambda f: _scene(f, people=[]), "number of people"),
        ("poses/coco17.npz", lambda f: f.write_bytes((f.parent / "h36m17.npz").read_bytes()), "does not fit the rest"),
        ("cameras.toml", lambda f: f.unlink(), "no camera file"),
    ],
)
def test_damage_is_one_sentence_with_the_file(
    folder: Path, file: str, change: Callable[[Path], object], reason: str
) -> None:
    change(folder / file)
    with pytest.raises(InputError, match=reason) as raised:
        read_truth(folder)
    assert "\n" not in str(raised.value)
    assert Path(file).name in str(raised.value) or str(folder) in str(raised.value)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), file=st.sampled_from([VIEW, SCENE, "poses/h36m17.npz"]))
def test_scratched_files_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, truth: Truth, data: st.DataObject, file: str
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    write_truth(folder, truth)
    (folder / file).write_bytes(data.draw(damaged((folder / file).read_bytes())))
    try:
        read = read_truth(folder)
    except InputError as error:
        message = str(error)
    else:
        message = folder.name
        assert np.all(np.isfinite(read.views["cam2"].pixels))
        assert read.views["cam2"].visibility.max() <= OUT_OF_FRAME
    assert folder.name in message
    assert "\n" not in message


def test_a_truth_whose_parts_disagree_is_never_made(truth: Truth) -> None:
    with pytest.raises(InputError, match="number of people"):
        replace(truth, people=truth.people[:1])
    with pytest.raises(InputError, match="other cameras than views"):
        replace(truth, cameras={})
    with pytest.raises(InputError, match="joints of body21"):
        replace(truth, poses=moving_people(frames=3, people=2))
