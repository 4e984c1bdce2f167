"""Made-up scenes of one person with known truth: a stick figure that dances among a ring of cameras."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.pose.observations import Observations
from tests.geometry.rigs import looking_at, pictures, ring
from tests.people import STICK

BONES = {
    "head": (0.0, 0.03, 0.26),
    "shoulder": (0.19, 0.0, -0.05),
    "elbow": (0.05, 0.0, -0.3),
    "wrist": (0.0, 0.1, -0.25),
    "hip": (0.11, 0.0, -0.52),
    "knee": (0.0, 0.03, -0.44),
    "ankle": (0.0, -0.02, -0.42),
}
"""Bones from the parent at rest in metres, the body facing +y; sideways is mirrored on the left."""
FREEDOM = {"head": 0.3, "shoulder": 0.15, "elbow": 1.0, "wrist": 0.8, "hip": 0.1, "knee": 0.6, "ankle": 0.5}
"""Radians by which bones turn against the trunk."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Observations with the truth behind them."""

    cameras: tuple[Camera, ...]
    observations: Observations
    positions: Float[ndarray, "frames joints 3"]


def dancer(times: Float[ndarray, "frames"], seed: int = 0) -> Float[ndarray, "frames joints 3"]:
    """Return a stick figure (metres, Z up) that roams the middle of the room; its bones keep their lengths."""
    rng = np.random.default_rng(seed)
    sway = _waves(rng, times, 3)
    trunk = rotation_from_rotvec(np.stack([0.2 * sway[:, 0], 0.2 * sway[:, 1], 1.5 * sway[:, 2]], axis=-1))
    neck = np.array([0, 0, 1.45]) + _waves(rng, times, 3) * [0.6, 0.6, 0.1]
    positions = np.empty((len(times), len(STICK), 3))
    positions[:, STICK.index("neck")] = neck
    for joint in ("head", *(f"{side}_{limb}" for side in ("left", "right") for limb in list(BONES)[1:])):
        limb = joint.split("_")[-1]
        bone = np.array(BONES[limb]) * ([-1, 1, 1] if joint.startswith("left") else [1, 1, 1])
        turn = trunk @ rotation_from_rotvec(FREEDOM[limb] * _waves(rng, times, 3))
        parent = STICK.parents[STICK.index(joint)]
        assert parent is not None
        positions[:, STICK.index(joint)] = positions[:, STICK.index(parent)] + turn @ bone
    return positions


def dance(
    cameras: tuple[Camera, ...],
    *,
    frames: int = 60,
    rate: float = 25.0,
    noise_px: float = 0.0,
    missing: float = 0.0,
    seed: int = 0,
) -> Scene:
    """Return the dancer seen by `cameras` with Gaussian noise, some joints missing."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / rate
    positions = dancer(times, seed)
    pixels = pictures(cameras, positions)
    pixels = pixels + rng.normal(0, noise_px, pixels.shape)
    weight = (rng.random(pixels.shape[:-1]) >= missing).astype(float)
    return Scene(cameras, Observations(pixels, weight, times, STICK), positions)


def studio(views: int = 4) -> tuple[Camera, ...]:
    """Return a ring of cameras of one lens model, far enough that the dancer stays within all pictures."""
    return ring(views, radius=5.0)


def neighbours(degrees: float) -> tuple[Camera, ...]:
    """Return two cameras so many degrees apart."""
    angles = np.deg2rad([10, 10 + degrees])
    places = np.stack([5 * np.cos(angles), 5 * np.sin(angles), [1.3, 1.8]], axis=-1)
    base = ring(1)[0]
    return tuple(replace(base, cam_from_world=looking_at(place, np.array([0, 0, 1.0]))) for place in places)


def _waves(rng: np.random.Generator, times: Float[ndarray, "frames"], count: int) -> Float[ndarray, "frames c"]:
    """Return smooth movements of about unit size, a few tenths to one hertz fast."""
    phase, frequency = rng.uniform(0, 2 * np.pi, (3, count)), rng.uniform(0.2, 0.9, (3, count))
    return np.asarray(np.sin(2 * np.pi * frequency * times[:, None, None] + phase).sum(axis=1) / np.sqrt(1.5))
