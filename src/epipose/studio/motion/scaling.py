"""A clip's joints where a body of other proportions would have them."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.studio.bodies import JOINTS, Body
from epipose.studio.motion.clip import Clip


def scaled_clip(body: Body, clip: Clip) -> Clip:
    """Return `clip` in the proportions of `body`.

    Hips, ankles and toes scale by the length of the legs, so that a foot that stood still stands still; the other
    joints keep their direction from the one before, at the body's own length. The pelvis keeps its place between hips.
    """
    rest = rest_joints(body)
    pace = _leg_length({name: at[None] for name, at in rest.items()}) / _leg_length(
        {name: clip.joint(name) for name in clip.joint_names}
    )
    moved = {name: pace * clip.joint(name) for name in clip.joint_names}
    hips, shoulders = (_middle(moved, part) for part in ("hip", "shoulder"))
    rest_hips, rest_shoulders = (_middle(rest, part) for part in ("hip", "shoulder"))
    # A bent trunk is shorter from end to end: its full length is near the longest that was seen.
    longest = np.percentile(np.linalg.norm(shoulders - hips, axis=-1), 90)
    stretch = float(np.linalg.norm(rest_shoulders - rest_hips) / longest)
    new_shoulders = hips + stretch * (shoulders - hips)
    for name, origin, target in (("spine", hips, hips), ("head", shoulders, new_shoulders)):
        if name in moved:
            moved[name] = target + stretch * (moved[name] - origin)
    for side in ("left", "right"):
        hip, knee, shoulder, elbow, wrist = (f"{side}_{part}" for part in ("hip", "knee", "shoulder", "elbow", "wrist"))
        old = dict(moved)
        moved[hip] = hips + _like(old[hip] - hips, rest[hip] - rest_hips)
        moved[knee] = moved[hip] + _like(old[knee] - old[hip], rest[knee] - rest[hip])
        moved[shoulder] = new_shoulders + _like(old[shoulder] - shoulders, rest[shoulder] - rest_shoulders)
        moved[elbow] = moved[shoulder] + _like(old[elbow] - old[shoulder], rest[elbow] - rest[shoulder])
        moved[wrist] = moved[elbow] + _like(old[wrist] - old[elbow], rest[wrist] - rest[elbow])
    names = tuple(moved)
    return Clip(clip.name, names, np.stack([moved[name] for name in names], axis=1), clip.times)


def rest_joints(body: Body) -> dict[str, Float[ndarray, "3"]]:
    """Return where each joint of body21 is at rest, in metres."""
    still = np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4))
    return dict(zip(JOINTS, body.joints(still), strict=True))


def _like(vector: Float[ndarray, "frames 3"], rest: Float[ndarray, "3"]) -> Float[ndarray, "frames 3"]:
    """Return `vector` with the length of `rest`."""
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True).clip(1e-9) * np.linalg.norm(rest))


def _middle(joints: dict[str, ndarray], part: str) -> Float[ndarray, "*frames 3"]:
    return np.asarray((joints[f"left_{part}"] + joints[f"right_{part}"]) / 2)


def _leg_length(joints: dict[str, ndarray]) -> float:
    """Return the usual length of both legs from hip to ankle along the knee, in metres."""
    bones = [
        np.linalg.norm(joints[f"{side}_{a}"] - joints[f"{side}_{b}"], axis=-1)
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(sum(np.median(bone) for bone in bones)) / 2
