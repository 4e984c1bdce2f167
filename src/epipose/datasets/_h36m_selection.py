"""Which takes of Human3.6M are wanted, and what is said of those that are not."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from epipose.datasets import Wanted
from epipose.datasets._h36m_facts import ACTIONS, DAMAGED, Take, action_named, missing_view
from epipose.errors import InputError
from epipose.geometry.cameras import Camera


def chosen(takes: Iterable[Take], wanted: Wanted, root: Path) -> tuple[list[Take], list[str]]:
    """Return the takes that are wanted, in order, and a sentence for each that was left out as damaged.

    Raises InputError for a subject or an action that is asked for but not there.
    """
    there = sorted(takes, key=lambda take: (_number(take.subject), take.action, take.number or 0, take.file))
    subjects = asked_subjects(wanted, {take.subject for take in there}, root)
    actions = _asked_actions(wanted, there, root)
    picked = [take for take in there if take.subject in subjects and take.action in actions]
    kept, notes = [], []
    for take in picked:
        reason = None if wanted.damaged else damage(take)
        if reason is None:
            kept.append(take)
        else:
            notes.append(reason)
    if not kept:
        raise InputError(f"nothing of {root} is left to prepare; ask for other subjects or actions, or for --damaged")
    return kept, notes


def asked_subjects(wanted: Wanted, known: set[str], root: Path) -> set[str]:
    """Return the subjects that are wanted, all that are `known` without a wish; raises InputError for any other."""
    asked = {subject.upper() if subject.upper().startswith("S") else f"S{subject}" for subject in wanted.subjects}
    if missing := sorted(asked - known):
        have = ", ".join(sorted(known, key=_number))
        raise InputError(f"{root} holds nothing of subject {missing[0]}; it has {have}")
    return asked or known


def _number(subject: str) -> int:
    return int(subject[1:])


def filmed_by(take: Take, rig: Mapping[str, Camera]) -> tuple[dict[str, Camera], list[str]]:
    """Return the cameras of a rig whose pictures of a take were released, and a sentence if one is missing."""
    missing = missing_view(take)
    if missing not in rig:
        return dict(rig), []
    cameras = {view: camera for view, camera in rig.items() if view != missing}
    return cameras, [f"{take.name} has no camera {missing}: its video is not part of the release"]


def _asked_actions(wanted: Wanted, there: list[Take], root: Path) -> set[str]:
    known = {take.action for take in there}
    asked = set()
    for name in wanted.actions:
        action = action_named(name)
        if action is None:
            raise InputError(f"there is no action {name!r}; choose from {', '.join(ACTIONS)}")
        if action not in known:
            raise InputError(f"{root} holds nothing of action {action}; it has {', '.join(sorted(known))}")
        asked.add(action)
    return asked or known


def damage(take: Take) -> str | None:
    """Return why a take is left out; None for one that is sound."""
    if any((take.subject, take.action, take.number) == (bad.subject, bad.action, bad.number) for bad in DAMAGED):
        return f"{take.name} was left out: its poses drift away from the pictures"
    twins = [bad for bad in DAMAGED if (take.subject, take.action) == (bad.subject, bad.action)]
    if take.number is None and twins:
        return (
            f"{take.name} was left out: it may be {twins[0].name}, whose poses drift away from the pictures; put"
            " metadata.xml of the release beside it to tell which take is which"
        )
    return None
