"""BVH (Biovision hierarchy) for Blender and other animation programs: metres, Y up, ZXY degrees, one person a file.

Blender's importer expects exactly this with its defaults (scale 1, forward -Z, up Y). The rest pose is a T-pose that
faces +Z, with every bone at its median length. Each bone then points where it was seen, exactly; only changes of bone
length are lost. Where a joint has several children, it turns as their best common rotation, and a joint of no length
before each child (`<joint>_to_<child>`) makes up the rest. Twist about a bone is not seen: it follows the parent.
Gaps hold the last posture. BVH has no times, only a steady rate: the first frame is at 0.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.exporters import Exporter, _bvh_reader
from epipose.exporters._bvh_body import Body, animated_body
from epipose.exporters._common import at_even_times, each_person, one_word, y_up
from epipose.geometry.rotations import nearest_rotation, rotation_onto
from epipose.io.files import atomic_write
from epipose.pose.keypoints import Poses

# How strongly a joint with several children follows its parent where they leave its rotation open.
_FOLLOW = 1e-3
_END_SITE = 0.25


class BvhExporter(Exporter):
    """Directions of bones to a millionth of a degree; the stated precision is for bones that keep their lengths."""

    suffix = ".bvh"
    precision_m = 1e-5
    keeps: ClassVar[frozenset[str]] = frozenset()

    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write one file for each person, without joints that were never seen."""
        files = list(each_person(path, poses))
        for name, person in files:
            even, rate = at_even_times(person, self.suffix)
            if not np.any(even.weight > 0):
                raise InputError(f"could not write {name}: this person was never seen; leave the person out")
            nodes = _nodes(animated_body(even))
            with atomic_write(name, "w") as file:
                file.write("\n".join([*_hierarchy(nodes, 0, ""), *_motion(nodes, rate), ""]))
        return [name for name, _ in files]

    def read(self, path: Path) -> Poses:
        """Read any BVH file by forward kinematics, in metres as they stand; joints of no length are left out."""
        return _bvh_reader.read(path)


@dataclass(frozen=True, eq=False)
class _Node:
    """One JOINT of the file: where it sits in its parent, and how it turns."""

    name: str
    parent: int | None
    offset: Float[ndarray, "3"]
    rotation: Float[ndarray, "frames 3 3"]
    """world_from_node."""
    position: Float[ndarray, "frames 3"]
    """Only the root's is written."""


def _nodes(body: Body) -> list[_Node]:
    """Return the file's joints, each after its parent."""
    nodes: list[_Node] = []
    for joint in range(len(body.names)):
        _add(nodes, body, joint)
    return nodes


def _add(nodes: list[_Node], body: Body, joint: int) -> None:
    """Append `joint`, turned to fit its bones, and a joint of no length before each child when there are several."""
    position = y_up(body.positions[:, joint])
    parent, inherited = _parent_node(nodes, body, joint)
    children = [child for child, above in enumerate(body.parents) if above == joint]
    rest = [body.rest_directions[child] for child in children]
    seen = [y_up(body.directions[:, child]) for child in children]
    offset = np.zeros(3) if parent is None else body.rest_directions[joint] * body.lengths[joint]
    rotation = _common_rotation(rest, seen, inherited) if len(children) > 1 else inherited
    if len(children) == 1:
        rotation = _turned(inherited, rest[0], seen[0])
    nodes.append(_Node(one_word(body.names[joint]), parent, offset, rotation, position))
    own = len(nodes) - 1
    for child, direction, now in zip(children, rest, seen, strict=True):
        if len(children) > 1:
            name = f"{one_word(body.names[joint])}_to_{one_word(body.names[child])}"
            nodes.append(_Node(name, own, np.zeros(3), _turned(rotation, direction, now), position))


def _parent_node(nodes: list[_Node], body: Body, joint: int) -> tuple[int | None, Float[ndarray, "frames 3 3"]]:
    above = body.parents[joint]
    if above is None:
        return None, np.broadcast_to(np.eye(3), (len(body.positions), 3, 3))
    names = [node.name for node in nodes]
    helper = f"{one_word(body.names[above])}_to_{one_word(body.names[joint])}"
    index = names.index(helper) if helper in names else names.index(one_word(body.names[above]))
    return index, nodes[index].rotation


def _turned(
    rotation: Float[ndarray, "frames 3 3"], rest: Float[ndarray, "3"], direction: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3 3"]:
    """Return `rotation` followed by the smallest turn that carries the bone `rest` onto `direction`."""
    return np.asarray(rotation_onto(rotation @ rest, direction) @ rotation)


def _common_rotation(
    rest: list[Float[ndarray, "3"]], seen: list[Float[ndarray, "frames 3"]], inherited: Float[ndarray, "frames 3 3"]
) -> Float[ndarray, "frames 3 3"]:
    fit = sum((now[:, :, None] * before for before, now in zip(rest, seen, strict=True)), _FOLLOW * inherited)
    return nearest_rotation(np.asarray(fit))


def _hierarchy(nodes: list[_Node], index: int, indent: str) -> list[str]:
    node = nodes[index]
    children = [child for child, other in enumerate(nodes) if other.parent == index]
    place = "" if node.parent is not None else "Xposition Yposition Zposition "
    lines = [
        f"{'JOINT' if indent else 'ROOT'} {node.name}",
        "{",
        f"\tOFFSET {_numbers(node.offset)}",
        f"\tCHANNELS {6 if place else 3} {place}Zrotation Xrotation Yrotation",
    ]
    for child in children:
        lines += _hierarchy(nodes, child, "\t")
    if not children:
        lines += ["\tEnd Site", "\t{", f"\t\tOFFSET {_numbers(_END_SITE * node.offset)}", "\t}"]
    lines.append("}")
    return ["HIERARCHY", *lines] if not indent else ["\t" + line for line in lines]


def _motion(nodes: list[_Node], rate: float) -> list[str]:
    """Return the MOTION part; its channels follow the order of the hierarchy, which is depth first."""
    columns = [nodes[0].position]
    for index in _depth_first(nodes, 0):
        node = nodes[index]
        above = nodes[node.parent].rotation if node.parent is not None else np.eye(3)
        columns.append(_zxy_degrees(np.swapaxes(above, -1, -2) @ node.rotation))
    table = np.concatenate(columns, axis=1)
    return [
        "MOTION",
        f"Frames: {len(table)}",
        f"Frame Time: {1 / rate:.10g}",
        *(" ".join(f"{number:.6f}" for number in row) for row in table.tolist()),
    ]


def _depth_first(nodes: list[_Node], index: int) -> list[int]:
    below = [child for child, node in enumerate(nodes) if node.parent == index]
    return [index, *(each for child in below for each in _depth_first(nodes, child))]


def _zxy_degrees(rotation: Float[ndarray, "frames 3 3"]) -> Float[ndarray, "frames 3"]:
    """Return angles of rotation = Z X Y in degrees, without jumps of 360 between frames."""
    x = np.arcsin(np.clip(rotation[:, 2, 1], -1, 1))
    # Near the poles of X only the sum of Z and Y is known: Y is set to 0.
    free = np.cos(x) < 1e-6
    z = np.arctan2(
        np.where(free, rotation[:, 1, 0], -rotation[:, 0, 1]), np.where(free, rotation[:, 0, 0], rotation[:, 1, 1])
    )
    y = np.where(free, 0, np.arctan2(-rotation[:, 2, 0], rotation[:, 2, 2]))
    return np.degrees(np.unwrap(np.stack([z, x, y], axis=1), axis=0))


def _numbers(vector: Float[ndarray, "3"]) -> str:
    return " ".join(f"{number:.6f}" for number in vector.tolist())


PLUGIN = BvhExporter()
