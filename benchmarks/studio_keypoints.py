"""Keypoints made from a synthetic recording's truth, as a good detector would err, and which detections are swapped."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.io.fingerprints import fingerprint, is_current
from epipose.io.keypoint_files.npz import write_npz
from epipose.io.truth_files import OUT_OF_FRAME, SKELETON, VISIBLE, Truth, ViewTruth
from epipose.pose.keypoints import Keypoints

SHARE_OF_BOX = 0.01
"""Noise of a visible joint, per axis, of the longer side of the person's box; a hidden joint has HIDDEN times that."""
HIDDEN, HIDDEN_SCORE = 2.5, 0.35
MISSING = 0.03
"""Share of joints that are not detected."""
SWAP_S = 1.0
"""Seconds for which left and right are exchanged in one view."""


@dataclass(frozen=True)
class Noise:
    """What makes keypoints from truth."""

    seed: int
    swapped: bool = True


def write_truth_keypoints(capture: Path, truth: Truth, noise: Noise) -> None:
    """Write keypoints/truth/<view>.npz of every view, unless they are there already."""
    made_from = fingerprint("truth keypoints", SHARE_OF_BOX, HIDDEN, MISSING, noise.seed, noise.swapped, truth.seed)
    for number, (name, view) in enumerate(truth.views.items()):
        path = capture / "keypoints" / "truth" / f"{name}.npz"
        if is_current(path, made_from):
            continue
        rng = np.random.default_rng([noise.seed, number])
        keypoints = _detected(view, truth.cameras[name].size_wh, rng)
        if noise.swapped and number == noise.seed % len(truth.views):
            keypoints = _exchanged(keypoints, rng)
        write_npz(path, keypoints, fingerprint=made_from)


def _detected(view: ViewTruth, size_wh: tuple[int, int], rng: np.random.Generator) -> Keypoints:
    pixels = view.pixels.astype(float)
    longer = np.max(view.boxes[..., 2:] - view.boxes[..., :2], axis=-1)
    hidden = view.visibility != VISIBLE
    sigma = SHARE_OF_BOX * longer[..., None] * np.where(hidden, HIDDEN, 1.0)
    noisy = pixels + rng.normal(size=pixels.shape) * sigma[..., None]
    # Nobody is detected where no pixel shows the person.
    seen = (view.visibility != OUT_OF_FRAME) & (longer > 0)[..., None] & (rng.random(hidden.shape) >= MISSING)
    score = np.where(seen, np.where(hidden, HIDDEN_SCORE, rng.uniform(0.6, 1.0, hidden.shape)), 0.0)
    noisy = np.where(seen[..., None], noisy, 0.0)
    return Keypoints(noisy.astype(np.float32), score.astype(np.float32), view.times, SKELETON, size_wh)


def _exchanged(keypoints: Keypoints, rng: np.random.Generator) -> Keypoints:
    pixels, score = keypoints.pixels.copy(), keypoints.score.copy()
    start = rng.uniform(keypoints.times[0], max(keypoints.times[-1] - SWAP_S, keypoints.times[0]))
    frames = (keypoints.times >= start) & (keypoints.times < start + SWAP_S)
    mirror = list(SKELETON.mirror)
    pixels[frames], score[frames] = pixels[frames][:, :, mirror], score[frames][:, :, mirror]
    return Keypoints(pixels, score, keypoints.times, keypoints.skeleton, keypoints.image_size_wh)


def truly_swapped(keypoints: Keypoints, view: ViewTruth, person: int) -> Bool[ndarray, "frames"]:
    """Return in which frames the detection nearest to a true person has left and right exchanged.

    That is where its paired joints, exchanged, lie nearer to the truth than as they are, half as far or less.
    """
    paired = [joint for pair in SKELETON.pairs for joint in pair]
    common = tuple(joint for joint in paired if joint in keypoints.skeleton.joint_names)
    chosen = keypoints.select(common)
    theirs = view.pixels[:, person][:, [SKELETON.index(joint) for joint in common]].astype(float)
    nearest = np.clip(np.searchsorted(view.times, keypoints.times - 1e-6), 0, len(view.times) - 1)
    as_is, exchanged = (
        _distance(chosen.pixels[:, :, order], chosen.score[:, :, order], theirs[nearest])
        for order in (list(range(len(common))), list(chosen.skeleton.mirror))
    )
    best = np.argmin(np.minimum(as_is, exchanged), axis=1)[:, None]
    return np.asarray(np.take_along_axis(exchanged < 0.5 * as_is, best, axis=1)[:, 0])


def _distance(
    pixels: Float[ndarray, "frames people joints 2"],
    score: Float[ndarray, "frames people joints"],
    truth: Float[ndarray, "frames joints 2"],
) -> Float[ndarray, "frames people"]:
    """Return the mean distance of seen joints from one true person; large where none was seen."""
    seen = score > 0
    distance = np.linalg.norm(pixels - truth[:, None], axis=-1)
    count = seen.sum(axis=-1)
    return np.where(count > 0, np.sum(distance * seen, axis=-1) / np.maximum(count, 1), 1e9).astype(float)
