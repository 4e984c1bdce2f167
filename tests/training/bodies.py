"""Made-up poses of body21 that four numbers decide, so that there is something to know about them."""

import numpy as np
from numpy import ndarray

from epipose.pose.skeletons import load_skeleton

BODY = load_skeleton("body21")
_HEIGHTS = {
    "ankle": 0.08,
    "knee": 0.5,
    "hip": 0.95,
    "wrist": 0.85,
    "elbow": 1.1,
    "shoulder": 1.4,
    "eye": 1.62,
    "ear": 1.6,
}
_MIDDLE = {"pelvis": 0.95, "spine": 1.15, "thorax": 1.42, "nose": 1.58, "head_top": 1.75}
_ASIDE = {
    "ankle": 0.1,
    "knee": 0.1,
    "hip": 0.1,
    "wrist": 0.3,
    "elbow": 0.25,
    "shoulder": 0.18,
    "eye": 0.03,
    "ear": 0.07,
}


def standing(count: int, seed: int = 0) -> ndarray:
    """Return people (count, 21, 3) in metres who face -Y, with arms and legs at angles of their own."""
    rng = np.random.default_rng(seed)
    joints = np.zeros((count, len(BODY), 3))
    for joint, name in enumerate(BODY.joint_names):
        side, _, part = name.rpartition("_") if name.startswith(("left", "right")) else ("", "", name)
        joints[:, joint, 2] = _MIDDLE[part] if not side else _HEIGHTS[part]
        joints[:, joint, 0] = {"": 0.0, "left": 1.0, "right": -1.0}[side] * _ASIDE.get(part, 0.0)
    joints[:, BODY.index("nose"), 1] = -0.1
    for limb in ("left_hip", "right_hip", "left_shoulder", "right_shoulder"):
        _swing(joints, limb, rng.uniform(-1.2, 1.2, count))
    return joints


def _swing(joints: ndarray, limb: str, angle: ndarray) -> None:
    """Turn what hangs on a joint forwards and backwards."""
    parts = {"hip": ("knee", "ankle"), "shoulder": ("elbow", "wrist")}
    side, _, joint = limb.partition("_")
    centre = joints[:, BODY.index(limb)]
    for part in parts[joint]:
        which = BODY.index(f"{side}_{part}")
        off = joints[:, which] - centre
        joints[:, which, 1] = centre[:, 1] + np.cos(angle) * off[:, 1] - np.sin(angle) * off[:, 2]
        joints[:, which, 2] = centre[:, 2] + np.sin(angle) * off[:, 1] + np.cos(angle) * off[:, 2]
