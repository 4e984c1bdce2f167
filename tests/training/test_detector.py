"""The training of the builtin detector: it learns, and an interrupted run goes on to the bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy import ndarray

from epipose.geometry.images import framing, mapped
from epipose.training import detector
from epipose.training.detector import Learner, Plan, train
from epipose.training.keypoint_crops import AugmentedBatches, open_crops
from epipose.training.scoring import SHARE_SEEN, score
from tests.training.sticks import write_sticks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sticks")
    write_sticks(path)
    return path


def test_the_loss_falls(folder: Path) -> None:
    batch = AugmentedBatches(folder, size=64, batch=8, seed=0)[0]
    learner = Learner(Plan(minutes=1.0))
    losses = [learner.learn(batch, 2e-3) for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(folder: Path, tmp_path: Path) -> None:
    plan, batches = Plan(minutes=1.0), AugmentedBatches(folder, size=64, batch=4, seed=0)
    whole = Learner(plan)
    expected = [whole.learn(batches[step], 1e-3) for step in range(4)]
    first = Learner(plan)
    for step in range(2):
        first.learn(batches[step], 1e-3)
    first.save(tmp_path / "checkpoint.pt")
    second = Learner(Plan(minutes=1.0, seed=7))
    second.load(tmp_path / "checkpoint.pt")
    assert [second.learn(batches[step], 1e-3) for step in (2, 3)] == expected[2:]
    for one, other in zip(whole.average.state_dict().values(), second.average.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert (second.steps, second.crops) == (4, 16)


def test_a_run_leaves_a_checkpoint_and_a_log_and_a_finished_one_stays(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without worker processes: they would outlast the loop here.
    monkeypatch.setattr(
        detector,
        "_batches",
        lambda crops, plan, size, first: map(
            AugmentedBatches(crops, size=size, batch=plan.batch, seed=plan.seed).__getitem__, range(first, 10**6)
        ),
    )
    monkeypatch.setattr(Plan, "size", lambda *_: 64)
    for _ in range(2):
        train(Plan(minutes=0.02, batch=4), folder, tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "crops,seconds,loss,pck10,pck05,median"
    assert [line.split(",")[0] for line in lines[1:]] == [str(state["crops"])] * 2


def test_the_truth_scores_full_marks_and_a_known_offset_its_own_size(folder: Path) -> None:
    crops = open_crops(folder, held_out=True)

    def truth(_: ndarray, offset: float = 0.0) -> ndarray:
        maps = [framing(middle, side / SHARE_SEEN, 128) for middle, side in map(crops.square, range(len(crops)))]
        found = [mapped(at, crops.pixels[row].astype(float)) + np.array([offset, 0]) for row, at in enumerate(maps)]
        return np.array(found, np.float32)

    perfect = score(truth, crops, 128)
    assert (perfect.pck10, perfect.pck05) == (1.0, 1.0)
    assert perfect.median < 1e-6
    # 0.075 of the box's longer side, which takes 0.8 of the picture.
    shifted = score(lambda pictures: truth(pictures, 0.075 * 0.8 * 128), crops, 128)
    assert (shifted.pck10, shifted.pck05) == (1.0, 0.0)
    assert shifted.median == pytest.approx(0.075, rel=1e-4)
