"""Errors of a data set under a protocol, as values, JSON, Markdown and lines for the terminal."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from epipose.io.files import atomic_write
from epipose.io.pictures import write_png
from epipose.pose.protocol_scores import ProtocolScores, Scores
from epipose.pose.protocols import MEASURES, Alignment, Definition, Protocol, PublishedRow
from epipose.report.action_chart import Bars, Mark, action_chart
from epipose.report.wording import percent, plural, rounded

FORMAT_VERSION = 1
DEFINITIONS: tuple[Definition, ...] = ("standard", "reference-compatible")
NOTHING = "-"
"""Where there is no number."""


@dataclass(frozen=True)
class ProtocolReport:
    """How far poses are from the truth of a data set, by action."""

    title: str
    """Of the folder that holds the captures."""
    version: str
    """Of epipose."""
    created: datetime
    dataset: str
    protocol: Protocol
    evaluated: str
    """The model or the poses, by name."""
    how: str
    """What the poses come from, in words."""
    captures: tuple[str, ...]
    asked_poses: int
    """That the protocol counts: one person at one moment in one view, or in all together."""
    scores: ProtocolScores
    clusters: dict[str, int]
    """By hash, how many there are."""
    published: tuple[PublishedRow, ...]
    """What others reported under the same protocol."""
    notes: tuple[str, ...]
    """What was left out or is missing, one sentence each."""

    @property
    def compared_poses(self) -> int:
        """How many poses count."""
        return sum(scores.poses for scores in self.scores.by_action.values())

    @property
    def whole_poses(self) -> int:
        """How many of them have every joint."""
        return sum(scores.whole_poses for scores in self.scores.by_action.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes, and how much is missing of what the protocol counts."""
        lost = self.asked_poses - self.compared_poses
        missing = f"{plural(lost, 'pose')} of {self.asked_poses} were not found, which the errors do not tell of"
        partly = self.compared_poses - self.whole_poses
        parts = f"{plural(partly, 'pose')} lack joints; reference-compatible errors are those of the others"
        return *self.notes, *([missing] if lost else []), *([parts] if partly else [])


def write_protocol_report(folder: Path, report: ProtocolReport) -> tuple[Path, ...]:
    """Write JSON, Markdown and a picture into `folder`, and return the files."""
    stem = f"{Path(report.evaluated).name}_on_{report.dataset}_{report.protocol.name}"
    texts = {
        folder / f"{stem}.json": json.dumps(as_table(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        folder / f"{stem}.md": as_markdown(report, f"{stem}.png"),
    }
    for path, text in texts.items():
        with atomic_write(path, "w") as file:
            file.write(text)
    picture = folder / f"{stem}.png"
    write_png(picture, as_picture(report))
    return *texts, picture


def as_table(report: ProtocolReport) -> dict[str, Any]:
    """Return the report as values that JSON knows, units in the keys; null for what could not be measured."""
    scores = report.scores
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "epipose_version": report.version,
        "created": report.created.isoformat(timespec="seconds"),
        "dataset": report.dataset,
        "protocol": _fixed(report.protocol),
        "evaluated": report.evaluated,
        "how": report.how,
        "captures": list(report.captures),
        "asked_poses": report.asked_poses,
        "compared_poses": report.compared_poses,
        "whole_poses": report.whole_poses,
        **{
            definition.replace("-", "_"): {
                f"{measure.lower().replace('-', '_')}_mm": _by_action(
                    scores,
                    lambda one, d=definition, a=alignment: _mm(one.errors[d][a]),  # type: ignore[misc]
                )
                for alignment, measure in MEASURES.items()
            }
            for definition in DEFINITIONS
        },
        "structure": [
            {
                "clusters": count,
                "hash": name,
                **_by_action(scores, lambda one, n=name: rounded(one.structure[n], 5)),  # type: ignore[misc]
            }
            for name, count in report.clusters.items()
        ],
        "published": [
            {
                "method": row.method,
                "measure": MEASURES[row.alignment],
                "definition": row.definition,
                "average_mm": row.average_mm,
                "actions_mm": dict(row.actions_mm),
                "source": row.source,
                "note": row.note,
            }
            for row in report.published
        ],
        "warnings": list(report.warnings),
    }


def _fixed(protocol: Protocol) -> dict[str, Any]:
    """Return all that a protocol fixes."""
    return {
        "name": protocol.name,
        "trained_on": list(protocol.trained_on),
        "subjects": list(protocol.subjects),
        "alignment": protocol.alignment,
        "joints": protocol.joints,
        "joint_names": list(protocol.joint_names),
        "every": protocol.every,
        "averaging": protocol.averaging,
        "actions": list(protocol.actions),
        "own_actions": list(protocol.own_actions),
        "depth_given": protocol.depth_given,
        "source": protocol.source,
    }


def _by_action(scores: ProtocolScores, value: Callable[[Scores], float | None]) -> dict[str, Any]:
    own = scores.own_average
    return {
        "actions": {action: value(one) for action, one in scores.by_action.items()},
        "average": value(scores.average),
        **({} if own is None else {"own_average": value(own)}),
    }


def as_markdown(report: ProtocolReport, picture: str) -> str:
    """Return the report as Markdown that is also readable as it is; `picture` is the file that it shows."""
    parts = [
        f"# {report.evaluated} on {report.dataset}, protocol {report.protocol.name}",
        f"{_scope(report)}. Made {report.created:%Y-%m-%d %H:%M} by epipose {report.version}.",
        *(f"**Note:** {warning}." for warning in report.warnings),
        _table(report),
        f"![Errors by action]({picture})",
        "Lengths are mm. `reference-compatible` errors are computed as by the published code of EpipolarPose, which"
        " counts the root, whose error is 0.",
    ]
    if report.published:
        rows = [f"- {row.method}: {row.source}{'; ' + row.note if row.note else ''}" for row in report.published]
        parts.append("`published` numbers are their authors', not found by epipose:\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def as_text(report: ProtocolReport) -> str:
    """Return the report as lines for the terminal: actions downwards, for want of width."""
    header, rows = _cells(report)
    measure = MEASURES[report.protocol.alignment]
    kept = [row for row in rows if row[0].split(",")[0] == measure or row[0].startswith(("published", "PSS"))]
    names = [row[0] for row in kept]
    lines = [_scope(report), "", *(f"[{number}] {name}" for number, name in enumerate(names, start=1)), ""]
    width = max(len(heading) for heading in header)
    lines.append(" " * width + "".join(f"{f'[{number}]':>8}" for number in range(1, len(kept) + 1)))
    for column, heading in enumerate(header[1:], start=1):
        lines.append(f"{heading:<{width}}" + "".join(f"{row[column]:>8}" for row in kept))
    return "\n".join(lines)


def one_line(report: ProtocolReport) -> str:
    """Return the numbers that matter most."""
    measure, errors = MEASURES[report.protocol.alignment], report.scores.average.errors
    ours, theirs = (_tenth(1000 * errors[definition][report.protocol.alignment]) for definition in DEFINITIONS)
    return f"{measure} {ours} mm, reference-compatible {theirs} mm"


def as_picture(report: ProtocolReport) -> Any:
    """Return the errors by action as bars (height, width, 3), with what was published beside them."""
    protocol, columns = report.protocol, _columns(report)
    measure = MEASURES[protocol.alignment]
    series = [
        Bars(
            f"{report.evaluated}, {definition}",
            tuple(None if one is None else 1000 * one.errors[definition][protocol.alignment] for _, one in columns),
        )
        for definition in DEFINITIONS
    ]
    marks = [
        Mark(f"published: {row.method}", _published_values(report, row))
        for row in report.published
        if row.alignment == protocol.alignment
    ]
    title = f"{report.evaluated} on {report.dataset}, protocol {protocol.name}: {measure} (mm)"
    return action_chart(title, [heading for heading, _ in columns], series, marks)


def _columns(report: ProtocolReport) -> list[tuple[str, Scores | None]]:
    """Return what stands above each column, and its scores."""
    protocol, scores = report.protocol, report.scores
    columns = [
        (heading, scores.by_action.get(action))
        for action, heading in zip(protocol.actions, protocol.headings, strict=True)
    ]
    columns.append(("Avg", scores.average))
    if protocol.own_actions:
        columns.append((f"Avg of {len(protocol.own_actions)}", scores.own_average))
    return columns


def _published_values(report: ProtocolReport, row: PublishedRow) -> tuple[float | None, ...]:
    """Return a published row by column; its average is over the actions that its paper has."""
    protocol = report.protocol
    averages = [None, row.average_mm] if protocol.own_actions else [row.average_mm]
    return *(row.actions_mm.get(action) for action in protocol.actions), *averages


def _cells(report: ProtocolReport) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table: first what the protocol is about."""
    columns = _columns(report)
    first = report.protocol.alignment
    order: list[Alignment] = [first, *(one for one in MEASURES if one != first)]
    rows = []
    for alignment in order:
        for definition in DEFINITIONS:
            words = MEASURES[alignment] + ("" if definition == "standard" else ", reference-compatible")
            values = [None if one is None else 1000 * one.errors[definition][alignment] for _, one in columns]
            rows.append([words, *map(_tenth, values)])
        for row in report.published:
            if row.alignment == alignment:
                words = f"published: {row.method} ({MEASURES[alignment]}, {row.definition})"
                rows.append([words, *map(_tenth, _published_values(report, row))])
    for name, count in report.clusters.items():
        shares = [NOTHING if one is None else percent(one.structure[name], 1) for _, one in columns]
        rows.append([f"PSS@{count} (clusters {name})", *shares])
    poses = [NOTHING if one is None else str(one.poses) for _, one in columns]
    return ["", *(heading for heading, _ in columns)], [*rows, ["poses", *poses]]


def _table(report: ProtocolReport) -> str:
    header, rows = _cells(report)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {first.strip():<{widths[0]}} | {' | '.join(rest)} |"

    ruled = [f"{'-' * (width - 1)}:" for width in widths[1:]]
    return "\n".join([line(header), f"| {'-' * widths[0]} | {' | '.join(ruled)} |", *map(line, rows)])


def _scope(report: ProtocolReport) -> str:
    """Return what was compared with what, in words."""
    protocol = report.protocol
    counted = {"root": "roots laid on each other", "scale": "roots laid on each other and scaled",
               "procrustes": "turned, shifted and scaled onto the truth"}  # fmt: skip
    frames = "every frame" if protocol.every == 1 else f"every {protocol.every}th frame"
    return ", ".join(
        [
            f"{plural(len(report.captures), 'take')} of {' and '.join(protocol.subjects)}"
            f" (taught on {', '.join(protocol.trained_on)})",
            frames,
            plural(protocol.joints, "joint"),
            counted[protocol.alignment],
            f"mean over {protocol.averaging}",
            f"{report.compared_poses} of {plural(report.asked_poses, 'pose')}; {report.how}",
        ]
    )


def _mm(metres: float) -> float | None:
    return rounded(1000 * metres, 3)


def _tenth(millimetres: float | None) -> str:
    number = rounded(millimetres, 1)
    return NOTHING if number is None else f"{number:.1f}"
