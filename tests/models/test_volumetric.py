"""The published network: its shapes, its soft-argmax, and reading checkpoints of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.models.reference_weights import load_reference_weights
from epipose.models.volumetric import CELLS, VolumetricNet, marginals

PUBLISHED = {  # parameters and tensors of a state for 16 and 17 joints
    18: (15_635_520, 15_651_968, 140),
    34: (25_743_680, 25_760_128, 236),
    50: (34_258_496, 34_274_944, 338),
}


@pytest.mark.parametrize("depth", PUBLISHED)
def test_has_as_many_parameters_as_published(depth: int) -> None:
    for joints, parameters in zip((16, 17), PUBLISHED[depth], strict=False):
        net = VolumetricNet(joints, depth)
        assert sum(p.numel() for p in net.parameters()) == parameters
        assert len(net.state_dict()) == PUBLISHED[depth][2]


def test_gives_one_volume_a_joint_joint_by_joint() -> None:
    net = VolumetricNet(3, 18).eval()
    with torch.no_grad():
        pictures = torch.randn(1, 3, 256, 256)
        volumes = net.volumes(pictures)
        flat = net.final_layer(net.deconv_layers(net.trunk(pictures)))
    assert volumes.shape == (1, 3, CELLS, CELLS, CELLS)
    assert torch.equal(volumes[0, 2, 5], flat[0, 2 * CELLS + 5])


def test_soft_argmax_is_the_mean_cell_over_64_less_a_half() -> None:
    logits = 3 * torch.randn(2, 3, CELLS, CELLS, CELLS, dtype=torch.float64)
    logits[0, 1, 10, 20, 30] += 60
    shares = torch.softmax(logits.flatten(2), dim=2).numpy().reshape(logits.shape)
    grid = np.arange(CELLS)
    x, y, z = marginals(logits)
    for axis, wanted in (
        (x, shares.sum((2, 3)) @ grid),
        (y, shares.sum((2, 4)) @ grid),
        (z, shares.sum((3, 4)) @ grid),
    ):
        np.testing.assert_allclose(axis.numpy() @ grid, wanted, rtol=1e-12)
    net = VolumetricNet(3, 18).eval()
    net.volumes = lambda _: logits  # type: ignore[method-assign, assignment]
    positions, confidence = net(torch.zeros(2, 3, 256, 256))
    np.testing.assert_allclose(positions[0, 1].numpy(), np.array([30, 20, 10]) / 64 - 0.5, atol=1e-9)
    assert confidence[0, 1] > 0.999
    assert confidence[0, 0] < 0.1
    assert positions.abs().max() <= 0.5


def _checkpoint(path: Path, joints: int, depth: int, *, prefix: str = "", wrapped: bool = False) -> VolumetricNet:
    """Write a checkpoint as the published code does; return the network with its weights."""
    torch.manual_seed(1)
    net = VolumetricNet(joints, depth)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    weights = {prefix + name.removeprefix("trunk."): value for name, value in net.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": weights, "perf": np.float64(51.8)} if wrapped else weights, path)
    return net.eval()


@pytest.mark.parametrize(
    ("joints", "depth", "prefix", "wrapped"),
    [(16, 18, "", False), (17, 50, "module.", True), (17, 34, "module.", False)],
)
def test_checkpoints_of_the_published_code_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], joints: int, depth: int, prefix: str, wrapped: bool
) -> None:
    net = _checkpoint(tmp_path / "a.pth.tar", joints, depth, prefix=prefix, wrapped=wrapped)
    read = load_reference_weights(tmp_path / "a.pth.tar")
    assert "non-commercial" in capsys.readouterr().err
    pictures = torch.randn(1, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(read(pictures).positions, net(pictures).positions)
    assert read.joints == joints


def test_other_files_are_refused_with_their_name(tmp_path: Path) -> None:
    def refused(content: object, why: str) -> None:
        torch.save(content, tmp_path / "a.pth.tar")
        with pytest.raises(InputError, match=rf"a\.pth\.tar .*{why}"):
            load_reference_weights(tmp_path / "a.pth.tar")

    weights: dict[str, Tensor] = dict(_checkpoint(tmp_path / "b.pth", 16, 18).state_dict())
    weights = {name.removeprefix("trunk."): value for name, value in weights.items()}
    refused({"final_layer.weight": torch.zeros(1000, 256, 1, 1)}, "last layer")
    refused({name: v for name, v in weights.items() if not name.startswith("layer3.1")}, "no ResNet")
    refused({name: v for name, v in weights.items() if name != "deconv_layers.3.weight"}, "deconv_layers")
    refused([1, 2], "no weights by name")
    refused({"a": print}, "could run code")
    (tmp_path / "a.pth.tar").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="damaged"):
        load_reference_weights(tmp_path / "a.pth.tar")
    with pytest.raises(InputError, match="no file"):
        load_reference_weights(tmp_path / "c.pth")


@pytest.mark.parametrize("new", [True, False])
def test_files_that_are_cut_short_anywhere_are_refused(tmp_path: Path, new: bool) -> None:
    whole, cut = tmp_path / "whole.pth", tmp_path / "cut.pth"
    torch.save({f"w{k}": torch.zeros(2) for k in range(300)}, whole, _use_new_zipfile_serialization=new)
    content = whole.read_bytes()
    for length in np.linspace(0, len(content) - 1, 120).astype(int).tolist():
        cut.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.pth is"):
            load_reference_weights(cut)
