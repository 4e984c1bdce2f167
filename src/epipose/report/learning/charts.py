"""The figures of the page on learning: how loss and errors fell, and which joints are hard."""

from typing import Any

import numpy as np

from epipose.report.charts import blocks, joint_bars
from epipose.report.learning.contents import LearningReport
from epipose.report.palette import MIDDLE, Figure, axis, view_colour
from epipose.report.wording import rounded, rounded_list

DRAWN = {"mpjpe_mm": "mean error", "n_mpjpe_mm": "once scaled", "pa_mpjpe_mm": "once turned and scaled"}
"""Errors that are drawn over the steps, and what they are called."""

STEEP = 30


def figures(report: LearningReport) -> dict[str, Figure]:
    """Return every figure of the page under the id of the element that shows it."""
    return {"loss": loss_curve(report), "errors": error_curves(report), "joints": joint_errors(report)}


def loss_curve(report: LearningReport) -> Figure:
    """Return the loss over the steps, in powers of ten where it fell by more than STEEP times."""
    steps = np.array([point.step for point in report.curve], float)
    losses = np.array([[point.loss if point.loss > 0 else np.nan for point in report.curve]])
    steps, losses = blocks(steps, losses.reshape(1, len(steps)))
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": rounded_list(steps, 0),
        "y": [_significant(loss) for loss in losses[0]],
        "line": {"color": MIDDLE, "width": 1.5},
        "hovertemplate": "step %{x}: %{y:.3g}<extra></extra>",
    }
    known = losses[np.isfinite(losses)]
    steep = known.size > 0 and known.max() > STEEP * known.min()
    upwards = axis("loss", type="log", dtick=1, exponentformat="power") if steep else axis("loss", rangemode="tozero")
    return {"data": [line], "layout": _layout(upwards)}


def error_curves(report: LearningReport) -> Figure:
    """Return the errors on held-out examples over the steps."""
    lines: list[dict[str, Any]] = []
    for number, (key, name) in enumerate(DRAWN.items()):
        points = [point for point in report.curve if key in point.errors]
        if not points:
            continue
        lines.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [point.step for point in points],
                "y": [rounded(point.errors[key], 1) for point in points],
                "customdata": [[point.examples_seen, rounded(point.seconds / 60, 1)] for point in points],
                "line": {"color": view_colour(number), "width": 2},
                "marker": {"size": 6},
                "hovertemplate": "%{y:.1f} mm at step %{x}<br>%{customdata[0]} examples, %{customdata[1]} min",
            }
        )
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return {
        "data": lines,
        "layout": {**_layout(axis("mm", rangemode="tozero")), "showlegend": True, "legend": legend},
    }


def joint_errors(report: LearningReport) -> Figure:
    """Return a bar for each joint, the hardest on top."""
    # The root is where errors are counted from: it has none.
    known = {name: value for name, value in report.per_joint_mm.items() if value > 0}
    worst_first = dict(sorted(known.items(), key=lambda item: -item[1]))
    return joint_bars(worst_first, report.skeleton, "mean error (mm)")


def _layout(upwards: dict[str, Any]) -> dict[str, Any]:
    return {
        "height": 340,
        "margin": {"l": 55, "r": 15, "t": 40, "b": 50},
        "xaxis": axis("step", rangemode="tozero", zeroline=False),
        "yaxis": {**upwards, "zeroline": False},
        "showlegend": False,
    }


def _significant(loss: float) -> float | None:
    return float(f"{loss:.4g}") if np.isfinite(loss) else None
