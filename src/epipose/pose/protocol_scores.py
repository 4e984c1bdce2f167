"""Errors of a data set under a protocol: by action, and their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from epipose.pose import metrics
from epipose.pose.comparison import Comparison
from epipose.pose.evaluation import reference_errors, structure_score
from epipose.pose.protocols import Alignment, Definition, Protocol
from epipose.pose.published_metrics import PublishedErrors
from epipose.pose.structure_score import PoseClusters

Errors = Mapping[Alignment, float]
"""Metres."""


@dataclass(frozen=True)
class Scores:
    """Errors of some poses, both as the literature and as the published code define them."""

    errors: Mapping[Definition, Errors]
    """NaN for reference-compatible ones where no pose has every joint, as these need them."""
    structure: Mapping[str, float]
    """Pose structure scores (0 to 1) by the hash of the clusters."""
    poses: int
    whole_poses: int
    """Those with every joint, of which alone the reference-compatible errors and structure scores are."""


@dataclass(frozen=True)
class ProtocolScores:
    """Errors under a protocol."""

    by_action: Mapping[str, Scores]
    """In the protocol's order; an action of which there is nothing is not there."""
    average: Scores
    """Over actions or frames, as the protocol says."""
    own_average: Scores | None
    """Over the actions of the paper alone; None where it has all, or one of them is not there."""


def protocol_scores(
    protocol: Protocol, taken: Sequence[tuple[str, Comparison]], clusters: Sequence[PoseClusters] = ()
) -> ProtocolScores:
    """Return the errors of poses beside the truth, given by action; all are in the protocol's joints.

    An action's error is the mean over all of its frames, whoever acts and whichever camera sees it.
    """
    parts = {action: [both for named, both in taken if named == action and both.poses] for action in protocol.actions}
    by_action = {action: _scores(some, clusters) for action, some in parts.items() if some}
    if protocol.averaging == "actions":
        average = _mean(list(by_action.values()))
    else:
        average = _scores([both for some in parts.values() for both in some], clusters)
    own = [by_action[action] for action in protocol.own_actions if action in by_action]
    whole = bool(own) and len(own) == len(protocol.own_actions)
    return ProtocolScores(by_action, average, _mean(own) if whole else None)


def _scores(parts: Sequence[Comparison], clusters: Sequence[PoseClusters]) -> Scores:
    both = _joined(parts)
    found, true, root, beside_root = both.found, both.true, both.root, both.beside_root
    whole = int((both.weight > 0).all(axis=2).sum())
    published = reference_errors(both)[0] if whole else PublishedErrors(np.nan, np.nan, np.nan)
    return Scores(
        {
            "standard": {
                "root": metrics.mpjpe(found, true, root=root, weight=beside_root),
                "scale": metrics.n_mpjpe(found, true, root=root, weight=beside_root),
                "procrustes": metrics.pa_mpjpe(found, true, weight=both.weight),
            },
            "reference-compatible": {
                "root": published.mpjpe,
                "scale": published.nmpjpe,
                "procrustes": published.pmpjpe,
            },
        },
        {some.hash: structure_score(both, some)[0] for some in clusters},
        both.poses,
        whole,
    )


def _joined(parts: Sequence[Comparison]) -> Comparison:
    """Return all poses that count, of everybody, one after the other."""
    chosen = [(both, both.weight[:, :, both.root] > 0) for both in parts]
    found, true, weight = (
        np.concatenate([getattr(both, name)[counted] for both, counted in chosen])[:, None]
        for name in ("found", "true", "weight")
    )
    return replace(parts[0], found=found, true=true, weight=weight)


def _mean(scores: Sequence[Scores]) -> Scores:
    """Return the mean of scores, each counting the same."""
    first = scores[0]
    return Scores(
        {
            definition: {alignment: float(np.mean([one.errors[definition][alignment] for one in scores]))
                         for alignment in errors}
            for definition, errors in first.errors.items()
        },
        {name: float(np.mean([one.structure[name] for one in scores])) for name in first.structure},
        sum(one.poses for one in scores),
        sum(one.whole_poses for one in scores),
    )  # fmt: skip
