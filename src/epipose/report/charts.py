"""The flat figures of the report: where the cameras stand, and how well everything agrees."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.pose.skeletons import Skeleton
from epipose.report.contents import BoneReport, ReconstructionReport, ViewReport
from epipose.report.palette import MIDDLE, SWAPPED, Figure, axis, label, side_colours, view_colour
from epipose.report.playback import scene_size, sphere_factor
from epipose.report.wording import millimetres, rounded, rounded_list

MOST_MOMENTS = 1500
"""Points of a curve over time; a longer recording is averaged in blocks."""

_MOST_ON_PATHS = 6 * MOST_MOMENTS
"""Points of all people's paths together."""


def top_view(report: ReconstructionReport) -> Figure:
    """Return cameras, their fields of view, their uncertainty and the people's paths, seen from above."""
    size = scene_size(report)
    factor = sphere_factor(report.views, size)
    data: list[dict[str, Any]] = []
    for index, view in enumerate(report.views):
        data += _camera_from_above(view, view_colour(index), size, factor)
    grid = {"zeroline": False, "constrain": "domain"}
    return {
        "data": [*data, *_paths(report)],
        "layout": {
            "height": 460,
            "margin": {"l": 50, "r": 15, "t": 32, "b": 50},
            "xaxis": axis("x (m)", **grid),
            "yaxis": axis("y (m)", scaleanchor="x", scaleratio=1, **grid),
            "showlegend": False,
        },
    }


def reprojection_by_joint(report: ReconstructionReport) -> Figure:
    """Return the heatmap of mean reprojection error, joints down, views across."""
    grid = np.array([joint.reprojection_px for joint in report.joints]).reshape(len(report.joints), len(report.views))
    few = len(report.views) <= 8
    data = {
        "type": "heatmap",
        "x": [label(view.name) for view in report.views],
        "y": [_joint_words(joint.name) for joint in report.joints],
        "z": rounded_list(grid, 2),
        "colorscale": [[0, "#fdfbf5"], [0.5, "#f7c98b"], [1, "#e0793a"]],
        "textfont": {"color": "#14171b"},
        "zmin": 0,
        "zmax": rounded(float(np.max(grid[np.isfinite(grid)], initial=1.0)), 2),
        "hovertemplate": "%{y}, %{x}: %{z:.1f} px<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "showscale": not few,
        **({"texttemplate": "%{z:.1f}"} if few else {"colorbar": {"title": {"text": "px"}, "thickness": 12}}),
    }
    return {
        "data": [data],
        "layout": {
            "height": 130 + 22 * len(report.joints),
            "margin": {"l": 60, "r": 10, "t": 32, "b": 50},
            "xaxis": axis("camera", type="category", showgrid=False),
            "yaxis": axis("", type="category", autorange="reversed", showgrid=False, dtick=1),
        },
    }


def reprojection_over_time(report: ReconstructionReport) -> Figure:
    """Return one row a view: mean reprojection error over time, detected left/right swaps shaded."""
    times, errors = blocks(report.poses.times - report.poses.times[:1], report.reprojection_by_frame_px)
    rows = len(report.views)
    finite = errors[np.isfinite(errors)]
    # One scale for all views, so that they compare; the rare worst frames may leave the row.
    top = 1.25 * float(np.percentile(finite, 99.5)) if finite.size else 1.0
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 110 + 105 * max(rows, 1),
        "margin": {"l": 55, "r": 15, "t": 45, "b": 50},
        "xaxis": axis("time (s)", anchor=f"y{rows}", zeroline=False),
        "showlegend": False,
        "shapes": _swap_shades(report),
        "annotations": [],
    }
    for index, view in enumerate(report.views):
        name = f"y{index + 1}"
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": rounded_list(times, 3),
                "y": rounded_list(errors[index], 2),
                "yaxis": name,
                "line": {"color": view_colour(index), "width": 1.5},
                "name": label(view.name),
                "hovertemplate": "%{x:.2f} s: %{y:.1f} px",
            }
        )
        domain = _row(index, rows)
        layout[f"yaxis{index + 1}"] = axis("px", domain=domain, range=[0, top], zeroline=False, nticks=4)
        layout["annotations"].append(_row_title(view, domain[1]))
    return {"data": data, "layout": layout}


def bone_variation(report: ReconstructionReport) -> Figure:
    """Return a bar for each bone: how much its length varies over time, in percent of the length."""
    sides = side_colours(report.poses.skeleton)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [_bone_words(bone) for bone in report.bones],
        "x": [rounded(100 * bone.variation, 2) for bone in report.bones],
        "marker": {"color": [sides.get(bone.child, MIDDLE) for bone in report.bones]},
        "customdata": [_bone_details(bone) for bone in report.bones],
        "hovertemplate": "%{y}: %{x:.1f} %, %{customdata}<extra></extra>",
        "texttemplate": "%{x:.1f}",
        "textposition": "outside",
        "cliponaxis": False,
    }
    return _bars(bars, "% of its length")


def joint_uncertainty(report: ReconstructionReport) -> Figure:
    """Return a bar for each joint: its median uncertainty in millimetres."""
    millimetres_of = {joint.name: 1000 * joint.uncertainty_m for joint in report.joints}
    return joint_bars(millimetres_of, report.poses.skeleton, "mm (median, 1 sigma)")


def joint_bars(millimetres_of: Mapping[str, float], skeleton: Skeleton, title: str) -> Figure:
    """Return a bar for each joint in the colour of its side."""
    sides = side_colours(skeleton)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [_joint_words(name) for name in millimetres_of],
        "x": [rounded(value, 1) for value in millimetres_of.values()],
        "marker": {"color": [sides.get(name, MIDDLE) for name in millimetres_of]},
        "hovertemplate": "%{y}: %{x:.1f} mm<extra></extra>",
        "texttemplate": "%{x:.0f}",
        "textposition": "outside",
        "cliponaxis": False,
    }
    return _bars(bars, title)


def _bars(bars: dict[str, Any], title: str) -> Figure:
    return {
        "data": [bars],
        "layout": {
            "height": 100 + 22 * len(bars["y"]),
            "margin": {"l": 60, "r": 35, "t": 32, "b": 50},
            "xaxis": axis(title, rangemode="tozero"),
            "yaxis": axis("", type="category", autorange="reversed", showgrid=False, dtick=1),
            "bargap": 0.3,
        },
    }


def _camera_from_above(view: ViewReport, colour: str, size_m: float, factor: int) -> list[dict[str, Any]]:
    centre = view.camera.centre[:2]
    width, middle = view.camera.size_wh[0], view.camera.size_wh[1] / 2
    edges, _ = view.camera.rays(np.array([[-0.5, middle], [width - 0.5, middle]]))
    # A camera that looks straight down has no direction on the floor; its wedge stays small, as it should.
    wedge = np.concatenate([centre + 0.2 * size_m * edges[:1, :2], centre[None], centre + 0.2 * size_m * edges[1:, :2]])
    marks = [
        _flat(wedge, colour, fill="toself", opacity=0.35),
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": rounded_list(centre[:1], 3),
            "y": rounded_list(centre[1:], 3),
            "marker": {"color": colour, "size": 10, "symbol": "square"},
            "text": [label(view.name)],
            "textposition": "top center",
            "cliponaxis": False,
            "hovertemplate": f"x %{{x:.2f}} m, y %{{y:.2f}} m, ± {millimetres(view.centre_sigma_m)}<extra></extra>",
        },
    ]
    if view.centre_sigma_m:
        turn = np.linspace(0, 2 * np.pi, 49)
        circle = centre + factor * view.centre_sigma_m * np.column_stack([np.cos(turn), np.sin(turn)])
        marks.append(_flat(circle, colour, line={"color": colour, "width": 1.5, "dash": "dot"}))
    return marks


def _flat(points: Float[ndarray, "n 2"], colour: str, **more: Any) -> dict[str, Any]:
    x, y = rounded_list(points.T, 3)
    line = {"color": colour, "width": 1.5}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", **more}


def _paths(report: ReconstructionReport) -> list[dict[str, Any]]:
    """Return where each person went: the mean of the joints that were found, seen from above."""
    poses = report.poses
    people = poses.weight.shape[1]
    every = max(1, -(-len(poses.times) // min(MOST_MOMENTS, _MOST_ON_PATHS // max(people, 1))))
    paths = []
    for person in range(people):
        found = (poses.weight[::every, person] > 0)[..., None]
        number = found.sum(axis=1)
        total = np.sum(poses.positions[::every, person, :, :2], axis=1, where=found, dtype=float)
        path = np.where(number > 0, total / np.maximum(number, 1), np.nan)
        paths.append(_flat(path, MIDDLE))
    return paths


def blocks(
    times: Float[ndarray, "frames"], errors: Float[ndarray, "views frames"]
) -> tuple[Float[ndarray, "blocks"], Float[ndarray, "views blocks"]]:
    """Return the first time and the mean error of equal blocks of frames, at most MOST_MOMENTS of them."""
    length = -(-len(times) // MOST_MOMENTS)
    if length <= 1:
        return times, errors
    starts = np.arange(0, len(times), length)
    seen = np.isfinite(errors)
    number = np.add.reduceat(seen.astype(int), starts, axis=1)
    total = np.add.reduceat(np.where(seen, errors, 0.0), starts, axis=1)
    return times[starts], np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _row(index: int, rows: int) -> list[float]:
    """Return the part of the figure's height that row `index` (0 on top) of `rows` fills."""
    height = 1 / rows
    bottom = 1 - (index + 1) * height
    return [round(bottom, 4), round(bottom + 0.74 * height, 4)]


def _row_title(view: ViewReport, top: float) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom"}
    return {"text": f"<b>{label(view.name)}</b>", "showarrow": False, **place}


def _swap_shades(report: ReconstructionReport) -> list[dict[str, Any]]:
    times = report.poses.times - report.poses.times[:1]
    half = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.5
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": f"y{row} domain",
            "x0": rounded(times[first] - half, 3),
            "x1": rounded(times[last] + half, 3),
            "y0": 0,
            "y1": 1,
            "fillcolor": SWAPPED,
            "line": {"width": 0},
        }
        for row, view in zip(count(1), report.views, strict=False)
        for first, last in view.swapped_runs
    ]


def _joint_words(name: str) -> str:
    return label(name.replace("_", " "))


def _bone_words(bone: BoneReport) -> str:
    return f"{_joint_words(bone.parent)} - {_joint_words(bone.child)}"


def _bone_details(bone: BoneReport) -> str:
    return f"{1000 * bone.length_m:.0f} mm long"
