"""Poses beside the truth, as values, JSON, Markdown and lines for the terminal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from epipose.io.files import atomic_write
from epipose.pose.evaluation import PoseErrors
from epipose.report.wording import in_unit, percent, plural, rounded

FORMAT_VERSION = 1


@dataclass(frozen=True)
class StructureScore:
    """The pose structure score under some clusters."""

    clusters: int
    hash: str
    score: float
    """0 to 1."""
    poses: int


@dataclass(frozen=True)
class ReferenceErrors:
    """What the published code would print, in metres."""

    mpjpe_m: float
    n_mpjpe_m: float
    pa_mpjpe_m: float
    poses: int


@dataclass(frozen=True)
class EvaluationReport:
    """How far poses are from the truth."""

    title: str
    """The capture folder's name."""
    version: str
    """Of epipose."""
    created: datetime
    poses: str
    """Their name or file."""
    truth: str
    """What they are compared with: its name or file."""
    protocol: str
    view: str | None
    """Whose axes and clock the poses are in; None for those of the whole capture."""
    between: tuple[float, float] | None
    """The moments that count, in seconds on the poses' clock; None for all."""
    people: int
    """Who were found and are somebody in the truth."""
    true_people: int
    compared_poses: int
    """One person at one moment."""
    joint_names: tuple[str, ...]
    found_share: float
    """Share of the true joints that have a place in the poses."""
    errors: PoseErrors
    structure: tuple[StructureScore, ...] = ()
    reference: ReferenceErrors | None = None
    warnings: tuple[str, ...] = ()


def write_evaluation(folder: Path, report: EvaluationReport) -> tuple[Path, Path]:
    """Write `report` into `folder` as JSON and Markdown, and return both; raises InputError if the disk refuses."""
    name = f"{Path(report.poses).stem}_against_{Path(report.truth).stem}"
    files = folder / f"{name}.json", folder / f"{name}.md"
    texts = json.dumps(as_table(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n", as_markdown(report)
    for path, text in zip(files, texts, strict=True):
        with atomic_write(path, "w") as file:
            file.write(text)
    return files


def as_table(report: EvaluationReport) -> dict[str, Any]:
    """Return the report as values that JSON knows, units in the keys; null for what could not be measured."""
    errors, reference = report.errors, report.reference
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "epipose_version": report.version,
        "created": report.created.isoformat(timespec="seconds"),
        "poses": report.poses,
        "truth": report.truth,
        "protocol": report.protocol,
        "view": report.view,
        "between_s": None if report.between is None else list(report.between),
        "people": report.people,
        "true_people": report.true_people,
        "compared_poses": report.compared_poses,
        "joint_names": list(report.joint_names),
        "found_share": rounded(report.found_share, 4),
        "errors": {
            "mpjpe_mm": _mm(errors.mpjpe_m),
            "n_mpjpe_mm": _mm(errors.n_mpjpe_m),
            "pa_mpjpe_mm": _mm(errors.pa_mpjpe_m),
            "pck_150": rounded(errors.pck_150, 5),
            "auc": rounded(errors.auc, 5),
            "bone_length_mm": _mm(errors.bone_length_m),
            "symmetry_mm": _mm(errors.symmetry_m),
            "jitter_m_s3": rounded(errors.jitter, 3),
            "true_jitter_m_s3": rounded(errors.true_jitter, 3),
        },
        "per_joint_mm": {name: _mm(error) for name, error in errors.per_joint_m.items()},
        "structure": [
            {"clusters": s.clusters, "hash": s.hash, "score": rounded(s.score, 5), "poses": s.poses}
            for s in report.structure
        ],
        "reference_compatible": None
        if reference is None
        else {
            "mpjpe_mm": _mm(reference.mpjpe_m),
            "n_mpjpe_mm": _mm(reference.n_mpjpe_m),
            "pa_mpjpe_mm": _mm(reference.pa_mpjpe_m),
            "poses": reference.poses,
        },
        "warnings": list(report.warnings),
    }


def as_markdown(report: EvaluationReport) -> str:
    """Return the report as Markdown that is also readable as it is."""
    joints = [(name.replace("_", " "), _millimetres(error)) for name, error in report.errors.per_joint_m.items()]
    parts = [
        f"# {_plain(report.title)}: {_plain(report.poses)} against {_plain(report.truth)}",
        f"{_scope(report)}. Made {report.created:%Y-%m-%d %H:%M} by epipose {report.version}.",
        *(f"**Warning:** {_plain(warning)}." for warning in report.warnings),
        _markdown_table(("error", "value"), _rows(report)),
        _markdown_table(("joint", "mean error"), joints),
    ]
    return "\n\n".join(parts) + "\n"


def as_text(report: EvaluationReport) -> str:
    """Return the report as lines for the terminal."""
    rows = _rows(report)
    width, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{name:<{width}}  {value:>{values}}" for name, value in rows]
    hard = sorted(report.errors.per_joint_m.items(), key=lambda item: -item[1] if item[1] == item[1] else 0.0)[:3]
    worst = ", ".join(f"{name.replace('_', ' ')} {_millimetres(error)}" for name, error in hard)
    return "\n".join([_scope(report), *lines, f"hardest joints: {worst}"])


def one_line(report: EvaluationReport) -> str:
    """Return the numbers that matter most."""
    errors = report.errors
    return f"MPJPE {_millimetres(errors.mpjpe_m)}, PA-MPJPE {_millimetres(errors.pa_mpjpe_m)}"


def _rows(report: EvaluationReport) -> list[tuple[str, str]]:
    errors, reference = report.errors, report.reference
    rows = [
        ("MPJPE (roots laid on each other)", _millimetres(errors.mpjpe_m)),
        ("N-MPJPE (poses scaled too)", _millimetres(errors.n_mpjpe_m)),
        ("PA-MPJPE (poses turned and scaled too)", _millimetres(errors.pa_mpjpe_m)),
        ("PCK@150 mm", percent(errors.pck_150, 1)),
        ("AUC (0 to 150 mm)", percent(errors.auc, 1)),
        ("lengths of bones", _millimetres(errors.bone_length_m)),
        ("left against right bones", _millimetres(errors.symmetry_m)),
        (
            "jitter (the truth's)",
            f"{in_unit(errors.jitter, '')}({in_unit(errors.true_jitter, '')}) m/s³".replace(" )", ")"),
        ),
        ("true joints that were found", percent(report.found_share, 1)),
    ]
    rows += [(f"PSS@{s.clusters} (clusters {s.hash})", percent(s.score, 1)) for s in report.structure]
    if reference is not None:
        rows += [
            (f"as the published code: MPJPE (of {plural(reference.poses, 'pose')})", _millimetres(reference.mpjpe_m)),
            ("as the published code: N-MPJPE", _millimetres(reference.n_mpjpe_m)),
            ("as the published code: PA-MPJPE", _millimetres(reference.pa_mpjpe_m)),
        ]
    return rows


def _scope(report: EvaluationReport) -> str:
    """Return what was compared with what, in words."""
    parts = [
        plural(report.compared_poses, "pose"),
        f"{report.people} of {plural(report.true_people, 'person', 'people')}",
        plural(len(report.joint_names), "joint"),
        {"same-axes": "in the same axes", "own-axes": "turned into the axes of the truth as a whole"}[report.protocol],
    ]
    if report.view is not None:
        parts.append(f"as {_plain(report.view)} sees them")
    if report.between is not None:
        parts.append(f"from {report.between[0]:g} to {report.between[1]:g} s")
    return ", ".join(parts)


def _markdown_table(header: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in (0, 1)]
    lines = [f"| {name:<{widths[0]}} | {value:>{widths[1]}} |" for name, value in (header, *rows)]
    return "\n".join([lines[0], f"| {'-' * widths[0]} | {'-' * (widths[1] - 1)}: |", *lines[1:]])


def _plain(words: str) -> str:
    """Return words that the user chose so that they stay text in Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*[]<>|#" else sign for sign in words)


def _mm(metres: float) -> float | None:
    return rounded(1000 * metres, 3)


def _millimetres(metres: float) -> str:
    return in_unit(metres, "mm", 1000.0)
