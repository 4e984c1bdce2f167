"""Teaching `models.lift`, on poses filmed by made-up cameras, on recordings whose poses are known, or on both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional

from epipose.geometry.lenses import Lens
from epipose.models.crop_poses import NEAR, CropPoses
from epipose.models.lift import LiftNet
from epipose.pose.metrics import mpjpe, n_mpjpe, pa_mpjpe
from epipose.pose.roots import from_root, root
from epipose.pose.skeletons import Skeleton
from epipose.training.keypoint_errors import USUAL, KeypointErrors
from epipose.training.loop import Batch, Lesson
from epipose.training.sight_sources import LENS, RecordedPoses, Source, filmed
from epipose.training.sights import Sights, Squares, squares_around, together, unplaced

BETA = 0.02
"""Units of the crop up to which the loss of a coordinate is quadratic."""
SURENESS = 0.01
"""Weight of the loss of confidences beside that of coordinates."""


@dataclass(frozen=True, eq=False)
class Exam:
    """Sights that are never learned from, and the joints in camera axes (metres)."""

    sights: Sights
    truth: Float[ndarray, "n joints 3"]
    lens: Lens
    skeleton: Skeleton

    @classmethod
    def recorded(cls, poses: RecordedPoses) -> "Exam":
        """Return the exam of a recording, on what its detector found."""
        return cls(poses.sights, poses.truth, poses.lens, poses.skeleton)

    @classmethod
    def filmed(cls, positions: Float[ndarray, "n joints 3"], skeleton: Skeleton, seed: int = 0) -> "Exam":
        """Return the exam of poses (metres, Z up), each filmed once and seen by a detector as exact as most are."""
        rng = np.random.default_rng(seed)
        sights, truth = filmed(positions, skeleton, rng)
        return cls(KeypointErrors(skeleton, USUAL)(sights, rng), truth, LENS, skeleton)

    def answered(self, net: LiftNet) -> Float[ndarray, "n joints 3"]:
        """Return the joints in camera axes as the network sees them, with roots as deep as the truth's."""
        squares = squares_around(self.sights)
        places = squares.places(_run(net, squares.inputs(self.sights)).positions.numpy())
        return unplaced(self.lens, places, root(self.truth, self.skeleton)[:, 2])[0]

    def sureness(self, net: LiftNet) -> tuple[Float32[ndarray, "n joints"], Bool[ndarray, "n joints"]]:
        """Return how sure a network is that it is near each joint, and whether it is."""
        squares = squares_around(self.sights)
        found, units = _run(net, squares.inputs(self.sights)), squares.targets(self.sights)[0]
        return found.confidence.numpy(), np.all(np.abs(found.positions.numpy() - units) <= NEAR, axis=-1)


class LiftLesson(Lesson):
    """Teaches a network from `sources`, each with its share of every batch; `exams` are for scores.

    The default network learns from poses filmed by made-up cameras:

        LiftLesson(net, [(FilmedPoses(poses.part(held_out=False), poses.skeleton), 1.0)],
                   [Exam.filmed(poses.part(held_out=True), poses.skeleton)])

    and one of a recording from what a detector found there and where triangulation says the joints were, one source for
    each view, beside the same poses filmed from elsewhere, and others, so that it does not forget what else people do:

        views = [RecordedPoses(skeleton, camera.lens, inputs, targets, weights) for ...]
        others = [FilmedPoses(triangulated, skeleton, weights), FilmedPoses(poses.part(held_out=False), skeleton)]
        LiftLesson(net, [(view, 1.0) for view in views] + [(other, 0.5 * len(views)) for other in others],
                   [Exam.recorded(view) for view in held_out])

    All are of one skeleton, the network's. Everything follows from the seed.
    """

    called = ("answers",)

    def __init__(
        self,
        net: LiftNet,
        sources: Sequence[tuple[Source, float]],
        exams: Sequence[Exam],
        *,
        batch: int = 1024,
        seed: int = 0,
    ) -> None:
        self.net: LiftNet = net
        self._sources, self._exams = [source for source, _ in sources], exams
        shares = np.array([share for _, share in sources])
        self._counts = np.diff(np.round(batch * np.cumsum([0.0, *shares / shares.sum()])).astype(int)).tolist()
        self._mirror, self._seed = np.array(self._sources[0].skeleton.mirror), seed

    def batch(self, number: int) -> Batch:
        """Return what the network is fed with, the joints in units of the crop, and how much each counts."""
        rng = np.random.default_rng([self._seed, number])
        drawn = [source.draw(count, rng) for source, count in zip(self._sources, self._counts, strict=True) if count]
        sights = together(drawn).mirrored(rng.random(sum(self._counts)) < 0.5, self._mirror)
        sights = sights.turned(_rolls(len(sights), rng))
        squares = _jittered(squares_around(sights), rng)
        parts = squares.inputs(sights), *squares.targets(sights)
        fed, units, weights = (torch.from_numpy(part) for part in parts)
        return fed, units, weights

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return the mean loss of both stages: of places, and of being sure of what is near."""
        fed, units, weights = batch
        first, second = cast(LiftNet, net).answers(fed)
        return _loss(first, units, weights) + _loss(second, units, weights)

    def score(self, net: nn.Module) -> dict[str, float]:
        """Return errors over all exams, see `marks`."""
        return marks(cast(LiftNet, net), self._exams)


def marks(net: LiftNet, exams: Sequence[Exam]) -> dict[str, float]:
    """Return a network's errors over all exams in mm, with the true depth of roots: from the root, aligned, scaled."""
    found = np.concatenate([_around_root(exam.answered(net), exam.skeleton) for exam in exams])
    truth = np.concatenate([_around_root(exam.truth, exam.skeleton) for exam in exams])
    weights = np.concatenate([np.pad(exam.sights.weight, ((0, 0), (0, 1))) for exam in exams])
    return {
        "mpjpe_mm": 1000 * mpjpe(found, truth, weight=weights),
        "pa_mpjpe_mm": 1000 * pa_mpjpe(found, truth, weight=weights),
        "n_mpjpe_mm": 1000 * n_mpjpe(found, truth, weight=weights, root=-1),
    }


def _around_root(joints: Float[ndarray, "n joints 3"], skeleton: Skeleton) -> Float[ndarray, "n more 3"]:
    """Return joints from the root, which is added as the last, in case it is none of the skeleton's."""
    return np.pad(from_root(joints, skeleton), ((0, 0), (0, 1), (0, 0)))


def _run(net: LiftNet, fed: Float32[ndarray, "n joints 3"]) -> CropPoses:
    with torch.inference_mode():
        found = net(torch.from_numpy(fed).to(next(net.parameters()).device))
    return CropPoses(found.positions.float().cpu(), found.confidence.float().cpu())


def _loss(answer: CropPoses, units: Tensor, weights: Tensor) -> Tensor:
    count = weights.sum().clamp(min=1.0)
    off = functional.smooth_l1_loss(answer.positions, units, beta=BETA, reduction="none")
    near = torch.all((answer.positions.detach() - units).abs() <= NEAR, dim=-1).float()
    unsure = functional.binary_cross_entropy_with_logits(answer.confidence, near, reduction="none")
    return ((off.sum(dim=-1) + SURENESS * unsure) * weights).sum() / count


def _rolls(count: int, rng: np.random.Generator) -> Float[ndarray, "n"]:
    """Return by how much cameras are rolled (radians): mostly hardly, some as in a hand, a few lie on a side."""
    kind = rng.choice(3, size=count, p=[0.75, 0.2, 0.05])
    return np.choose(
        kind, [rng.normal(0, 0.1, count), rng.uniform(-0.7, 0.7, count), rng.uniform(-np.pi, np.pi, count)]
    )


def _jittered(squares: Squares, rng: np.random.Generator) -> Squares:
    """Return squares of somebody who was followed, not quite those around the joints."""
    count = len(squares.side)
    return squares.moved(rng.normal(0, 0.02, (count, 2)), np.exp(rng.normal(0, 0.05, count)))
