"""Made-up people whose bones keep their lengths, so that every format can hold them."""

import numpy as np
from numpy import ndarray

from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton

_MIRRORED = {"right_hip": "left_hip", "right_shoulder": "left_shoulder"}


def moving_people(
    *, frames: int = 40, people: int = 2, frame_rate: float = 29.97, start: float = 1.25, seed: int = 0
) -> Poses:
    """Return people of the h36m17 skeleton in smooth motion, all known.

    Hips, shoulders and trunk are each on one line, so that skeletons with fewer joints have bones of constant length.
    """
    rng = np.random.default_rng(seed)
    skeleton = load_skeleton("h36m17")
    times = start + np.arange(frames) / frame_rate
    positions = np.zeros((frames, people, len(skeleton), 3))
    for person in range(people):
        lengths = {joint: float(rng.uniform(0.1, 0.5)) for joint in skeleton.joint_names}
        bones: dict[str, ndarray] = {}
        for joint in sorted(skeleton.joint_names):
            bones[joint] = lengths[joint] * _smooth_directions(rng, times)
        for right, left in _MIRRORED.items():
            bones[right] = -bones[left]
        bones["spine"] = 0.7 * bones["thorax"]
        bones["pelvis"] = np.array([2.0 * person, 0.5, 1.0]) + 0.3 * _smooth_directions(rng, times)
        for joint in _parents_first(skeleton):
            parent = skeleton.parents[skeleton.index(joint)]
            below = positions[:, person, skeleton.index(parent)] if parent else 0
            positions[:, person, skeleton.index(joint)] = below + bones[joint]
    sigma = rng.uniform(0.005, 0.02, positions.shape[:3])
    return Poses(
        positions.astype(np.float32), sigma.astype(np.float32), np.ones_like(sigma, np.float32), times, skeleton
    )


def without(poses: Poses, missing: ndarray) -> Poses:
    """Return `poses` where joints marked in `missing` (frames, people, joints) have weight 0 and lie at the origin."""
    return Poses(
        np.where(missing[..., None], 0, poses.positions).astype(np.float32),
        poses.uncertainty,
        np.where(missing, 0, poses.weight).astype(np.float32),
        poses.times,
        poses.skeleton,
    )


def as_skeleton(poses: Poses, skeleton: Skeleton) -> Poses:
    """Return `poses` with the joints of `skeleton`; the neck is the thorax, other joints are missing."""
    shape = (*poses.weight.shape[:2], len(skeleton))
    positions, uncertainty, weight = (
        np.zeros((*shape, 3), np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    for joint, name in enumerate(skeleton.joint_names):
        found = {"neck": "thorax"}.get(name, name)
        if found in poses.skeleton.joint_names:
            source = poses.skeleton.index(found)
            positions[:, :, joint] = poses.positions[:, :, source]
            uncertainty[:, :, joint] = poses.uncertainty[:, :, source]
            weight[:, :, joint] = poses.weight[:, :, source]
    return Poses(positions, uncertainty, weight, poses.times, skeleton)


def _smooth_directions(rng: np.random.Generator, times: ndarray) -> ndarray:
    phase, frequency = rng.uniform(0, 2 * np.pi, (2, 3)), rng.uniform(0.2, 1.0, (2, 3))
    waves = np.sin(2 * np.pi * frequency * times[:, None, None] + phase).sum(axis=1)
    directions = rng.normal(size=3) + 0.6 * waves
    return np.asarray(directions / np.linalg.norm(directions, axis=-1, keepdims=True))


def _parents_first(skeleton: Skeleton) -> list[str]:
    order = [joint for joint, parent in zip(skeleton.joint_names, skeleton.parents, strict=True) if parent is None]
    for joint in order:
        order += [c for c, parent in zip(skeleton.joint_names, skeleton.parents, strict=True) if parent == joint]
    return order
