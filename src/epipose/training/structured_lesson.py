"""Teaching `models.structured`: first the codes of clean poses, then poses themselves, by all layers together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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
from epipose.pose.metrics import bone_length_error
from epipose.training.crop_examples import CropExamples, Order
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

    def some(self, count: int) -> "WholePoses":
        """Return so many of them, evenly spread, or all if they are fewer."""
        chosen = np.linspace(0, len(self.rows) - 1, min(count, len(self.rows))).astype(int)
        return WholePoses(self.examples, self.rows[chosen])

    @property
    def lengths(self) -> tuple[Tensor, Tensor]:
        """Return the side (mm) and the span of each square."""
        chosen = self.examples.side_m[self.rows], self.examples.span[self.rows]
        side, span = (torch.from_numpy(array) for array in chosen)
        return 1000 * side, span


@dataclass(frozen=True, eq=False)
class Varying:
    """Examples that are shown anew each time; everything follows from the seed."""

    wanted: WholePoses
    batch: int = 128
    seed: int = 0
    variation: Variation | AnyPart = AnyPart()

    @cached_property
    def _order(self) -> Order:
        return self.wanted.examples.pictures.order(self.wanted.rows, self.batch, self.seed)

    def crops(self, size: int, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the `number`th pictures (uint8), joints in units of the crop, and the crop's side (mm) and span."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self.seed, number])
        examples, rows = self.wanted.examples.at_hand(self._order.rows(number, rng))
        return _stacked(examples, rows, [_varied(examples, int(row), size, self.variation, rng) for row in rows])


class StructuredLesson(Lesson):
    """Teaches a network the codes of an `autoencoder`, or without one the poses that it decodes.

    `net` is for the skeleton of the examples.
    """

    called = ("said",)

    def __init__(
        self, net: StructuredNet, autoencoder: PoseAutoencoder | None, shown: Varying, held_out: WholePoses
    ) -> None:
        self.net: StructuredNet = net
        self._autoencoder, self._shown, self._held_out = autoencoder, shown, held_out

    def batch(self, number: int) -> Batch:
        """Return pictures (uint8), joints in units of the crop, and the crop's side (mm) and span."""
        return self._shown.crops(self.net.size, number)

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return the mean squared error of codes or poses, in the decoder's scale, and the losses beside it."""
        pictures, units, side_mm, span = batch
        said: Structured = cast(StructuredNet, net).said(normalised(pictures))
        poses = out_of_crop(units, side_mm, span, self._shown.wanted.examples.skeleton)
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
        found, truth = poses_found(cast(StructuredNet, net), self._held_out.some(SCORED))
        bones = self._held_out.examples.skeleton.bones
        return {
            "mpjpe_mm": float(np.linalg.norm(found - truth, axis=-1).mean()),
            "bone_length_mm": bone_length_error(found, truth, bones),
        }


def poses_found(
    net: StructuredNet, wanted: WholePoses
) -> tuple[Float[ndarray, "rows joints 3"], Float[ndarray, "rows joints 3"]]:
    """Return the poses (mm) that a network says of examples, framed as the runtime would, and the true ones."""
    found, truth, device = [], [], next(net.parameters()).device
    for pictures, units, side_mm, span in still_crops(wanted, net.size, AT_ONCE):
        with torch.inference_mode():
            found.append(net.said(normalised(pictures.to(device))).pose.float().cpu().numpy())
        truth.append(out_of_crop(units, side_mm, span, wanted.examples.skeleton).numpy())
    return np.concatenate(found).astype(float), np.concatenate(truth).astype(float)


def still_crops(wanted: WholePoses, size: int, at_once: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield what `Varying.crops` returns, of all examples in their order, framed as the runtime would."""
    for some in np.array_split(wanted.rows, -(-len(wanted.rows) // at_once)):
        examples, rows = wanted.examples.at_hand(some)
        yield _stacked(
            examples, rows, [_cut(examples, row, steady_frame(examples, row, size)) for row in rows.tolist()]
        )


def _stacked(
    examples: CropExamples, rows: Int[ndarray, "rows"], crops: Sequence[VariedCrop]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    side = np.array([crop.side for crop in crops], np.float32)
    parts = (
        np.stack([crop.picture for crop in crops]),
        np.stack([crop.joints for crop in crops]),
        1000 * side * examples.side_m[rows],
        side * examples.span[rows],
    )
    pictures, joints, side_mm, span = (torch.from_numpy(part) for part in parts)
    return pictures, joints, side_mm, span


def _cut(examples: CropExamples, row: int, frame: CropFrame) -> VariedCrop:
    units, weight = in_units(examples, row, frame)
    return VariedCrop(frame.cut(examples.picture(row)), units, weight, frame.side_px / examples.size)


def any_part(examples: CropExamples, row: int, size: int, part: AnyPart, rng: np.random.Generator) -> VariedCrop:
    """Return a square as large as the runtime's, anywhere in the crop that is stored around it."""
    frame = steady_frame(examples, row, size)
    most = size * (1 / part.share - 1) / 2
    aside = np.column_stack([np.zeros((2, 2)), rng.uniform(-most, most, 2)])
    return _cut(examples, row, CropFrame(frame.crop_from_px + aside, size))


def _varied(
    examples: CropExamples, row: int, size: int, variation: Variation | AnyPart, rng: np.random.Generator
) -> VariedCrop:
    if isinstance(variation, AnyPart):
        return any_part(examples, row, size, variation, rng)
    return vary(examples, row, size, variation, rng)


@torch.no_grad()
def _codes(autoencoder: PoseAutoencoder, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n latent"]:
    return autoencoder.to(poses.device).encode(poses)
