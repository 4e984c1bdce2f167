"""The recording of the demo with what a perfect reconstruction would have found: its truth."""

import shutil
from pathlib import Path

import numpy as np

from epipose.io.camera_files import write_cameras
from epipose.io.pose_files import write_poses
from epipose.io.recorded_truth import KnownPoses, read_known_poses
from epipose.pose.keypoints import Poses
from epipose.samples import copy_sample


def true_capture(folder: Path) -> Path:
    """Make a capture whose cameras and poses are the true ones."""
    copy_sample("turning", folder)
    known = truth_of(folder)
    offsets = [known.time_offsets_s[name] for name in known.cameras]
    write_cameras(folder / "cameras.toml", known.cameras, metadata={"made_by": "epipose", "time_offsets_s": offsets})
    covariance = np.zeros((*known.poses.weight.shape, 6), np.float32)
    covariance[..., [0, 3, 5]] = np.array([0.01, 0.02, 0.03], np.float32) ** 2
    sigma = np.full_like(known.poses.weight, np.sqrt(np.mean([0.01**2, 0.02**2, 0.03**2])))
    poses = Poses(known.poses.positions, sigma, known.poses.weight, known.poses.times, known.poses.skeleton)
    write_poses(folder / "poses" / "smooth.npz", poses, covariance=covariance)
    write_poses(folder / "poses" / "triangulated.npz", poses, covariance=covariance)
    return folder


def truth_of(folder: Path) -> KnownPoses:
    return read_known_poses(folder / "truth")


def without_truth(folder: Path) -> Path:
    shutil.rmtree(folder / "truth")
    return folder
