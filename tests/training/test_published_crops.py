"""The published crops: labels go where the picture goes, whatever the crop's size and turn, and lead back to metres."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.crop_frames import CropFrame, box_frame, paper_frame
from epipose.geometry.images import inverse, mapped
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.io.videos import Frame
from epipose.models.small import SmallNet
from epipose.pose.keypoints import Poses
from epipose.pose.roots import root, root_joints
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.training.crop_examples import ArrayFiles, CropExamples
from epipose.training.crop_lesson import CropLesson
from epipose.training.crop_squares import in_units, published_frame, steady_frame
from epipose.training.examination import examine
from epipose.training.published_crops import LARGEST_ZOOM, PublishedVariation, vary_as_published
from epipose.training.recorded_examples import Cut, FilmedView, squares, write_examples

LENS = BrownConrady((1000.0, 1000.0), (480.0, 400.0), (-0.2, 0.1, 0.001, -0.002, 0.0))
CAMERA = Camera(LENS, Rigid.identity(), (960, 800))
SIZE = 128
PLAIN = PublishedVariation(covering=0.0)
COLOURS = np.array([[250, 40 + 11 * joint, 250 - 11 * joint] for joint in range(17)])


def person(seed: int) -> ndarray:
    """Return joints (camera axes, metres) whose discs do not touch: on a grid, at any depth."""
    rng = np.random.default_rng(seed)
    flat = np.array([(column, row) for row in range(5) for column in range(4)])[:17] * 0.24 - [0.36, 0.5]
    depth = 5 + rng.uniform(-0.35, 0.35, 17)
    return np.column_stack([flat + np.array([0.2, 0.1]) + rng.uniform(-0.05, 0.05, flat.shape), depth])


def drawn(joints: ndarray) -> ndarray:
    picture = np.full((800, 960, 3), 20, np.uint8)
    for place, colour in zip(np.round(CAMERA.project(joints)[0] * 16).astype(int).tolist(), COLOURS, strict=True):
        cv2.circle(picture, place, 9 * 16, colour.tolist(), -1, cv2.LINE_AA, 4)
    return picture


def example(folder: Path, joints: ndarray, skeleton: Skeleton, *, size: int = SIZE) -> CropExamples:
    """Return one example cut as the pipeline cuts it."""
    known = np.ones((1, 1, len(skeleton)), np.float32)
    labels = Poses(joints[None, None].astype(np.float32), 0 * known, known, np.zeros(1), skeleton)
    view = FilmedView("cam", CAMERA, [Frame(0, 0.0, drawn(joints))])
    cut = Cut(size, "paper")
    (square,) = squares(view, labels, [0], cut)
    return write_examples([square], skeleton, cut.frame, folder / "cam.npy")


@pytest.mark.parametrize("name", ["h36m17", "coco17"])
@given(seed=st.integers(0, 1000), zoom=st.floats(0.75, 1.25), turn=st.floats(-1.05, 1.05))
@settings(max_examples=10, deadline=None)
def test_labels_are_the_projection_and_lead_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, zoom: float, turn: float
) -> None:
    joints, skeleton = person(seed), load_skeleton(name)
    middle = root(joints, skeleton)
    examples = example(tmp_path_factory.mktemp("one"), joints, skeleton)
    frame = published_frame(examples, 0, SIZE, zoom=zoom, turn=turn)
    units, weight = in_units(examples, 0, frame)
    # What the published program computes from the camera at once, here through the square that was kept.
    published = paper_frame(LENS, middle, SIZE, zoom=zoom, turn=turn)
    expected, _ = published.units(LENS, joints, middle)
    inside = weight > 0
    np.testing.assert_array_equal(inside, (np.abs(expected[:, :2]) < 0.5).all(axis=1))
    np.testing.assert_allclose(units[inside], expected[inside], atol=1e-5)
    assert units[root_joints(skeleton)[0], 2] == pytest.approx(
        (joints[root_joints(skeleton)[0], 2] - middle[2]) / (2 * zoom), abs=1e-5
    )
    back, _ = published.metres(LENS, units.astype(float), float(middle[2]))
    np.testing.assert_allclose(back[inside], joints[inside], atol=1e-3)


@pytest.mark.parametrize("mirrored", [0.0, 1.0])
def test_pictures_and_labels_agree(tmp_path: Path, mirrored: float) -> None:
    joints, skeleton = person(3), load_skeleton("h36m17")
    examples = example(tmp_path, joints, skeleton, size=256)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        variation = replace(PLAIN, mirrored=mirrored)
        picture, units, weight, _ = vary_as_published(examples, 0, 256, variation, rng)
        order = list(skeleton.mirror) if mirrored else list(range(17))
        # Colours are changed channel by channel, which a disc of known colour tells.
        places = (units[:, :2] + 0.5) * 256
        found = picture[tuple(np.round(places[:, ::-1]).astype(int).clip(0, 255).T)][weight > 0] / 1.0
        share = np.median(found / COLOURS[order][weight > 0], axis=0)
        assert (np.abs(share - 1) <= 0.22).all()
        expected = np.minimum(COLOURS[order][weight > 0] * share, 255)
        assert (np.abs(found - expected).max(axis=1) < 12).mean() > 0.9


def test_the_root_is_the_middle_also_of_mirrored_crops(tmp_path: Path) -> None:
    skeleton = load_skeleton("h36m17")
    examples = example(tmp_path, person(1), skeleton)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        _, units, _, _ = vary_as_published(examples, 0, SIZE, PublishedVariation(mirrored=1.0), rng)
        np.testing.assert_allclose(units[skeleton.index("pelvis")], 0, atol=1e-6)


def test_every_crop_lies_within_the_square_that_is_kept(tmp_path: Path) -> None:
    examples = example(tmp_path, person(0), load_skeleton("h36m17"))
    assert examples.size == Cut(SIZE, "paper").side
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]) * SIZE
    reach = 0.0
    for turn in np.linspace(0, np.pi, 181):
        frame = published_frame(examples, 0, SIZE, zoom=LARGEST_ZOOM, turn=float(turn))
        seen = mapped(inverse(frame.crop_from_px), corners)
        assert (seen > -1).all()
        assert (seen < examples.size + 1).all()
        reach = max(reach, float(seen.max()))
    assert reach == pytest.approx(examples.size, abs=1)


def test_crops_vary_as_published(tmp_path: Path) -> None:
    skeleton = load_skeleton("h36m17")
    joints = person(2)
    joints[:, 2] = 5.0
    joints[skeleton.index("thorax")] = joints[skeleton.index("pelvis")] + [0.0, -0.5, 0.0]
    examples = example(tmp_path, joints, skeleton)
    rng = np.random.default_rng(0)
    ends = []
    for _ in range(400):
        _, units, _, _ = vary_as_published(examples, 0, SIZE, PLAIN, rng)
        ends.append(units[skeleton.index("thorax"), :2] - units[skeleton.index("pelvis"), :2])
    lengths, upright = np.linalg.norm(ends, axis=1), np.array([0.0, -1.0])
    zooms = 0.5 / 2 / lengths
    tilts = np.rad2deg(np.arccos(np.clip(np.array(ends) @ upright / lengths, -1, 1)))
    # The lens bends by less than these tolerances.
    assert zooms.min() == pytest.approx(0.75, abs=0.02)
    assert zooms.max() == pytest.approx(1.25, abs=0.03)
    # A normal number beyond one deviation, to either side, is cut there: 16 % each.
    assert np.mean(zooms < 0.77) == pytest.approx(0.16, abs=0.06)
    assert np.mean(tilts < 1.0) == pytest.approx(0.4 + 0.6 * 0.027, abs=0.08)
    assert 50 < tilts.max() < 62


def test_things_cover_every_crop_unless_told_otherwise(tmp_path: Path) -> None:
    examples = example(tmp_path, person(4), load_skeleton("h36m17"))
    # On black crops whatever is not black was laid over them.
    np.save(tmp_path / "black.npy", np.zeros((len(examples), examples.size, examples.size, 3), np.uint8))
    nothing = replace(examples, pictures=ArrayFiles((tmp_path / "black.npy",), (0,)))
    shares = []
    for seed in range(40):
        picture, _, _, _ = vary_as_published(nothing, 0, SIZE, PublishedVariation(), np.random.default_rng(seed))
        shares.append(float((picture.max(axis=2) > 0).mean()))
    assert np.mean(np.array(shares) > 0) > 0.85, "half of the things are black parts of black crops"
    assert 0.02 < np.mean(shares) < 0.5
    picture, _, _, _ = vary_as_published(nothing, 0, SIZE, PLAIN, np.random.default_rng(0))
    assert not picture.any()


def test_beyond_the_picture_it_is_black_in_published_crops_and_grey_in_others() -> None:
    picture = np.full((100, 100, 3), 255, np.uint8)
    paper = paper_frame(LENS, np.array([-2.4, -2.0, 5.0]), 64)
    box = box_frame(np.array([[-90.0, -90.0], [0.0, 0.0]]), 64)
    assert paper.cut(picture)[0, 0].tolist() == [0, 0, 0]
    assert box.cut(picture)[0, 0].tolist() == [128, 128, 128]
    turned = CropFrame(np.array([[0.0, -1.0, 40.0], [1.0, 0.0, -10.0]]), 16)
    grid = np.arange(64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    seen = mapped(inverse(turned.crop_from_px), np.array([[5.0, 3.0]]))[0].round().astype(int)
    np.testing.assert_array_equal(turned.cut(grid)[3, 5], grid[seen[1], seen[0]])


def test_marks_are_given_at_the_true_depth(tmp_path: Path) -> None:
    joints, skeleton = person(5), load_skeleton("h36m17")
    examples = example(tmp_path, joints, skeleton, size=SmallNet.size)
    torch.manual_seed(0)
    _, answers = examine(SmallNet(17).eval(), examples, np.array([0]))
    assert answers.side_m == pytest.approx(2.0, abs=1e-6)
    _, truth = answers.around_root()
    # Through the lens at each joint's own depth; across, units are metres only at the root's.
    np.testing.assert_allclose(truth[0, :, 2], joints[:, 2] - joints[0, 2], atol=1e-4)
    assert steady_frame(examples, 0, 160).beyond == 0


def test_lessons_take_the_variation_of_their_crops(tmp_path: Path) -> None:
    examples = example(tmp_path, person(6), load_skeleton("h36m17"), size=SmallNet.size)
    lesson = CropLesson(SmallNet(17), examples, examples, batch=3, variation=PublishedVariation())
    pictures, joints, weights = lesson.batch(0)
    assert pictures.shape == (3, 160, 160, 3)
    assert torch.equal(joints, lesson.batch(0)[1])
    assert not torch.equal(joints, lesson.batch(1)[1])
    assert (weights > 0).any()
    with pytest.raises(AssertionError, match="of one kind"):
        CropLesson(SmallNet(17), examples, examples)
