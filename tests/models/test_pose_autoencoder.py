"""The pose-learning network has the published shape, and its penalty is that of its Jacobian."""

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from epipose.errors import InputError
from epipose.models.pose_autoencoder import Coder, CodingLayer, PoseAutoencoder

JOINTS = 5


def poses(count: int, seed: int = 0) -> Tensor:
    """Return poses in mm that four numbers decide, with the root at 0."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(4, 3 * JOINTS, generator=torch.Generator().manual_seed(99))
    given = 200 * (torch.randn(count, 4, generator=generator) @ basis).unflatten(1, (-1, 3)) + 100
    given[:, 0] = 0
    return given


def network(hidden: tuple[int, ...], *, tied: bool = True, seed: int = 0) -> PoseAutoencoder:
    torch.manual_seed(seed)
    net = PoseAutoencoder(JOINTS, hidden, tied=tied)
    for layer in net.coder.layers:
        torch.nn.init.normal_(layer.bias, std=0.2)
    net.settle(poses(500))
    return net


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("hidden", [(40,), (20, 30), (20, 16, 30)], ids=str)
def test_the_penalty_is_that_of_the_jacobian(hidden: tuple[int, ...], *, tied: bool) -> None:
    net = network(hidden, tied=tied).double()
    given = poses(6, seed=1).double()
    # Codes are in units of the scale, poses in mm.
    expected = [(net.scale * jacobian(lambda pose: net.encode(pose[None])[0], pose)).square().sum() for pose in given]
    torch.testing.assert_close(net.penalty(given), torch.stack(expected))
    assert len({round(float(one), 6) for one in expected}) > 1


@pytest.mark.parametrize("hidden", [(40,), (20, 30)], ids=str)
def test_the_gradient_of_the_penalty_is_that_of_the_jacobian(hidden: tuple[int, ...]) -> None:
    net = network(hidden).double()
    given = net.numbers(poses(3, seed=1).double())
    weights = [layer.weight for layer in net.coder.layers]
    slow = torch.stack([jacobian(lambda x: net.coder.encode(x[None])[0], one, create_graph=True).square().sum()
                        for one in given])  # fmt: skip
    for one, other in zip(
        torch.autograd.grad(net.coder.penalty(given).sum(), weights),
        torch.autograd.grad(slow.sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("hidden", [(40,), (20, 30)], ids=str)
def test_the_penalty_does_not_depend_on_the_unit_of_poses(hidden: tuple[int, ...]) -> None:
    # The same network in metres, where everything but the weights is a thousandth.
    net, metres = network(hidden), network(hidden)
    metres.mean /= 1000
    metres.scale /= 1000
    given = poses(6, seed=1)
    torch.testing.assert_close(metres.penalty(given / 1000), net.penalty(given))
    torch.testing.assert_close(metres.denoise(given / 1000), net.denoise(given) / 1000)


@pytest.mark.parametrize("hidden", [(40,), (20, 30)], ids=str)
def test_codes_are_not_negative_and_denoising_decodes_them(hidden: tuple[int, ...]) -> None:
    net = network(hidden)
    code = net.encode(poses(50, seed=2))
    assert code.shape == (50, hidden[-1]) == (50, net.latent)
    assert code.min() == 0
    assert 0.2 < (code > 0).float().mean() < 0.8
    assert torch.equal(net.denoise(poses(50, seed=2)), net.decode(code))
    assert torch.equal(net(poses(50, seed=2)), net.decode(code))


def test_decoding_is_linear() -> None:
    net = network((20, 30))
    one, other = torch.rand(4, 30), torch.rand(4, 30)
    torch.testing.assert_close(
        net.decode(0.3 * one + 0.7 * other), 0.3 * net.decode(one) + 0.7 * net.decode(other), rtol=1e-4, atol=1e-2
    )


def test_tied_weights_learn_from_both_their_uses() -> None:
    torch.manual_seed(0)
    tied, untied = (Coder([CodingLayer(6, 10, tied=tied)]) for tied in (True, False))
    weight = tied.layers[0].weight
    untied.load_state_dict({**tied.state_dict(), "layers.0.back": weight.detach().T.clone()})
    given = torch.randn(8, 6)
    for net in (tied, untied):
        (net(given) - given).square().sum().backward()
    layer = untied.layers[0]
    torch.testing.assert_close(weight.grad, layer.weight.grad + layer.back.grad.T)
    assert layer.back.grad.abs().max() > 0.1


def test_it_begins_near_the_identity() -> None:
    torch.manual_seed(0)
    net = PoseAutoencoder(JOINTS, (2000,))
    net.settle(poses(500))
    given = poses(100, seed=3)
    assert (net.denoise(given) - given).norm() < 0.2 * (given - given.mean(dim=0)).norm()


def test_has_the_published_size() -> None:
    net = PoseAutoencoder(17)
    assert [tuple(weights.shape) for weights in net.parameters()] == [(2000, 51), (2000,), (51,)]
    assert len(list(PoseAutoencoder(17, (300, 300), tied=False).parameters())) == 8


@pytest.mark.parametrize("hidden", [(), (300, 0)], ids=str)
def test_layers_without_units_are_refused(hidden: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="codes nothing"):
        PoseAutoencoder(JOINTS, hidden)
