"""The lifting network that comes with epipose: how it is made, and that it lifts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from epipose.models.lift import LiftNet
from epipose.pose.skeletons import Skeleton
from epipose.runtime.networks import find_network, open_network
from epipose.studio.bodies import make_body
from epipose.studio.pose_sets import PoseSet, write_pose_set
from epipose.studio.poses import random_pose
from epipose.training import default_lift
from epipose.training.lift_lesson import Exam, marks
from epipose.training.model_files import read_model
from epipose.training.sight_sources import FilmedPoses
from epipose.training.starting import start_from
from tests.training.bodies import BODY, standing

SOURCES = ("walk", "run", "random 0", "made-up 9")


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    """A file of four sources with ten poses each, of which `run` and `made-up 9` are held out."""
    held_out = np.array([False, True, False, True])
    positions = standing(40).astype(np.float32)
    made = PoseSet(positions, np.repeat(np.arange(4), 10).astype(np.int32), SOURCES, held_out, BODY)
    write_pose_set(tmp_path / "poses.npz", made)
    return tmp_path / "poses.npz"


def test_one_command_makes_the_file_and_its_card(
    poses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learned: list[np.ndarray] = []

    class Watched(FilmedPoses):
        def __init__(self, positions: np.ndarray, skeleton: Skeleton) -> None:
            learned.append(positions)
            super().__init__(positions, skeleton)

    monkeypatch.setattr(default_lift, "FilmedPoses", Watched)
    monkeypatch.setattr("sys.argv", ["default_lift", "--poses", str(poses), "--out", str(tmp_path), "--steps", "2"])
    default_lift.main()
    np.testing.assert_array_equal(learned[0], standing(40).astype(np.float32)[[*range(10), *range(20, 30)]])
    description, weights = read_model(tmp_path / "lift.onnx")
    assert (description.name, description.kind, description.skeleton) == ("lift", "lift", BODY)
    assert weights["unit.begin.0.weight"].shape == (512, 63)
    card = (tmp_path / "lift.md").read_text(encoding="utf-8")
    for words in ("20 poses", "1 recorded clips", "2 steps of 256", "Clips held out: run.", "| made-up motion |"):
        assert words in card
    assert max(map(len, card.splitlines())) <= 120
    assert "2 of 2" in capsys.readouterr().out


def test_the_shipped_network_lifts_people_that_it_never_saw() -> None:
    file = find_network("lift")
    assert file.stat().st_size < 10e6
    assert file.with_suffix(".md").is_file()
    net = LiftNet(len(BODY)).eval()
    assert start_from(net, BODY, file) == len(BODY)
    body, rng = make_body({}), np.random.default_rng(0)
    turns, shifts = (np.stack(part) for part in zip(*(random_pose(body, rng) for _ in range(150)), strict=True))
    asked = Exam.filmed(body.joints(body.motions(turns, shifts)), BODY)
    assert marks(net, [asked])["mpjpe_mm"] < 100
    sure, near = asked.sureness(net)
    assert near[sure > np.median(sure)].mean() > near[sure < np.median(sure)].mean() + 0.1
    given = np.random.default_rng(0).uniform(-0.4, 0.4, (3, len(BODY), 3)).astype(np.float32)
    given[..., 2] = np.abs(given[..., 2])
    with torch.inference_mode():
        expected = net(torch.from_numpy(given))
    for ours, theirs in zip(expected, open_network(file)(given), strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4)
