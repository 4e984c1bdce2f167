"""Synthetic recordings through `reconstruct`, against their truth: the table that later work is compared on.

    python -m benchmarks.studio [--detector builtin|truth] [--only WORD ...] [--folder FOLDER]

Each scene is made by `epipose synthesize` with the arguments below (a fixed seed) and kept in FOLDER, the user's cache
unless told otherwise. `--detector truth` takes keypoints from the truth, with noise, joints missed and one second of
left and right exchanged in one view, instead of detecting people in the pictures. Where the cameras stand and when they
started is never given; lenses are, but for the scene that says so, and so is the first person's stature.

Hidden: share of the joints within the pictures that furniture or other people hide, over all views.
Rotation: error of the relative rotation of two cameras, mean over pairs. Centres: mean distance after the similarity
that lays the cameras on the true ones (of two cameras: the joints). Joints: mean distance of those that two views or
more truly show, after one similarity for the whole recording, and in the reconstruction's own metres (turn and shift
only). Within 2 sigma: share of coordinates that are off by no more than twice what was stated. Swaps: F1 of the frames
in which the detector had exchanged left and right (- where it never did). Seconds: of the detector, and of the rest.
"""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measures import print_table
from benchmarks.studio_keypoints import Noise, truly_swapped, write_truth_keypoints
from epipose.cli import main as epipose
from epipose.errors import InputError
from epipose.io.fingerprints import fingerprint
from epipose.io.keypoint_files import read_keypoints
from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, Truth, read_truth
from epipose.pipeline.against_truth import clock_shifts, compare_with_truth, matched_people
from epipose.pipeline.reconstruct import reconstruct
from epipose.report.contents import ReconstructionReport
from epipose.report.truth import TruthReport

EVERYWHERE = "--seconds 6 --frame-rate 25"


@dataclass(frozen=True)
class Setting:
    """One scene: what `epipose synthesize` is asked for, and what the reconstruction is told."""

    name: str
    arguments: str
    seed: int
    lenses: bool = True
    """Whether the cameras' lenses are given."""
    length: str = EVERYWHERE
    """Arguments for how long it lasts."""


SETTINGS = (
    Setting("4 cameras in a ring", "--rig ring --cameras 4 --motion turn", 1),
    Setting("Human3.6M's 4 cameras", "--rig human36m --motion dance", 2),
    Setting("2 cameras", "--rig ring --cameras 2 --motion dance", 3),
    Setting("8 cameras", "--rig ring --cameras 8 --motion dance", 4),
    Setting("seated behind a desk", "--rig ring --cameras 4 --motion sit --occluder desk", 5),
    Setting("round obstacle, 10 %", "--rig ring --cameras 4 --motion turn --occluder round_table --cover 0.1", 6),
    Setting("round obstacle, 30 %", "--rig ring --cameras 4 --motion turn --occluder round_table --cover 0.3", 6),
    Setting("round obstacle, 50 %", "--rig ring --cameras 4 --motion turn --occluder round_table --cover 0.5", 6),
    Setting("two people", "--rig ring --cameras 4 --motion dance --people 2", 7),
    Setting("clocks apart", "--rig ring --cameras 4 --motion dance --offset 0.5", 8),
    Setting("no focal length", "--rig ring --cameras 4 --motion dance", 9, lenses=False),
)
HEADER = (
    "scene",
    "hidden",
    "rotation, deg",
    "centres, mm",
    "joints, mm",
    "own metres, mm",
    "within 2 sigma",
    "clocks, ms",
    "swap F1",
    "detecting, s",
    "the rest, s",
)


def main(detector: str, settings: Sequence[Setting] = SETTINGS, folder: Path | None = None) -> None:
    """Make what is missing, reconstruct every scene and print the table."""
    place = folder or cache_folder()
    rows = [row(setting, synthesized(setting, place), detector) for setting in settings]
    print_table(f"Synthetic recordings, keypoints by `{detector}`", HEADER, rows)


def cache_folder() -> Path:
    """Return where recordings are kept: several hundred megabytes that can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "epipose" / "studio-benchmark"


def synthesized(setting: Setting, place: Path) -> Path:
    """Return the capture of a scene, made unless it is there."""
    arguments = f"{setting.arguments} {setting.length} --seed {setting.seed}".split()
    folder = place / f"{setting.seed:02}-{fingerprint(*arguments)[:10]}"
    if not (folder / "truth" / "scene.json").is_file():
        print(f"making {setting.name} in {folder}", flush=True)
        if epipose(["synthesize", str(folder), *arguments]) != 0:
            raise SystemExit(f"the scene {setting.name!r} could not be made")
    return folder


def row(setting: Setting, capture: Path, detector: str) -> tuple[str, ...]:
    """Return the scene's row of the table; one that is refused says why."""
    truth = read_truth(capture / "truth")
    if detector == "truth":
        write_truth_keypoints(capture, truth, Noise(setting.seed))
    start = time.perf_counter()
    try:
        report = reconstruct(
            capture,
            cameras="people",
            intrinsics=str(capture / "truth" / "cameras.toml") if setting.lenses else "estimate",
            detector=detector,
            height_m=truth.people[0].stature_m,
        )
        compared = compare_with_truth(capture, report)
    except InputError as error:
        return (setting.name, hidden_share(truth), f"refused: {error}", *[""] * (len(HEADER) - 3))
    seconds = time.perf_counter() - start
    detecting = report.seconds_by_stage.get("keypoints", 0.0)
    return (
        setting.name,
        hidden_share(truth),
        *_numbers(compared),
        _f1(*swaps(capture, detector, report, truth)),
        f"{detecting:.1f}",
        f"{seconds - detecting:.1f}",
    )


def hidden_share(truth: Truth) -> str:
    """Return the share of joints within the pictures that furniture or other people hide, over all views."""
    seen = np.concatenate([view.visibility.ravel() for view in truth.views.values()])
    return f"{100 * np.mean(seen[seen != OUT_OF_FRAME] == HIDDEN_BY_OCCLUDER):.0f} %"


def _numbers(compared: TruthReport) -> tuple[str, ...]:
    joints = compared.all_joints
    return (
        f"{np.rad2deg(compared.rotation_rad):.2f}",
        f"{1000 * compared.centre_m:.1f}",
        f"{1000 * joints.error_m:.1f}",
        f"{1000 * joints.metric_error_m:.1f}",
        f"{100 * joints.within_two_sigma:.0f} %",
        f"{1000 * compared.time_offset_s:.1f}",
    )


def swaps(capture: Path, detector: str, report: ReconstructionReport, truth: Truth) -> tuple[int, int, int]:
    """Return (right, said, true): in how many frames of all views the main person's sides were exchanged."""
    person = dict(matched_people(report, truth)).get(0)
    right = said = actual = 0
    shift = float(clock_shifts(report, truth).mean())
    for view in report.views if person is not None else ():
        keypoints = read_keypoints(capture / "keypoints" / detector / f"{view.name}.npz")
        true_view = truth.views[view.name]
        swapped = truly_swapped(keypoints, true_view, person or 0)
        own = report.poses.times + shift - true_view.time_offset_s
        inside = (own >= keypoints.times[0] - 1e-6) & (own <= keypoints.times[-1] + 1e-6)
        nearest = np.abs(keypoints.times[None] - own[:, None]).argmin(axis=1)
        wanted = swapped[nearest] & inside
        found = np.zeros_like(wanted)
        found[list(view.swapped_frames)] = True
        right, said, actual = right + int((wanted & found).sum()), said + int(found.sum()), actual + int(wanted.sum())
    return right, said, actual


def _f1(right: int, said: int, actual: int) -> str:
    return f"{2 * right / (said + actual):.2f}" if said + actual else "-"


def chosen(words: Sequence[str], settings: Sequence[Setting] = SETTINGS) -> tuple[Setting, ...]:
    """Return the settings whose name holds one of `words`; all without words."""
    return tuple(setting for setting in settings if not words or any(word in setting.name for word in words))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Synthetic recordings through reconstruct, against their truth.")
    parser.add_argument("--detector", default="builtin", help="builtin (default), truth, or another detector")
    parser.add_argument("--only", nargs="*", default=[], help="words of the scenes' names")
    parser.add_argument("--folder", type=Path, help="where recordings are kept (default: the user's cache)")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    main(given.detector, chosen(given.only), given.folder)
