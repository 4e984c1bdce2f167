"""How good a network is on examples that it never saw: errors in millimetres, joint by joint and example by example."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.models.crop_poses import CropPoses, PictureNet
from epipose.models.pictures import normalised
from epipose.pose.bones import twin_bones
from epipose.pose.metrics import auc, bone_length_error, joint_errors, mpjpe, n_mpjpe, pa_mpjpe, pck, symmetry_error
from epipose.pose.roots import from_root, root_joints
from epipose.pose.skeletons import Skeleton
from epipose.training.crop_examples import FEWEST_JOINTS, CropExamples
from epipose.training.crop_squares import in_units, steady_frame

AT_ONCE = 50
"""Pictures that a network sees together."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network said of some examples, and the truth, both in units of the crop."""

    predicted: Float[ndarray, "n joints 3"]
    truth: Float[ndarray, "n joints 3"]
    weight: Float[ndarray, "n joints"]
    """0 where the truth is not known."""
    side_m: Float[ndarray, "n"]
    """What each crop's side spans at the root's depth, in metres; NaN where it is not known."""
    skeleton: Skeleton
    confidence: Float[ndarray, "n joints"] | None = None
    """How sure it was, 0 to 1, where that was kept."""

    @property
    def known(self) -> bool:
        """Whether lengths in metres are known of all examples."""
        return bool(np.isfinite(self.side_m).all())

    def around_root(self) -> tuple[Float[ndarray, "n joints 3"], Float[ndarray, "n joints 3"]]:
        """Return prediction and truth from the root, in metres by the crop's scale at the root's depth.

        In units of the crop where lengths are not known.
        """
        scale = (self.side_m if self.known else np.ones(len(self.side_m)))[:, None, None]
        predicted, truth = (scale * from_root(units, self.skeleton) for units in (self.predicted, self.truth))
        return predicted, truth

    def errors(self) -> dict[str, float]:
        """Return mean errors: in millimetres, or in thousandths of the crop's side where lengths are not known."""
        predicted, truth = self.around_root()
        weight, unit = self._counted(), "mm" if self.known else "crop"
        # The root as a joint more, of no weight, in case it is none of the skeleton's.
        rooted = [np.pad(joints, ((0, 0), (0, 1), (0, 0))) for joints in (predicted, truth)]
        n_error = n_mpjpe(rooted[0], rooted[1], root=-1, weight=np.pad(weight, ((0, 0), (0, 1))))
        errors = {
            f"mpjpe_{unit}": 1000 * mpjpe(predicted, truth, weight=weight),
            f"n_mpjpe_{unit}": 1000 * n_error,
            f"pa_mpjpe_{unit}": 1000 * pa_mpjpe(predicted, truth, weight=weight),
        }
        if self.known:
            errors["pck_150"] = pck(predicted, truth, weight=weight)
            errors["auc"] = auc(predicted, truth, weight=weight)
            bones, twins = self.skeleton.bones, twin_bones(self.skeleton)
            known = (self.weight > 0).astype(float)
            with suppress(InputError):  # of examples in which both ends of no bone are known
                errors["bone_length_mm"] = 1000 * bone_length_error(predicted, truth, bones, weight=known)
                errors["symmetry_mm"] = 1000 * symmetry_error(predicted, twins, weight=known)
        return errors

    def joint_errors_mm(self) -> dict[str, float]:
        """Return the mean error of each joint around the root; NaN where the truth never knows it."""
        errors = joint_errors(*self.around_root(), weight=(self.weight > 0).astype(float))
        return {name: 1000 * float(error) for name, error in zip(self.skeleton.joint_names, errors, strict=True)}

    def example_errors_mm(self) -> Float[ndarray, "n"]:
        """Return the mean error of each example over its known joints."""
        predicted, truth = self.around_root()
        weight = self._counted()
        apart = np.linalg.norm(predicted - truth, axis=-1)
        return np.asarray(1000 * (weight * apart).sum(axis=1) / np.maximum(weight.sum(axis=1), 1))

    def _counted(self) -> Float[ndarray, "n joints"]:
        """Return 1 for joints that are known, but for the root's own joint: its error is 0 by definition."""
        counted = (self.weight > 0).astype(float)
        if len(own := root_joints(self.skeleton)) == 1:
            counted[:, own] = 0
        return counted


def examine(net: PictureNet, examples: CropExamples, rows: Int[ndarray, "rows"]) -> tuple[tuple[int, ...], Answers]:
    """Return a network's answers to some examples, framed as the runtime would, and to which: some show too little."""
    chosen = rows[(examples.weight[rows] > 0).sum(axis=1) >= FEWEST_JOINTS].tolist()
    frames = [steady_frame(examples, row, net.size) for row in chosen]
    found = []
    for some in np.array_split(np.arange(len(chosen)), -(-len(chosen) // AT_ONCE)):
        shown, places = examples.at_hand(np.array(chosen)[some])
        crops = [frames[i].cut(shown.picture(int(place))) for i, place in zip(some, places, strict=True)]
        found.append(answered(net, np.stack(crops)))
    truth, weight = (np.stack(part) for part in zip(*map(in_units, repeat(examples), chosen, frames), strict=True))
    side_m = examples.side_m[chosen] * np.array([frame.side_px for frame in frames]) / examples.size
    predicted, confidence = (np.concatenate(part).astype(float) for part in zip(*found, strict=True))
    told = truth.astype(float), weight.astype(float), side_m.astype(float)
    return tuple(chosen), Answers(predicted, *told, examples.skeleton, confidence)


def answered(net: PictureNet, pictures: UInt8[ndarray, "n size size 3"]) -> CropPoses:
    """Return what a network finds in pictures."""
    device = next(net.parameters()).device
    with torch.inference_mode():
        found = net(normalised(torch.from_numpy(pictures).to(device)))
    return CropPoses(found.positions.float().cpu(), found.confidence.float().cpu())
