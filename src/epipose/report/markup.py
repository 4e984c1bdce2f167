"""Pieces of HTML that the pages share, and the page around them."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from epipose.report.palette import Figure
from epipose.report.summary import Verdict

_LEVEL_WORDS = {"good": "Good", "fair": "Fair", "poor": "Poor"}


def whole_page(title: str, body: str, figures: Mapping[str, Figure], *, script: str = "") -> str:
    """Return a page that opens offline, with plotly inside, which draws each figure in the element of its id.

    `body` is HTML; `script` is the name of a program of this folder that runs once the figures are drawn.
    """
    from plotly.offline import get_plotlyjs

    return Template(part("page.html")).substitute(
        title=html.escape(title),
        style=part("page.css"),
        body=body,
        figures=_script_json(figures),
        plotly=get_plotlyjs(),
        drawing=part("figures.js"),
        script=f"<script>\n{part(script)}</script>\n" if script else "",
    )


def part(name: str) -> str:
    """Return the text of a file of this folder."""
    return resources.files("epipose.report").joinpath(name).read_text(encoding="utf-8")


def opening(title: str, subtitle: str, found: Verdict, tiles: Iterable[tuple[str, str, str]]) -> str:
    """Return the top of a page: its name, the verdict, and tiles of (name, value, note). Everything is escaped."""
    boxes = "".join(
        f"<div class='tile'><span>{html.escape(name)}</span><strong>{html.escape(value)}</strong>"
        f"<small>{html.escape(note)}</small></div>"
        for name, value, note in tiles
    )
    return (
        f"<header>\n<h1>{html.escape(title)}</h1>\n<div class='note'>{html.escape(subtitle)}</div>\n</header>\n"
        f"<section class='verdict {found.level}'><strong>{_LEVEL_WORDS[found.level]}.</strong>"
        f" {html.escape(found.sentence)}</section>\n<div class='tiles'>{boxes}</div>"
    )


def list_section(heading: str, name: str, sentences: Sequence[str]) -> str:
    """Return a box with a list of sentences, which are escaped; nothing without any."""
    if not sentences:
        return ""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<section class='{name}'><h2>{html.escape(heading)}</h2><ul>{items}</ul></section>"


def table(header: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; `header` holds (name, unit). Everything is escaped."""
    head = "".join(f"<th>{html.escape(name)}<small>{html.escape(unit)}</small></th>" for name, unit in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='table'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _script_json(values: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
