"""`lift` looks at what was found only, has the published size, and its file answers as it does."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from epipose.geometry.crop_frames import MARGIN
from epipose.io.model_files import ModelDescription
from epipose.models.lift import LiftNet
from epipose.pose.skeletons import load_skeleton
from epipose.training.model_files import model_bytes
from epipose.training.starting import start_from

BODY, COCO = load_skeleton("body21"), load_skeleton("coco17")


def joints(count: int = 4, names: int = 21) -> torch.Tensor:
    """Return joints of which a third were not found."""
    generator = torch.Generator().manual_seed(1)
    made = torch.rand(count, names, 3, generator=generator)
    made[..., :2] -= 0.5
    made[..., 2] = (made[..., 2] - 1 / 3).clamp(min=0)
    return made


def lived(names: int = 21) -> LiftNet:
    """Return a network whose batch norms have seen something, and which says more than it does when it is new."""
    torch.manual_seed(0)
    net = LiftNet(names, hidden=48)
    with torch.no_grad():
        for weights in net.unit.answers.parameters():
            weights.mul_(50)
        for _ in range(20):
            net(2 * torch.randn(64, names, 3).clamp(-1, 1))
        for weights in net.parameters():
            weights.copy_(weights.half().float())
    return net.eval()


def test_a_new_network_says_that_joints_are_flat_and_where_they_were_found() -> None:
    net, given = LiftNet(21).eval(), joints()
    with torch.no_grad():
        found = net(given)
    expected = torch.cat([given[..., :2] * (given[..., 2:] > 0), torch.zeros(4, 21, 1)], dim=-1)
    torch.testing.assert_close(found.positions, expected, atol=0.2, rtol=0)
    assert (found.confidence - 0.5).abs().max() < 0.25


def test_where_joints_are_that_were_not_found_does_not_matter() -> None:
    net, given = lived(), joints()
    other = torch.where(given[..., 2:] > 0, given, given + torch.tensor([torch.nan, 7.0, 0.0]))
    with torch.no_grad():
        for ours, theirs in zip(net(given), net(other), strict=True):
            torch.testing.assert_close(ours, theirs)
        moved = net(given + 0.05 * (given > 0)).positions
    assert (moved - net(given).positions).abs().max() > 0.01


def test_taught_answers_are_those_that_are_given() -> None:
    net, given = lived(), joints()
    with torch.no_grad():
        first, second = net.answers(given)
        found = net(given)
    assert torch.equal(second.positions, found.positions)
    torch.testing.assert_close(torch.sigmoid(second.confidence), found.confidence)
    assert not torch.allclose(first.positions, second.positions)


def test_the_file_answers_as_the_network_does_and_starts_another_of_other_joints(tmp_path: Path) -> None:
    net, given = lived(), joints()
    file = tmp_path / "lift.onnx"
    file.write_bytes(model_bytes(net, ModelDescription("mine", "lift", BODY, 0, MARGIN)))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = net(given)
    for ours, theirs in zip(expected, session.run(["positions", "confidence"], {"joints": given.numpy()}), strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4)
    again = LiftNet(21, hidden=48).eval()
    assert start_from(again, BODY, file) == 21
    with torch.no_grad():
        torch.testing.assert_close(again(given).positions, expected.positions, atol=1e-5, rtol=0)
    # Fewer joints: the same as not finding the others.
    order = [BODY.index(name) for name in COCO.joint_names]
    fewer = LiftNet(17, hidden=48).eval()
    assert start_from(fewer, COCO, file) == 17
    hidden = given.clone()
    hidden[:, [joint for joint in range(21) if joint not in order]] = 0
    with torch.no_grad():
        begun = [one.unit.begin(two.flatten(1)) for one, two in ((net, hidden), (fewer, hidden[:, order]))]
    torch.testing.assert_close(*begun, atol=1e-5, rtol=0)


@pytest.mark.parametrize("hidden", [512])
def test_has_a_size_that_fits_beside_the_other_models(hidden: int) -> None:
    assert 2 * sum(weights.numel() for weights in LiftNet(21, hidden).parameters()) < 10e6
