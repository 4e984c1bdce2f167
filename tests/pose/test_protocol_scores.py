"""Errors under protocols, against a computation pose by pose that shares no code with it."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.datasets.h36m import PLUGIN
from epipose.errors import InputError
from epipose.pose.comparison import Comparison, compare
from epipose.pose.keypoints import Poses
from epipose.pose.protocol_scores import protocol_scores
from epipose.pose.protocols import JOINT_SETS, Protocol, in_protocol, joints_that_count, protocol_named
from epipose.pose.skeletons import load_skeleton
from epipose.pose.structure_score import fit_clusters

assert PLUGIN.benchmark is not None
PROTOCOLS = {one.name: one for one in PLUGIN.benchmark.protocols}
H36M = load_skeleton("h36m17")
FRAMES = {"Directions": 3, "Eating": 40, "Walking": 7}
"""So different that a mean over frames is none over actions."""
NOISE = {"Directions": 0.1, "Eating": 0.02, "Walking": 0.3}


def poses_of(positions: np.ndarray) -> Poses:
    zero = np.zeros(positions.shape[:2], np.float32)[:, None]
    return Poses(positions[:, None].astype(np.float32), zero, zero + 1, np.arange(len(positions)) / 50, H36M)


def pair(action: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 0.4, (FRAMES[action], 17, 3)).astype(np.float32)
    return (true + rng.normal(0, NOISE[action], true.shape)).astype(np.float32), true


def taken(protocol: Protocol) -> list[tuple[str, Comparison]]:
    """Two takes of each action."""
    both = []
    for seed, action in enumerate([*FRAMES, *FRAMES]):
        found, true = (in_protocol(poses_of(part), protocol, "poses") for part in pair(action, seed))
        both.append((action, compare(found, true)))
    return both


def literal_error(found: np.ndarray, true: np.ndarray, alignment: str, definition: str) -> float:
    """The error of one pose (joints, 3), whose first joint is the root."""
    found, true = found.astype(float) - found[0], true.astype(float) - true[0]
    if definition == "standard" and alignment != "procrustes":
        if alignment == "scale":
            found = found * float((found * true).sum() / (found * found).sum())
        return float(np.mean([np.linalg.norm(f - t) for f, t in zip(found[1:], true[1:], strict=True)]))
    if alignment != "root":
        f_mean, t_mean = found.mean(axis=0), true.mean(axis=0)
        u, s, vt = np.linalg.svd((found - f_mean).T @ (true - t_mean))
        sign = np.sign(np.linalg.det(u @ vt))
        turn = u @ np.diag([1, 1, sign]) @ vt
        scale = (s * [1, 1, sign]).sum() / ((found - f_mean) ** 2).sum()
        aligned = scale * (found - f_mean) @ turn + t_mean
        if alignment == "procrustes":
            found = aligned if definition == "standard" else aligned - aligned[0]
        else:
            found = scale * found
    return float(np.mean([np.linalg.norm(f - t) for f, t in zip(found, true, strict=True)]))


@pytest.mark.parametrize("definition", ["standard", "reference-compatible"])
@pytest.mark.parametrize("alignment", ["root", "scale", "procrustes"])
@pytest.mark.parametrize("name", ["p1", "every-64", "every-64-mpii"])
def test_averages_equal_the_literal_ones(name: str, alignment: str, definition: str) -> None:
    protocol = PROTOCOLS[name]
    kept = [H36M.index(joint) for joint in protocol.joint_names]
    assert kept[0] == 0
    errors: dict[str, list[float]] = {action: [] for action in FRAMES}
    for seed, action in enumerate([*FRAMES, *FRAMES]):
        for found, true in zip(*pair(action, seed), strict=True):
            errors[action].append(literal_error(found[kept], true[kept], alignment, definition))
    scores = protocol_scores(protocol, taken(protocol))
    assert list(scores.by_action) == list(FRAMES)
    for action, values in errors.items():
        mine = scores.by_action[action]
        assert mine.errors[definition][alignment] == pytest.approx(np.mean(values), abs=1e-9)  # type: ignore[index]
        assert mine.poses == mine.whole_poses == 2 * FRAMES[action]
    by_action = np.mean([np.mean(values) for values in errors.values()])
    by_frame = np.mean([value for values in errors.values() for value in values])
    assert abs(by_action - by_frame) > 0.01, "or else a wrong mean would not be seen"
    expected = by_action if name == "p1" else by_frame
    assert scores.average.errors[definition][alignment] == pytest.approx(expected, abs=1e-9)  # type: ignore[index]


def test_protocols_are_those_of_the_papers() -> None:
    assert list(PROTOCOLS) == ["p1", "p2", "tekin2016", "every-64", "every-64-mpii"]
    for protocol in PROTOCOLS.values():
        assert (protocol.trained_on, protocol.subjects) == (("S1", "S5", "S6", "S7", "S8"), ("S9", "S11"))
        assert len(protocol.actions) == len(set(protocol.headings)) == 15
    told = {
        name: (one.alignment, one.joints, one.every, one.averaging, one.depth_given) for name, one in PROTOCOLS.items()
    }
    assert told == {
        "p1": ("root", 17, 1, "actions", False),
        "p2": ("procrustes", 17, 1, "actions", False),
        "tekin2016": ("root", 17, 1, "actions", False),
        "every-64": ("root", 17, 64, "frames", True),
        "every-64-mpii": ("root", 16, 64, "frames", True),
    }
    words = " ".join(PROTOCOLS["p1"].headings)
    assert words == "Dir. Disc. Eat Greet Phone Photo Pose Purch. Sit SitD. Smoke Wait WalkD. Walk WalkT."
    assert PROTOCOLS["p1"].actions[5] == "TakingPhoto"
    with pytest.raises(InputError, match="no protocol 'p3'; choose from p1, p2, tekin2016, every-64, every-64-mpii"):
        protocol_named(tuple(PROTOCOLS.values()), "p3")


def test_own_actions_have_a_mean_of_their_own_when_all_are_there() -> None:
    protocol = replace(PROTOCOLS["p1"], own_actions=("Eating", "Walking"))
    scores = protocol_scores(protocol, taken(protocol))
    assert scores.own_average is not None
    one, other = (scores.by_action[action].errors["standard"]["root"] for action in ("Eating", "Walking"))
    assert scores.own_average.errors["standard"]["root"] == pytest.approx((one + other) / 2)
    assert protocol_scores(PROTOCOLS["tekin2016"], taken(protocol)).own_average is None


def test_poses_without_a_joint_count_but_not_as_the_published_code_has_it() -> None:
    found, true = (poses_of(part) for part in pair("Eating", 0))
    lacking = found.weight.copy()
    lacking[:10, 0, 4] = 0
    both = compare(replace(found, weight=lacking), true)
    scores = protocol_scores(PROTOCOLS["p1"], [("Eating", both)])
    assert (scores.average.poses, scores.average.whole_poses) == (40, 30)
    rest = compare(*(poses_of(part[10:]) for part in pair("Eating", 0)))
    alone = protocol_scores(PROTOCOLS["p1"], [("Eating", rest)]).average
    assert scores.average.errors["reference-compatible"] == alone.errors["reference-compatible"]
    assert scores.average.errors["standard"] != alone.errors["standard"]
    lacking[:, 0, 4] = 0
    nothing = protocol_scores(PROTOCOLS["p1"], [("Eating", compare(replace(found, weight=lacking), true))])
    assert np.isnan(nothing.average.errors["reference-compatible"]["root"])
    assert np.isfinite(nothing.average.errors["standard"]["root"])


def test_structure_scores_are_averaged_too() -> None:
    protocol = PROTOCOLS["p1"]
    true = np.concatenate([pair("Eating", seed)[1] for seed in range(4)])
    clusters = fit_clusters(true.astype(float), H36M.joint_names, 0, count=20)
    scores = protocol_scores(protocol, taken(protocol), [clusters])
    by_action = [one.structure[clusters.hash] for one in scores.by_action.values()]
    assert by_action[1] > by_action[-1]
    assert scores.average.structure[clusters.hash] == pytest.approx(np.mean(by_action))


def test_joints_are_chosen_by_name() -> None:
    assert [len(names) for names in JOINT_SETS.values()] == list(JOINT_SETS)
    mpii = load_skeleton("mpii16")
    names = joints_that_count(mpii, PROTOCOLS["every-64-mpii"], "model 'a'")
    assert dict(zip(JOINT_SETS[16], names, strict=True)) == {name: name for name in JOINT_SETS[16]} | {
        "nose": "upper_neck"
    }
    assert sorted(names) == sorted(mpii.joint_names)
    with pytest.raises(InputError, match=r"model 'a': skeleton 'mpii16' lacks spine, nose, which count under .*'p1'"):
        joints_that_count(mpii, PROTOCOLS["p1"], "model 'a'")
    positions = np.random.default_rng(0).normal(size=(2, 1, 16, 3)).astype(np.float32)
    poses = Poses(positions, positions[..., 0] * 0, positions[..., 0] * 0 + 1, np.arange(2.0), mpii)
    counted = in_protocol(poses, PROTOCOLS["every-64-mpii"], "poses")
    nose, neck = counted.skeleton.index("nose"), mpii.index("upper_neck")
    np.testing.assert_array_equal(counted.positions[:, :, nose], positions[:, :, neck])


def test_published_rows_name_protocols_and_are_consistent() -> None:
    assert PLUGIN.benchmark is not None
    rows = {row.average_mm: row for row in PLUGIN.benchmark.published}
    assert sorted(rows) == [51.8, 60.5, 76.6, 78.8, 116.77]
    shown = {number: (row.protocols, row.alignment, row.definition) for number, row in rows.items()}
    assert shown == {
        51.8: (("every-64",), "root", "reference-compatible"),
        76.6: (("every-64-mpii",), "root", "reference-compatible"),
        78.8: (("every-64-mpii",), "scale", "reference-compatible"),
        60.5: (("every-64-mpii",), "root", "standard"),
        116.77: (("tekin2016",), "root", "reference-compatible"),
    }
    assert all(row.source and set(row.protocols) <= set(PROTOCOLS) for row in rows.values())
    tekin = rows[116.77]
    assert set(tekin.actions_mm) == set(PROTOCOLS["tekin2016"].own_actions)
    assert np.mean(list(tekin.actions_mm.values())) == pytest.approx(116.77, abs=0.005)
