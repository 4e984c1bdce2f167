"""Scenes with known truth: motion capture seen by Human3.6M's four cameras (subject S1)."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Human36mLens
from epipose.geometry.rigid import Rigid
from epipose.pose.observations import Observations
from epipose.pose.skeletons import Skeleton

SHARED = Path(__file__).resolve().parents[2] / "shared"

CLIPS = (
    "cmueval_test_basketball_1",
    "cmueval_train_directing_traffic_1",
    "cmueval_test_jumping_1",
    "cmueval_test_running_1",
    "cmueval_test_soccer_1",
    "cmueval_test_walking_1",
    "cmueval_test_washwindow_1",
    "cmu_01_01_playground_jumps",
    "amp_cartwheel",
    "amp_dance",
)

REACH = 1.2
"""Metres from the middle of the room, along each axis, within which every clip is placed."""

PARENTS = {
    "pelvis": None,
    "spine": "pelvis",
    "neck": "spine",
    "head": "neck",
    "left_shoulder": "neck",
    "left_elbow": "left_shoulder",
    "left_wrist": "left_elbow",
    "right_shoulder": "neck",
    "right_elbow": "right_shoulder",
    "right_wrist": "right_elbow",
    "left_hip": "pelvis",
    "left_knee": "left_hip",
    "left_ankle": "left_knee",
    "left_toe": "left_ankle",
    "right_hip": "pelvis",
    "right_knee": "right_hip",
    "right_ankle": "right_knee",
    "right_toe": "right_ankle",
}
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
MOCAP_SKELETON = Skeleton(
    "mocap18", tuple(PARENTS), tuple(PARENTS.values()), tuple((f"left_{limb}", f"right_{limb}") for limb in LIMBS)
)


@dataclass(frozen=True, eq=False)
class Corruption:
    """What happens to the true pixels."""

    noise_px: float
    outliers: float = 0.0
    """Share of observations thrown 50-200 px off."""
    missing: float = 0.0
    """Share of observations that are not there."""
    swapped_frames: int = 0
    """Length of a left/right swap in one view."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Observations with the truth behind them."""

    cameras: tuple[Camera, ...]
    observations: Observations
    positions: Float[ndarray, "frames joints 3"]
    swapped: Bool[ndarray, "views frames"]
    inlier: Bool[ndarray, "views frames joints"]
    """Observed, and not an outlier (a swapped observation counts as an inlier once repaired)."""

    def only(self, views: tuple[int, ...]) -> "Scene":
        """Return the scene as seen by some of its views."""
        kept = list(views)
        observations = replace(
            self.observations, pixels=self.observations.pixels[kept], weight=self.observations.weight[kept]
        )
        cameras = tuple(self.cameras[view] for view in kept)
        return replace(
            self,
            cameras=cameras,
            observations=observations,
            swapped=self.swapped[kept],
            inlier=self.inlier[kept],
        )

    def first(self, frames: int) -> "Scene":
        """Return the scene's first frames."""
        return replace(
            self,
            observations=self.observations.at(np.arange(frames)),
            positions=self.positions[:frames],
            swapped=self.swapped[:, :frames],
            inlier=self.inlier[:, :frames],
        )


def h36m_cameras(subject: str = "S1", shared: Path = SHARED) -> tuple[Camera, ...]:
    """Return Human3.6M's four cameras in metres."""
    table = json.loads((shared / "reference" / "h36m_cameras.json").read_text())
    cameras = []
    for name, lens in table["intrinsics"].items():
        outside = table["extrinsics"][subject][name]
        rotation = np.array(outside["R_world_to_cam"])
        centre = np.array(outside["C_camera_centre_world_mm"]) / 1000
        coefficients = tuple(lens[k] for k in ("k1", "k2", "p1", "p2", "k3"))
        cameras.append(
            Camera(
                Human36mLens((lens["fx"], lens["fy"]), (lens["cx"], lens["cy"]), coefficients),
                Rigid.from_centre(rotation, centre),
                (int(lens["resolution_wh"][0]), int(lens["resolution_wh"][1])),
            )
        )
    return tuple(cameras)


def mocap_frames(
    rng: np.random.Generator, shared: Path = SHARED
) -> tuple[Float[ndarray, "frames joints 3"], Float[ndarray, "frames"]]:
    """Return 10 clips x 30 consecutive frames at 10-30 fps, placed at random in the room, and their times."""
    clips = np.load(shared / "mocap" / "mocap_joints.npz", allow_pickle=False)
    rates = {clip["name"]: clip["fps"] for clip in map(json.loads, _each_meta(clips["meta"]))}
    positions, times, clock = [], [], 0.0
    for name in CLIPS:
        clip = clips[name].astype(float)
        stride = int(rng.integers(1, min(3, (len(clip) - 1) // 29) + 1))
        start = int(rng.integers(0, len(clip) - 29 * stride))
        frames = clip[start : start + 29 * stride + 1 : stride]
        heading = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
        frames = frames - [*frames[:, 0, :2].mean(axis=0), 0.0]
        frames[..., :2] = frames[..., :2] @ turn.T + rng.uniform(-REACH, REACH, 2)
        positions.append(frames)
        times.append(clock + np.arange(30) * stride / rates[name])
        clock = times[-1][-1] + 5.0
    return np.concatenate(positions), np.concatenate(times)


def h36m_scene(corruption: Corruption, seed: int, shared: Path = SHARED) -> Scene:
    """Return motion capture seen by Human3.6M's cameras through Gaussian noise and `corruption`."""
    rng = np.random.default_rng(seed)
    cameras = h36m_cameras(shared=shared)
    positions, times = mocap_frames(rng, shared)
    known = np.all(np.isfinite(positions), axis=-1)  # two clips have no toes
    positions = np.where(known[..., None], positions, 0.0)
    projected = [camera.project(positions) for camera in cameras]
    pixels = np.stack([p for p, _ in projected])
    size = np.array(cameras[0].size_wh)
    seen = known & np.stack([valid for _, valid in projected]) & np.all((pixels >= 0) & (pixels < size), axis=-1)

    pixels = pixels + rng.normal(0, corruption.noise_px, pixels.shape)
    outlier = seen & (rng.random(seen.shape) < corruption.outliers)
    direction = rng.uniform(0, 2 * np.pi, seen.shape)
    leap = rng.uniform(50, 200, seen.shape)[..., None] * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    pixels = np.where(outlier[..., None], pixels + leap, pixels)
    observed = seen & (rng.random(seen.shape) >= corruption.missing)

    swapped = np.zeros(pixels.shape[:2], bool)
    if corruption.swapped_frames:
        view, start = rng.integers(len(cameras)), rng.integers(len(times) - corruption.swapped_frames)
        swapped[view, start : start + corruption.swapped_frames] = True
    truth = Observations(pixels, observed.astype(float), times, MOCAP_SKELETON)
    return Scene(cameras, truth.mirrored(swapped), positions, swapped, observed & ~outlier)


def _each_meta(meta: ndarray) -> list[str]:
    """Return one JSON text for each clip (the file holds all of them in one list)."""
    return [json.dumps(clip) for clip in json.loads(str(meta))]
