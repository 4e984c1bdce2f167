"""Teaching what corrects a network: by the poses that it finds in many crops, and where the joints were."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn import functional

from epipose.models.crop_poses import CropPoses, PictureNet
from epipose.models.refined import Correction, mean_bone
from epipose.pose.skeletons import Skeleton
from epipose.training.crop_lesson import BETA, CropLesson
from epipose.training.examination import Answers, answered
from epipose.training.loop import Batch, Lesson

EXCHANGED = 0.5
"""Share of the poses that get a limb of another one."""
NOISE = 0.005
"""Standard deviation of what is added to every place, in units of the crop, ..."""
WILD, WILD_SHARE = 0.1, 0.01
"""... and of what is added to few, and how few."""


class Findings(NamedTuple):
    """What a network found in crops, and the joints that were there, in units of each crop."""

    positions: Float[Tensor, "n joints 3"]
    confidence: Float[Tensor, "n joints"]
    truth: Float[Tensor, "n joints 3"]
    weights: Float[Tensor, "n joints"]
    """How much each joint counts, 0 to 1."""

    @property
    def found(self) -> CropPoses:
        """What the network said."""
        return CropPoses(self.positions, self.confidence)

    def rows(self, rows: Int[Tensor, "some"]) -> "Findings":
        """Return some of them."""
        return Findings(*(part[rows] for part in self))

    def mirrored(self, mirror: tuple[int, ...]) -> "Findings":
        """Return all of them as in a mirror; joint j is then joint mirror[j]."""
        flip, order = torch.tensor([-1.0, 1.0, 1.0]), list(mirror)
        return Findings(*(part[:, order] * (flip if part.dim() == 3 else 1) for part in self))

    def but(self, other: "Findings", joints: Bool[Tensor, "n any"]) -> "Findings":
        """Return these with some joints (n, joints), or whole poses (n, 1), of the others."""
        parts = zip(self, other, strict=True)
        return Findings(*(torch.where(joints[..., None] if a.dim() == 3 else joints, b, a) for a, b in parts))


def find_poses(net: PictureNet, lesson: CropLesson, batches: int, tell: Callable[[int], None]) -> Findings:
    """Return what a network finds in the first batches of a lesson; `tell` is told how many are done."""
    parts = []
    for number in range(batches):
        pictures, truth, weights = lesson.batch(number)
        parts.append(Findings(*answered(net, pictures.numpy()), truth, weights))
        tell(number + 1)
    return Findings(*(torch.cat(part) for part in zip(*parts, strict=True)))


def corrected(answers: Answers, net: Correction) -> Answers:
    """Return what a network said (sure to some degree), corrected."""
    assert answers.confidence is not None, "answers were kept with their confidence"
    positions, confidence = (
        torch.from_numpy(part).float().to(net.mean.device) for part in (answers.predicted, answers.confidence)
    )
    with torch.inference_mode():
        better = net(CropPoses(positions, confidence)).positions
    return replace(answers, predicted=better.double().cpu().numpy())


class RefineLesson(Lesson):
    """Poses that a network found, varied, and where the joints were; scored on what it `held_out` found.

    Everything follows from the seed.
    """

    called = ("answers",)

    def __init__(
        self, net: Correction, findings: Findings, held_out: Answers, *, batch: int = 128, seed: int = 0
    ) -> None:
        skeleton = held_out.skeleton
        self.net: Correction = net
        self._findings, self._held_out = findings, held_out
        self._mirror, self._limbs = skeleton.mirror, _Limbs.of(skeleton)
        self._batch, self._seed = batch, seed
        both = Findings(*(torch.cat(parts) for parts in zip(findings, findings.mirrored(skeleton.mirror), strict=True)))
        net.settle(both.found, both.truth, both.weights)

    def batch(self, number: int) -> Batch:
        """Return what was found (positions and confidence), where joints were, and how much each counts."""
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        drawn = self._drawn(chance)
        drawn = self._limbs.exchanged(drawn, self._drawn(chance), chance)
        return tuple(_disturbed(drawn, chance))

    def _drawn(self, chance: Generator) -> Findings:
        rows = torch.randint(len(self._findings.truth), (self._batch,), generator=chance)
        drawn = self._findings.rows(rows)
        return drawn.but(drawn.mirrored(self._mirror), torch.rand(self._batch, 1, generator=chance) < 0.5)

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return how far the answers of both stages are from the truth."""
        findings = Findings(*batch)
        total = findings.weights.sum().clamp(min=1e-6)
        loss = findings.truth.new_zeros(())
        for answer in cast(Correction, net).answers(findings.found):
            apart = functional.smooth_l1_loss(answer, findings.truth, beta=BETA, reduction="none").sum(dim=-1)
            loss = loss + (findings.weights * apart).sum() / total
        return loss

    def score(self, net: nn.Module) -> dict[str, float]:
        """Return errors on crops that are held out."""
        return corrected(self._held_out, cast(Correction, net)).errors()


@dataclass(frozen=True)
class _Limbs:
    """Parts of a skeleton that hang on one joint: poses with each other's limbs are poses that nobody filmed."""

    joints: Bool[Tensor, "limbs joints"]
    """Which joints belong to each limb, ..."""
    ends: Int[Tensor, "limbs"]
    """... and which one it hangs on."""
    bones: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, skeleton: Skeleton) -> "_Limbs":
        """Return everything that hangs on a joint and is no more than half of the skeleton."""
        below = torch.eye(len(skeleton), dtype=torch.bool)
        for _ in skeleton.joint_names:
            for parent, child in skeleton.bones:
                below[parent] |= below[child]
        hanging = [(child, parent) for parent, child in skeleton.bones if 2 * below[child].sum() <= len(skeleton)]
        children, parents = (list(ends) for ends in zip(*hanging, strict=True))
        return cls(below[children], torch.tensor(parents), skeleton.bones)

    def exchanged(self, own: Findings, other: Findings, chance: Generator) -> Findings:
        """Return poses, many of which have a limb of the other ones: what was found of it, and what it was."""
        count = len(own.truth)
        limb = torch.randint(len(self.ends), (count,), generator=chance)
        end, row = self.ends[limb], torch.arange(count)
        possible = (own.weights[row, end] > 0) & (other.weights[row, end] > 0)
        chosen = possible & (torch.rand(count, generator=chance) < EXCHANGED)
        ratio = mean_bone(own.positions, self.bones) / mean_bone(other.positions, self.bones)
        positions, truth = (
            here[row, end][:, None] + ratio * (there - there[row, end][:, None])
            for here, there in ((own.positions, other.positions), (own.truth, other.truth))
        )
        moved = other._replace(positions=positions, truth=truth)
        return own.but(moved, self.joints[limb] & chosen[:, None])


def _disturbed(findings: Findings, chance: Generator) -> Findings:
    """Add a little noise to all places, and much to few."""
    shape = findings.positions.shape
    noise = NOISE * torch.randn(shape, generator=chance)
    wild = torch.rand(*shape[:2], 1, generator=chance) < WILD_SHARE
    noise = noise + wild * WILD * torch.randn(shape, generator=chance)
    return findings._replace(positions=findings.positions + noise)
