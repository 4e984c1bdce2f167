"""The pose-generation network has the size of the known reimplementation, and sees the middle of its crop."""

import numpy as np
import onnxruntime
import pytest
import torch

from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.models.pose_generation import SIZE, STORED, PoseGenerationNet
from epipose.training.model_files import exported

LATENT = 12


@pytest.fixture(scope="module")
def net() -> PoseGenerationNet:
    torch.manual_seed(0)
    return PoseGenerationNet(LATENT).eval()


def test_has_as_many_numbers_as_known_with_the_decoder_of_2000() -> None:
    with torch.device("meta"):
        net = PoseGenerationNet(2000)
    # The known count is of all numbers in the file: the batch norm's running mean and variance, too.
    numbers = sum(array.numel() for name, array in net.state_dict().items() if not name.endswith("num_batches_tracked"))
    layer = PoseAutoencoder(17).coder.layers[0]
    assert numbers + layer.weight.numel() + layer.back_bias.numel() == 21_629_907


def test_sees_the_middle_of_a_stored_crop(net: PoseGenerationNet) -> None:
    pictures = torch.randn(2, 3, STORED, STORED)
    edge = (STORED - SIZE) // 2
    middle = pictures[:, :, edge:-edge, edge:-edge]
    changed = pictures.clone()
    changed[:, :, :edge] = 9.0
    changed[:, :, :, -edge:] = 9.0
    with torch.inference_mode():
        assert net(middle).shape == (2, LATENT)
        assert torch.equal(net(pictures), net(middle))
        assert torch.equal(net(changed), net(middle))


def test_drops_out_only_while_it_is_taught(net: PoseGenerationNet) -> None:
    picture = torch.randn(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.equal(net(picture), net(picture))
        net.train()
        one, other = net(picture), net(picture)
        net.eval()
    assert not torch.equal(one, other)


def test_onnx_runtime_says_the_same(net: PoseGenerationNet) -> None:
    pictures = torch.randn(2, 3, STORED, STORED)
    with torch.inference_mode():
        expected = net(pictures).numpy()
    file = exported(net, pictures[:1], "pictures", ["code"])
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"pictures": pictures.numpy()})[0], expected, atol=1e-4)
