"""A body with strings: its trunk, arms and legs are set one after another, from the root outwards."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec, rotvec_from_rotation
from epipose.studio.bodies import SPINE, Body
from epipose.studio.motion.limbs import ARM, LEG, Limb, aim, limb, reach

SIDES = {"L": "left", "R": "right"}
_FINGERS = tuple(f"finger{finger}-{part}" for finger in range(2, 6) for part in (1, 2, 3))
_TOES = tuple(f"toe{toe}-1" for toe in range(1, 6))
_ANKLE_LIMIT = 0.95


class Puppet:
    """Poses under construction: every bone starts at rest."""

    def __init__(self, body: Body, root: Float[ndarray, "frames 3 3"], shift: Float[ndarray, "frames 3"]) -> None:
        """Stand a body so that its root turns by `root` and its head is shifted by `shift` (metres) from rest."""
        self.body = body
        self.shift = np.array(shift)
        self.rotations = np.tile(np.eye(3), (len(root), len(body.bones), 1, 1))
        self.rotations[:, 0] = root
        self.arms: dict[str, Limb] = {side: limb(body, ARM, side) for side in SIDES}
        self.legs: dict[str, Limb] = {side: limb(body, LEG, side) for side in SIDES}

    def bone(self, bone: int) -> Float[ndarray, "frames 3 4"]:
        """Return how a bone moves from rest into the world."""
        turn, head = self.rotations[:, bone], self.body.heads[bone]
        own = np.concatenate([turn, (head - turn @ head)[..., None]], axis=-1)
        parent = self.body.parents[bone]
        if parent < 0:
            own[..., 3] += self.shift
            return own
        above = self.bone(parent)
        linear = above[..., :3] @ own[..., :3]
        return np.concatenate([linear, above[..., :3] @ own[..., 3:] + above[..., 3:]], axis=-1)

    def head(self, bone: int) -> Float[ndarray, "frames 3"]:
        """Return where the head of a bone is, in metres."""
        motion = self.bone(bone)
        return np.asarray(motion[..., :3] @ self.body.heads[bone] + motion[..., 3])

    def set_chain(self, bones: tuple[str, ...], rotvec: Float[ndarray, "frames 3"]) -> None:
        """Share a turn (rotation vector in axes at rest) evenly among the bones of a chain."""
        share = rotation_from_rotvec(rotvec / len(bones))
        for bone in bones:
            self.rotations[:, self.body.bones.index(bone)] = share

    def set_collar(self, side: str, rotvec: Float[ndarray, "frames 3"]) -> None:
        """Turn a collar bone, and the arm with it."""
        self.rotations[:, self.body.bones.index(f"clavicle.{side}")] = rotation_from_rotvec(rotvec)

    def reach_to(self, limb: Limb, target: Float[ndarray, "frames 3"], normal: Float[ndarray, "frames 3"]) -> None:
        """Bring the end of an arm or leg to `target`, bending its hinge about `normal` as far as possible."""
        upper, lower = reach(limb, self.head(limb.upper_bone), target, normal)
        self._set_limb(limb, upper, lower)

    def point_arm(
        self,
        side: str,
        direction: Float[ndarray, "frames 3"],
        bend: Float[ndarray, "frames"],
        twist: Float[ndarray, "frames"],
    ) -> None:
        """Point an upper arm along `direction` in the axes of the chest; twist it and bend its elbow (radians)."""
        arm = self.arms[side]
        upper, lower = aim(arm, direction, bend, twist)
        self._set_limb(arm, self.bone(self.body.bones.index(SPINE[-1]))[..., :3] @ upper, lower)

    def set_foot(self, side: str, world: Float[ndarray, "frames 3 3"]) -> None:
        """Turn a foot from rest to `world`, as far as an ankle can."""
        leg = self.legs[side]
        shank = self.bone(self.body.parents[leg.end_bone])[..., :3]
        turn = rotvec_from_rotation(np.swapaxes(shank, -1, -2) @ world)
        self.rotations[:, leg.end_bone] = rotation_from_rotvec(limited(turn, _ANKLE_LIMIT))

    def bend_toes(self, side: str, angle: Float[ndarray, "frames"]) -> None:
        """Bend the toes upwards by `angle` (radians)."""
        turn = rotation_from_rotvec(angle[:, None] * np.array([-1.0, 0.0, 0.0]))
        for toe in _TOES:
            self.rotations[:, self.body.bones.index(f"{toe}.{side}")] = turn

    def curl_fingers(self, side: str, angle: float) -> None:
        """Bend every joint of the four fingers by `angle` (radians) towards the palm."""
        heads, bones = self.body.heads, self.body.bones
        knuckles = heads[bones.index(f"finger2-1.{side}")] - heads[bones.index(f"finger5-1.{side}")]
        towards = 1.0 if side == "L" else -1.0
        turn = rotation_from_rotvec(towards * angle * knuckles / np.linalg.norm(knuckles))
        for finger in _FINGERS:
            self.rotations[:, bones.index(f"{finger}.{side}")] = turn

    def _set_limb(self, limb: Limb, upper: Float[ndarray, "frames 3 3"], lower: Float[ndarray, "frames 3 3"]) -> None:
        above = self.bone(self.body.parents[limb.upper_bone])[..., :3]
        self.rotations[:, limb.upper_bone] = np.swapaxes(above, -1, -2) @ upper
        self.rotations[:, limb.lower_bone] = lower


def limited(rotvec: Float[ndarray, "frames 3"], limit: float) -> Float[ndarray, "frames 3"]:
    """Return rotation vectors of at most `limit` radians about the same axes."""
    angle = np.linalg.norm(rotvec, axis=-1, keepdims=True)
    return np.asarray(rotvec * np.minimum(1, limit / angle.clip(1e-9)))
