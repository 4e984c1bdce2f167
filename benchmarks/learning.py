"""Single-camera networks taught by `epipose learn`, on real footage.

    python -m benchmarks.learning [--models small lift] [--seeds 0 1 2] [--folder FOLDER]

The balancing recording (four cameras, one person, MediaPipe's keypoints) is reconstructed with the cameras given; a
network learns from frames 0-74 of all four, or from all frames of three cameras, and is then run by `epipose predict`
on the whole videos: nothing of the answer is known to it but the lens and, from learning, how long the person's bones
are. Its poses in the other 25 frames, or of the fourth camera, are compared with the triangulation, root at root, over
all views; joints that triangulation does not know are left out. Beside it stands what MediaPipe says of the same frames
in 3D. Minutes: of learning, everything but the reconstruction included.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks.balancing import FOOTAGE, recording, write_capture
from benchmarks.measures import met, print_table
from epipose.geometry.cameras import Camera
from epipose.io.pose_files import read_poses
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.predict import predict
from epipose.pipeline.reconstruct import reconstruct
from epipose.pose.keypoints import Poses
from epipose.pose.metrics import mpjpe, pa_mpjpe
from epipose.pose.roots import from_root
from epipose.pose.skeletons import load_skeleton

HELD_OUT = range(75, 100)
BARS_MM = (60.0, 45.0)
"""MPJPE and PA-MPJPE."""
BAR_MINUTES = 10.0
VIEWS = ("cam01", "cam02", "cam03", "cam04")
HEADER = ("network", "held out", "MPJPE, mm", "PA-MPJPE, mm", "bars", "learning, min")


@dataclass(frozen=True)
class Errors:
    """In millimetres."""

    mpjpe: float
    pa: float


def main(models: Sequence[str], seeds: Sequence[int], steps: int | None, folder: Path | None) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    with tempfile.TemporaryDirectory() as scratch:
        capture = prepared(folder or Path(scratch) / "balancing")
        truth = read_poses(capture / "poses" / "triangulated.npz")
        rival = compared(mediapipe_world(truth), truth, VIEWS, HELD_OUT)
        rows = [("MediaPipe's 3D", "frames 75-99", f"{rival.mpjpe:.0f}", f"{rival.pa:.0f}", "", "")]
        for model in models:
            rows.append(_row(capture, truth, model, seeds, steps, hold_out="0.25"))
            for view in VIEWS:
                rows.append(_row(capture, truth, model, seeds[:1], steps, hold_out=view))
                alone = compared(mediapipe_world(truth), truth, (view,), range(100))
                rows.append(("MediaPipe's 3D", f"all of {view}", f"{alone.mpjpe:.0f}", f"{alone.pa:.0f}", "", ""))
    print_table("The balancing recording, one camera at a time, against triangulation", HEADER, rows)


def prepared(folder: Path) -> Path:
    """Return a capture of the recording, reconstructed with its cameras as they are given."""
    if not (folder / "report.json").is_file():
        views, _ = recording()
        write_capture(folder, views)
        shutil.copytree(FOOTAGE / "videos", folder / "videos", dirs_exist_ok=True)
        reconstruct(folder)
    return folder


def _row(
    capture: Path, truth: Poses, model: str, seeds: Sequence[int], steps: int | None, *, hold_out: str
) -> tuple[str, ...]:
    """Return what a network reaches, over some seeds."""
    recipe = "lift" if model == "lift" else "self-supervised"
    views, frames = ((hold_out,), range(100)) if hold_out in VIEWS else (VIEWS, HELD_OUT)
    errors, minutes = [], []
    for seed in seeds:
        name = f"{model}-{hold_out}-{seed}"
        settings = Settings(recipe=recipe, model=model, name=name, hold_out=hold_out, seed=seed, steps=steps)
        begun = time.perf_counter()
        report = learn([capture], settings)
        minutes.append((time.perf_counter() - begun) / 60)
        errors.append(compared(by_network(capture, report.file, truth), truth, views, frames))
    values = np.array([[each.mpjpe, each.pa] for each in errors])
    told = [f"{mean:.1f} +- {spread:.1f}" for mean, spread in zip(values.mean(axis=0), values.std(axis=0), strict=True)]
    bars = "" if hold_out in VIEWS else ", ".join(met(*pair) for pair in zip(values.mean(axis=0), BARS_MM, strict=True))
    held = f"all of {hold_out}" if hold_out in VIEWS else "frames 75-99"
    return model, held, *told, bars, f"{np.mean(minutes):.1f}"


Seen = Callable[[str], tuple[Float[ndarray, "frames joints 3"], tuple[str, ...]]]
"""Returns by view the joints that one camera saw (metres, in any axes that turn as the world's), and their names."""


def by_network(capture: Path, model: Path, truth: Poses) -> Seen:
    """Return what a network sees in the videos, in the world of the given cameras."""

    def seen(view: str) -> tuple[Float[ndarray, "frames joints 3"], tuple[str, ...]]:
        with tempfile.TemporaryDirectory() as out:
            source, cameras = capture / "videos" / f"{view}.mp4", capture / "calibration" / "Calib.qca.txt"
            found = predict(source, model=str(model), cameras=cameras, out=Path(out), overlay=False).poses
        joints = np.full((len(truth.times), len(found.skeleton), 3), np.nan)
        slot = int(found.weight.sum(axis=(0, 2)).argmax())
        known = found.weight[:, slot] > 0
        joints[: len(known)] = np.where(known[..., None], found.positions[:, slot], np.nan)
        return joints, found.skeleton.joint_names

    return seen


def mediapipe_world(truth: Poses) -> Seen:
    """Return what MediaPipe says in 3D, turned from the camera's axes into the world."""
    _, cameras = recording()
    with np.load(FOOTAGE / "keypoints" / "mediapipe_0.10.14.npz", allow_pickle=False) as data:
        views, world = [str(name) for name in data["views"]], data["world"]

    def seen(view: str) -> tuple[Float[ndarray, "frames joints 3"], tuple[str, ...]]:
        camera: Camera = cameras[view]
        joints = world[views.index(view), : len(truth.times), :, :3].astype(float)
        return joints @ camera.cam_from_world.rotation, load_skeleton("mediapipe33").joint_names

    return seen


def compared(seen: Seen, truth: Poses, views: Sequence[str], frames: range) -> Errors:
    """Return the errors of what is seen against triangulation; a joint that was not seen is taken to be at the root."""
    found, true, weight = [], [], []
    for view in views:
        joints, names = seen(view)
        skeleton = truth.skeleton.subset([name for name in truth.skeleton.joint_names if name in names])
        ours = [truth.skeleton.index(name) for name in skeleton.joint_names]
        theirs = [names.index(name) for name in skeleton.joint_names]
        found.append(from_root(joints[list(frames)][:, theirs], skeleton))
        true.append(from_root(truth.positions[list(frames), 0][:, ours].astype(float), skeleton))
        weight.append((truth.weight[list(frames), 0][:, ours] > 0).astype(float))
    a, b, w = np.concatenate(found), np.concatenate(true), np.concatenate(weight)
    missing = ~np.isfinite(a).all(axis=-1)
    a[missing] = 0.0
    return Errors(1000 * mpjpe(a, b, weight=w), 1000 * pa_mpjpe(a, b, weight=w))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure networks that learned from the balancing recording.")
    parser.add_argument("--models", nargs="+", default=["small", "lift"], help="which to teach (default: small lift)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of learning (default: 0 1 2)")
    parser.add_argument("--steps", type=int, default=None, help="of learning (default: as the recipe has it)")
    parser.add_argument("--folder", type=Path, help="keep the capture and its networks here (default: nowhere)")
    arguments = parser.parse_args()
    main(arguments.models, arguments.seeds, arguments.steps, arguments.folder)
