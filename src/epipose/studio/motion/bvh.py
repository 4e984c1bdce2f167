"""Taking motion from BVH files.

They state no unit and no axes. The skeleton at rest says which way is up (Y or Z), and the unit is the one of UNITS
that gives the legs a human length. The lowest joint of all frames (but for a hundredth of them) comes to the floor.
A first frame from which the limbs leap into the second is a pose for calibration, and is left out.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.io.bvh_files import read_bvh_file
from epipose.studio.motion.clip import NEEDED, Clip, make_clip, our_joints

UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)
"""Metres in a unit: metres, centimetres, millimetres, inches, and the unit of Carnegie Mellon's skeletons."""
_LEG = 0.83
_LEAP, _FEWEST = 2.0, 10
"""How much further than ever after a joint goes in a leap, and frames that are needed to say so."""
_Z_UP_FROM_Y_UP = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


def read_bvh(path: Path) -> Clip:
    """Return the motion of a BVH file; raises InputError, naming it, for a file that is damaged or of no person."""
    bvh = read_bvh_file(path)
    positions = bvh.positions()
    positions = positions[_leaps(positions) :]
    names = [joint.name for joint in bvh.joints]
    return make_clip(str(path), path.stem, names, _metric(positions, bvh.rest, our_joints(names)), bvh.step)


def _leaps(positions: Float[ndarray, "frames joints 3"]) -> int:
    """Return 1 if the first frame is another pose than the motion begins with, and 0 otherwise."""
    way = np.linalg.norm(np.diff(positions - positions[:, :1], axis=0), axis=-1).max(axis=-1)
    return int(len(way) > _FEWEST and way[0] > _LEAP * way[1:].max())


def _metric(
    positions: Float[ndarray, "frames joints 3"], rest: Float[ndarray, "joints 3"], own: dict[str, int]
) -> Float[ndarray, "frames joints 3"]:
    """Return `positions` in metres, Z up, on the floor; as they are if they are not those of a person."""
    if not set(NEEDED) <= set(own):
        return positions
    sides = [
        {part: own[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "shoulder")} for side in ("left", "right")
    ]
    up = sum(rest[side["shoulder"]] - rest[side["ankle"]] for side in sides)
    if abs(up[1]) >= abs(up[2]):
        positions = positions @ _Z_UP_FROM_Y_UP.T
    bones = [(side[a], side[b]) for side in sides for a, b in (("hip", "knee"), ("knee", "ankle"))]
    leg = sum(float(np.linalg.norm(rest[a] - rest[b])) for a, b in bones) / 2
    unit = min(UNITS, key=lambda metres: abs(np.log(max(metres * leg, 1e-9) / _LEG)))
    positions = positions * unit
    low = np.percentile(positions[..., 2].min(axis=1), 1)
    return np.asarray(positions - np.array([0.0, 0.0, low]))
