"""Teaching networks that see one crop: how crops are varied, what counts as an error, and how large it is."""

from dataclasses import dataclass
from functools import partial
from typing import cast

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN, CropFrame, box_frame
from epipose.geometry.images import BEYOND, resampled
from epipose.models.crop_poses import CropNet, Marginals, cells, crop_poses
from epipose.models.pictures import normalised
from epipose.training.crop_examples import FEWEST_JOINTS, CropExamples
from epipose.training.crop_squares import VariedCrop, in_units, shown_joints
from epipose.training.disturbances import COVERING, disturbed, draw_disc
from epipose.training.examination import examine
from epipose.training.loop import Batch, Lesson
from epipose.training.published_crops import PublishedVariation, vary_as_published

SPREAD = 0.02
"""Standard deviation, in units of the crop, of the distributions that networks are taught."""
BETA = 0.02
"""Units of the crop from which on an error counts in proportion: about 4 cm. (The published loss has 1, which no error
reaches, and so is a mean of squares.)"""
PLACES = 20.0
"""Weight of errors of places beside those of distributions."""
SCORED = 500
"""Crops on which a network is scored while it learns."""
DEEPEST = 0.49
"""Units of the crop; distributions say no more of depths."""
COARSE = 0.8
"""Size of pictures in the beginning."""


@dataclass(frozen=True)
class Variation:
    """By how much crops are varied."""

    turn: float = 15.0
    """Degrees, one standard deviation; one crop in eight is turned by up to three times as much."""
    shift: float = 0.05
    """Of the crop's side, one standard deviation."""
    zoom: float = 0.12
    """Of the crop's side, one standard deviation of its logarithm."""
    mirrored: float = 0.5
    """Share of crops."""
    covering: float = COVERING
    """Share of crops parts of which are covered by something."""
    disc: float = 0.0
    """Share of crops over which the scene's own round obstacle is drawn where it is."""


class CropLesson(Lesson):
    """Crops and their joints; `net` is for the skeleton of `examples`.

    The first `coarse` batches have smaller pictures (COARSE), which costs less and teaches as much in the beginning.
    """

    called = ("marginals",)

    def __init__(
        self,
        net: CropNet,
        examples: CropExamples,
        held_out: CropExamples,
        *,
        batch: int = 32,
        seed: int = 0,
        coarse: int = 0,
        variation: Variation | PublishedVariation = Variation(),
    ) -> None:
        assert isinstance(variation, PublishedVariation) == (examples.frame == "paper"), "crops of one kind"
        self.net: CropNet = net
        self._examples, self._held_out = examples, held_out
        self._seed, self._coarse, self._variation = seed, coarse, variation
        usable = np.flatnonzero((examples.weight > 0).sum(axis=1) >= FEWEST_JOINTS)
        if not len(usable):
            raise InputError("no example shows enough joints to learn from; see the recording's report for the reason")
        self._order = examples.pictures.order(usable, batch, seed)

    def batch(self, number: int) -> Batch:
        """Return pictures (uint8), joints in units of the crop, and weights."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._seed, number])
        examples, rows = self._examples.at_hand(self._order.rows(number, rng))
        size = self.net.size if number >= self._coarse else round(self.net.size * COARSE)
        varied = [vary_usually(examples, int(row), size, self._variation, rng) for row in rows]
        pictures, joints, weights, _ = (torch.from_numpy(np.stack(part)) for part in zip(*varied, strict=True))
        joints[..., 2].clamp_(-0.5, DEEPEST)
        return pictures, joints, weights

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return how far distributions are from narrow ones around the truth, and places from the truth."""
        pictures, joints, weights = batch
        return crop_loss(cast(CropNet, net).marginals(normalised(pictures)), joints, weights)

    def score(self, net: nn.Module) -> dict[str, float]:
        """Return errors on crops that are held out."""
        count = min(SCORED, len(self._held_out))
        rows = np.linspace(0, len(self._held_out) - 1, count).astype(int)
        return examine(cast(CropNet, net), self._held_out, rows)[1].errors()


def crop_loss(marginals: Marginals, joints: Tensor, weights: Tensor) -> Tensor:
    """Return the loss of distributions for `joints` (n, joints, 3) in units of the crop, weighted by `weights`."""
    marginals = Marginals(*(axis.float() for axis in marginals))
    surprise = sum(_cross_entropy(axis, joints[..., index]) for index, axis in enumerate(marginals))
    places = crop_poses(marginals).positions
    apart = functional.smooth_l1_loss(places, joints, beta=BETA, reduction="none").sum(dim=-1)
    return (weights * (surprise + PLACES * apart)).sum() / weights.sum().clamp(min=1e-6)


def _cross_entropy(axis: Tensor, place: Tensor) -> Tensor:
    """Return the cross entropy of each distribution (n, joints, cells) with a Gaussian of SPREAD around the truth."""
    away = (cells(axis) - place[..., None]) / SPREAD
    wanted = torch.softmax(-away.square() / 2, dim=-1)
    return -(wanted * axis.clamp(min=1e-7).log()).sum(dim=-1)


def vary_usually(
    examples: CropExamples, row: int, size: int, variation: Variation | PublishedVariation, rng: np.random.Generator
) -> VariedCrop:
    """Return a crop cut anew from an example, of the kind that the examples are for."""
    if isinstance(variation, PublishedVariation):
        return vary_as_published(examples, row, size, variation, rng)
    return vary(examples, row, size, variation, rng)


def vary(examples: CropExamples, row: int, size: int, variation: Variation, rng: np.random.Generator) -> VariedCrop:
    """Return a square cut anew from an example."""
    frame = _varied_frame(examples, row, size, variation, rng)
    mirrored = rng.random() < variation.mirrored
    if mirrored:
        flip = np.array([[-1.0], [1.0]]) * frame.crop_from_px
        frame = CropFrame(flip + np.array([[0.0, 0.0, size - 1], [0.0, 0.0, 0.0]]), size)
    beyond = np.full((size, size, 3), BEYOND if rng.random() < 0.5 else rng.integers(0, 256, 3), np.uint8)
    picture = resampled(examples.picture(row), frame.crop_from_px, size, beyond)
    if examples.disc[row, 2] > 0 and rng.random() < variation.disc:
        draw_disc(picture, examples.disc[row].astype(np.float64), frame, rng)
    picture = disturbed(picture, partial(_any_picture, examples, rng), rng, variation.covering)
    units, weight = in_units(examples, row, frame)
    if mirrored:
        mirror = list(examples.skeleton.mirror)
        units, weight = units[mirror], weight[mirror]
    return VariedCrop(picture, units, weight, frame.side_px / examples.size)


def _varied_frame(
    examples: CropExamples, row: int, size: int, variation: Variation, rng: np.random.Generator
) -> CropFrame:
    """Return a square like those that the runtime cuts: about the person's, as far as it is known."""
    turn = rng.normal(0, variation.turn) if rng.random() < 7 / 8 else rng.uniform(-3, 3) * variation.turn
    margin = MARGIN * float(np.exp(rng.normal(0, variation.zoom)))
    frame = box_frame(shown_joints(examples, row), size, margin=margin, turn=float(np.deg2rad(turn)))
    aside = np.column_stack([np.zeros((2, 2)), rng.normal(0, variation.shift * size, 2)])
    return CropFrame(frame.crop_from_px + aside, size)


def _any_picture(examples: CropExamples, rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    return examples.picture(int(rng.integers(len(examples))))
