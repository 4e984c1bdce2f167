"""The pose structure score: forgives size and place, follows from poses and seed, and its clusters carry a hash."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.cluster_files import read_clusters, write_clusters
from epipose.pose.structure_score import PoseClusters, fit_clusters

NAMES = tuple(f"joint{index}" for index in range(8))


def poses(count: int = 300, kinds: int = 6) -> np.ndarray:
    rng = np.random.default_rng(4)
    kind = rng.normal(size=(kinds, 8, 3))
    return kind[rng.integers(kinds, size=count)] + 0.1 * rng.normal(size=(count, 8, 3))


def test_the_truth_scores_one_whatever_its_size_and_place() -> None:
    truth = poses()
    clusters = fit_clusters(truth, NAMES, 0, count=6)
    size = np.random.default_rng(0).uniform(0.5, 2, (len(truth), 1, 1))
    assert clusters.score(truth * size + 3.0, truth) == 1


def test_other_kinds_of_pose_score_zero_and_chance_scores_little() -> None:
    truth = poses()
    clusters = fit_clusters(truth, NAMES, 0, count=6)
    shuffled = np.random.default_rng(1).permutation(truth)
    assert clusters.score(shuffled, truth) < 0.35
    assert clusters.score(np.roll(truth, 1, axis=1), truth) < 0.5


def test_clusters_follow_from_poses_and_seed() -> None:
    first, same, other = (fit_clusters(poses(), NAMES, 0, count=20, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.centres, same.centres)
    assert first.hash == same.hash != other.hash


def test_clusters_survive_their_file_and_changes_are_noticed(tmp_path: Path) -> None:
    clusters = fit_clusters(poses(), NAMES, 2, count=5)
    write_clusters(tmp_path / "a.npz", clusters)
    read = read_clusters(tmp_path / "a.npz")
    assert (read.hash, read.joint_names, read.root) == (clusters.hash, NAMES, 2)
    changed = PoseClusters(clusters.centres + 0.1, NAMES, 2)
    np.savez(tmp_path / "b.npz", centres=changed.centres, joint_names=NAMES, root=2, hash=clusters.hash)
    with pytest.raises(InputError, match=r"b\.npz was changed"):
        read_clusters(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", a=np.zeros(3))
    with pytest.raises(InputError, match=r"c\.npz holds no clusters"):
        read_clusters(tmp_path / "c.npz")


def test_too_few_poses_are_refused() -> None:
    with pytest.raises(InputError, match="50 clusters"):
        fit_clusters(poses(20), NAMES, 0, count=50)


def test_poses_that_hardly_differ_are_refused_and_few_kinds_are_no_noise() -> None:
    same = np.repeat(poses(10), 20, axis=0)
    with pytest.raises(InputError, match="11 clusters take as many different poses"):
        fit_clusters(same, NAMES, 0, count=11)
    assert fit_clusters(same, NAMES, 0, count=10).score(same, same) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"centres": np.zeros((5, 8))},
        {"centres": np.array([[["a"] * 3] * 8] * 5)},
        {"root": np.array("first")},
        {"root": np.array(8)},
        {"joint_names": np.array(NAMES[:7])},
        {"joint_names": np.arange(8)},
    ],
)
def test_clusters_of_a_wrong_shape_are_refused(change: dict[str, np.ndarray], tmp_path: Path) -> None:
    good = fit_clusters(poses(), NAMES, 2, count=5)
    arrays = {"centres": good.centres, "joint_names": np.array(NAMES), "root": np.array(2), "hash": np.array(good.hash)}
    np.savez(tmp_path / "bad.npz", **{**arrays, **change})
    with pytest.raises(InputError, match=r"bad\.npz holds clusters of a wrong type or shape"):
        read_clusters(tmp_path / "bad.npz")
