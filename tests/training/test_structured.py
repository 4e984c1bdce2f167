"""Lessons teach codes or poses of what is in the crop; stages take up what those before them left."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.model_files import ModelDescription
from epipose.io.videos import Frame
from epipose.models.pictures import normalised
from epipose.models.structured import StructuredNet, decoder_of, direct_decoder, out_of_crop
from epipose.pose.bones import bone_lengths
from epipose.pose.keypoints import Poses
from epipose.pose.roots import from_root
from epipose.runtime.networks import open_network
from epipose.training.autoencoder_course import read_autoencoder
from epipose.training.autoencoder_lesson import SeenPoses
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_lesson import Variation
from epipose.training.crop_squares import steady_frame
from epipose.training.model_files import read_model
from epipose.training.recorded_examples import Cut, FilmedView, squares, write_examples
from epipose.training.structured_course import (
    HEADS,
    Lessons,
    StructuredCourse,
    new_structured,
    teach_codes,
    teach_joints,
    teach_poses,
    teach_together,
)
from epipose.training.structured_lesson import (
    AnyPart,
    StructuredLesson,
    Varying,
    WholePoses,
    any_part,
    poses_found,
    still_crops,
)
from tests.training.bodies import BODY, standing

COUNT, LENS = 24, Pinhole((500.0, 500.0), (320.0, 240.0))
COURSE = StructuredCourse("brief", hidden=(40,), steps=2, batch=8)
# Looks along Y, from 4 m in front of people who face it.
CAM_FROM_WORLD = Rigid(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.array([0.0, 1.0, 4.0]))


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    """Film people by discs at their joints."""
    positions = standing(COUNT).astype(np.float32)
    camera = Camera(LENS, CAM_FROM_WORLD, (640, 480))
    frames = []
    for number, person in enumerate(positions):
        image = np.full((480, 640, 3), 40, np.uint8)
        for joint, (x, y) in enumerate(np.round(camera.project(person.astype(float))[0]).astype(int).tolist()):
            cv2.circle(image, (x, y), 5, (255 - 10 * joint, 10 * joint, 128), -1)
        frames.append(Frame(number, number / 10, image))
    weight = np.ones((COUNT, 1, len(BODY)), np.float32)
    weight[3, 0, 5] = 0
    uncertainty = np.full_like(weight, 0.01)
    poses = Poses(positions[:, None], uncertainty, weight, np.arange(COUNT) / 10, BODY)
    kept = list(squares(FilmedView("cam", camera, frames), poses, range(COUNT), Cut(112)))
    folder = tmp_path_factory.mktemp("examples")
    whole = WholePoses.of(write_examples(kept, BODY, "box", folder / "cam.npy"))
    assert 3 not in whole.examples.frames[whole.rows], "a joint is not known there"
    assert len(whole.rows) == COUNT - 1
    return Lessons(SeenPoses(positions, positions, BODY), whole, whole)


@pytest.fixture(scope="module")
def stages(lessons: Lessons, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    teach_poses(COURSE, lessons.poses, folder, ignore)
    teach_codes(COURSE, lessons, folder, ignore)
    return folder


def ignore(*_: object) -> None:
    pass


def description() -> ModelDescription:
    return ModelDescription("brief", "crop", BODY, size=0, margin=1.25)


def untaught(lessons: Lessons) -> StructuredNet:
    return new_structured(COURSE, lessons, direct_decoder(torch.zeros(63), torch.tensor(250.0), (40,)))


def test_the_truth_is_the_pose_as_it_was_in_millimetres(lessons: Lessons) -> None:
    _, truth = poses_found(untaught(lessons).eval(), lessons.learned)
    joints = standing(COUNT)[lessons.learned.examples.frames[lessons.learned.rows]]
    seen = 1000 * from_root(joints, BODY) @ CAM_FROM_WORLD.rotation.T
    # The root is a little below the camera's axis, so what is further away is seen as higher: by that angle.
    assert np.abs(truth - seen)[..., [0, 2]].max() < 2
    np.testing.assert_allclose(truth[..., 1], seen[..., 1] - 0.05 / 4 * seen[..., 2], atol=2)
    np.testing.assert_allclose(bone_lengths(truth, BODY), 1000 * bone_lengths(joints, BODY), rtol=0.02)


@pytest.mark.parametrize("variation", [AnyPart(), Variation()], ids=["published", "usual"])
def test_varied_crops_keep_the_lengths_of_bones(lessons: Lessons, variation: AnyPart | Variation) -> None:
    lesson = StructuredLesson(
        untaught(lessons), None, Varying(lessons.learned, 64, variation=variation), lessons.held_out
    )
    pictures, units, side_mm, span = lesson.batch(0)
    assert pictures.shape == (64, 112, 112, 3)
    assert pictures.dtype == torch.uint8
    poses = out_of_crop(units, side_mm, span, BODY).numpy().astype(float)
    # Depths end at half a crop; arms and legs swing less than that.
    own = 1000 * bone_lengths(standing(1), BODY)[0]
    np.testing.assert_allclose(bone_lengths(poses, BODY), np.broadcast_to(own, (64, len(own))), rtol=0.03)
    assert torch.equal(lesson.batch(5)[1], lesson.batch(5)[1])
    assert not torch.equal(lesson.batch(5)[1], lesson.batch(6)[1])


def test_a_part_of_the_stored_crop_is_anywhere_in_it(lessons: Lessons) -> None:
    examples, row, rng = lessons.learned.examples, int(lessons.learned.rows[0]), np.random.default_rng(0)
    parts = [any_part(examples, row, 112, AnyPart(), rng) for _ in range(200)]
    still = steady_frame(examples, row, 112)
    first = np.array([part.joints[0, :2] for part in parts])
    np.testing.assert_allclose(first.min(axis=0) - first.max(axis=0), -16 / 112, atol=0.01)
    middle = still.crop_from_px @ np.append(examples.joints[row, 0, :2], 1) / 112 - 0.5
    np.testing.assert_allclose(first.mean(axis=0), middle, atol=0.02)
    assert {round(part.side, 6) for part in parts} == {round(still.side_px / examples.size, 6)}


def test_learns_codes_and_then_poses(lessons: Lessons, stages: Path) -> None:
    autoencoder = read_autoencoder(stages / "poses.pt", BODY)
    net = new_structured(COURSE, lessons, decoder_of(autoencoder))
    for target in (autoencoder, None):
        lesson = StructuredLesson(net, target, Varying(lessons.learned, 8), lessons.held_out)
        net.eval()  # without dropout, a few steps show it
        pictures, units, side_mm, span = lesson.batch(0)
        optimiser = torch.optim.Adam(net.parameters(), 3e-4)
        losses = []
        for _ in range(15):
            loss = lesson.loss(net, (pictures, units, side_mm, span))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.8 * losses[0]


def test_the_second_stage_leaves_the_decoder_as_it_is_and_the_third_does_not(lessons: Lessons, stages: Path) -> None:
    before = decoder_of(read_autoencoder(stages / "poses.pt", BODY)).state_dict()
    kept = torch.load(stages / "codes.pt", weights_only=True)["weights"]
    assert all(torch.equal(kept[f"decoder.{name}"], value) for name, value in before.items())
    taught = teach_together(COURSE, lessons, description(), stages, ignore)
    assert taught.learned == len(lessons.learned.rows)
    after = torch.load(stages / "together-autoencoder.checkpoint.pt", weights_only=True)["net"]
    assert not torch.equal(after["decoder.layers.0.weight"], before["layers.0.weight"])
    assert not torch.equal(after["trunk.seeing.0.weight"], kept["trunk.seeing.0.weight"])


@pytest.mark.parametrize("head", HEADS)
def test_every_head_runs_in_onnx_as_in_torch(lessons: Lessons, stages: Path, tmp_path: Path, head: str) -> None:
    course = replace(COURSE, head=head, steps=1 if head != "autoencoder" else COURSE.steps)
    taught = teach_together(course, lessons, description(), stages, ignore)
    file = tmp_path / "net.onnx"
    file.write_bytes(taught.file)
    network = open_network(file)
    assert network.description.size == 112
    pictures = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    positions, confidence = network(pictures)
    weights = read_model(file)[1]
    decoders = {
        "autoencoder": lambda: decoder_of(read_autoencoder(stages / "poses.pt", BODY)),
        "direct": lambda: direct_decoder(torch.zeros(63), torch.tensor(1.0)),
        "pca": lambda: direct_decoder(torch.zeros(63), torch.tensor(1.0), (40,)),
        "dense": lambda: direct_decoder(torch.zeros(63), torch.tensor(1.0), (40,), cut=True),
    }
    net = new_structured(course, lessons, decoders[head]())
    told = net.load_state_dict(weights, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in told.missing_keys), told
    with torch.inference_mode():
        expected = net.eval()(normalised(torch.from_numpy(pictures)))
    np.testing.assert_allclose(positions, expected.positions.numpy(), atol=1e-4)
    np.testing.assert_allclose(confidence, expected.confidence.numpy(), atol=1e-4)


def test_stages_that_are_missing_are_named(lessons: Lessons, stages: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run the stage `poses` and the stage `codes` first"):
        teach_together(COURSE, lessons, description(), tmp_path, ignore)
    with pytest.raises(InputError, match=r"no .*poses\.pt, which the stage `poses` makes; run that first"):
        teach_codes(COURSE, lessons, tmp_path, ignore)
    (tmp_path / "poses.pt").write_bytes((stages / "poses.pt").read_bytes())
    with pytest.raises(InputError, match=r"no .*codes\.pt; run the stage `codes` first"):
        teach_together(COURSE, lessons, description(), tmp_path, ignore)


def test_codes_of_another_autoencoder_are_refused(lessons: Lessons, stages: Path, tmp_path: Path) -> None:
    for hidden, message in (((30,), "decodes codes of 30 numbers, but is to be given 40"), ((40,), "another autoenc")):
        folder = tmp_path / str(hidden[0])
        teach_poses(replace(COURSE, hidden=hidden, seed=1), lessons.poses, folder, ignore)
        (folder / "codes.pt").write_bytes((stages / "codes.pt").read_bytes())
        with pytest.raises(InputError, match=message):
            teach_together(COURSE, lessons, description(), folder, ignore)
    with pytest.raises(InputError, match=r"is of the trunk 'cnn'; run the stage `codes` again for 'small'"):
        teach_together(replace(COURSE, trunk="small"), lessons, description(), stages, ignore)


def test_the_trunk_may_learn_first_where_joints_are(lessons: Lessons, stages: Path, tmp_path: Path) -> None:
    """Its convolutions are carried over, as the paper has it; the wide layers are not."""
    (tmp_path / "poses.pt").write_bytes((stages / "poses.pt").read_bytes())
    (point, *_) = teach_joints(COURSE, lessons, tmp_path, ignore)
    assert 50 < point.errors["joints_crop"] < 400
    seen = torch.load(tmp_path / "joints.pt", weights_only=True)["weights"]
    before = untaught(lessons).trunk.state_dict()
    assert not torch.equal(seen["0.weight"], before["seeing.0.weight"])
    teach_codes(replace(COURSE, learning_rate=0.0), lessons, tmp_path, ignore)
    kept = torch.load(tmp_path / "codes.pt", weights_only=True)["weights"]
    torch.testing.assert_close(kept["trunk.seeing.0.weight"], seen["0.weight"], rtol=0, atol=1e-4)
    assert not torch.allclose(kept["trunk.seeing.0.weight"], before["seeing.0.weight"], rtol=0, atol=1e-4)
    torch.testing.assert_close(kept["trunk.knowing.0.weight"], before["knowing.0.weight"], rtol=0, atol=1e-3)
    with pytest.raises(InputError, match="is of the trunk 'cnn'; remove it, or run the stage `joints` again"):
        teach_codes(replace(COURSE, trunk="small"), lessons, tmp_path, ignore)


def test_a_stage_does_not_go_on_from_what_began_otherwise(lessons: Lessons, stages: Path, tmp_path: Path) -> None:
    shutil.copytree(stages, tmp_path / "stages")
    teach_codes(COURSE, lessons, tmp_path / "stages", ignore)
    teach_joints(COURSE, lessons, tmp_path / "stages", ignore)
    with pytest.raises(InputError, match="is of a run with other settings"):
        teach_codes(COURSE, lessons, tmp_path / "stages", ignore)


def test_it_begins_with_the_usual_side_of_crops(lessons: Lessons) -> None:
    for _, _, side_mm, span in still_crops(lessons.learned, 112, 100):
        torch.testing.assert_close(
            untaught(lessons).usual, torch.stack([side_mm.median(), span.median()]), rtol=0.02, atol=0
        )


def test_damaged_codes_are_refused(lessons: Lessons, stages: Path, tmp_path: Path) -> None:
    (tmp_path / "poses.pt").write_bytes((stages / "poses.pt").read_bytes())
    (tmp_path / "codes.pt").write_bytes((stages / "codes.pt").read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged, or not of epipose; run the stage `codes` again"):
        teach_together(COURSE, lessons, description(), tmp_path, ignore)


def test_pictures_without_whole_people_are_refused(lessons: Lessons) -> None:
    examples: CropExamples = lessons.learned.examples
    weight = examples.weight.copy()
    weight[:, 0] = 0
    with pytest.raises(InputError, match="no picture shows a whole person"):
        WholePoses.of(replace(examples, weight=weight))
