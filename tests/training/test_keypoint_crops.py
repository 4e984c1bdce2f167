"""Training examples: the truth follows the picture wherever it goes, and a batch's number decides the batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy import ndarray

from epipose.errors import InputError
from epipose.training import keypoint_crops
from epipose.training.keypoint_crops import NOWHERE, AugmentedBatches, augmented, open_crops
from tests.training.sticks import COLOURS, SKELETON, write_sticks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sticks")
    write_sticks(path)
    return path


def agreement(picture: ndarray, pixels: ndarray, colours: ndarray) -> float:
    """Return the share of joints in the picture at whose pixels there is their colour."""
    inside = np.all((pixels >= 0) & (pixels <= len(picture) - 1), axis=1)
    column, row = np.round(pixels[inside]).astype(int).T
    return float(np.mean(np.abs(picture[row, column].astype(int) - colours[inside]).max(axis=1) < 60))


def test_joints_stay_on_their_colours_and_mirroring_swaps_left_and_right(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keypoint_crops, "disturbed", lambda picture, *_: picture)
    crops, rng, mirrored = open_crops(folder, held_out=False), np.random.default_rng(0), 0
    for row in range(60):
        picture, pixels, weights = augmented(crops, row % len(crops), 128, rng)
        assert np.all(pixels[20] == NOWHERE)
        if np.all(pixels == NOWHERE):  # nobody is shown
            continue
        plain = agreement(picture, pixels, COLOURS)
        swapped = agreement(picture, pixels, COLOURS[list(SKELETON.mirror)])
        assert max(plain, swapped) > 0.85
        assert abs(plain - swapped) > 0.3
        mirrored += swapped > plain
        assert np.all(weights > 0)
    assert 15 < mirrored < 45


def test_a_batch_is_decided_by_seed_and_number(folder: Path) -> None:
    one, again, other = (AugmentedBatches(folder, size=64, batch=3, seed=seed) for seed in (1, 1, 2))
    one[0]
    for mine, same in zip(one[5], again[5], strict=True):
        torch.testing.assert_close(mine, same, rtol=0, atol=0)
    assert not torch.equal(one[5][0], one[6][0])
    assert not torch.equal(one[5][0], other[5][0])


def test_held_out_crops_are_never_learned_from(folder: Path) -> None:
    kept, learned = open_crops(folder, held_out=True), open_crops(folder, held_out=False)
    assert (len(kept), len(learned)) == (16, 8)
    known = {learned.image(row).tobytes() for row in range(len(learned))}
    assert not any(kept.image(row).tobytes() in known for row in range(len(kept)))


def test_pictures_belong_to_their_rows(folder: Path) -> None:
    kept = open_crops(folder, held_out=True)
    for row in range(len(kept)):
        assert agreement(kept.image(row), kept.pixels[row], COLOURS) == 1.0


def test_shards_that_are_being_written_are_left_alone_and_too_few_are_refused(tmp_path: Path) -> None:
    write_sticks(tmp_path, shards=3)
    (tmp_path / "shard-002" / "box.npy").unlink()
    with pytest.raises(InputError, match="fewer than 3 shards"):
        open_crops(tmp_path, held_out=False)
