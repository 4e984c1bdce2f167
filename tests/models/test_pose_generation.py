"""The trunk of the pose-generation network has the size of the known reimplementation, and sees the middle of crops."""

import numpy as np
import onnxruntime
import pytest
import torch

from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.models.pose_generation import SIZE, STORED, PoseGenerationTrunk
from epipose.models.structured import StructuredNet, decoder_of
from epipose.pose.skeletons import load_skeleton
from epipose.training.model_files import exported


@pytest.fixture(scope="module")
def trunk() -> PoseGenerationTrunk:
    torch.manual_seed(0)
    return PoseGenerationTrunk().eval()


def test_has_as_many_numbers_as_known_with_the_code_and_decoder_of_2000() -> None:
    with torch.device("meta"):
        net = StructuredNet(PoseGenerationTrunk(), decoder_of(PoseAutoencoder(17)), load_skeleton("h36m17"))
    parts = [net.trunk, net.code, net.decoder.layers]
    # The known count is of all numbers in the file: the batch norm's running mean and variance, too.
    numbers = [array.numel() for part in parts for name, array in part.state_dict().items()
               if not name.endswith("num_batches_tracked")]  # fmt: skip
    assert sum(numbers) == 21_629_907


def test_sees_the_middle_of_a_stored_crop(trunk: PoseGenerationTrunk) -> None:
    pictures = torch.randn(2, 3, STORED, STORED)
    edge = (STORED - SIZE) // 2
    middle = pictures[:, :, edge:-edge, edge:-edge]
    changed = pictures.clone()
    changed[:, :, :edge] = 9.0
    changed[:, :, :, -edge:] = 9.0
    with torch.inference_mode():
        assert trunk(middle).shape == (2, trunk.width)
        assert torch.equal(trunk(pictures), trunk(middle))
        assert torch.equal(trunk(changed), trunk(middle))


def test_drops_out_only_while_it_is_taught(trunk: PoseGenerationTrunk) -> None:
    picture = torch.randn(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.equal(trunk(picture), trunk(picture))
        trunk.train()
        one, other = trunk(picture), trunk(picture)
        trunk.eval()
    assert not torch.equal(one, other)


def test_onnx_runtime_says_the_same(trunk: PoseGenerationTrunk) -> None:
    pictures = torch.randn(2, 3, STORED, STORED)
    with torch.inference_mode():
        expected = trunk(pictures).numpy()
    file = exported(trunk, pictures[:1], "pictures", ["numbers"])
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"pictures": pictures.numpy()})[0], expected, rtol=1e-4, atol=1e-4)
