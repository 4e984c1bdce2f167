import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from epipose import InputError
from epipose.io.model_files import ModelDescription, parse_description
from epipose.models.crop_poses import CropNet
from epipose.models.pictures import normalised
from epipose.models.small import SmallNet
from epipose.models.volumetric import VolumetricNet
from epipose.pose.skeletons import load_skeleton
from epipose.training.model_files import model_bytes, read_model

SKELETON = load_skeleton("h36m17")
torch.manual_seed(0)
NETS = {"small": SmallNet(17), "volumetric": VolumetricNet(17, depth=18)}


def description(net: CropNet) -> ModelDescription:
    lengths = {("pelvis", "spine"): 0.25, ("left_hip", "left_knee"): 0.44}
    return ModelDescription("mine", "crop", SKELETON, net.size, 1.25, lengths, "made for a test")


def lived(net: CropNet) -> CropNet:
    """Return a network whose batch norms have seen something, with weights that 16 bits hold."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
    net.eval()
    with torch.no_grad():
        if isinstance(net, VolumetricNet):
            # Were one cell's probability 1, places would jump from cell to cell by what is rounded.
            logits = net.volumes(torch.randn(1, 3, net.size, net.size, generator=generator))
            net.final_layer.weight.mul_(2 / logits.std())
        else:
            for weights in net.parameters():
                weights.mul_(3)
        for weights in net.parameters():
            weights.copy_(weights.half().float())
    return net


@pytest.mark.parametrize("name", NETS)
def test_torch_and_onnx_agree(name: str) -> None:
    net = lived(NETS[name])
    session = onnxruntime.InferenceSession(model_bytes(net, description(net)), providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(0).integers(0, 256, (3, net.size, net.size, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = net(normalised(torch.from_numpy(pictures)))
    found = session.run(["positions", "confidence"], {"pictures": pictures})
    assert np.ptp(expected.positions.numpy()) > 0.01
    for ours, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4)


@pytest.mark.parametrize("name", NETS)
def test_a_file_holds_the_weights_under_their_names_and_what_it_says_of_itself(name: str, tmp_path: Path) -> None:
    net = lived(NETS[name])
    told = description(net)
    (tmp_path / "mine.onnx").write_bytes(model_bytes(net, told))
    same, weights = read_model(tmp_path / "mine.onnx")
    assert same == told
    for name, value in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-6)


def test_what_crops_are_cut_by_is_told() -> None:
    told = replace(description(NETS["small"]), frame="paper")
    assert parse_description(told.to_json(), "f") == told
    # Files of before there was a choice say nothing of it.
    older = re.sub(r'"frame": "paper",\s*', "", told.to_json())
    assert "paper" not in older
    assert parse_description(older, "f") == replace(told, frame="box")
    with pytest.raises(InputError, match="f is no model of epipose"):
        parse_description(told.to_json().replace('"paper"', '"round"'), "f")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.onnx is no model of epipose"):
        read_model(tmp_path / "x.onnx")
    (tmp_path / "x.onnx").write_bytes(b"\x08\x07 no protobuf at all")
    with pytest.raises(InputError, match=r"x\.onnx is no model of epipose"):
        read_model(tmp_path / "x.onnx")
    whole = description(NETS["small"]).to_json()
    assert parse_description(whole, "f") == description(NETS["small"])
    for text in (
        None,
        "",
        "[]",
        whole[:-30],
        whole.replace('"crop"', '"soup"'),
        whole.replace('"pelvis"', '"plvis"', 1),
    ):
        with pytest.raises(InputError, match=r"^f is|skeleton"):
            parse_description(text, "f")
    with pytest.raises(InputError, match="of format 2, and this epipose reads 1"):
        parse_description(whole.replace('"format_version": 1', '"format_version": 2'), "f")


def test_numbers_too_large_for_16_bits_are_kept(tmp_path: Path) -> None:
    net = lived(NETS["volumetric"])
    net.get_buffer("deconv_layers.1.running_var")[3] = 2e5
    (tmp_path / "a.onnx").write_bytes(model_bytes(net, description(net)))
    assert read_model(tmp_path / "a.onnx")[1]["deconv_layers.1.running_var"][3] == 2e5
