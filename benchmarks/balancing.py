"""Real footage: four cameras, one person, MediaPipe's keypoints; measured through `reconstruct` and `calibrate`.

    python -m benchmarks.balancing

Each row is a fresh capture folder with the given calibration file and one keypoint file a view (33 landmarks), as a
user would have it. The given cameras are themselves good to about 1.2 degrees and 30 mm, so they are a second opinion
and not the truth. Rotations are compared by pairs; centres after a similarity that lays them on the given ones (three
views or more). A pair's stated sigma joins those of its two cameras (their sum for two views alone, where each has half
the error). Reprojection is of the 16 body joints (shoulders,
elbows, wrists, hips, knees, ankles, heels, foot indices), observed with a score of 0.3 or more: all of them, also those
that triangulation drops.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from benchmarks.measures import centre_errors, laid_on_centres, met, print_table, rotation_errors
from benchmarks.scenes import SHARED
from epipose.calibration.rig import Rig
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_files import read_cameras
from epipose.io.camera_fit import fit_to_video
from epipose.io.keypoint_files.npz import write_npz
from epipose.io.pose_files import read_poses
from epipose.pipeline.calibrate import calibrate
from epipose.pipeline.reconstruct import reconstruct
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.observations import Observations
from epipose.pose.resampling import observe
from epipose.pose.skeletons import load_skeleton
from epipose.report.contents import ReconstructionReport

FOOTAGE = SHARED / "footage" / "balancing"
RATE = 60.0
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
BODY = tuple(f"{side}_{limb}" for limb in LIMBS for side in ("left", "right"))
GIVEN_ERROR_DEG = 1.2
"""Of the given cameras' own rotations."""
DELAY = 7.4
WINDOW, WINDOW_STARTS = 25, (0, 25, 50, 75)


def main() -> None:
    """Print the tables that docs/benchmarks.md quotes."""
    views, given = recording()
    print_given(views, given, refine=False)
    print_given(views, given, refine=True)
    print_unknown(views, given)
    print_subsets(views, given, tuple(combinations(sorted(views), 3)))
    print_subsets(views, given, tuple(combinations(sorted(views), 2)))
    print_delays(views, sorted(views))
    print_windows(views, given, WINDOW_STARTS)


def recording() -> tuple[dict[str, Keypoints], dict[str, Camera]]:
    """Return MediaPipe's keypoints of every view (the score is its visibility), and the given cameras."""
    with np.load(FOOTAGE / "keypoints" / "mediapipe_0.10.14.npz", allow_pickle=False) as data:
        names, sizes, found = (data[key] for key in ("views", "image_size_wh", "pixels_and_visibility"))
    times, skeleton = np.arange(found.shape[1]) / RATE, load_skeleton("mediapipe33")
    views = {
        str(name): Keypoints(seen[:, None, :, :2], seen[:, None, :, 2], times, skeleton, (int(wh[0]), int(wh[1])))
        for name, wh, seen in zip(names, sizes, found, strict=True)
    }
    cameras = read_cameras(FOOTAGE / "calibration" / "Calib.qca.txt").cameras
    return views, {name: fit_to_video(cameras[name], view.image_size_wh, name)[0] for name, view in views.items()}


@contextmanager
def capture(views: Mapping[str, Keypoints]) -> Iterator[Path]:
    """Yield a capture folder with the given calibration file and the keypoints of some views."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "balancing"
        write_capture(folder, views)
        yield folder


def write_capture(folder: Path, views: Mapping[str, Keypoints]) -> None:
    """Write the given calibration file and the keypoints of some views."""
    (folder / "calibration").mkdir(parents=True)
    shutil.copyfile(FOOTAGE / "calibration" / "Calib.qca.txt", folder / "calibration" / "Calib.qca.txt")
    for view, keypoints in views.items():
        write_npz(folder / "keypoints" / "mediapipe" / f"{view}.npz", keypoints)


@dataclass(frozen=True)
class Pixels:
    """Reprojection error of the body joints in pixels, and bone-length variation (mean of std/mean over bones)."""

    mean: float
    median: float
    bones: float
    bones_without_feet: float
    smooth_bones: float
    smooth_moved_mm: float


def print_given(views: Mapping[str, Keypoints], given: Mapping[str, Camera], *, refine: bool) -> None:
    """Print reprojection and bones with the given cameras, held or refined, and the swaps."""
    bars = (10.3, 7.2, 4.2) if refine else (15.5, 13.3, 5.4)
    with capture(views) as folder:
        start = time.perf_counter()
        report = reconstruct(folder, refine=refine)
        seconds = time.perf_counter() - start
        pixels = measured_pixels(report, views, folder)
    values = (pixels.mean, pixels.median, 100 * pixels.bones, 100 * pixels.bones_without_feet)
    bones = ("bone-length variation, 14 bones, %", "bone-length variation, 10 bones (no feet), %")
    names = ("reprojection mean, px", "reprojection median, px", *bones)
    rows = [
        (name, f"{value:.2f}", f"<= {bar:g}", met(value, bar))
        for name, value, bar in zip(names, values, (*bars, bars[-1]), strict=True)
    ]
    rows.append(("bone-length variation with smooth motion, 14 bones, %", f"{100 * pixels.smooth_bones:.2f}", "", ""))
    rows.append(("smooth motion moves joints by, median, mm", f"{pixels.smooth_moved_mm:.0f}", "", ""))
    for view in report.views:
        if view.swapped_frames or view.name == "cam02":
            frames = view.swapped_frames
            runs = ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in view.swapped_runs)
            expected = ("31, mostly 41-73", met(abs(len(frames) - 31), 2)) if view.name == "cam02" else ("none", "")
            rows.append((f"swapped frames of {view.name}", f"{len(frames)}: {runs}", *expected))
    if refine:
        found = [view.camera for view in report.views]
        errors = rotation_errors(found, [given[view.name] for view in report.views])
        rows.append(("moved by, rotation mean (max), deg", f"{errors.mean():.2f} ({errors.max():.2f})", "", ""))
    rows.append(("seconds", f"{seconds:.1f}", "", ""))
    title = "Cameras given, " + ("refined" if refine else "held")
    print_table(title, ("quantity", "measured", "bar", ""), rows)


def measured_pixels(report: ReconstructionReport, views: Mapping[str, Keypoints], folder: Path) -> Pixels:
    """Return how well the written poses explain the keypoints, sides repaired as the report says; one clock only."""
    poses = read_poses(folder / "poses" / "triangulated.npz")
    observations = body_observations(report, views)
    joints = [poses.skeleton.index(joint) for joint in BODY]
    points, known = poses.positions[:, 0, joints].astype(float), poses.weight[:, 0, joints] > 0
    errors = []
    for view, entry in enumerate(report.views):
        distance = np.linalg.norm(entry.camera.project(points)[0] - observations.pixels[view], axis=-1)
        errors.append(distance[known & (observations.weight[view] > 0)])
    joined = np.concatenate(errors)
    smooth = read_poses(folder / "poses" / "smooth.npz")
    both = (poses.weight > 0) & (smooth.weight > 0)
    moved = np.linalg.norm(smooth.positions - poses.positions, axis=-1)[both]
    return Pixels(
        float(joined.mean()),
        float(np.median(joined)),
        _variation(poses, report, LIMBS),
        _variation(poses, report, LIMBS[:-2]),
        _variation(smooth, report, LIMBS),
        1000 * float(np.median(moved)),
    )


def body_observations(report: ReconstructionReport, views: Mapping[str, Keypoints]) -> Observations:
    """Return the 16 body joints, left and right exchanged where the report says so."""
    observations = observe([views[view.name].select(BODY) for view in report.views])
    swapped = np.zeros(observations.weight.shape[:2], bool)
    for view, entry in enumerate(report.views):
        swapped[view, list(entry.swapped_frames)] = True
    return observations.mirrored(swapped)


def _variation(poses: Poses, report: ReconstructionReport, limbs: Sequence[str]) -> float:
    """Return std / mean of the lengths of the report's bones between `limbs`, averaged over the bones."""
    skeleton, variations = poses.skeleton, []
    for bone in report.bones:
        if {end.partition("_")[2] for end in (bone.parent, bone.child)} <= set(limbs):
            ends = [skeleton.index(bone.parent), skeleton.index(bone.child)]
            known = np.all(poses.weight[:, 0, ends] > 0, axis=-1)
            lengths = np.linalg.norm(poses.positions[:, 0, ends[0]] - poses.positions[:, 0, ends[1]], axis=-1)[known]
            variations.append(lengths.std() / lengths.mean())
    return float(np.mean(variations))


@dataclass(frozen=True, eq=False)
class Agreement:
    """Estimated cameras against the given ones."""

    rotations_deg: Float[ndarray, "pairs"]
    sigmas_deg: Float[ndarray, "pairs"]
    centres_mm: float
    """Mean; NaN for two views."""
    centre_sigma_mm: float

    @property
    def cells(self) -> tuple[str, ...]:
        """The numbers for a table."""
        errors, sigmas = self.rotations_deg, self.sigmas_deg
        worst = int(np.argmax(errors - 3 * sigmas))
        allowed = 3 * sigmas[worst] + GIVEN_ERROR_DEG
        honest = "yes" if errors[worst] <= allowed else "NO"
        return (
            f"{errors.mean():.2f} ({errors.max():.2f})",
            f"{sigmas.mean():.2f} ({sigmas.max():.2f})",
            "" if np.isnan(self.centres_mm) else f"{self.centres_mm:.0f}",
            f"{self.centre_sigma_mm:.0f}",
            f"{honest}: {errors[worst]:.2f} of {allowed:.2f}",
        )


AGREEMENT_HEADER = (
    "rotation mean (max), deg",
    "stated sigma mean (max), deg",
    "centres, mm",
    "stated, mm",
    f"error within 3 sigma + {GIVEN_ERROR_DEG} deg (worst pair)",
)


def agreement(names: Sequence[str], rig: Rig, given: Mapping[str, Camera]) -> Agreement:
    """Return how estimated cameras compare with the given ones."""
    assert rig.uncertainty is not None
    truth = [given[name] for name in names]
    turns = np.rad2deg([sigma.rotation_rad for sigma in rig.uncertainty])
    if len(names) == 2:
        sigmas = turns.sum(keepdims=True)
    else:
        sigmas = np.array([np.hypot(turns[i], turns[j]) for i, j in combinations(range(len(names)), 2)])
    centres = centre_errors(laid_on_centres(rig.cameras, truth), truth).mean() if len(names) > 2 else np.nan
    stated = 1000 * np.mean([sigma.centre_m for sigma in rig.uncertainty])
    return Agreement(rotation_errors(rig.cameras, truth), sigmas, float(centres), float(stated))


def print_unknown(views: Mapping[str, Keypoints], given: Mapping[str, Camera]) -> None:
    """Print how unknown cameras, and unknown focal lengths too, come out, with all views."""
    rows = []
    for cameras, intrinsics, (mean_bar, max_bar, centre_bar) in (
        ("people", None, (1.3, 1.8, 32.0)),
        ("auto", "estimate", (1.4, np.inf, 38.0)),
    ):
        name = "no extrinsics, no focal length" if intrinsics else "no extrinsics"
        with capture(views) as folder:
            start = time.perf_counter()
            reconstruct(folder, cameras=cameras, intrinsics=intrinsics)
            seconds = time.perf_counter() - start
            found = calibrate(folder, cameras=cameras, intrinsics=intrinsics)
        compared = agreement(found.names, found.rig, given)
        errors = compared.rotations_deg
        rows.append(
            (name, "rotation mean, deg", f"{errors.mean():.2f}", f"<= {mean_bar}", met(errors.mean(), mean_bar))
        )
        if np.isfinite(max_bar):
            rows.append((name, "rotation max, deg", f"{errors.max():.2f}", f"<= {max_bar}", met(errors.max(), max_bar)))
        centre = compared.centres_mm
        rows.append((name, "centres, mm", f"{centre:.1f}", f"<= {centre_bar:g}", met(centre, centre_bar)))
        rows.append((name, "stated sigma: rotation, deg; centres, mm", "; ".join(compared.cells[1:4:2]), "", ""))
        rows.append((name, f"error within 3 sigma + {GIVEN_ERROR_DEG} deg", compared.cells[4], "yes", ""))
        if intrinsics:
            focal = float(np.mean(found.rig.cameras[0].lens.focal))
            inside = met(max(1660 - focal, focal - 1700), 0)
            sigma = f" ± {found.rig.focal_sigma_px[0]:.0f}" if found.rig.focal_sigma_px else ""
            rows.append((name, "focal length, px", f"{focal:.0f}{sigma}", "1660-1700", inside))
        swapped = [f"{view}: {mask.sum()}" for view, mask in zip(found.names, found.rig.swapped, strict=True)]
        rows.append((name, "swapped frames", ", ".join(swapped), "", ""))
        offsets = ", ".join(f"{RATE * offset:+.2f}" for offset in found.rig.offsets)
        rows.append((name, "time offsets, frames", offsets, "0 (in sync)", met(float(np.ptp(found.rig.offsets)), 0)))
        rows.append((name, "reconstruct, s", f"{seconds:.1f}", "<= 20", met(seconds, 20)))
    print_table(
        "Cameras from the person alone, against the given ones", ("setting", "quantity", "measured", "bar", ""), rows
    )


def print_subsets(
    views: Mapping[str, Keypoints], given: Mapping[str, Camera], subsets: Sequence[tuple[str, ...]]
) -> None:
    """Print how unknown cameras come out with some of the views only, or why they are refused."""
    rows = []
    for names in subsets:
        start = time.perf_counter()
        compared, remark = _attempt({name: views[name] for name in names}, given)
        label = " ".join(name.removeprefix("cam") for name in names)
        if len(names) == 2:
            label += f" ({_degrees_apart(given[names[0]], given[names[1]]):.0f} deg apart)"
        verdict = met(compared.rotations_deg.mean(), 1.8) if compared and len(names) == 3 else ""
        rows.append((label, *_cells(compared), verdict, remark, f"{time.perf_counter() - start:.1f}"))
    count = len(subsets[0])
    bar = "rotation mean <= 1.8 deg" if count == 3 else "works or is refused with the reason"
    header = ("views", *AGREEMENT_HEADER, "", "what it says", "s")
    print_table(f"Any {count} views, no extrinsics ({bar})", header, rows)


def _cells(compared: Agreement | None) -> tuple[str, ...]:
    return compared.cells if compared else ("",) * len(AGREEMENT_HEADER)


def _attempt(views: Mapping[str, Keypoints], given: Mapping[str, Camera]) -> tuple[Agreement | None, str]:
    """Return how the estimate compares (None if it was refused), and the refusal or the warnings about motion."""
    with capture(views) as folder:
        try:
            found = calibrate(folder, cameras="people")
        except InputError as refusal:
            return None, f"refused: {refusal}"
    warnings = "; ".join(warning for warning in found.rig.warnings if "motion" in warning)
    return agreement(found.names, found.rig, given), f"warned: {warnings}" if warnings else "no warning"


def _degrees_apart(first: Camera, second: Camera) -> float:
    axes = [camera.cam_from_world.rotation[2] for camera in (first, second)]
    return float(np.rad2deg(np.arccos(axes[0] @ axes[1])))


def print_delays(views: Mapping[str, Keypoints], names: Sequence[str]) -> None:
    """Print the offset that is found when one view starts 7.4 frames late, its keypoints interpolated linearly.

    Beside it what is found for seven whole frames, which needs no interpolation and shows the recording's own lags.
    """
    rows = []
    for name in names:
        start = time.perf_counter()
        found, whole = (_lateness({**views, name: delayed(views[name], late)}, name) for late in (DELAY, int(DELAY)))
        error = abs(found - DELAY)
        beyond = abs((found - whole) - (DELAY - int(DELAY)))
        seconds = f"{(time.perf_counter() - start) / 2:.1f}"
        rows.append((name, f"{found:.3f}", f"{error:.3f}", met(error, 0.15), f"{whole:.3f}", f"{beyond:.3f}", seconds))
    header = ("view", "found, frames", "error (<= 0.15)", "", "found for 7", "error of the difference from 0.4", "s")
    print_table(f"One view {DELAY} frames late, no extrinsics", header, rows)


def delayed(view: Keypoints, frames: float) -> Keypoints:
    """Return what a camera that started `frames` late would have seen, its clock starting at zero."""
    whole, part = divmod(frames, 1)
    count = len(view.times) - int(whole) - 1
    early, late = (slice(int(whole) + step, int(whole) + step + count) for step in (0, 1))
    pixels = (1 - part) * view.pixels[early] + part * view.pixels[late]
    score = np.minimum(view.score[early], view.score[late])
    return replace(view, pixels=pixels.astype(np.float32), score=score, times=view.times[:count])


def _lateness(views: Mapping[str, Keypoints], name: str) -> float:
    """Return how late a view started against the middle one of the others, in frames, by what `calibrate` found."""
    with capture(views) as folder:
        found = calibrate(folder, cameras="people")
    late = dict(zip(found.names, -RATE * found.rig.offsets, strict=True))
    return float(late[name] - np.median([late[other] for other in late if other != name]))


def print_windows(views: Mapping[str, Keypoints], given: Mapping[str, Camera], starts: Sequence[int]) -> None:
    """Print what a short piece of the recording leads to: a warning, and an uncertainty that covers the error."""
    rows = []
    for first in starts:
        start = time.perf_counter()
        part = slice(first, first + WINDOW)
        pieces = {
            name: replace(view, pixels=view.pixels[part], score=view.score[part], times=view.times[part])
            for name, view in views.items()
        }
        compared, remark = _attempt(pieces, given)
        seconds = f"{time.perf_counter() - start:.1f}"
        rows.append((f"{first}-{first + WINDOW - 1}", *_cells(compared), remark, seconds))
    print_table(
        f"{WINDOW} consecutive frames only, no extrinsics (a warning that names too little motion; error covered)",
        ("frames", *AGREEMENT_HEADER, "what it says", "s"),
        rows,
    )


if __name__ == "__main__":
    main()
