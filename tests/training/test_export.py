"""What is exported answers as the trained network does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from epipose.errors import exit_code
from epipose.models.keypoint_net import KeypointNet
from epipose.training import detector, export
from epipose.training.detector import Learner, Plan, new_net
from epipose.training.export import card, halved, load_run, score_file, to_onnx
from tests.training.sticks import write_sticks

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def net() -> KeypointNet:
    torch.manual_seed(0)
    net = new_net()
    with torch.no_grad():  # running means that are not those of a new network
        net.train()
        for _ in range(3):
            net.distributions(torch.from_numpy(PICTURES))
    return net.eval()


def answers(model: bytes) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"pictures": PICTURES})


def test_the_file_answers_as_torch_does(net: KeypointNet) -> None:
    model = to_onnx(net, 64)
    with torch.inference_mode():
        expected = net(torch.from_numpy(PICTURES))
    pixels, score = answers(model)
    np.testing.assert_allclose(pixels, expected.pixels, atol=1e-3)
    np.testing.assert_allclose(score, expected.score, atol=1e-5)
    small = halved(model)
    assert len(small) < 0.55 * len(model)
    np.testing.assert_allclose(answers(small)[1], score, atol=2e-3)


def test_a_run_is_exported_with_its_averaged_weights_and_scored(tmp_path: Path) -> None:
    write_sticks(tmp_path / "crops", count=4)
    learner = Learner(Plan(minutes=1.0, seed=3))
    with torch.no_grad():
        learner.average.outside.bias.fill_(5.0)
    learner.crops, learner.seconds = 1234, 120.0
    learner.save(tmp_path / "run" / "checkpoint.pt")
    trained = load_run(tmp_path / "run" / "checkpoint.pt")
    assert torch.all(trained.net.outside.bias == 5.0)
    assert not trained.net.training
    result = score_file(to_onnx(trained.net, 64), tmp_path / "crops", 64)
    assert 0 <= result.pck05 <= result.pck10 <= 1
    text = card(trained, result, learned=4, scored=8, megabytes=6.0)
    assert "seed 3" in text
    assert f"{result.pck10:.1%}" in text
    assert "1234 augmented crops in 2 minutes" in text


def test_wrong_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def complaint(program: Callable[[], None], *arguments: str) -> str:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("sys.argv", ["program", *arguments])
            assert exit_code(program) == 2
        return capsys.readouterr().err

    nowhere, run = str(tmp_path / "nowhere"), str(tmp_path / "run")
    assert "holds fewer than" in complaint(detector.main, "--crops", nowhere, "--out", run)
    assert "0.0 minutes" in complaint(detector.main, "--crops", nowhere, "--out", run, "--minutes", "0")
    assert "checkpoint.pt; train first" in complaint(export.main, "--run", run, "--crops", nowhere, "--out", run)
    assert not list(tmp_path.iterdir())
