"""Names of views: their natural order, and which name in one place means which name in another."""

import re
from collections.abc import Callable, Iterable, Sequence

from epipose.errors import InputError


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts cam_2 before cam_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"(\d{1,18})", name)]


def match_names(views: Sequence[str], others: Sequence[str], *, what: str) -> dict[str, str]:
    """Return for every view its name among `others`, which may hold more; raises InputError when one has none.

    Tried in turn, for all views at once and only if no doubt is left: the same name; the same words and numbers
    (cam01, Cam_1); one name inside the other (cam1, int_cam1_img; vid7-camA, A); the one number in which the names
    differ (camera_2, c2). `what` says, for the error, what the others are: "cameras of calib.toml".
    """
    for rule in (_same, _same_words, _inside, _same_number(views, others)):
        found = {view: [other for other in others if rule(view, other)] for view in views}
        taken = [other for matches in found.values() for other in matches]
        if all(len(matches) == 1 for matches in found.values()) and len(set(taken)) == len(views):
            return {view: matches[0] for view, matches in found.items()}
    raise InputError(
        f"the views ({', '.join(views)}) cannot be told apart among the {what} ({', '.join(others) or 'none'}); "
        "give them the same names"
    )


def closest_view(name: str, views: Iterable[str]) -> str | None:
    """Return the one view that `name` of a file speaks of, or None when it could be none or several."""
    known = list(views)
    for rule in (_same, _same_words, _inside):
        found = [view for view in known if rule(view, name)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _same(a: str, b: str) -> bool:
    return a == b


def _same_words(a: str, b: str) -> bool:
    return _words(a) == _words(b)


def _inside(a: str, b: str) -> bool:
    short, long = sorted((_words(a), _words(b)), key=len)
    return any(long[i : i + len(short)] == short for i in range(len(long) - len(short) + 1))


def _same_number(views: Sequence[str], others: Sequence[str]) -> Callable[[str, str], bool]:
    numbers, other_numbers = _telling_numbers(views), _telling_numbers(others)
    return lambda view, other: view in numbers and numbers[view] == other_numbers.get(other)


def _telling_numbers(names: Sequence[str]) -> dict[str, str]:
    """Return the number of each name if the names differ in one number only, otherwise nothing."""
    words = [_words(name) for name in names]
    if len({len(parts) for parts in words}) != 1:
        return {}
    differing = [column for column in zip(*words, strict=True) if len(set(column)) > 1]
    if len(differing) != 1 or not all(part.isdecimal() for part in differing[0]):
        return {}
    return dict(zip(names, differing[0], strict=True))


def _words(name: str) -> list[str]:
    """Split at punctuation, between letters and digits and at capitals: vid07-camA is vid, 7, cam, a."""
    parts = re.findall(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+", name)
    return [part.lstrip("0") or "0" if part.isdecimal() else part.casefold() for part in parts]
