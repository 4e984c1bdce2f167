"""Where the joints of body21 (COCO's and Human3.6M's) lie on a body of anny.

COCO's 17 come from anny's own regressor, made of vertices around each joint. Human3.6M's limbs and nose are taken as
the same points, so that one name means one point everywhere; its other joints are ours:

- pelvis: the middle between the hips;
- thorax: halfway between the middle of the shoulders and the head of the bone neck01 (the lowest neck vertebra);
- spine: the head of the bone spine02, which lies near the middle between pelvis and thorax;
- head_top: the mean of the highest vertices (within 1 cm of the top) of the head at rest.

Human3.6M's markers-and-model joints are 1-3 cm from these at the hips (which lie deeper) and the shoulders.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

TOP_OF_HEAD = 0.01
"""Metres below the highest vertex that still count as the top of the head."""


def vertex_regressor(
    coco: Mapping[str, Float[ndarray, "vertices"]], vertices: Float[ndarray, "vertices 3"], joint: str
) -> Float[ndarray, "vertices"] | None:
    """Return the weights (sum 1) of rest `vertices` (metres, Z up) that make `joint`; None if bones make it."""
    if joint in coco:
        return coco[joint]
    if joint == "pelvis":
        return np.asarray((coco["left_hip"] + coco["right_hip"]) / 2)
    if joint == "head_top":
        top = vertices[:, 2] >= vertices[:, 2].max() - TOP_OF_HEAD
        return np.asarray(top / top.sum())
    return None


def joint_frames(
    names: tuple[str, ...],
    coco: Mapping[str, Float[ndarray, "vertices"]],
    vertices: Float[ndarray, "vertices 3"],
    heads: Float[ndarray, "bones 3"],
    skin: tuple[Int[ndarray, "vertices k"], Float[ndarray, "vertices k"]],
    bones: tuple[str, ...],
) -> Float[ndarray, "joints bones 4"]:
    """Return each joint as a weighted point on every bone: joint = sum over bones of bone_motion (3, 4) @ point (4,).

    Exactly what linear blend skinning does to the joint's vertices, without skinning them.
    """
    result = np.zeros((len(names), len(bones), 4))
    for row, name in enumerate(names):
        weights = vertex_regressor(coco, vertices, name)
        if weights is not None:
            result[row] = _spread(weights, vertices, skin, len(bones))
        elif name == "spine":
            result[row, bones.index("spine02")] = [*heads[bones.index("spine02")], 1.0]
        elif name == "thorax":
            shoulders = (coco["left_shoulder"] + coco["right_shoulder"]) / 2
            result[row] = _spread(shoulders, vertices, skin, len(bones)) / 2
            result[row, bones.index("neck01")] += np.array([*heads[bones.index("neck01")], 1.0]) / 2
        else:
            raise KeyError(name)
    return result


def _spread(weights: ndarray, vertices: ndarray, skin: tuple[Any, Any], bones: int) -> ndarray:
    """Return a weighted sum of skinned vertices as points on bones."""
    used = np.flatnonzero(weights)
    homogeneous = np.concatenate([vertices[used], np.ones((len(used), 1))], axis=1)
    index, share = skin[0][used], skin[1][used]
    points = np.zeros((bones, 4))
    np.add.at(points, index.ravel(), ((weights[used, None] * share)[..., None] * homogeneous[:, None]).reshape(-1, 4))
    return points
