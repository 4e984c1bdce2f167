"""`learning.json`: the report on learning for scripts. Keys carry their units; `null` means not known.

Keys are only ever added under one `format_version`. Described key by key in `docs/report.md`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from epipose.io.files import atomic_write
from epipose.report.learning.contents import CurvePoint, LearningReport, Shown
from epipose.report.learning.summary import advice, verdict
from epipose.report.wording import rounded

FORMAT_VERSION = 1


def write_learning_json(path: Path, report: LearningReport) -> None:
    """Write `report` to `path`; raises InputError when the disk refuses."""
    text = json.dumps(as_table(report), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, "w") as file:
        file.write(text + "\n")


def as_table(report: LearningReport) -> dict[str, Any]:
    """Return what `learning.json` holds, as values that JSON knows."""
    found, labels = verdict(report), report.labels
    return {
        "format_version": FORMAT_VERSION,
        "name": report.name,
        "recipe": report.recipe,
        "model": report.model,
        "file": str(report.file),
        "epipose_version": report.version,
        "created": report.created.isoformat(timespec="seconds"),
        "sources": [str(source) for source in report.sources],
        "hold_out": report.hold_out,
        "truth": report.truth,
        "learned_examples": report.learned_examples,
        "held_out_examples": report.held_out_examples,
        "seconds": rounded(report.seconds, 1),
        "skeleton": {"name": report.skeleton.name, "joint_names": list(report.skeleton.joint_names)},
        "verdict": {"level": found.level, "sentence": found.sentence},
        "advice": list(advice(report)),
        "errors": _numbers(report.errors),
        "per_joint_mm": _numbers(report.per_joint_mm),
        "labels": None
        if labels is None
        else {
            "kept_share": rounded(labels.kept, 4),
            "dropped_by_shape_share": rounded(labels.dropped_by_shape, 4),
            "dropped_by_views_share": rounded(labels.dropped_by_views, 4),
        },
        "curve": [_point(point) for point in report.curve],
        "best": [_shown(shown) for shown in report.best],
        "worst": [_shown(shown) for shown in report.worst],
        "notes": list(report.notes),
        "warnings": list(report.warnings),
    }


def _point(point: CurvePoint) -> dict[str, Any]:
    return {
        "step": point.step,
        "examples_seen": point.examples_seen,
        "seconds": rounded(point.seconds, 1),
        "loss": float(f"{point.loss:.6g}") if np.isfinite(point.loss) else None,
        "errors": _numbers(point.errors),
    }


def _shown(shown: Shown) -> dict[str, Any]:
    return {"place": shown.place, "error_mm": rounded(shown.error_mm, 2)}


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: rounded(value, 4) for name, value in values.items()}
