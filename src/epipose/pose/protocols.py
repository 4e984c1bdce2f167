"""Protocols of data sets: what exactly a published error is the mean of, each choice under a name of its own.

"Protocol 1" alone says little: papers mean different people, alignments, joints, frames and means by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from epipose.errors import InputError
from epipose.pose.conversion import convert_poses
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton

Alignment = Literal["root", "scale", "procrustes"]
"""How a pose is laid on the truth: roots on each other (MPJPE); scaled too (N-MPJPE); turned, shifted and scaled by
least squares (PA-MPJPE)."""
Definition = Literal["standard", "reference-compatible"]
"""Of errors: that of `pose.metrics`, or of `pose.published_metrics`."""
MEASURES: dict[Alignment, str] = {"root": "MPJPE", "scale": "N-MPJPE", "procrustes": "PA-MPJPE"}
"""What papers call the error after each alignment."""

_ALL = load_skeleton("h36m17")
JOINT_SETS: dict[int, tuple[str, ...]] = {
    17: _ALL.joint_names,
    16: tuple(joint for joint in _ALL.joint_names if joint != "spine"),
    14: tuple(joint for joint in _ALL.joint_names if joint not in ("spine", "nose", "head_top")),
}
"""Joints by how many they are: Human3.6M's usual ones, those that MPII has too, and those without the head."""
_TAKEN_FOR = {16: {"nose": "upper_neck"}}
"""Joints of MPII that are taken for others where 16 count, as the published labels of 16 joints have it."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How poses of a data set are compared with its truth, and over what errors are averaged."""

    name: str
    trained_on: tuple[str, ...]
    """Subjects whose recordings a network may have learned from."""
    subjects: tuple[str, ...]
    """Subjects on whom it is tested."""
    alignment: Alignment
    joints: Literal[17, 16, 14]
    every: int
    """Only frames whose number this divides count."""
    averaging: Literal["actions", "frames"]
    """The mean over the errors of actions, or over all frames."""
    actions: tuple[str, ...]
    """In the order of the papers' columns."""
    headings: tuple[str, ...]
    """What papers write above these columns."""
    own_actions: tuple[str, ...] = ()
    """Those of the paper, where it has not all of them: their mean is given as well."""
    depth_given: bool = False
    """Whether a network's units become metres by the root's true distance from the camera, else by how large the people
    were on whom it was taught."""
    source: str

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The joints that count."""
        return JOINT_SETS[self.joints]


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """What others reported for a protocol: their number, not one that epipose found."""

    method: str
    protocols: tuple[str, ...]
    """Names of the protocols under which it was found."""
    alignment: Alignment
    definition: Definition
    """Which of our two errors is computed as theirs was."""
    average_mm: float
    actions_mm: Mapping[str, float] = field(default_factory=dict)
    source: str
    note: str = ""


def protocol_named(protocols: tuple[Protocol, ...], name: str) -> Protocol:
    """Return the protocol of a name; raises InputError that says which there are."""
    for protocol in protocols:
        if protocol.name == name:
            return protocol
    raise InputError(f"there is no protocol {name!r}; choose from {', '.join(one.name for one in protocols)}")


def joints_that_count(skeleton: Skeleton, protocol: Protocol, whose: str) -> list[str]:
    """Return what a skeleton calls the joints that count; raises InputError, naming `whose` it is, if it lacks one."""
    have, other = skeleton.joint_names, _TAKEN_FOR.get(protocol.joints, {})
    names = [other.get(joint, joint) if joint not in have else joint for joint in protocol.joint_names]
    missing = [joint for joint, name in zip(protocol.joint_names, names, strict=True) if name not in have]
    if missing:
        raise InputError(
            f"{whose}: skeleton {skeleton.name!r} lacks {', '.join(missing)}, which count under protocol"
            f" {protocol.name!r}; use one of {_ALL.name!r}, or a protocol of fewer joints"
        )
    return names


def in_protocol(poses: Poses, protocol: Protocol, whose: str) -> Poses:
    """Return poses in the joints that count; see `joints_that_count`."""
    names = joints_that_count(poses.skeleton, protocol, whose)
    taken, _ = convert_poses(poses, poses.skeleton.subset(names))
    return replace(taken, skeleton=_ALL.subset(protocol.joint_names))
