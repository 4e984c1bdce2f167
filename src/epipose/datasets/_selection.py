"""Which parts of a data set are wanted."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from epipose.errors import InputError
from epipose.io.view_names import natural_key


def asked(wishes: Sequence[str], known: Iterable[str], what: str, root: Path) -> set[str]:
    """Return those `known` names that are wished for, in upper or lower case; all of them without a wish.

    Raises InputError, with what there is, for any other; `what` says what the names are of: "subject".
    """
    there = {name.lower(): name for name in known}
    for wish in wishes:
        if wish.lower() not in there:
            have = ", ".join(sorted(there.values(), key=natural_key))
            raise InputError(f"{root} holds nothing of {what} {wish}; it has {have}")
    return {there[wish.lower()] for wish in wishes} or set(there.values())


def check_root(root: Path, dataset: str) -> None:
    """Raise InputError when there is no folder `root`."""
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; name the folder that holds {dataset} with --root")
