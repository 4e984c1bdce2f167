import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from epipose import InputError
from epipose.cli import main
from epipose.io.pose_files import read_poses, write_poses
from epipose.io.truth_files import read_truth
from epipose.models.pictures import normalised
from epipose.models.refined import Correction, RefinedNet
from epipose.models.small import SmallNet
from epipose.pipeline import lesson_examples
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.predict import predict
from epipose.pipeline.progress import no_report
from epipose.pipeline.teaching import load_teaching
from epipose.runtime.networks import open_network
from epipose.training import refine_course
from epipose.training.model_files import read_model
from tests.pipeline.recorded import reconstructed_sample
from tests.runtime.discs import described

BRIEF = Settings(steps=4, start="none", detector="perfect", name="brief")


@pytest.fixture(scope="module", autouse=True)
def few_examples() -> Iterator[None]:
    """Cut few examples: all of these tests are about what happens, not about how well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson_examples, "MOST_BYTES", 100 * 3 * 240**2)
        patch.setattr(refine_course, "CROPS", 64)
        yield


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reconstructed_sample(tmp_path_factory.mktemp("learn") / "turning")


@pytest.fixture(scope="module")
def taught(capture: Path) -> Path:
    notes: list[str] = []
    report = learn([capture], BRIEF, note=notes.append)
    assert notes[-1].startswith("step 4 of 4: loss ")
    assert report.learned_examples > 2 * report.held_out_examples > 20
    return report.file.parent


def test_what_was_learned_can_be_run_and_read_about(taught: Path) -> None:
    network = open_network(taught / "brief.onnx")
    description = network.description
    assert (description.name, description.kind, description.size) == ("brief", "crop", 160)
    assert 0.3 < description.bone_lengths_m["left_hip", "left_knee"] < 0.5
    positions, confidence = network(np.zeros((2, 160, 160, 3), np.uint8))
    assert positions.shape == (2, len(description.skeleton), 3)
    assert np.all((confidence >= 0) & (confidence <= 1))
    table = json.loads((taught / "learning.json").read_text(encoding="utf-8"))
    assert table["errors"]["mpjpe_mm"] > 0
    page = (taught / "report.html").read_text(encoding="utf-8")
    assert "brief" in page
    assert "epipose learn" in (taught / "card.md").read_text(encoding="utf-8")


def test_later_learning_starts_from_it_under_its_terms(capture: Path, taught: Path, tmp_path: Path) -> None:
    start, terms = tmp_path / "start.onnx", "For research only."
    description, before = read_model(taught / "brief.onnx")
    assert description.terms == ""
    start.write_bytes(described((taught / "brief.onnx").read_bytes(), replace(description, terms=terms).to_json()))
    again = learn([capture], Settings(steps=1, start=str(start), detector="perfect", name="again"))
    assert open_network(again.file).description.terms == terms
    assert terms in again.notes
    assert terms in (again.file.parent / "card.md").read_text(encoding="utf-8")
    _, after = read_model(again.file)
    layers = [name for name, weights in before.items() if weights.ndim == 4]
    assert max(float((after[name] - before[name]).abs().max()) for name in layers) < 0.005


def test_a_camera_can_be_held_out(capture: Path) -> None:
    report = learn([capture], Settings(steps=1, start="none", detector="perfect", name="third", hold_out="cam3"))
    assert {shown.place.split(",")[0] for shown in (*report.best, *report.worst)} == {"cam3"}
    assert "cam3" in report.hold_out


def test_labels_are_those_of_the_cameras(capture: Path) -> None:
    teaching = load_teaching(capture, "triangulated", "perfect", no_report)
    truth = read_truth(capture / "truth")
    assert teaching.labels.weight.mean() > 0.8
    assert teaching.labels.dropped_by_views < 0.05
    for view in teaching.views:
        pixels, _ = view.camera.project(teaching.labels.poses.positions[:, 0].astype(float))
        known = teaching.labels.weight[:, 0] > 0
        nearest = np.abs(view.times[None] - teaching.labels.poses.times[:, None]).argmin(axis=1)
        columns = [truth.poses.skeleton.index(name) for name in teaching.labels.poses.skeleton.joint_names]
        off = np.linalg.norm(pixels - truth.views[view.name].pixels[nearest][:, 0][:, columns], axis=-1)
        assert np.median(off[known]) < 3


def test_the_truth_can_teach_as_well(capture: Path) -> None:
    teaching = load_teaching(capture, "truth", "perfect", no_report)
    assert teaching.labels.weight.min() == 1
    report = learn([capture], Settings(steps=1, start="none", detector="perfect", name="true", recipe="supervised"))
    assert report.truth == "the truth"
    assert report.labels is None


def test_published_crops_and_an_obstacle_that_is_expected(capture: Path) -> None:
    settings = replace(BRIEF, steps=1, name="paper", crops="paper", obstacle="cam2:640,400,90")
    notes: list[str] = []
    report = learn([capture], settings, note=notes.append)
    assert open_network(report.file).description.frame == "paper"
    (sentence,) = report.notes
    assert sentence in notes
    assert sentence.startswith("cam2: a round obstacle of radius 90 pixels at (640, 400) is expected")
    assert "--crops paper --obstacle cam2:640,400,90" in (report.file.parent / "card.md").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="is of a run with other settings"):
        learn([capture], replace(settings, crops="box"))


@pytest.mark.parametrize("recipe", ["refine", "refine-supervised"])
def test_a_network_can_be_refined_and_runs_as_one(capture: Path, taught: Path, recipe: str) -> None:
    notes: list[str] = []
    settings = Settings(recipe=recipe, start="brief", name=recipe, detector="perfect", steps=3)
    report = learn([capture], settings, note=notes.append)
    assert any(sentence.startswith("Refined from brief.onnx: MPJPE from ") for sentence in notes)
    whole, finding = (open_network(file) for file in (report.file, taught / "brief.onnx"))
    assert whole.description.skeleton.joint_names == finding.description.skeleton.joint_names
    pictures = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), np.uint8)
    (corrected, _), (found, _) = whole(pictures), finding(pictures)
    assert np.abs(corrected - found).max() > 1e-4
    # The network that finds poses is the same, to the last bit.
    weights = read_model(report.file)[1]
    for name, value in read_model(taught / "brief.onnx")[1].items():
        assert np.array_equal(weights[f"finding.{name}"], value)
    # ONNX Runtime and torch agree.
    net = RefinedNet(SmallNet(len(whole.description.skeleton)), Correction(whole.description.skeleton)).eval()
    net.load_state_dict(weights, strict=False)
    with torch.inference_mode():
        seen = net(normalised(torch.from_numpy(pictures)))
    assert np.abs(seen.positions.numpy() - corrected).max() < 1e-4


@pytest.mark.usefixtures("taught")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(start="none"), "there is nothing to refine; name a network that was taught with --start"),
        (Settings(start="brief", crops="paper"), "was taught with --crops box; refine it with the same"),
        (Settings(start="brief", name="brief"), "would be replaced by what it is refined to"),
        (Settings(start="brief", model="resnet18"), "is of another architecture"),
    ],
)
def test_what_cannot_be_refined_is_refused(capture: Path, settings: Settings, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        learn([capture], replace(settings, recipe="refine", detector="perfect", steps=1))
    assert not (capture / "models" / "brief-refined" / "brief-refined.onnx").exists()


def test_poses_of_other_cameras_are_refused(capture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "turning"
    shutil.copytree(capture, folder, ignore=shutil.ignore_patterns("models"))
    poses = read_poses(folder / "poses" / "triangulated.npz")
    poses.positions[..., 0] += 1.5
    write_poses(folder / "poses" / "triangulated.npz", poses)
    with pytest.raises(InputError, match=r"no cameras of .* fit triangulated\.npz"):
        learn([folder], BRIEF)
    (folder / "poses" / "triangulated.npz").unlink()
    with pytest.raises(InputError, match="run `epipose reconstruct"):
        learn([folder], BRIEF)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"recipe": "magic"}, "no recipe 'magic'; choose from self-supervised"),
        ({"model": "huge"}, "no model 'huge' to teach; choose from small, resnet18"),
        ({"name": "../up"}, "cannot be called '../up'"),
        ({"steps": 0}, "0 steps teach nothing"),
        ({"hold_out": "cam9"}, "cannot hold out 'cam9'; give a share of the frames"),
        ({"hold_out": "1"}, "cannot hold out '1'"),
        ({"crops": "round"}, "no crops of kind 'round'; choose from box, paper"),
        ({"obstacle": "round"}, "cannot read the obstacle 'round'"),
        ({"start": "nowhere.onnx"}, "nowhere.onnx is no model of epipose"),
    ],
)
def test_what_cannot_be_is_refused(capture: Path, wrong: dict[str, str], sentence: str) -> None:
    settings = {"recipe": "self-supervised", "detector": "perfect", "name": "wrong", "start": "none", "steps": 1}
    with pytest.raises(InputError) as caught:
        learn([capture], Settings(**{**settings, **wrong}))  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    assert not (capture / "models" / "wrong" / "wrong.onnx").exists()


def test_the_command_says_what_it_wrote(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["learn", str(capture), "--steps", "1", "--start", "none", "--detector", "perfect", "--name", "told"]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "joints off by" in printed.out
    assert "told.onnx" in printed.out
    assert "step 1 of 1" in printed.err
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"].endswith("told.onnx")


def test_keypoints_can_be_lifted(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["learn", str(capture), "--recipe", "lift", "--steps", "60", "--start", "none", "--detector", "perfect"]
    assert main(words) == 0
    assert "lift: learned from" in capsys.readouterr().out
    network = open_network(capture / "models" / "lift" / "lift.onnx")
    assert (network.description.kind, network.description.size) == ("lift", 0)
    table = json.loads((capture / "models" / "lift" / "learning.json").read_text(encoding="utf-8"))
    assert table["errors"]["mpjpe_mm"] < 250
    assert table["curve"][-1]["errors"]["mpjpe_mm"] < 0.8 * table["curve"][0]["errors"]["mpjpe_mm"]
    with pytest.raises(InputError, match="is of a run with other settings"):
        learn([capture], Settings(recipe="lift", steps=60, start="none", detector="perfect", hold_out="cam3"))


def test_a_lift_network_says_when_it_is_shown_keypoints_of_another_detector(capture: Path, tmp_path: Path) -> None:
    settings = Settings(recipe="lift", steps=1, start="none", detector="perfect", name="foreign")
    model, video = learn([capture], settings).file, capture / "videos" / "cam1.mp4"
    assert open_network(model).description.detector == "perfect"
    notes = predict(video, model=str(model), detector="builtin", overlay=False, out=tmp_path).notes
    assert any("taught by the keypoints of perfect and is shown those of builtin" in note for note in notes)
    assert not any("keypoints of" in note for note in predict(video, model="small", overlay=False, out=tmp_path).notes)
