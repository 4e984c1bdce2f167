"""What an autoencoder knows of poses: how much of the noise on poses that it never saw it takes away.

    python -m benchmarks.structured [--poses FILE] [--seeds 0 1 2] [--steps N]

The pose-learning network of Tekin et al. (BMVC 2016), with its published layers, noise (40 mm on each coordinate),
penalty and batches, for Human3.6M's 17 joints. FILE is one of `epipose.studio.pose_sets`; without it, one is made of
the project's motion capture (the clips of the evaluation are held out) and kept in the user's cache. Errors are mean
distances of joints, the root not counted; bones: mean differences of lengths. Means over seeds of learning, with their
spread; all are marked on the same poses and noise.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray

from benchmarks.measures import met, print_table
from benchmarks.scenes import SHARED
from benchmarks.studio import cache_folder
from epipose.errors import InputError, exit_code
from epipose.io.fingerprints import fingerprint
from epipose.models.pose_autoencoder import PoseAutoencoder
from epipose.pose.bones import bone_lengths
from epipose.pose.skeletons import load_skeleton
from epipose.studio.motion.clips import read_clips
from epipose.studio.pose_sets import make_pose_set, read_pose_set, write_pose_set
from epipose.training.autoencoder_course import AutoencoderCourse, teach_autoencoder
from epipose.training.autoencoder_lesson import SeenPoses

COUNT, HELD_OUT = 150_000, ("cmueval_test",)
NETWORKS = ((2000,), (300, 300))
STEPS = 4000
EXAMINED = 5000
MOST_ERROR, MOST_BONES = 0.50, 0.40
"""Shares of the errors of noisy poses that may be left."""
HEADER = ("layers", "noisy, mm", "denoised, mm", "left", f"<= {MOST_ERROR:.0%}",
          "bones, noisy, mm", "denoised, mm", "taken away", f">= {1 - MOST_BONES:.0%}")  # fmt: skip


def main(file: Path, seeds: Sequence[int], usual: AutoencoderCourse, folder: Path) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    poses, place = SeenPoses.of(read_pose_set(file), load_skeleton("h36m17").joint_names), folder / "autoencoders"
    rows = []
    for hidden in NETWORKS:
        courses = [replace(usual, hidden=hidden, seed=seed) for seed in seeds]
        rows.append(_row(poses, {course: place / fingerprint(file, repr(course))[:10] for course in courses}))
    print_table(f"Poses with noise of 40 mm, {usual.steps} steps of each stage", HEADER, rows)


def _row(poses: SeenPoses, places: Mapping[AutoencoderCourse, Path]) -> tuple[str, ...]:
    found = np.array([_marks(poses, course, place) for course, place in places.items()])
    before, after, bones_before, bones_after = (
        f"{mean:.1f} +- {spread:.1f}" for mean, spread in zip(found.mean(axis=0), found.std(axis=0), strict=True)
    )
    left, bones = (float(np.mean(found[:, end] / found[:, begin])) for begin, end in ((0, 1), (2, 3)))
    return (
        "-".join(map(str, next(iter(places)).hidden)),
        *(before, after, f"{left:.1%}", met(left, MOST_ERROR)),
        *(bones_before, bones_after, f"{1 - bones:.1%}", met(bones, MOST_BONES)),
    )


def _marks(poses: SeenPoses, course: AutoencoderCourse, place: Path) -> tuple[float, ...]:
    """Return what `marks` does of a network that is taught, or was."""
    net, curves = teach_autoencoder(course, poses, place, lambda *_: None)
    seconds = sum(points[-1].seconds for points in curves)
    found = marks(net, poses)
    print(f"{course.hidden}, seed {course.seed}: {found[1] / found[0]:.3f} left, {seconds / 60:.1f} min", flush=True)
    return found


def marks(net: PoseAutoencoder, poses: SeenPoses) -> tuple[float, float, float, float]:
    """Return the errors (mm) of poses that are held out with noise, and denoised: of joints, and of bones' lengths."""
    rng = np.random.default_rng(99)
    truth = poses.exam(EXAMINED, rng)
    noisy = truth + poses.noise(len(truth), rng)
    with torch.inference_mode():
        denoised = net.denoise(torch.from_numpy(noisy)).numpy()
    root = poses.skeleton.index("pelvis")

    def error(found: Float32[ndarray, "n joints 3"]) -> float:
        return float(np.delete(np.linalg.norm(found - truth, axis=-1), root, axis=1).mean())

    def of_bones(found: Float32[ndarray, "n joints 3"]) -> float:
        return float(np.abs(bone_lengths(found, poses.skeleton) - bone_lengths(truth, poses.skeleton)).mean())

    return error(noisy), error(denoised), of_bones(noisy), of_bones(denoised)


def prepared(folder: Path) -> Path:
    """Return the file of the set of poses that is kept in a folder, made unless it is there."""
    file = folder / f"poses-{COUNT}.npz"
    if not file.is_file():
        if not (SHARED / "mocap").is_dir():
            raise InputError(f"there is no motion capture in {SHARED / 'mocap'}; give a set of poses with --poses")
        print(f"making {file}", flush=True)
        write_pose_set(file, make_pose_set(COUNT, read_clips(SHARED / "mocap"), seed=1, hold_out=HELD_OUT))
    return file


def _measure() -> None:
    parser = argparse.ArgumentParser(description="Measure how well an autoencoder denoises poses.")
    parser.add_argument("--poses", type=Path, help="of epipose.studio.pose_sets (default: made of motion capture)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each stage of learning (default: {STEPS})")
    parser.add_argument("--folder", type=Path, help="where poses and networks are kept (default: the user's cache)")
    given = parser.parse_args()
    folder = given.folder or cache_folder()
    main(given.poses or prepared(folder), given.seeds, AutoencoderCourse(steps=given.steps), folder)


if __name__ == "__main__":
    raise SystemExit(exit_code(_measure))
