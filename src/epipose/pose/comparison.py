"""Poses beside the truth: the same joints of the same people at the same moments, whatever their clocks and worlds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.optimize import linear_sum_assignment

from epipose.errors import InputError
from epipose.geometry.alignment import rigid
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation
from epipose.pose.conversion import convert_poses
from epipose.pose.keypoints import Poses
from epipose.pose.resampling import resampled_poses
from epipose.pose.skeletons import Skeleton

FAR_M = 1.0
"""Metres from a true joint at which one that was found is no better than none."""
FEWEST_JOINTS = 4
"""Joints besides the root with which a pose is compared."""
ROOT, HIPS = "pelvis", ("left_hip", "right_hip")


@dataclass(frozen=True, eq=False)
class Comparison:
    """People who were found, and who they truly were, in the world of the truth."""

    found: Float[ndarray, "frames people joints 3"]
    true: Float[ndarray, "frames people joints 3"]
    weight: Float[ndarray, "frames people joints"]
    """1 where both are known, 0 elsewhere: a pose without its root or with few joints does not count."""
    skeleton: Skeleton
    """Of the joints that both call by the same name; the root is the pelvis, or else made from the hips."""
    root_made: bool
    """Whether it was made from the hips."""
    frame_rate: float
    people: tuple[tuple[int, int], ...]
    """(found, true) slots that were taken for the same person."""
    found_share: float
    """Share of the true joints, while the poses last, that have a place in the poses."""

    @property
    def root(self) -> int:
        """Number of the joint that is the root."""
        return self.skeleton.index(ROOT)

    @property
    def beside_root(self) -> Float[ndarray, "frames people joints"]:
        """`weight` without the root, which has no error once roots are laid on each other."""
        weight = self.weight.copy()
        weight[:, :, self.root] = 0
        return weight

    def turned(self) -> "Comparison":
        """Return it after the one turn of everybody who was found, each around the root, that suits the truth best."""
        found, true = (points - points[:, :, [self.root]] for points in (self.found, self.true))
        counted = self.weight > 0
        rotation = nearest_rotation(true[counted].T @ found[counted])
        return replace(self, found=self.found @ rotation.T)


def compare(poses: Poses, truth: Poses, *, turned: bool = False) -> Comparison:
    """Return `poses` beside `truth`, which is brought to their times.

    With `turned` the poses lie in axes of their own, and people are found and compared after turns of all of them.
    Raises InputError if nobody is there, or the same, and if there is no root or no moment that both know.
    """
    for what, part in (("poses", poses), ("truth", truth)):
        if not (part.weight > 0).any():
            raise InputError(f"there is nobody in the {what}, and so nothing to compare")
    target, made = shared_skeleton([truth.skeleton, poses.skeleton])
    found, true = (in_joints(part, target, made) for part in (poses, resampled_poses(truth, poses.times)))
    both = _Both(found.positions.astype(float), found.weight > 0, true.positions.astype(float), true.weight > 0)
    if not both.true_known.any():
        raise InputError("the poses and the truth have no moment in common; are they of one recording, on one clock?")
    pairs = both.same_people(turned=turned)
    mine, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    known = both.found_known[:, mine] & both.true_known[:, theirs]
    root = known[:, :, [target.index(ROOT)]]
    weight = known & root & (known.sum(axis=2, keepdims=True) > FEWEST_JOINTS)
    if not weight.any():
        raise InputError(f"no pose has its root and {FEWEST_JOINTS} more joints that the truth knows too")
    comparison = Comparison(
        found=both.found[:, mine],
        true=both.true[:, theirs],
        weight=weight.astype(float),
        skeleton=target,
        root_made=made,
        frame_rate=poses.frame_rate if len(poses.times) > 1 else 0.0,
        people=tuple(pairs),
        found_share=float(known.sum() / both.true_known.sum()),
    )
    return comparison.turned() if turned else comparison


def shared_skeleton(skeletons: Sequence[Skeleton]) -> tuple[Skeleton, bool]:
    """Return the joints that all have by name, with a root, and whether that is last and to be made from the hips."""
    first = skeletons[0]
    common = tuple(joint for joint in first.joint_names if all(joint in other.joint_names for other in skeletons))
    part = first.subset(common)
    if ROOT in common:
        return part, False
    if not set(HIPS) <= set(common):
        names = " and ".join(dict.fromkeys(repr(skeleton.name) for skeleton in skeletons))
        raise InputError(
            f"skeleton {names} have no {ROOT} and no hips in common, so that poses have no root; use others"
        )
    return Skeleton(part.name, (*common, ROOT), (*part.parents, None), part.pairs), True


def in_joints(poses: Poses, target: Skeleton, root_made: bool) -> Poses:
    """Return poses in joints that they have by name; with `root_made` the last is made from the hips, even so."""
    if root_made:
        poses, _ = convert_poses(poses, target.subset(target.joint_names[:-1]))
    return convert_poses(poses, target)[0]


@dataclass(frozen=True, eq=False)
class _Both:
    """The same joints at the same times, of everybody; `known` says where they are."""

    found: Float[ndarray, "frames found joints 3"]
    found_known: Bool[ndarray, "frames found joints"]
    true: Float[ndarray, "frames true joints 3"]
    true_known: Bool[ndarray, "frames true joints"]

    def same_people(self, *, turned: bool) -> list[tuple[int, int]]:
        """Return (found, true) people who are nearest to each other; all worlds that fit somebody are tried."""
        people = self.found.shape[1], self.true.shape[1]
        if people == (1, 1):
            return [(0, 0)]
        worlds = [self._world(i, j) for i in range(people[0]) for j in range(people[1])] if turned else [None]
        costs = [self._distances(world) for world in worlds]
        chosen = min(costs, key=lambda cost: float(cost[linear_sum_assignment(cost)].sum()))
        pairs = [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(chosen), strict=True) if chosen[i, j] < FAR_M]
        if not pairs:
            raise InputError(
                f"nobody in the poses is within {FAR_M:g} m of anybody in the truth; if their worlds differ,"
                " use --protocol own-axes"
            )
        return pairs

    def _world(self, mine: int, theirs: int) -> Rigid | None:
        """Return the motion that lays a found person on a true one over the whole recording."""
        known = self.found_known[:, mine] & self.true_known[:, theirs]
        return rigid(self.found[:, mine][known], self.true[:, theirs][known]) if known.any() else None

    def _distances(self, world: Rigid | None) -> Float[ndarray, "found true"]:
        """Return how far people are from each other; a joint that was not found is far.

        Or else a fragment that fits would be taken for the person.
        """
        found = self.found if world is None else world.apply(self.found)
        cost = np.full((found.shape[1], self.true.shape[1]), FAR_M)
        for mine, theirs in np.ndindex(*cost.shape):
            known = self.true_known[:, theirs]
            distance = np.minimum(np.linalg.norm(found[:, mine] - self.true[:, theirs], axis=-1), FAR_M)
            distance = np.where(self.found_known[:, mine], distance, FAR_M)[known]
            cost[mine, theirs] = distance.mean() if distance.size else FAR_M
        return cost
