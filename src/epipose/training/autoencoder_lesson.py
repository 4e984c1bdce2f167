"""Teaching `models.pose_autoencoder`: to find poses again under noise, first layer by layer, then all together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.models.pose_autoencoder import Coder, PoseAutoencoder
from epipose.pose.roots import from_root, root_joints
from epipose.pose.skeletons import Skeleton
from epipose.studio.pose_sets import PoseSet
from epipose.training.loop import Batch, Lesson
from epipose.training.sight_sources import from_cameras

NOISE_MM = 40.0
"""Standard deviation of the noise on each coordinate of a pose; on what each further layer codes it is half as much."""
CONTRACTION_MM2 = 0.1
"""Weight of the penalty beside squared errors."""
EXAMINED = 2000
"""Poses that are held out, on which a network is scored."""
PENALISED = 16
"""With several layers, the penalty is taken on every so manieth pose: it would take longer than all else."""


@dataclass(frozen=True, eq=False)
class SeenPoses:
    """Poses as cameras all around see them: from their root, in the axes of a camera of its own each, in mm."""

    learned: Float32[ndarray, "poses joints 3"]
    """Metres, Z up, as a PoseSet has them, ..."""
    held_out: Float32[ndarray, "others joints 3"]
    """... and those that are never learned from."""
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if not np.isfinite(self.learned).all() or not np.isfinite(self.held_out).all():
            raise InputError("some poses to learn from are not finite; leave those out")
        root_joints(self.skeleton)

    @classmethod
    def of(cls, poses: PoseSet, joints: Sequence[str]) -> "SeenPoses":
        """Take some joints of a set of poses; raises InputError for others, or where nothing is held out."""
        lacking = [joint for joint in joints if joint not in poses.skeleton.joint_names]
        if lacking:
            raise InputError(f"the poses have no {', '.join(lacking)}; leave those joints out, or give other poses")
        learned, held_out = (poses.part(held_out=part) for part in (False, True))
        if not len(learned) or not len(held_out):
            raise InputError(
                "the poses are all to be learned from, or all held out; make a set of ten clips and takes or more, so "
                "that some of them can be held out"
            )
        columns = [poses.skeleton.index(joint) for joint in joints]
        return cls(learned[:, columns], held_out[:, columns], poses.skeleton.subset(joints))

    def draw(self, count: int, rng: np.random.Generator) -> Float32[ndarray, "count joints 3"]:
        """Return poses to learn from, half of them mirrored, drawn by chance."""
        seen = self._seen(self.learned[rng.integers(len(self.learned), size=count)], rng)
        mirrored = seen[:, list(self.skeleton.mirror)] * np.array([-1, 1, 1], np.float32)
        return np.where(rng.random((count, 1, 1)) < 0.5, mirrored, seen)

    def exam(self, count: int, rng: np.random.Generator) -> Float32[ndarray, "some joints 3"]:
        """Return `count` of the poses that are held out, or all if they are fewer."""
        return self._seen(self.held_out[rng.permutation(len(self.held_out))[:count]], rng)

    def noise(self, count: int, rng: np.random.Generator) -> Float32[ndarray, "count joints 3"]:
        """Return noise (mm) for poses: on every coordinate but those of a root that is a joint, which is always 0."""
        noise = NOISE_MM * rng.standard_normal((count, len(self.skeleton), 3), np.float32)
        root = root_joints(self.skeleton)
        if len(root) == 1:
            noise[:, root[0]] = 0
        return noise

    def _seen(self, positions: Float[ndarray, "n joints 3"], rng: np.random.Generator) -> ndarray:
        local = from_cameras(positions.astype(float), rng)
        return (1000 * from_root(local, self.skeleton)).astype(np.float32)


@dataclass(frozen=True)
class Stage:
    """Which layers are taught together."""

    first: int
    end: int
    """The first of those above them."""

    @property
    def words(self) -> str:
        """What it is called, also in names of files."""
        return f"layers-{self.first + 1}-to-{self.end}" if self.end > self.first + 1 else f"layer-{self.end}"


def stages(layers: int) -> tuple[Stage, ...]:
    """Return how a network of so many layers is taught: one by one from below, then all, where there are several."""
    greedy = tuple(Stage(layer, layer + 1) for layer in range(layers))
    return greedy if layers == 1 else (*greedy, Stage(0, layers))


class AutoencoderLesson(Lesson):
    """Teaches some layers of a network, on what those below make of poses; they stay as they are.

    The lowest layer, and all together, are shown poses with noise of NOISE_MM. The code that a layer is shown
    is in mm of pose as long as weights are tied (its derivative by the pose is about of size 1), so its noise is in mm,
    too: the published 20 of a second layer. Everything follows from the seed.
    """

    called = ("penalty",)

    def __init__(
        self, whole: PoseAutoencoder, poses: SeenPoses, stage: Stage, *, batch: int = 128, seed: int = 0,
        contraction_mm2: float = CONTRACTION_MM2,
    ) -> None:  # fmt: skip
        layers = list(whole.coder.layers)
        self.net: Coder = Coder(layers[stage.first : stage.end])  # type: ignore[arg-type]
        self._whole, self._below = whole, Coder(layers[: stage.first])  # type: ignore[arg-type]
        self._poses, self._stage, self._batch, self._seed = poses, stage, batch, seed
        self._contraction = contraction_mm2 / float(whole.scale) ** 2
        self._exam = self._shown(poses.exam(EXAMINED, np.random.default_rng(seed)), np.random.default_rng(seed + 1))

    def batch(self, number: int) -> Batch:
        """Return what the layers should give back, and the same with noise."""
        rng = np.random.default_rng([self._seed, self._stage.first, self._stage.end, number])
        return self._shown(self._poses.draw(self._batch, rng), rng)

    @torch.no_grad()
    def _shown(self, poses: Float32[ndarray, "n joints 3"], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        scale = self._whole.scale
        clean = self._below.encode(self._whole.numbers(torch.from_numpy(poses)))
        if self._stage.first == 0:
            return clean, clean + torch.from_numpy(self._poses.noise(len(poses), rng)).flatten(1) / scale
        deviation = NOISE_MM * 0.5**self._stage.first / float(scale)
        return clean, clean + deviation * torch.from_numpy(rng.standard_normal(clean.shape, np.float32))

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return the squared error of a pose or code, and the penalty, in squared units of the network's scale."""
        clean, noisy = batch
        error = (net(noisy) - clean).square().sum(dim=1).mean()
        some = clean[:: PENALISED if self._stage.end - self._stage.first > 1 else 1]
        penalty: Tensor = cast(Coder, net).penalty(some).mean()
        return cast(Tensor, error + self._contraction * penalty)

    @torch.no_grad()
    def score(self, net: nn.Module) -> dict[str, float]:
        """Return the mean distance (mm) of joints from the truth on poses that are held out, and what noise made it.

        What layers are shown that are not the lowest is decoded by those below.
        """
        clean, noisy = self._exam
        device = next(net.parameters()).device
        truth, before, after = (
            self._whole.poses(self._below.decode(numbers)) for numbers in (clean, noisy, net(noisy.to(device)).cpu())
        )
        return {
            "mpjpe_mm": float((after - truth).norm(dim=-1).mean()),
            "noisy_mpjpe_mm": float((before - truth).norm(dim=-1).mean()),
        }
