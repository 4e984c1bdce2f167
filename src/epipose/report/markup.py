"""Pieces of HTML that several parts of the report share."""

import html
from collections.abc import Iterable, Sequence


def table(header: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; `header` holds (name, unit). Everything is escaped."""
    head = "".join(f"<th>{html.escape(name)}<small>{html.escape(unit)}</small></th>" for name, unit in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='table'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
