"""Scenes of the studio recorded twice, clear and with a disc before every other camera, and what is learned there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from benchmarks.studio import Setting, synthesized
from benchmarks.studio_keypoints import Noise, write_truth_keypoints
from epipose.calibration.obstacles import Disc
from epipose.geometry.cameras import Camera
from epipose.io.truth_files import SKELETON, Truth, read_truth
from epipose.io.videos import read_frames
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.obstacles import Asked, with_obstacles
from epipose.pipeline.progress import no_report
from epipose.pipeline.reconstruct import reconstruct
from epipose.pipeline.teaching import load_teaching

SCENE = "--rig ring --cameras 4 --motion dance --size 640 360"
LENGTH = "--seconds 30 --frame-rate 10"
DETECTOR = "truth"
"""Made from the truth, with noise (`benchmarks.studio_keypoints`)."""
HELD_OUT = 0.25
"""Share of the frames, the last ones."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One scene, recorded twice."""

    clear: Path
    hidden: Path
    discs: Mapping[str, Disc]
    """In the second one, by view, as they were found."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What one camera with a disc before it shows at one moment that nothing was learned from."""

    camera: Camera
    joints: Float[ndarray, "21 3"]
    """Of body21, in camera axes (metres)."""
    visibility: UInt8[ndarray, "21"]
    """Behind the disc."""
    clear: UInt8[ndarray, "height width 3"]
    hidden: UInt8[ndarray, "height width 3"]


def recorded(seed: int, folder: Path) -> Pair:
    """Return a scene, recorded and reconstructed unless it is there."""
    clear, hidden = (
        synthesized(Setting(f"scene {seed}, {occluder}", f"{SCENE} --occluder {occluder}", seed, length=LENGTH), folder)
        for occluder in ("none", "disc")
    )
    for capture in (clear, hidden):
        if not (capture / "poses" / "triangulated.npz").is_file():
            write_truth_keypoints(capture, read_truth(capture / "truth"), Noise(seed))
            reconstruct(capture, detector=DETECTOR)
    teaching = load_teaching(hidden, "triangulated", DETECTOR, no_report)
    (looked,) = with_obstacles([teaching], Asked.parse("auto"), no_report)
    discs = {view.name: view.discs[0] for view in looked.views if view.discs}
    print(f"scene {seed}: a disc is found before {', '.join(discs) or 'no camera'}", flush=True)
    if not discs:
        raise SystemExit(f"no disc was found in {hidden}")
    return Pair(clear, hidden, discs)


def learned(capture: Path, name: str, obstacle: str, start: Path, *, steps: int, seed: int) -> Path:
    """Return the network that was fine-tuned on a recording, unless it is there."""
    file = capture / "models" / name / f"{name}.onnx"
    if not file.is_file():
        begun = time.perf_counter()
        learn(
            [capture],
            Settings(
                name=name,
                start=str(start),
                obstacle=obstacle,
                hold_out=str(HELD_OUT),
                detector=DETECTOR,
                steps=steps,
                seed=seed,
            ),
        )
        print(f"{name}: learned in {time.perf_counter() - begun:.0f} s", flush=True)
    return file


def shots(pair: Pair) -> list[Shot]:
    """Return what was held out, of the views that have a disc."""
    truth, found = read_truth(pair.hidden / "truth"), []
    for view in pair.discs:
        last = _held_out(truth, view)
        pictures = [
            [frame.image for frame in read_frames(capture / "videos" / f"{view}.mp4") if frame.index in last]
            for capture in (pair.clear, pair.hidden)
        ]
        joints = truth.cameras[view].cam_from_world.apply(truth.poses.positions[last, 0].astype(float))
        visibility = truth.views[view].visibility[last, 0]
        found += [Shot(truth.cameras[view], *parts) for parts in zip(joints, visibility, *pictures, strict=True)]
    return found


def _held_out(truth: Truth, view: str) -> list[int]:
    """Return the frames from which `learn` does not learn; all views keep one clock."""
    assert truth.poses.skeleton == SKELETON
    times = truth.views[view].times
    return np.flatnonzero(times >= times[-1] - HELD_OUT * (times[-1] - times[0])).tolist()
