"""Pieces of HTML that the pages share, and the page around them."""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from epipose.report.palette import Figure
from epipose.report.summary import Verdict

MANY_COLUMNS = 8
"""A table of more columns becomes a list of cards, one a row, on phones and on paper."""

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


def opening(
    title: str,
    subtitle: str,
    found: Verdict,
    told: Sequence[tuple[str, str, Sequence[str]]],
    tiles: Iterable[tuple[str, str, str]],
) -> str:
    """Return the top of a page: its name, the verdict, what to do about it, and tiles of (name, value, note).

    `told`: for each list its heading, name and sentences, most important first: what does not fit the first screen
    comes last. Everything is escaped.
    """
    boxes = "".join(
        f"<div class='tile'><span>{html.escape(name)}</span><strong>{html.escape(value)}</strong>"
        f"<small>{html.escape(note)}</small></div>"
        for name, value, note in tiles
    )
    lists = "".join(list_section(*one) for one in told)
    return (
        f"<header>\n<h1>{html.escape(title)}</h1>\n<div class='note'>{html.escape(subtitle)}</div>\n</header>\n"
        f"<section class='verdict {found.level}'><strong>{_LEVEL_WORDS[found.level]}.</strong>"
        f" {html.escape(found.sentence)}</section>\n<div class='told'>{lists}</div>\n<div class='tiles'>{boxes}</div>"
    )


def list_section(heading: str, name: str, sentences: Sequence[str]) -> str:
    """Return a box with a list of sentences, in which `names` are code; nothing without any. Everything is escaped."""
    if not sentences:
        return ""
    items = "".join(f"<li>{_with_code(sentence)}</li>" for sentence in sentences)
    return f"<section class='{name}'><h2>{html.escape(heading)}</h2><ul>{items}</ul></section>"


def table(header: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, whose rows are named by their first cells; `header` holds (name, unit). Everything is escaped."""
    head = "".join(
        f"<th scope='col' role='columnheader'>{html.escape(name)}<small>{html.escape(unit)}</small></th>"
        for name, unit in header
    )
    names = [" ".join(words for words in column if words) for column in header]
    body = "".join(f"<tr role='row'>{_cells(names, row)}</tr>" for row in rows)
    width = "table many" if len(header) > MANY_COLUMNS else "table"
    # As cards, rows are no longer laid out as a table; the roles keep them one for those who listen.
    return (
        f"<div class='{width}'><table role='table'>"
        f"<thead role='rowgroup'><tr role='row'>{head}</tr></thead><tbody role='rowgroup'>{body}</tbody></table></div>"
    )


def legend(lines: Iterable[tuple[str, str, str]]) -> str:
    """Return what lines mean, from (class, colour, words)."""
    said = "".join(
        "<span><svg viewBox='0 0 24 8' aria-hidden='true'>"
        f"<path class='{kind}' d='M4 4H20' style='stroke:{colour}'/></svg>"
        f"{html.escape(words)}</span>"
        for kind, colour, words in lines
    )
    return f"<div class='legend'>{said}</div>"


def _cells(names: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    return f"<th scope='row' role='rowheader'>{html.escape(first)}</th>" + "".join(
        f"<td role='cell' data-name='{html.escape(name)}'>{html.escape(cell)}</td>"
        for name, cell in zip(names[1:], others, strict=True)
    )


def _with_code(sentence: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(sentence))


def _script_json(values: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
