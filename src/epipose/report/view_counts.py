"""Errors by the number of views, as values, JSON, Markdown and lines for the terminal."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from epipose.io.files import atomic_write
from epipose.report.wording import in_unit, percent, rounded

FORMAT_VERSION = 1


@dataclass(frozen=True)
class SubsetErrors:
    """Errors of what some of the views tell; metres and radians, NaN where `failure` says why there are none."""

    views: tuple[str, ...]
    relative_m: float = float("nan")
    """MPJPE, roots laid on each other; with cameras in axes of their own, all poses are turned together first."""
    absolute_m: float = float("nan")
    """Mean distance of joints; with cameras in a world of their own, after the one motion that suits all joints."""
    found_share: float = 0.0
    """Of the true joints, how many have a place."""
    rotation_rad: float = float("nan")
    """Mean error of the relative rotations of two cameras."""
    centre_m: float = float("nan")
    """Mean distance of cameras from their places, for a world of their own once the rigs are laid on each other."""
    scale: float = float("nan")
    """By what share lengths are too long."""
    failure: str = ""


@dataclass(frozen=True)
class ViewCountReport:
    """Errors of many choices of views."""

    title: str
    """The capture folder's name."""
    version: str
    """Of epipose."""
    created: datetime
    detector: str
    """Whose keypoints were triangulated."""
    cameras: str
    """"people", "auto" or a camera file."""
    own_world: bool
    """Whether epipose found the cameras, in a world of their own."""
    views: tuple[str, ...]
    possible: Mapping[int, int]
    """By number of views, how many choices there are."""
    subsets: tuple[SubsetErrors, ...]

    def of(self, count: int) -> tuple[SubsetErrors, ...]:
        """Return those of a number of views that could be used."""
        return tuple(one for one in self.tried(count) if not one.failure)

    def tried(self, count: int) -> tuple[SubsetErrors, ...]:
        """Return all of a number of views that were tried."""
        return tuple(one for one in self.subsets if len(one.views) == count)


def write_view_counts(folder: Path, report: ViewCountReport) -> tuple[Path, Path]:
    """Write by-views_<detector>_<cameras>.json and .md into `folder` and return both."""
    stem = f"by-views_{report.detector}_{Path(report.cameras).stem}"
    files = folder / f"{stem}.json", folder / f"{stem}.md"
    texts = json.dumps(as_table(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n", as_markdown(report)
    for path, text in zip(files, texts, strict=True):
        with atomic_write(path, "w") as file:
            file.write(text)
    return files


def as_table(report: ViewCountReport) -> dict[str, Any]:
    """Return the report as values that JSON knows, units in the keys; null for what could not be measured."""
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "epipose_version": report.version,
        "created": report.created.isoformat(timespec="seconds"),
        "detector": report.detector,
        "cameras": report.cameras,
        "own_world": report.own_world,
        "views": list(report.views),
        "by_count": [
            {
                "views": count,
                "possible": possible,
                "tried": len(report.tried(count)),
                "failed": len(report.tried(count)) - len(report.of(count)),
                "mean": {key: _mean(report.of(count), value) for key, value in _VALUES.items()},
                "worst": {key: _worst(report.of(count), value) for key, value in _VALUES.items()},
            }
            for count, possible in report.possible.items()
        ],
        "subsets": [
            {"views": list(one.views), **{key: value(one) for key, value in _VALUES.items()},
             "failure": one.failure or None}
            for one in report.subsets
        ],
    }  # fmt: skip


def as_markdown(report: ViewCountReport) -> str:
    """Return the report as Markdown that is also readable as it is."""
    parts = [
        f"# {report.title}: errors by the number of views",
        f"{_scope(report)} Made {report.created:%Y-%m-%d %H:%M} by epipose {report.version}.",
        _table(report),
    ]
    failed = [f"- {', '.join(one.views)}: {one.failure}" for one in report.subsets if one.failure]
    if failed:
        parts.append("Choices that could not be used:\n\n" + "\n".join(failed))
    return "\n\n".join(parts) + "\n"


def as_text(report: ViewCountReport) -> str:
    """Return the report as lines for the terminal."""
    return f"{_scope(report)}\n\n{_table(report)}"


def one_line(report: ViewCountReport) -> str:
    """Return the numbers that matter most."""
    shown = [count for count in report.possible if report.of(count)]
    told = [f"{count} views {_length([one.relative_m for one in report.of(count)])}" for count in shown]
    return f"MPJPE with {', '.join(told)}"


_VALUES: dict[str, Callable[[SubsetErrors], float | None]] = {
    "relative_mpjpe_mm": lambda one: rounded(1000 * one.relative_m, 3),
    "absolute_mpjpe_mm": lambda one: rounded(1000 * one.absolute_m, 3),
    "found_share": lambda one: rounded(one.found_share, 4),
    "camera_rotation_deg": lambda one: rounded(np.rad2deg(one.rotation_rad), 4),
    "camera_centre_mm": lambda one: rounded(1000 * one.centre_m, 2),
    "scale_error": lambda one: rounded(one.scale, 5),
}


def _mean(subsets: Sequence[SubsetErrors], value: Callable[[SubsetErrors], float | None]) -> float | None:
    known = [number for number in map(value, subsets) if number is not None]
    return rounded(float(np.mean(known)), 5) if known else None


def _worst(subsets: Sequence[SubsetErrors], value: Callable[[SubsetErrors], float | None]) -> float | None:
    known = [number for number in map(value, subsets) if number is not None]
    if value is _VALUES["found_share"]:
        return min(known, default=None)
    return max(known, key=abs, default=None)


def _table(report: ViewCountReport) -> str:
    header = ["views", "choices", "MPJPE (worst)", "absolute (worst)", "joints found"]
    header += ["rotation", "centres", "scale"] if report.own_world else []
    rows = []
    for count, possible in report.possible.items():
        usable = report.of(count)
        choices = f"{len(usable)} of {possible}"
        row = [str(count), choices, _spread([one.relative_m for one in usable])]
        row += [_spread([one.absolute_m for one in usable])]
        row += [percent(float(np.mean([one.found_share for one in usable])), 1) if usable else "-"]
        if report.own_world:
            row.append(in_unit(_average([one.rotation_rad for one in usable]), "deg", 180 / np.pi, 2))
            row.append(_length([one.centre_m for one in usable]))
            row.append(percent(_average([abs(one.scale) for one in usable]), 1))
        rows.append(row)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [" | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    ruled = " | ".join(f"{'-' * (width - 1)}:" for width in widths)
    return "\n".join(f"| {line} |" for line in (lines[0], ruled, *lines[1:]))


def _scope(report: ViewCountReport) -> str:
    world = {
        False: "cameras known, errors in their world",
        True: "cameras that epipose found: poses are turned as a whole for MPJPE, moved as a whole for absolute errors",
    }[report.own_world]
    return f"Keypoints of {report.detector}; {world}. Means over choices of views, and the worst of them."


def _average(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _length(metres: Sequence[float]) -> str:
    return in_unit(_average(metres), "mm", 1000.0)


def _spread(metres: Sequence[float]) -> str:
    return f"{_length(metres)} ({1000 * max(metres):.1f})" if metres else "-"
