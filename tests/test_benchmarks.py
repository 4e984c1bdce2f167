"""The measuring commands still run, at their smallest size; what they measure is in docs/benchmarks.md."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import (
    balancing,
    h36m,
    learning,
    limits,
    predict,
    shards,
    speed,
    structured,
    structured_learning,
    structured_speed,
    triangulation,
)
from benchmarks.scenes import Corruption, h36m_scene
from benchmarks.studio_keypoints import Noise, write_truth_keypoints
from torch import Tensor

from epipose.io.capture_folder import open_capture
from epipose.io.pose_files import read_poses
from epipose.io.truth_files import read_truth
from epipose.io.videos import probe
from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.pipeline import lesson_examples
from epipose.pipeline.learn import BATCH
from epipose.pipeline.reconstruct import reconstruct
from epipose.samples import copy_sample
from epipose.studio.pose_sets import PoseSet, write_pose_set
from epipose.training.autoencoder_course import AutoencoderCourse
from epipose.training.autoencoder_lesson import SeenPoses
from epipose.training.structured_course import StructuredCourse
from tests.training.bodies import BODY, standing


@pytest.fixture(autouse=True)
def one_seed(monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    assert shared.is_dir()
    monkeypatch.setattr(triangulation, "SEEDS", 1)


def test_h36m(capsys: pytest.CaptureFixture[str]) -> None:
    h36m.main(1, [setting for setting in h36m.SETTINGS if setting.views == (0, 2)], opposite=())
    assert "cameras 0 and 2 (47 deg), corrupted | rotation, deg" in capsys.readouterr().out


def test_limits(capsys: pytest.CaptureFixture[str]) -> None:
    limits.main(noises_px=(0.5,), draws=2)
    assert "0.5 px | rotation, deg" in capsys.readouterr().out


def test_the_bound_knows_nothing_about_the_choice_of_world() -> None:
    scene = h36m_scene(Corruption(0.0), seed=0).first(20)
    seen = scene.observations.weight.reshape(len(scene.cameras), -1) > 0
    information = limits.camera_information(scene.cameras, scene.positions.reshape(-1, 3), seen)
    values = np.linalg.eigvalsh(information)
    assert np.sum(np.abs(values) < 1e-6 * values[-1]) == 7


def test_balancing(capsys: pytest.CaptureFixture[str]) -> None:
    views, given = balancing.recording()
    balancing.print_given(views, given, refine=False)
    balancing.print_subsets(views, given, [("cam01", "cam04")])
    short = {name: balancing.delayed(view, 60.4) for name, view in views.items()}
    assert {len(view.times) for view in short.values()} == {39}
    assert "01 04 (102 deg apart)" in capsys.readouterr().out


def test_speed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    speed.print_seconds(repeats=1, frames=10)
    assert "SciPy" in capsys.readouterr().out
    speed.write_long_capture(tmp_path / "long", minutes=0.2)
    assert open_capture(tmp_path / "long").view_names == ("cam01", "cam02", "cam03", "cam04")
    speed.write_long_video(tmp_path / "long.mp4", repetitions=2)
    assert len(probe(tmp_path / "long.mp4").times) == 200
    assert speed.peak_mb() > 10


def test_triangulation(capsys: pytest.CaptureFixture[str]) -> None:
    triangulation.print_four_views()
    triangulation.print_two_views()
    assert "perfect rejection" in capsys.readouterr().out


def test_predict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    predict.measure(tmp_path, repeats=1, frames=9, names=["small"])
    assert "ms a frame" in capsys.readouterr().out
    assert len(probe(tmp_path / "one.mp4").times) == 9


def test_shards(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shards.main(tmp_path, repeats=1, batches=4, shards=4)
    told = capsys.readouterr().out
    assert "out of 4 shards" in told
    assert "| tarfile" in told


def test_learning_compares_what_one_camera_sees_with_triangulation(tmp_path: Path) -> None:
    views, given = balancing.recording()
    balancing.write_capture(tmp_path, views)
    reconstruct(tmp_path)
    truth = read_poses(tmp_path / "poses" / "triangulated.npz")

    def seen(view: str) -> tuple[np.ndarray, tuple[str, ...]]:
        assert view in given
        return truth.positions[:, 0].astype(float) + np.array([3.0, 2.0, 1.0]), truth.skeleton.joint_names

    same = learning.compared(seen, truth, learning.VIEWS, learning.HELD_OUT)
    assert max(same.mpjpe, same.pa) < 1e-3
    rival = learning.compared(learning.mediapipe_world(truth), truth, learning.VIEWS, learning.HELD_OUT)
    assert 90 < rival.mpjpe < 130
    assert 70 < rival.pa < 95


def test_structured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sources = tuple(f"made-up {number}" for number in range(10))
    source = np.arange(50, dtype=np.int32) % 10
    poses = PoseSet(standing(50).astype(np.float32), source, sources, np.arange(10) == 9, BODY)
    write_pose_set(tmp_path / "poses.npz", poses)
    structured.main(tmp_path / "poses.npz", [0, 1], AutoencoderCourse(steps=2, batch=8), tmp_path)
    told = capsys.readouterr().out
    assert "| 2000 " in told
    assert "| 300-300 " in told
    # Noise is as much as it is said to be: a Gaussian of 40 mm along each axis is 63.8 mm long, in the mean.
    seen = SeenPoses.of(poses, BODY.joint_names)
    noisy, denoised, bones, still = structured.marks(Unmoved(21), seen)
    assert noisy == denoised == pytest.approx(63.8, rel=0.1)
    assert bones == still > 20


class Unmoved(PoseAutoencoder):
    """Takes no noise away."""

    def denoise(self, poses: Tensor) -> Tensor:
        return poses


def test_structured_learning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [tmp_path / name for name in ("one", "other")]
    for person in people:
        copy_sample("turning", person)
        write_truth_keypoints(person, read_truth(person / "truth"), Noise(0))
    monkeypatch.setattr(structured_learning, "recorded", lambda _: people)
    monkeypatch.setattr(lesson_examples, "MOST_BYTES", 60 * 3 * 240**2)
    monkeypatch.setitem(BATCH, "structured-supervised", 8)
    monkeypatch.setattr(structured_learning, "ROWS", {"small": structured_learning.ROWS["small"]})
    structured_learning.main(["small"], seeds=[0], steps=2, folder=tmp_path)
    out = capsys.readouterr().out
    assert "| small, as it is " in out
    assert "| small, autoencoder of 2000 " in out
    assert not list(tmp_path.rglob("examples")), "squares that were cut are not kept"


def test_structured_speed(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_sample("turning", tmp_path / "turning")
    monkeypatch.setattr(structured_speed, "synthesized", lambda *_: tmp_path / "turning")
    monkeypatch.setattr(lesson_examples, "MOST_BYTES", 60 * 3 * 168**2)
    structured_speed.main(tmp_path, StructuredCourse("brief", batch=8), steps=3, warm=1)
    assert "answering, ms each of eight" in capsys.readouterr().out
