"""Teaching `models.structured`: first the codes of clean poses, then poses themselves, by all layers together."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional

from epipose.errors import InputError
from epipose.geometry.crop_frames import NEAR, CropFrame
from epipose.models.pictures import normalised
from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.models.pose_generation import SIZE, STORED
from epipose.models.structured import Structured, StructuredNet, in_crop, out_of_crop
from epipose.pose.bones import bone_lengths
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_lesson import Variation, vary
from epipose.training.crop_squares import VariedCrop, in_units, steady_frame
from epipose.training.loop import Batch, Lesson

BETA = 0.02
"""Units of the crop up to which the loss of a place is quadratic."""
PLACES, SURENESS = 1.0, 0.05
"""Weights of the losses of places in the crop, and of confidences, beside that of codes or poses."""
SCORED, AT_ONCE = 500, 50
"""Crops on which a network is scored while it learns, and how many it sees together."""


@dataclass(frozen=True)
class AnyPart:
    """The published variation: a part of the stored crop, anywhere in it."""

    share: float = SIZE / STORED


@dataclass(frozen=True, eq=False)
class WholePoses:
    """Examples of which every joint is known, in millimetres."""

    examples: CropExamples
    rows: Int[ndarray, "rows"]
    """Of the examples, those that are meant."""

    @classmethod
    def of(cls, examples: CropExamples) -> "WholePoses":
        """Take the examples whose joints are all known and in the picture; raises InputError if there are none."""
        whole = (examples.weight > 0).all(axis=1) & np.isfinite(examples.side_m) & np.isfinite(examples.span)
        if not whole.any():
            raise InputError(
                "no picture shows a whole person all of whose joints are known, and codes are of whole poses; film "
                "people from head to foot, or use another recipe"
            )
        return cls(examples, np.flatnonzero(whole))

    @property
    def lengths(self) -> tuple[Tensor, Tensor]:
        """Return the side (mm) and the span of each square."""
        chosen = self.examples.side_m[self.rows], self.examples.span[self.rows]
        side, span = (torch.from_numpy(array) for array in chosen)
        return 1000 * side, span


class StructuredLesson(Lesson):
    """Teaches a network the codes of an `autoencoder`, or without one the poses that it decodes.

    `net` is for the skeleton of the examples. Everything follows from the seed.
    """

    called = ("said",)

    def __init__(
        self, net: StructuredNet, autoencoder: PoseAutoencoder | None, learned: WholePoses, held_out: WholePoses, *,
        batch: int = 128, seed: int = 0, variation: Variation | AnyPart = AnyPart(),
    ) -> None:  # fmt: skip
        self.net: StructuredNet = net
        self._autoencoder, self._learned, self._held_out = autoencoder, learned, held_out
        self._batch, self._seed, self._variation = batch, seed, variation

    def batch(self, number: int) -> Batch:
        """Return pictures (uint8), joints in units of the crop, and the crop's side (mm) and span."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._seed, number])
        rows, size, examples = rng.choice(self._learned.rows, self._batch), self.net.size, self._learned.examples
        crops = [_varied(examples, int(row), size, self._variation, rng) for row in rows]
        side = np.array([crop.side for crop in crops], np.float32)
        parts = (
            np.stack([crop.picture for crop in crops]),
            np.stack([crop.joints for crop in crops]),
            1000 * side * examples.side_m[rows],
            side * examples.span[rows],
        )
        pictures, joints, side_mm, span = (torch.from_numpy(part) for part in parts)
        return pictures, joints, side_mm, span

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return the mean squared error of codes or poses, in the decoder's scale, and the losses beside it."""
        pictures, units, side_mm, span = batch
        said: Structured = cast(StructuredNet, net).said(normalised(pictures))
        examples = self._learned.examples
        poses = out_of_crop(units, side_mm, span, examples.skeleton)
        if self._autoencoder is not None:
            error = functional.mse_loss(said.code, _codes(self._autoencoder, poses))
        else:
            error = ((said.pose - poses) / self.net.decoder.scale.to(poses.device)).square().mean()
        # Places answer for where the pose is laid into the crop, not for the pose.
        places = in_crop(said.pose.detach(), said.placed)
        apart = functional.smooth_l1_loss(places, units, beta=BETA)
        near = ((places.detach() - units).abs() <= NEAR).all(dim=-1).float()
        unsure = functional.binary_cross_entropy_with_logits(said.sureness, near)
        return error + PLACES * apart / BETA + SURENESS * unsure

    def score(self, net: nn.Module) -> dict[str, float]:
        """Return errors on crops that are held out."""
        rows = self._held_out.rows
        some = rows[np.linspace(0, len(rows) - 1, min(SCORED, len(rows))).astype(int)]
        found, truth = poses_found(cast(StructuredNet, net), WholePoses(self._held_out.examples, some))
        skeleton = self._held_out.examples.skeleton
        bones = np.abs(bone_lengths(found, skeleton) - bone_lengths(truth, skeleton))
        return {
            "mpjpe_mm": float(np.linalg.norm(found - truth, axis=-1).mean()),
            "bone_length_mm": float(bones.mean()),
        }


def poses_found(
    net: StructuredNet, wanted: WholePoses
) -> tuple[Float[ndarray, "rows joints 3"], Float[ndarray, "rows joints 3"]]:
    """Return the poses (mm) that a network says of examples, framed as the runtime would, and the true ones."""
    examples, found, truth = wanted.examples, [], []
    for rows in np.array_split(wanted.rows, -(-len(wanted.rows) // AT_ONCE)):
        frames = [steady_frame(examples, int(row), net.size) for row in rows]
        crops = np.stack([frame.cut(examples.picture(int(row))) for row, frame in zip(rows, frames, strict=True)])
        units = np.stack([in_units(examples, int(row), frame)[0] for row, frame in zip(rows, frames, strict=True)])
        sides = np.array([frame.side_px / examples.size for frame in frames], np.float32)
        with torch.inference_mode():
            device = next(net.parameters()).device
            found.append(net.said(normalised(torch.from_numpy(crops).to(device))).pose.float().cpu().numpy())
            lengths = (1000 * sides * examples.side_m[rows], sides * examples.span[rows])
            side_mm, span = (torch.from_numpy(array) for array in lengths)
            truth.append(out_of_crop(torch.from_numpy(units), side_mm, span, examples.skeleton).numpy())
    return np.concatenate(found).astype(float), np.concatenate(truth).astype(float)


def any_part(examples: CropExamples, row: int, size: int, part: AnyPart, rng: np.random.Generator) -> VariedCrop:
    """Return a square as large as the runtime's, anywhere in the crop that is stored around it."""
    frame = steady_frame(examples, row, size)
    most = size * (1 / part.share - 1) / 2
    aside = np.column_stack([np.zeros((2, 2)), rng.uniform(-most, most, 2)])
    moved = CropFrame(frame.crop_from_px + aside, size)
    units, weight = in_units(examples, row, moved)
    return VariedCrop(moved.cut(examples.picture(row)), units, weight, moved.side_px / examples.size)


def _varied(
    examples: CropExamples, row: int, size: int, variation: Variation | AnyPart, rng: np.random.Generator
) -> VariedCrop:
    if isinstance(variation, AnyPart):
        return any_part(examples, row, size, variation, rng)
    return vary(examples, row, size, variation, rng)


@torch.no_grad()
def _codes(autoencoder: PoseAutoencoder, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n latent"]:
    return autoencoder.to(poses.device).encode(poses)
