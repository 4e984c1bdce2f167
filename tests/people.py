"""Made-up scenes of several people with known truth: stick figures (or motion capture) seen by a ring of cameras."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
STICK = Skeleton(
    "stick14",
    ("head", "neck", *(f"{side}_{limb}" for side in ("left", "right") for limb in LIMBS)),
    ("neck", None, *(("neck", "{0}_shoulder", "{0}_elbow", "neck", "{0}_hip", "{0}_knee")[i].format(side)
                     for side in ("left", "right") for i in range(6))),
    tuple((f"left_{limb}", f"right_{limb}") for limb in LIMBS),
)  # fmt: skip
MOCAP_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")


@dataclass(frozen=True, eq=False)
class Crowd:
    """What detectors saw of several people, and who each detection really is."""

    cameras: tuple[Camera, ...]
    views: tuple[Keypoints, ...]
    identity: tuple[Int[ndarray, "frames slots"], ...]
    """Which person is in each slot of each view; -1: nobody."""


def walker(
    times: Float[ndarray, "frames"],
    start: tuple[float, float],
    velocity: tuple[float, float],
    *,
    phase: float = 0.0,
    height: float = 1.75,
) -> Float[ndarray, "frames joints 3"]:
    """Return a stick figure that walks straight over the floor (metres, Z up), swinging arms and legs."""
    speed = float(np.hypot(*velocity))
    heading = np.arctan2(velocity[1], velocity[0]) if speed else phase
    swing = 0.5 * min(1.0, 0.2 + speed) * np.sin(2 * np.pi * 0.9 * times + phase)
    bend = 0.4 * (1 + np.sin(2 * np.pi * 0.9 * times + phase + 1))
    zero = np.zeros_like(times)
    joints = [np.stack([zero, zero, zero + z], axis=-1) for z in (1.7, 1.45)]
    for side, sign in ((0.5, 1.0), (-0.5, -1.0)):
        for width, top, lengths, angle in (
            (0.38, 1.42, (0.3, 0.27), -sign * swing),
            (0.22, 0.93, (0.45, 0.42), sign * swing),
        ):
            knee = angle - bend if top < 1 else angle + bend
            first = np.stack([zero, zero + side * width, zero + top], axis=-1)
            second = first + lengths[0] * np.stack([np.sin(angle), zero, -np.cos(angle)], axis=-1)
            third = second + lengths[1] * np.stack([np.sin(knee), zero, -np.cos(knee)], axis=-1)
            joints += [first, second, third]
    body = np.stack(joints, axis=1) * (height / 1.75)
    turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
    body[..., :2] = body[..., :2] @ turn.T + (np.asarray(start) + times[:, None] * np.asarray(velocity))[:, None]
    return body


def ring(count: int = 4, *, radius: float = 5.0, height: float = 1.6) -> tuple[Camera, ...]:
    """Return cameras around the origin that look at its middle, with a lens of some distortion."""
    cameras = []
    for angle in np.deg2rad(20) + 2 * np.pi * np.arange(count) / count:
        centre = np.array([radius * np.cos(angle), radius * np.sin(angle), height + 0.3 * np.sin(3 * angle)])
        forward = np.array([0, 0, 0.9]) - centre
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        lens = BrownConrady((1100.0, 1100.0), (959.5, 539.5), (-0.2, 0.05, 0.001, -0.001))
        cameras.append(Camera(lens, Rigid.from_centre(rotation, centre), (1920, 1080)))
    return tuple(cameras)


def crowd(
    people: list[Float[ndarray, "frames joints 3"]],
    cameras: tuple[Camera, ...],
    skeleton: Skeleton,
    *,
    rng: np.random.Generator,
    noise_px: float = 3.0,
    missing: float = 0.1,
    seen_by: dict[int, tuple[int, ...]] | None = None,
    frame_rate: float = 30.0,
) -> Crowd:
    """Return detections in a random order of slots per frame; `seen_by` names the only views of a person."""
    times = np.arange(len(people[0])) / frame_rate
    views, identities = [], []
    for view, camera in enumerate(cameras):
        positions = np.stack(people, axis=1)
        known = np.all(np.isfinite(positions), axis=-1)
        pixels, valid = camera.project(np.where(known[..., None], positions, 0.0))
        inside = known & valid & np.all((pixels >= 0) & (pixels < camera.size_wh), axis=-1)
        inside &= rng.random(inside.shape) >= missing
        for person, only in (seen_by or {}).items():
            inside[:, person] &= view in only
        pixels = pixels + rng.normal(0, noise_px, pixels.shape)
        order = np.argsort(rng.random((len(times), len(people) + 1)), axis=1)
        padded = np.concatenate([pixels, np.zeros_like(pixels[:, :1])], axis=1)
        score = np.concatenate([inside, np.zeros_like(inside[:, :1])], axis=1) * 0.9
        rows = np.arange(len(times))[:, None]
        padded, score = padded[rows, order] * (score[rows, order] > 0)[..., None], score[rows, order]
        views.append(Keypoints(padded.astype(np.float32), score.astype(np.float32), times, skeleton, camera.size_wh))
        identities.append(np.where(np.any(score > 0, axis=-1), order, -1))
    return Crowd(cameras, tuple(views), tuple(identities))


def identity_of_slots(
    detected: Keypoints, identity: Int[ndarray, "frames slots"], arranged: Keypoints
) -> Int[ndarray, "frames people"]:
    """Return who is in each slot of `arranged`, whose detections are those of `detected` (found by pixels)."""
    result = np.full(arranged.score.shape[:2], -1)
    same = np.all(detected.pixels[:, :, None] == arranged.pixels[:, None], axis=(-1, -2))
    same &= np.any(detected.score > 0, axis=-1)[:, :, None] & np.any(arranged.score > 0, axis=-1)[:, None]
    frames, slots, people = np.nonzero(same)
    result[frames, people] = identity[frames, slots]
    return result


def share_right(identities: list[Int[ndarray, "frames people"]]) -> float:
    """Return the share of detections in a slot that stands for their person, over all views.

    A slot stands for whom it holds most of the time; of two slots for one person only the better counts.
    """
    together = np.concatenate(identities)
    right = total = 0
    best: dict[int, int] = {}
    for slot in range(together.shape[1]):
        who = together[:, slot][together[:, slot] >= 0]
        total += len(who)
        if len(who):
            counts = np.bincount(who)
            best[int(counts.argmax())] = max(best.get(int(counts.argmax()), 0), int(counts.max()))
    right = sum(best.values())
    return right / max(total, 1)


def mocap_skeleton() -> Skeleton:
    """Return the 18 joints of the motion capture, by the names of its file."""
    sides = [[f"{side}_{limb}" for limb in part] for part in (MOCAP_LIMBS[:3], MOCAP_LIMBS[3:]) for side in "lr"]
    names = ("pelvis", "spine", "neck", "head", *(name for side in sides for name in side))
    parents = (None, "pelvis", "spine", "neck", "neck", "l_shoulder", "l_elbow", "neck", "r_shoulder", "r_elbow",
               "pelvis", "l_hip", "l_knee", "l_ankle", "pelvis", "r_hip", "r_knee", "r_ankle")  # fmt: skip
    return Skeleton("mocap18", names, parents, tuple((f"l_{x}", f"r_{x}") for x in MOCAP_LIMBS))


def mocap_people(
    shared: Path, clips: list[str], places: list[tuple[float, float]], frames: int
) -> list[Float[ndarray, "frames joints 3"]]:
    """Return clips of motion capture, each moved so that its middle is over its place on the floor (metres)."""
    with np.load(shared / "mocap" / "mocap_joints.npz", allow_pickle=False) as data:
        assert tuple(data["joint_names"].tolist()) == mocap_skeleton().joint_names
        moved = []
        for clip, place in zip(clips, places, strict=True):
            joints = data[clip][:frames].astype(float)
            joints[..., :2] += np.asarray(place) - np.nanmean(joints[..., :2], axis=(0, 1))
            moved.append(joints)
    return moved


def permuted(views: tuple[Keypoints, ...], rng: np.random.Generator) -> list[Keypoints]:
    """Return the views with their slots (for all frames alike) in another order."""
    shuffled = []
    for view in views:
        order = rng.permutation(view.score.shape[1])
        shuffled.append(replace(view, pixels=view.pixels[:, order], score=view.score[:, order]))
    return shuffled
