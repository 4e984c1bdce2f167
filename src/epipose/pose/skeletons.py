"""Skeletons: named joints, the bones between them, and which joint is the mirror of which."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from epipose.errors import InputError


@dataclass(frozen=True)
class Skeleton:
    """A joint order. Every joint is known by its name; its parent and its mirror are written out."""

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[str | None, ...]
    """The parent of each joint, or None for a root; the bones are the joint-parent pairs."""
    pairs: tuple[tuple[str, str], ...]
    """(left, right) joints."""

    def __post_init__(self) -> None:
        known = set(self.joint_names)
        if len(known) != len(self.joint_names):
            raise InputError(f"skeleton {self.name!r} names a joint twice")
        if len(self.parents) != len(self.joint_names):
            raise InputError(f"skeleton {self.name!r} needs one parent for each joint")
        strange = [n for n in (*self.parents, *(n for pair in self.pairs for n in pair)) if n and n not in known]
        if strange:
            raise InputError(f"skeleton {self.name!r} mentions joints it does not have: {', '.join(strange)}")
        parent_of = dict(zip(self.joint_names, self.parents, strict=True))
        above: set[str | None] = set(known)
        for _ in self.joint_names:
            above = {parent_of[joint] for joint in above if joint is not None}
        if above - {None}:
            raise InputError(f"the parents in skeleton {self.name!r} run in a circle")

    def __len__(self) -> int:
        return len(self.joint_names)

    def index(self, joint: str) -> int:
        """Return the position of `joint`; raises InputError for a name this skeleton does not have."""
        if joint not in self.joint_names:
            raise InputError(f"skeleton {self.name!r} has no joint {joint!r}; it has {', '.join(self.joint_names)}")
        return self.joint_names.index(joint)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) joint positions, in joint order."""
        return tuple((self.index(p), j) for j, p in enumerate(self.parents) if p is not None)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """The permutation that swaps left and right: joint j of the mirrored body is joint mirror[j]."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            a, b = self.index(left), self.index(right)
            order[a], order[b] = b, a
        return tuple(order)

    def subset(self, joints: Sequence[str]) -> "Skeleton":
        """Return the skeleton of only `joints`; a joint whose parent is gone hangs on its nearest kept ancestor."""
        kept = tuple(joints)
        for joint in kept:
            self.index(joint)
        parents = []
        for joint in kept:
            parent = self.parents[self.index(joint)]
            while parent is not None and parent not in kept:
                parent = self.parents[self.index(parent)]
            parents.append(parent)
        pairs = tuple((left, right) for left, right in self.pairs if left in kept and right in kept)
        return Skeleton(self.name, kept, tuple(parents), pairs)


@cache
def load_skeleton(name: str) -> Skeleton:
    """Return a shipped skeleton by name; raises InputError when there is none of that name."""
    file = resources.files("epipose.pose.definitions") / f"{name}.toml"
    if name not in skeleton_names():
        raise InputError(f"there is no skeleton {name!r}; choose from {', '.join(skeleton_names())}")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    parents = tuple(table["joints"][joint] or None for joint in table["joints"])
    return Skeleton(name, tuple(table["joints"]), parents, tuple((a, b) for a, b in table["pairs"]))


def skeleton_names() -> list[str]:
    """Return the names of the shipped skeletons, sorted."""
    folder = resources.files("epipose.pose.definitions")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
