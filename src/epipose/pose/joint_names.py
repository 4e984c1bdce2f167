"""What the joint names of other programs mean: sides, shipped skeletons, and skeletons made for unknown names."""

import re
from collections.abc import Sequence
from functools import cache

from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}


def understand_joints(names: Sequence[str], wanted: str | None = None) -> tuple[Skeleton, tuple[int, ...]]:
    """Return a skeleton for joints called `names`, and the position in `names` of each of its joints.

    Names are compared without regard to case, separators and the way a side is written (see `plain_name`). A shipped
    skeleton is taken when `wanted` asks for it (InputError if a joint is missing) or when it has exactly these joints;
    otherwise the skeleton is made: its own order, no parents, and left/right pairs from the names.
    """
    plain = _plain_names(names)
    candidates = [wanted] if wanted else skeleton_names()
    for candidate in candidates:
        skeleton = load_skeleton(candidate)
        if wanted or set(skeleton.joint_names) == set(plain):
            missing = [joint for joint in skeleton.joint_names if joint not in plain]
            if missing:
                raise InputError(f"skeleton {wanted!r} needs joints that are not there: {', '.join(missing)}")
            return skeleton, tuple(plain.index(joint) for joint in skeleton.joint_names)
    own = tuple(p if p in _shipped_joints().values() else n for p, n in zip(plain, names, strict=True))
    pairs = tuple((own[a], own[b]) for a, b in _pairs(plain))
    return Skeleton("custom", own, (None,) * len(own), pairs), tuple(range(len(own)))


def plain_name(name: str) -> str:
    """Return `name` in lower case with underscores and its side in front: "LShoulder", "shoulder.R", "leftEar".

    A side is a first or last word "left", "right", "l" or "r", or "left" or "right" glued to the word after it.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    spaced = re.sub(r"(^|[\W_])(left|right)(?=[a-z])", r"\1\2_", spaced, flags=re.IGNORECASE)
    words = [word for word in re.split(r"[\W_]+", spaced.lower()) if word]
    for place in (0, -1):
        if len(words) > 1 and words[place] in _SIDES:
            side = _SIDES[words.pop(place)]
            return "_".join([side, *words])
    return "_".join(words)


def _plain_names(names: Sequence[str]) -> list[str]:
    """Return the plain names as shipped skeletons spell them, or the names as they are if two would coincide.

    Here "lhip" is understood too where there is an "rhip".
    """
    plain = [plain_name(name) for name in names]
    glued = {
        name for name in plain if len(name) > 3 and name[0] in "lr" and {f"l{name[1:]}", f"r{name[1:]}"} <= set(plain)
    }
    plain = [f"{_SIDES[name[0]]}_{name[1:]}" if name in glued else name for name in plain]
    plain = [_shipped_joints().get(name, name) for name in plain]
    return plain if len(set(plain)) == len(plain) and all(plain) else list(names)


def _pairs(plain: Sequence[str]) -> list[tuple[int, int]]:
    """Return the positions of (left, right) joints."""
    mirrored = {joint: re.sub(r"(?<![a-z])left(?![a-z])", "right", joint) for joint in plain}
    return [(plain.index(a), plain.index(b)) for a, b in mirrored.items() if a != b and b in plain]


@cache
def _shipped_joints() -> dict[str, str]:
    """The joints of all shipped skeletons by their plain names."""
    return {plain_name(joint): joint for name in skeleton_names() for joint in load_skeleton(name).joint_names}
