"""A pose laid into a crop comes out of it again, as long as it was; decoders decode what they are told to."""

import numpy as np
import pytest
import torch
from torch import Tensor

from epipose.geometry.crop_frames import box_frame
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.models.structured import (
    Placed,
    StructuredNet,
    decoder_of,
    direct_decoder,
    in_crop,
    out_of_crop,
    pca_decoder,
)
from epipose.models.trunks import ResNetTrunk, SmallTrunk
from epipose.pose.bones import bone_lengths
from epipose.pose.roots import from_root, root
from epipose.training.autoencoder_lesson import SeenPoses
from tests.training.bodies import BODY, standing

LENS = Pinhole((900.0, 900.0), (640.0, 360.0))


def seen(aside: float = 0.0) -> tuple[np.ndarray, Tensor, Tensor, Tensor]:
    """Return people before a camera (metres), in units of their crops, and these crops' sides (mm) and spans."""
    turned = standing(8) @ rotation_from_rotvec(np.array([np.pi / 2, 0.0, 0.0])).T
    joints = turned - root(turned, BODY)[:, None] + np.array([aside, 0.1, 4.0])
    units, side_mm, span = [], [], []
    for person in joints:
        frame = box_frame(LENS.project(person)[0], 112)
        units.append(frame.units(LENS, person, root(person, BODY))[0])
        side_mm.append(1000 * frame.side_m(LENS, 4.0))
        span.append(frame.side_m(LENS, 1.0))
    return joints, *(torch.tensor(np.array(part)) for part in (units, side_mm, span))


def test_before_the_middle_of_the_picture_a_pose_is_what_the_camera_sees_from_the_root() -> None:
    joints, units, side_mm, span = seen()
    pose = out_of_crop(units, side_mm, span, BODY)
    tilted = 1000 * from_root(joints, BODY)
    tilted[..., 1] -= 0.1 / 4 * tilted[..., 2]
    np.testing.assert_allclose(pose.numpy(), tilted, atol=1e-6)


def test_bones_keep_about_their_lengths_aside_too() -> None:
    joints, units, side_mm, span = seen(aside=0.5)
    lengths = bone_lengths(out_of_crop(units, side_mm, span, BODY).numpy(), BODY)
    np.testing.assert_allclose(lengths, 1000 * bone_lengths(joints, BODY), rtol=0.1)


def test_a_pose_laid_into_its_crop_is_where_it_was() -> None:
    _, units, side_mm, span = seen(aside=0.5)
    pose = out_of_crop(units, side_mm, span, BODY)
    middle = units[:, BODY.index("pelvis"), :2]
    torch.testing.assert_close(in_crop(pose, Placed(middle, side_mm, span)), units)


def test_what_reaches_behind_the_camera_stays_finite() -> None:
    pose = torch.tensor([[[100.0, 0.0, -5000.0]]])
    placed = Placed(torch.zeros(1, 2), torch.tensor([2000.0]), torch.tensor([0.5]))
    assert torch.isfinite(in_crop(pose, placed)).all()


@pytest.mark.parametrize(("hidden", "tied"), [((30,), True), ((30, 20), False)])
def test_decodes_as_its_autoencoder_but_learns_for_itself(hidden: tuple[int, ...], tied: bool) -> None:
    torch.manual_seed(0)
    autoencoder = PoseAutoencoder(21, hidden, tied=tied)
    poses = torch.from_numpy(
        SeenPoses(standing(50).astype(np.float32), standing(2).astype(np.float32), BODY).draw(
            50, np.random.default_rng(0)
        )
    )
    autoencoder.settle(poses)
    decoder, code = decoder_of(autoencoder), autoencoder.encode(poses)
    torch.testing.assert_close(decoder(code), autoencoder.decode(code))
    with torch.no_grad():
        decoder.layers[0].weight += 1.0  # type: ignore[operator]
    torch.testing.assert_close(autoencoder.decode(code), autoencoder.denoise(poses))


def test_all_principal_components_say_any_pose_and_few_the_nearest() -> None:
    poses = torch.from_numpy(1000 * from_root(standing(60), BODY))
    numbers, scale = poses.flatten(1), torch.tensor(250.0, dtype=torch.float64)
    whole, few = (pca_decoder(poses, count, scale).double() for count in (60, 3))
    centred = numbers - numbers.mean(dim=0)
    for decoder, left in ((whole, 0.0), (few, torch.linalg.svdvals(centred)[3:].square().sum())):
        basis = decoder.layers[0].weight.detach() * scale  # type: ignore[union-attr]
        code = torch.linalg.lstsq(basis, centred.T, driver="gelsd").solution.T
        error = (decoder(code).flatten(1) - numbers).square().sum()
        torch.testing.assert_close(error, torch.as_tensor(left, dtype=torch.float64), rtol=1e-3, atol=1.0)


def test_a_direct_decoder_scales_only() -> None:
    decoder = direct_decoder(torch.arange(6.0), torch.tensor(10.0))
    torch.testing.assert_close(decoder(torch.ones(1, 6)).flatten(), torch.arange(6.0) + 10)


@pytest.mark.parametrize("trunk", [SmallTrunk(21), ResNetTrunk(18)], ids=["small", "resnet18"])
def test_any_trunk_will_do(trunk: SmallTrunk | ResNetTrunk) -> None:
    decoder = direct_decoder(torch.zeros(63), torch.tensor(250.0), (40,))
    net = StructuredNet(trunk, decoder, BODY).eval()
    net.settle(torch.tensor([900.0, 1100.0, 1000.0]), torch.tensor([0.3, 0.4, 0.5]))
    with torch.inference_mode():
        found = net(torch.randn(2, 3, net.size, net.size))
    assert found.positions.shape == (2, 21, 3)
    assert found.confidence.shape == (2, 21)
    assert ((found.confidence > 0) & (found.confidence < 1)).all()


@pytest.mark.parametrize(("hidden", "cut"), [((), False), ((40,), False), ((30, 50), False), ((40,), True)])
def test_decoded_in_one_map_it_is_the_same_pose(hidden: tuple[int, ...], cut: bool) -> None:
    torch.manual_seed(0)
    decoder = direct_decoder(torch.randn(63), torch.tensor(250.0), hidden, cut=cut).double()
    coding = torch.nn.Linear(20, decoder.latent).double()
    seen = torch.randn(5, 20, dtype=torch.float64)
    torch.testing.assert_close(decoder.after(coding, seen), decoder(coding(seen)))
