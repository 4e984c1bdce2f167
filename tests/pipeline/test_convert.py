"""Checkpoints that users bring become model files: the same network, run and learned from like any other."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from epipose.detectors import mediapipe
from epipose.errors import InputError
from epipose.models.pictures import normalised
from epipose.models.reference_weights import NOTICE
from epipose.models.volumetric import VolumetricNet
from epipose.pipeline.convert import convert
from epipose.pipeline.predict import predict
from epipose.runtime.networks import open_network
from epipose.training.model_files import read_model
from epipose.training.starting import start_from
from tests.runtime.discs import LENS, DiscDetector, draw, person

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8)


def random_net(joints: int) -> VolumetricNet:
    """Return a network of numbers that 16 bits hold, and which is sure of what it says."""
    torch.manual_seed(joints)
    net = VolumetricNet(joints, 18)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
                nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.05)
        nn.init.normal_(net.final_layer.weight, std=2.0)
        for value in (*net.parameters(), *net.buffers()):
            if value.is_floating_point():
                value.copy_(value.half().float())
    return net.eval()


def published(net: VolumetricNet) -> dict[str, Tensor]:
    """Return weights under the names that the published code gives them when it ran on several GPUs."""
    return {f"module.{name.removeprefix('trunk.')}": value for name, value in net.state_dict().items()}


def write(path: Path, weights: Mapping[str, object], **more: object) -> Path:
    torch.save(weights, path, **more)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module", params=[16, 17])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[VolumetricNet, Path]:
    net = random_net(request.param)
    checkpoint = tmp_path_factory.mktemp("brought") / "model_best.pth.tar"
    write(checkpoint, published(net), _use_new_zipfile_serialization=request.param == 16)
    return net, convert(checkpoint).file


def test_the_file_gives_what_the_checkpoint_gives(made: tuple[VolumetricNet, Path]) -> None:
    net, file = made
    assert file.name == "model_best.onnx"
    with torch.inference_mode():
        wanted = net(normalised(torch.from_numpy(PICTURES)))
    positions, confidence = open_network(file)(PICTURES)
    assert wanted.positions.std() > 0.1, "it says something"
    assert wanted.confidence.max() > 0.2
    np.testing.assert_allclose(positions, wanted.positions.numpy(), atol=1e-4)
    np.testing.assert_allclose(confidence, wanted.confidence.numpy(), atol=1e-4)


def test_it_says_what_it_is_and_under_which_terms(made: tuple[VolumetricNet, Path]) -> None:
    net, file = made
    described = open_network(file).description
    assert (described.kind, described.size, described.frame) == ("crop", 256, "paper")
    names = described.skeleton.joint_names
    if net.joints == 17:
        assert names[:7] == ("pelvis", *(f"{side}_{joint}" for side in ("right", "left") for joint in
                                         ("hip", "knee", "ankle")))  # fmt: skip
        assert names[7:12] == ("spine", "thorax", "nose", "head_top", "left_shoulder")
    else:
        assert names[:3] == ("right_ankle", "right_knee", "right_hip")
        assert names[6:11] == ("pelvis", "thorax", "upper_neck", "head_top", "right_wrist")
    assert "resnet18" in described.note
    assert "non-commercial" in described.terms
    assert read_model(file)[0] == described


def test_learning_can_start_from_it(made: tuple[VolumetricNet, Path]) -> None:
    net, file = made
    described, weights = read_model(file)
    start = VolumetricNet(net.joints, 18)
    assert start_from(start, described.skeleton, file) == net.joints
    for name, value in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(start.state_dict()[name], value, atol=0, rtol=0)
    assert "final_layer.weight" in weights


def test_people_are_predicted_by_it_and_its_terms_are_said(
    made: tuple[VolumetricNet, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediapipe, "PLUGIN", DiscDetector())
    picture = draw([person((0.2, 0.1, 4.0))], LENS)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    done = predict(str(tmp_path / "a.png"), model=str(made[1]), detector="mediapipe", out=tmp_path / "out")
    assert NOTICE in done.notes
    assert json.loads((tmp_path / "out" / "prediction.json").read_text(encoding="utf-8"))["terms"] == NOTICE
    assert done.poses.skeleton.joint_names == open_network(made[1]).description.skeleton.joint_names


def test_a_checkpoint_that_is_not_converted_says_how(made: tuple[VolumetricNet, Path]) -> None:
    checkpoint = made[1].with_name("model_best.pth.tar")
    for use in (open_network, read_model):
        with pytest.raises(InputError, match=r"run `epipose convert \S*model_best\.pth\.tar` and use"):
            use(checkpoint)  # type: ignore[operator]


def test_others_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    def refused(checkpoint: Path, why: str, out: Path | None = None) -> None:
        before = sorted(tmp_path.iterdir())
        with pytest.raises(InputError, match=why) as error:
            convert(checkpoint, out)
        assert "\n" not in str(error.value)
        assert sorted(tmp_path.iterdir()) == before

    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    weights = published(random_net(17))
    sound = write(tmp_path / "sound.pth", weights)
    refused(write(tmp_path / "fewer.pth", published(random_net(15))), "finds 15 joints, .* 16 or 17")
    refused(write(tmp_path / "code.pth", {"a": Runs()}), "could run code")
    refused(write(tmp_path / "other.pth", {k: v for k, v in weights.items() if "layer2.1" not in k}), "no ResNet")
    refused(write(tmp_path / "part.pth", {k: v for k, v in weights.items() if "deconv" not in k}), "deconv_layers")
    old = write(tmp_path / "old.pth", weights, _use_new_zipfile_serialization=False)
    for whole in (sound, old):
        content = whole.read_bytes()
        for share in (0.0, 1e-6, 1e-4, 0.01, 0.5, 0.99):
            (tmp_path / "cut.pth").write_bytes(content[: int(share * len(content))])
            refused(tmp_path / "cut.pth", "cut.pth .*damaged")
    refused(tmp_path / "none.pth", "there is no file")
    refused(sound, "does not end in .onnx", out=sound)
    assert not (tmp_path / "ran").exists()
