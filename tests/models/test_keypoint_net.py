"""The keypoint network: its answer follows its distributions, and its loss wants the truth."""

import numpy as np
import pytest
import torch
from torch import Tensor

from epipose.models.keypoint_net import STRIDE, Joints, KeypointNet, cross_entropy, decoded, probabilities, side_loss

GRID = (12, 16)


def found_in(logits: Tensor) -> Joints:
    """Decode logits over GRID."""
    return decoded(probabilities(logits, GRID), torch.arange(logits.shape[1]))


def gaussian(x: float, y: float, spread: float = 1.0) -> Tensor:
    """Logits of one joint around cell (x, y), none of it outside."""
    rows, columns = np.mgrid[: GRID[0], : GRID[1]]
    logits = -((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2)
    return torch.from_numpy(np.append(logits.ravel(), -50.0).astype(np.float32))[None, None]


@pytest.mark.parametrize("cell", [(0, 0), (15, 11), (7, 3)])
def test_all_mass_in_one_cell_is_the_pixel_at_its_middle(cell: tuple[int, int]) -> None:
    logits = torch.full((1, 1, GRID[0] * GRID[1] + 1), -100.0)
    logits[0, 0, cell[1] * GRID[1] + cell[0]] = 100.0
    joints = found_in(logits)
    # The cell covers pixels 4 c to 4 c + 3.
    np.testing.assert_allclose(joints.pixels[0, 0], [STRIDE * c + (STRIDE - 1) / 2 for c in cell], atol=1e-4)
    assert joints.score[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, -0.4), (-0.49, 0.3)])
def test_a_place_between_cells_is_found_there(shift: tuple[float, float]) -> None:
    x, y = 8 + shift[0], 6 + shift[1]
    found = found_in(gaussian(x, y, 0.7)).pixels[0, 0]
    np.testing.assert_allclose(found, [(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5], atol=0.1 * STRIDE)


def test_mirrored_distributions_give_mirrored_joints() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, GRID[0] * GRID[1] + 1) * 3
    maps = logits[..., :-1].reshape(2, 3, *GRID).flip(3).flatten(2)
    plain, mirrored = found_in(logits), found_in(torch.cat([maps, logits[..., -1:]], 2))
    torch.testing.assert_close(mirrored.pixels[..., 0], STRIDE * GRID[1] - 1 - plain.pixels[..., 0], rtol=0, atol=1e-3)
    torch.testing.assert_close(mirrored.pixels[..., 1], plain.pixels[..., 1], rtol=0, atol=1e-3)
    torch.testing.assert_close(mirrored.score, plain.score)


def test_what_is_outside_has_no_score_and_what_is_spread_has_little() -> None:
    outside = torch.zeros(1, 1, GRID[0] * GRID[1] + 1)
    outside[..., -1] = 30.0
    assert float(found_in(outside).score) < 1e-6
    two = torch.logaddexp(gaussian(2, 2), gaussian(13, 9))
    assert float(found_in(two).score) == pytest.approx(float(found_in(gaussian(2, 2)).score) / 2, abs=0.02)


def test_the_loss_is_least_at_the_truth_and_outside_is_a_place_of_its_own() -> None:
    truth = torch.tensor([[[(8 + 0.3 + 0.5) * STRIDE - 0.5, (6 - 0.2 + 0.5) * STRIDE - 0.5]]])
    losses = [
        float(cross_entropy(gaussian(8 + dx, 6 + dy, 1.2), truth, GRID, 1.2))
        for dx, dy in [(0.3, -0.2), (0.0, 0.0), (0.6, -0.2), (0.3, -0.6), (3.0, 3.0)]
    ]
    assert losses[0] == min(losses)
    nowhere = torch.full((1, 1, 2), -1e4)
    logits = torch.zeros(1, 1, GRID[0] * GRID[1] + 1)
    logits[..., -1] = 20.0
    assert float(cross_entropy(logits, nowhere, GRID, 1.2)) < 1e-5
    assert float(cross_entropy(logits, truth, GRID, 1.2)) > 15
    undecided = float(cross_entropy(torch.zeros_like(logits), nowhere, GRID, 1.2))
    assert undecided == pytest.approx(np.log(GRID[0] * GRID[1] + 1), rel=1e-5)


def test_the_loss_agrees_with_a_plain_sum() -> None:
    logits, pixels = torch.randn(1, 1, GRID[0] * GRID[1] + 1), torch.tensor([[[20.0, 30.0]]])
    chances = np.exp(logits[0, 0].numpy().astype(float))
    chances /= chances.sum()
    wanted = np.array(
        [
            np.exp(-((STRIDE * c + 1.5 - 20) ** 2 + (STRIDE * r + 1.5 - 30) ** 2) / (2 * (1.2 * STRIDE) ** 2))
            for r in range(GRID[0])
            for c in range(GRID[1])
        ]
    )
    expected = -np.sum(wanted / wanted.sum() * np.log(chances[:-1]))
    assert float(cross_entropy(logits, pixels, GRID, 1.2)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size_hw", [(64, 64), (96, 160)])
def test_any_size_that_32_divides_will_do(size_hw: tuple[int, int]) -> None:
    net = KeypointNet((0, 2, 1, 4, 3)).eval()
    with torch.inference_mode():
        joints = net(torch.randint(0, 256, (2, *size_hw, 3), dtype=torch.uint8))
    assert joints.pixels.shape == (2, 5, 2)
    assert joints.score.shape == (2, 5)
    assert torch.all((joints.score >= 0) & (joints.score <= 1))
    assert torch.all(joints.pixels >= 0)
    assert torch.all(joints.pixels <= torch.tensor(size_hw[::-1]) - 1)


def test_a_mirrored_picture_has_mirrored_joints() -> None:
    torch.manual_seed(1)
    net = KeypointNet((0, 2, 1, 4, 3)).eval()
    pictures = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    with torch.inference_mode():
        plain, mirrored = net(pictures), net(pictures.flip(2))
    again = mirrored.pixels[:, [0, 2, 1, 4, 3]]
    torch.testing.assert_close(95 - again[..., 0], plain.pixels[..., 0], rtol=0, atol=1e-3)
    torch.testing.assert_close(again[..., 1], plain.pixels[..., 1], rtol=0, atol=1e-3)


def test_sides_are_wanted_by_who_is_further_right_and_count_by_how_clear_that_is() -> None:
    left, right = torch.tensor([[[50.0, 0.0], [10.0, 0.0]]]), torch.tensor([[[10.0, 0.0], [50.0, 0.0]]])
    ones = torch.ones(1, 2)
    right_way, wrong_way = torch.tensor([[9.0, -9.0]]), torch.tensor([[-9.0, 9.0]])
    assert float(side_loss(right_way, left, right, ones)) < 1e-3 < 5 < float(side_loss(wrong_way, left, right, ones))
    assert float(side_loss(wrong_way, left, left, ones)) == 0
    assert float(side_loss(wrong_way, left, right, torch.zeros(1, 2))) == 0


@pytest.mark.parametrize("second_best", [0.1, 0.45])
def test_twins_in_one_place_part_when_one_of_them_may_be_elsewhere(second_best: float) -> None:
    sure, torn = (gaussian(4, 4), torch.logaddexp(gaussian(4, 4) + np.log(0.55), gaussian(12, 8) + np.log(second_best)))
    inside = probabilities(torch.cat([sure, torn], dim=1), GRID)
    found = decoded(inside, torch.tensor([1, 0]))
    expected = [(12, 8), (4, 4)][second_best < 0.3 * 0.55]
    np.testing.assert_allclose(found.pixels[0, 0], [4 * STRIDE + 1.5] * 2, atol=0.5)
    np.testing.assert_allclose(found.pixels[0, 1], [STRIDE * cell + 1.5 for cell in expected], atol=0.5)
    alone = decoded(inside, torch.tensor([0, 1]))
    np.testing.assert_allclose(alone.pixels[0, 1], [4 * STRIDE + 1.5] * 2, atol=0.5)
