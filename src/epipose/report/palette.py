"""Colours and labels that all figures share: told apart with any colour vision, on light and on dark paper."""

import html
from typing import Any

from epipose.pose.skeletons import Skeleton

Figure = dict[str, Any]
"""A plotly figure as plain values (`data`, `layout`); the page's script adds the colours of its paper."""

LEFT, RIGHT, MIDDLE = "#3898e4", "#d05010", "#7d828b"
"""Sides of the body: left is lighter than right, for those who see, or print, no colours."""
PALE = "#bcc2cb"
"""MIDDLE on photographs, which are often grey themselves."""
SWAPPED = "rgba(208, 80, 16, 0.30)"
FLOOR = "#80858d"

_VIEWS = (LEFT, RIGHT, "#2c9f78", "#b565a7", "#b08a1e", "#6c78d1", "#c4526a", "#5a8f3a")


def view_colour(view: int) -> str:
    """Return the colour of view number `view`; they repeat after eight."""
    return _VIEWS[view % len(_VIEWS)]


def side_colours(skeleton: Skeleton) -> dict[str, str]:
    """Return the colours of the joints that have a side; all others are MIDDLE."""
    return {left: LEFT for left, _ in skeleton.pairs} | {right: RIGHT for _, right in skeleton.pairs}


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the three numbers (0 to 255) of a colour such as LEFT."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def label(name: str) -> str:
    """Return a name made by the user for use in plotly's texts, which otherwise read it as markup."""
    return html.escape(name, quote=False)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with a title that never leaves the figure."""
    return {"title": {"text": title}, "automargin": True, **more}
