"""The page on learning for people: one file that opens offline, with plotly and pictures inside."""

import html
from pathlib import Path
from string import Template

import numpy as np

from epipose.io.files import atomic_write
from epipose.report.learning.charts import figures
from epipose.report.learning.contents import LearningReport
from epipose.report.learning.gallery import gallery, sides_legend
from epipose.report.learning.pictures import pictures
from epipose.report.learning.summary import advice, duration, millimetres, verdict
from epipose.report.markup import list_section, opening, part, table, whole_page
from epipose.report.wording import in_unit, percent

ERROR_WORDS = {
    "mpjpe_mm": "Joints, roots laid on each other (MPJPE)",
    "n_mpjpe_mm": "Joints, poses scaled too (N-MPJPE)",
    "pa_mpjpe_mm": "Joints, poses turned and scaled too (PA-MPJPE)",
    "pck_150": "Joints within 150 mm (PCK)",
    "auc": "Joints within 0 to 150 mm, mean (AUC)",
    "bone_length_mm": "Lengths of bones",
    "symmetry_mm": "Left bones longer or shorter than right ones",
}
"""What errors are called; others appear under their keys."""


def write_learning_report(path: Path, report: LearningReport) -> None:
    """Write `report` to `path`, some 5 MB; raises InputError when the disk refuses."""
    text = page(report)
    with atomic_write(path, "w") as file:
        file.write(text)


def page(report: LearningReport) -> str:
    """Return the whole page. Everything that the user named is escaped; nothing is loaded from elsewhere."""
    body = Template(part("learning/page_body.html")).substitute(
        opening=opening(report.name, _subtitle(report), verdict(report), _told(report), _tiles(report)),
        truth=html.escape(report.truth),
        pictures=pictures(report.pictures),
        legend=sides_legend(),
        worst=gallery(report.worst, report.skeleton),
        best=gallery(report.best, report.skeleton),
        lesson=_lesson(report),
        notes=list_section("Noticed", "notes", report.notes),
        errors=_errors(report),
    )
    return whole_page(report.name, body, figures(report))


def _subtitle(report: LearningReport) -> str:
    parts = (
        f"network {report.model}",
        f"recipe {report.recipe}",
        f"made {report.created:%Y-%m-%d %H:%M} by epipose {report.version}",
    )
    return " · ".join(parts)


def _told(report: LearningReport) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return (("What to do", "advice", advice(report)), ("Warnings", "warnings", tuple(report.warnings)))


def _tiles(report: LearningReport) -> tuple[tuple[str, str, str], ...]:
    errors = report.errors
    return (
        ("Joints off by", millimetres(errors.get("mpjpe_mm")), "mean, roots laid on each other"),
        ("Once turned and scaled", millimetres(errors.get("pa_mpjpe_mm")), "mean; the shape alone"),
        ("Within 150 mm", percent(errors.get("pck_150")), "of all joints"),
        ("Bones wrong by", millimetres(errors.get("bone_length_mm")), "mean over bones"),
        ("Learned from", f"{report.learned_examples:,}", f"examples, in {duration(report.seconds)}"),
    )


def _lesson(report: LearningReport) -> str:
    rows = [
        ("Recordings", ", ".join(source.name for source in report.sources)),
        ("Never seen in learning", report.hold_out),
        ("Errors are distances from", report.truth),
        ("Examples", f"{report.learned_examples:,} learned, {report.held_out_examples:,} held out"),
        ("Time", duration(report.seconds)),
        ("Network", f"{report.file.name} ({report.model})"),
    ]
    if report.labels is not None:
        rows += [
            ("Triangulated joints that could teach", percent(report.labels.kept)),
            ("dropped: bones of impossible length", percent(report.labels.dropped_by_shape, 1)),
            ("dropped: views disagree", percent(report.labels.dropped_by_views, 1)),
        ]
    return table((("Recipe", ""), (report.recipe, "")), rows)


def _errors(report: LearningReport) -> str:
    rows = ((ERROR_WORDS.get(key, key.replace("_", " ")), _value(key, value)) for key, value in report.errors.items())
    return table((("On the held-out examples", ""), ("Mean", "")), rows)


def _value(key: str, value: float) -> str:
    if key.endswith("_mm"):
        return in_unit(value, "mm")
    if key in ("pck_150", "auc"):
        return percent(value, 1)
    return f"{value:.4g}" if np.isfinite(value) else "unknown"
