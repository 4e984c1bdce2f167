from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy import ndarray

from epipose import InputError
from epipose.geometry.crop_frames import box_frame
from epipose.models.crop_poses import Marginals, cells
from epipose.models.small import SmallNet
from epipose.training import crop_lesson
from epipose.training.crop_examples import CropExamples, studio_examples
from epipose.training.crop_lesson import SPREAD, CropLesson, Variation, crop_loss, vary
from epipose.training.crop_squares import in_units, steady_frame
from tests.training.sticks import COLOURS, SIZE, SKELETON, write_sticks

DISC = [40.0, 30.0, 9.0]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> CropExamples:
    path = tmp_path_factory.mktemp("sticks")
    write_sticks(path, count=12)
    found = studio_examples(path, held_out=False)
    side_m = np.full(len(found), 2.0, np.float32)
    return replace(found, side_m=side_m, disc=np.tile(np.array(DISC, np.float32), (len(found), 1)))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures as they are cut."""
    monkeypatch.setattr(crop_lesson, "disturbed", lambda picture, *_: picture)


def agreement(picture: ndarray, units: ndarray, colours: ndarray) -> float:
    """Return the share of joints in the picture at whose pixels there is their colour."""
    pixels = (units[:, :2] + 0.5) * len(picture)
    inside = np.all((pixels >= 0) & (pixels <= len(picture) - 1), axis=1)
    column, row = np.round(pixels[inside]).astype(int).T
    return float(np.mean(np.abs(picture[row, column].astype(int) - colours[inside]).max(axis=1) < 70))


@pytest.mark.usefixtures("plain")
def test_joints_stay_on_their_colours_and_mirroring_swaps_left_and_right(examples: CropExamples) -> None:
    rng, mirrored = np.random.default_rng(0), 0
    for row in range(len(examples)):
        picture, units, weight, _ = vary(examples, row, 128, Variation(), rng)
        plain, swapped = (agreement(picture, units, COLOURS[list(order)]) for order in (range(21), SKELETON.mirror))
        assert max(plain, swapped) > 0.85
        assert abs(plain - swapped) > 0.3
        mirrored += swapped > plain
        assert weight[20] == 0, "out of the picture"
        assert np.all(weight[:20][np.abs(units[:20, :2]).max(axis=1) < 0.49] == 1)
    assert 2 <= mirrored <= 10


@pytest.mark.usefixtures("plain")
def test_depth_is_as_long_as_across(examples: CropExamples) -> None:
    """What is as deep as the picture is wide stays so in every square that is cut."""
    rng, row = np.random.default_rng(1), 0
    away = examples.joints[row, :, 0] - examples.joints[row, :1, 0]
    tied = replace(examples, joints=examples.joints.copy())
    tied.joints[row, :, 2] = 0.3 * away / SIZE
    level = Variation(turn=0.0, mirrored=0.0)
    for _ in range(10):
        _, units, _, _ = vary(tied, row, 128, level, rng)
        np.testing.assert_allclose(units[:20, 2], 0.3 * (units[:20, 0] - units[0, 0]), atol=1e-5)


def test_units_are_those_of_the_frame_that_is_cut(examples: CropExamples) -> None:
    frame = steady_frame(examples, 3, 64)
    units, weight = in_units(examples, 3, frame)
    np.testing.assert_allclose(frame.pixels(units[:20].astype(float)), examples.joints[3, :20, :2], atol=1e-3)
    again = box_frame(examples.joints[3, :20, :2].astype(float), 64)
    np.testing.assert_allclose(frame.crop_from_px, again.crop_from_px)
    assert weight.tolist() == [1.0] * 20 + [0.0]


@pytest.mark.usefixtures("plain")
def test_the_scenes_own_disc_is_drawn_where_it_stands(examples: CropExamples) -> None:
    rng, shares = np.random.default_rng(2), []
    always = Variation(disc=1.0, mirrored=0.5, turn=0.0, zoom=0.0, shift=0.0)
    for row in range(len(examples)):
        frame = steady_frame(examples, row, 96)
        disc = np.array([DISC])[:, :2]
        units = (frame.crop_from_px[:, :2] @ disc[0] + frame.crop_from_px[:, 2]) / 96 - 0.5
        with_disc, _, _, _ = vary(examples, row, 96, always, rng)
        places = [(round((sign * units[0] + 0.5) * 96), round((units[1] + 0.5) * 96)) for sign in (1, -1)]
        flat = [np.ptp(with_disc[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3), axis=0).max() == 0 for x, y in places]
        shares.append(any(flat))
    assert np.mean(shares) == 1


def test_a_batch_is_decided_by_seed_and_number(examples: CropExamples) -> None:
    one, again, other = (CropLesson(SmallNet(21), examples, examples, batch=3, seed=seed) for seed in (1, 1, 2))
    one.batch(0)
    for mine, same in zip(one.batch(5), again.batch(5), strict=True):
        torch.testing.assert_close(mine, same, rtol=0, atol=0)
    assert not torch.equal(one.batch(5)[0], one.batch(6)[0])
    assert not torch.equal(one.batch(5)[0], other.batch(5)[0])


def narrow(places: torch.Tensor, count: int) -> torch.Tensor:
    """Return distributions of SPREAD around places (n, joints)."""
    line = cells(torch.zeros(1, 1, count))
    return torch.softmax(-((line - places[..., None]) / SPREAD).square() / 2, dim=-1)


def test_the_loss_is_least_at_the_truth_and_ignores_what_is_not_known() -> None:
    torch.manual_seed(0)
    joints, weights = torch.rand(4, 5, 3) * 0.6 - 0.3, torch.ones(4, 5)
    weights[:, 4] = 0

    def loss(places: torch.Tensor) -> float:
        return float(crop_loss(Marginals(*(narrow(places[..., axis], 64) for axis in range(3))), joints, weights))

    least = loss(joints)
    for axis in range(3):
        for step in (-0.05, -0.01, 0.01, 0.05):
            moved = joints.clone()
            moved[:, 2, axis] += step
            assert loss(moved) > least
    moved = joints.clone()
    moved[:, 4] += 0.2
    assert loss(moved) == pytest.approx(least)


def test_examples_without_joints_are_refused(examples: CropExamples) -> None:
    with pytest.raises(InputError, match="no example shows enough joints"):
        CropLesson(SmallNet(21), replace(examples, weight=np.zeros_like(examples.weight)), examples)


def test_crops_of_an_older_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds fewer than 3 shards"):
        studio_examples(tmp_path, held_out=True)
    write_sticks(tmp_path)
    (tmp_path / "shard-001" / "depth.npy").unlink()
    with pytest.raises(InputError, match="of an older version, without depths"):
        studio_examples(tmp_path, held_out=True)
