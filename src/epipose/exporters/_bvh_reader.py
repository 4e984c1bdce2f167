"""Reading BVH as poses: joints in the file's own unit, Z up."""

from pathlib import Path

import numpy as np

from epipose.exporters._common import poses_from_positions, z_up
from epipose.io.bvh_files import Bvh, read_bvh_file
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

_NO_LENGTH = 1e-9


def read(path: Path) -> Poses:
    """Return the joints of a BVH file, in its own length unit, turned from Y up to Z up; end sites are left out."""
    bvh = read_bvh_file(path)
    kept = [i for i, joint in enumerate(bvh.joints) if joint.parent < 0 or np.linalg.norm(joint.offset) > _NO_LENGTH]
    times = np.arange(len(bvh.table)) * bvh.step
    return poses_from_positions(z_up(bvh.positions()[:, None, kept]), times, _skeleton(bvh, kept))


def _skeleton(bvh: Bvh, kept: list[int]) -> Skeleton:
    names = tuple(joint.name for joint in bvh.joints)
    parents = tuple(None if joint.parent < 0 else names[joint.parent] for joint in bvh.joints)
    return Skeleton("bvh", names, parents, ()).subset([names[joint] for joint in kept])
