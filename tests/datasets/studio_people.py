"""A person of the studio that comes with epipose, with all joints that data sets measure, and cameras around people.

What the studio does not know (eyes, hands, toes ...) is put where it would be, so that left and right can be told.
"""

from functools import cache
from importlib import resources

import numpy as np
from numpy import ndarray

UP = np.array([0.0, 0.0, 1.0])


@cache
def _studio() -> dict[str, ndarray]:
    file = resources.files("epipose.samples") / "turning" / "truth" / "poses" / "h36m17.npz"
    with resources.as_file(file) as path, np.load(path) as arrays:
        positions = arrays["positions"][:, 0].astype(float)
        return {str(name): positions[:, column] for column, name in enumerate(arrays["joint_names"])}


def person(
    frames: int, *, start: int = 0, turn: float = 0.0, at: tuple[float, float] = (0.0, 0.0)
) -> dict[str, ndarray]:
    """Joints by name, (frames, 3) metres, Z up, floor at 0; turned by an angle and moved to a place on the floor."""
    studio = {name: points[start : start + frames] for name, points in _studio().items()}
    across = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    middle = studio["pelvis"][0] * [1, 1, 0]
    joints = {name: (points - middle) @ across.T + [*at, 0] for name, points in studio.items()}
    left = joints["left_shoulder"] - joints["right_shoulder"]
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    forward = np.cross(left, UP)
    joints["neck"] = joints["thorax"]
    joints["head"] = 0.6 * joints["thorax"] + 0.4 * joints["head_top"]
    for number, part in enumerate((0.2, 0.4, 0.6, 0.8), start=1):
        joints[f"spine_{number}"] = (1 - part) * joints["pelvis"] + part * joints["thorax"]
    joints |= {"spine2": joints["spine_2"], "spine3": joints["spine_3"], "spine4": joints["spine_4"]}
    for side, out in (("left", left), ("right", -left)):
        joints[f"{side}_eye"] = joints["nose"] + 0.03 * out - 0.03 * forward + 0.04 * UP
        joints[f"{side}_ear"] = joints["nose"] + 0.07 * out - 0.11 * forward + 0.02 * UP
        joints[f"{side}_clavicle"] = 0.8 * joints["thorax"] + 0.2 * joints[f"{side}_shoulder"]
        joints[f"{side}_hand"] = 1.3 * joints[f"{side}_wrist"] - 0.3 * joints[f"{side}_elbow"]
        joints[f"{side}_foot"] = joints[f"{side}_ankle"] + 0.12 * forward - 0.05 * UP
        joints[f"{side}_toe"] = joints[f"{side}_ankle"] + 0.18 * forward - 0.06 * UP
    return joints


def in_order(joints: dict[str, ndarray], names: tuple[str, ...]) -> ndarray:
    """(frames, joints, 3)."""
    return np.stack([joints[name] for name in names], axis=1)


def around(rotation: ndarray, angle: float, axis: ndarray) -> ndarray:
    """The rotation of a camera (world to camera) that was carried around an axis of the world."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation @ turn.T
