"""How large people are, where nothing else tells: the usual distances between their joints, and whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.model_files import ModelDescription
from epipose.pose.bones import MEAN_STATURE_M, stature_of, stature_ratio
from epipose.pose.skeletons import Skeleton

TAUGHT_SIGMA = 0.05
"""Relative standard deviation of a length of the people that a network was taught on."""
JOINT_SIGMA_M = 0.05
"""One standard deviation of a length because of where a network sees its ends."""

SHORTENED = 0.75
"""Share of lengths (by metres) that are taken to look shorter than they are, because they point at the camera."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Usual distances between joints."""

    ends: Int[ndarray, "lengths 2"]
    metres: Float[ndarray, "lengths"]
    sigma: Float[ndarray, "lengths"]
    """One standard deviation, as a share of the length."""
    source: str
    """Where they come from, in words."""
    average: bool
    """Whether they are an average adult's, and nobody's in particular."""

    def factor(self, shape: Float[ndarray, "joints 3"], weight: Float[ndarray, "joints"]) -> float:
        """Return by what to multiply `shape`, of any unit, so that its lengths become the usual ones; 0 if it has none.

        By weighted least squares: lengths of the shape are taken as the usual ones over the factor, with errors. Taking
        them as exact instead would make people smaller the more joints jitter, which only ever adds to lengths. A
        length counts by the product of its ends' weights, 0 to 1.
        """
        begin, end = self.ends.T
        lengths = np.linalg.norm(shape[begin] - shape[end], axis=-1)
        counted = weight[begin] * weight[end] / ((self.sigma * self.metres) ** 2 + JOINT_SIGMA_M**2)
        total = float(counted @ (self.metres * lengths))
        return float(counted @ self.metres**2) / total if total > 0 else 0.0

    def flat_metre(self, pixels: Float[ndarray, "joints 2"], known: Bool[ndarray, "joints"]) -> float:
        """Return how many pixels a metre spans about where joints are seen without their depths; 0 if nothing tells.

        The way from the camera only ever shortens what is seen of a length: the longest ones tell, but for errors.
        """
        seen = known[self.ends].all(axis=1)
        begin, end = self.ends[seen].T
        scales = np.linalg.norm(pixels[begin] - pixels[end], axis=-1) / self.metres[seen]
        order = np.argsort(scales)
        below = np.cumsum(self.metres[seen][order])
        return float(scales[order][np.searchsorted(below, SHORTENED * below[-1])]) if len(order) else 0.0


def usual_sizes(description: ModelDescription, height_m: float | None) -> Sizes:
    """Return the sizes of people of `height_m` (m), else of those the network was taught on, else of average adults.

    Raises InputError for a height that nobody has, and if names of joints and the file tell no size.
    """
    if height_m is not None and not 0.3 < height_m < 3:
        raise InputError(f"a height of {height_m} m cannot be a person's; give it in metres, such as 1.75")
    skeleton, taught = description.skeleton, description.bone_lengths_m
    stature = stature_of(taught)
    if taught and height_m is None:
        return _sizes(skeleton, taught, "the people that the model was taught on", average=False)
    source = f"an average adult's height of {MEAN_STATURE_M:.2f} m"
    if height_m is not None:
        source = f"the person's height of {height_m:.2f} m"
    if stature is not None and height_m is not None:
        scaled = {bone: length * height_m / stature[0] for bone, length in taught.items()}
        return _sizes(skeleton, scaled, source, average=False)
    return _adult(skeleton, height_m or MEAN_STATURE_M, source, average=height_m is None)


def _sizes(skeleton: Skeleton, lengths: Mapping[tuple[str, str], float], source: str, *, average: bool) -> Sizes:
    ends = np.array([[skeleton.index(joint) for joint in bone] for bone in lengths])
    return Sizes(ends, np.array(list(lengths.values())), np.full(len(ends), TAUGHT_SIGMA), source, average)


def _adult(skeleton: Skeleton, stature: float, source: str, *, average: bool) -> Sizes:
    known = [
        (ends, ratio)
        for ends in combinations(range(len(skeleton)), 2)
        if (ratio := stature_ratio(*(skeleton.joint_names[joint] for joint in ends))) is not None
    ]
    if not known:
        raise InputError(
            f"joints called {', '.join(skeleton.joint_names[:3])} ... tell nothing of a person's size; use a model that"
            " knows the lengths of bones"
        )
    ratios = np.array([ratio for _, ratio in known])
    return Sizes(np.array([ends for ends, _ in known]), stature * ratios[:, 0], ratios[:, 1], source, average)
