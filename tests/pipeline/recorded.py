"""The recording that comes with epipose, reconstructed by what a perfect detector would have found in it."""

from pathlib import Path

import numpy as np

from epipose.io.keypoint_files.npz import write_npz
from epipose.io.truth_files import OUT_OF_FRAME, read_truth
from epipose.io.videos import probe
from epipose.pipeline.reconstruct import reconstruct
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton
from epipose.samples import copy_sample

SAMPLE = "turning"


def reconstructed_sample(folder: Path) -> Path:
    """Copy the sample, write true keypoints with a pixel of noise for each view, and reconstruct it."""
    copy_sample(SAMPLE, folder)
    truth, rng = read_truth(folder / "truth"), np.random.default_rng(0)
    for name, view in truth.views.items():
        noisy = view.pixels + rng.normal(0, 1, view.pixels.shape).astype(np.float32)
        score = (view.visibility != OUT_OF_FRAME).astype(np.float32)
        size_wh = probe(folder / "videos" / f"{name}.mp4").size_wh
        keypoints = Keypoints(noisy, score, view.times, load_skeleton("body21"), size_wh)
        write_npz(folder / "keypoints" / "perfect" / f"{name}.npz", keypoints)
    reconstruct(folder, detector="perfect")
    return folder
