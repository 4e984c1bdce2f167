"""The 3D playback: skeletons over time among the cameras, with how well each camera's place is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from epipose.report.contents import ReconstructionReport, ViewReport
from epipose.report.palette import FLOOR, LEFT, MIDDLE, RIGHT, Figure, label, view_colour
from epipose.report.solids import ball
from epipose.report.wording import millimetres, rounded_list

MOST_FRAMES = 180
"""Animation frames in a page; of a longer recording every n-th frame is shown."""

MOST_JOINTS = 12_000
"""Joints in all animation frames of a page together, for the sake of its size: some 0.6 MB."""

_LONGEST_PLAYBACK_S = 30.0
_SCENE_SIDE = 1.55
"""The scene's longest side in plotly's units, in which its camera is placed."""

_BELOW_MIDDLE = np.array([0, 0, -0.2])
"""Where the first view looks: perspective lets the near half of the floor take most of the picture."""

_AWAY = 1.95
"""From where, in the same units: near enough to see people, far enough for the axes' titles beside the scene."""

_SIDES = (("left side", LEFT), ("right side", RIGHT), ("middle", MIDDLE))


def playback(report: ReconstructionReport) -> Figure:
    """Return the figure with what the player needs besides.

    `frames` is what changes, trace by trace, in the traces numbered `moving`; `times` are in seconds; `speed` is how
    much faster than real it plays; `closeup` is a second camera.
    """
    poses = report.poses
    shown = shown_frames(*poses.weight.shape)
    frames = [_moving(poses, frame) for frame in shown.tolist()]
    still = [_floor(report), *_frusta(report.views), *_uncertainty(report)]
    moving = [
        _lines(coordinates, name, colour, width=9, mode="lines+markers", marker={"size": 4.5, "color": colour})
        for coordinates, (name, colour) in zip(frames[0] if frames else [], _SIDES, strict=False)
    ]
    return {
        "data": still + moving,
        "layout": _layout(report),
        "frames": frames,
        "moving": list(range(len(still), len(still) + len(moving))),
        "times": rounded_list(poses.times[shown] - poses.times[:1], 3),
        "closeup": _closeup(report),
        "speed": max(1.0, round(report.duration_s / _LONGEST_PLAYBACK_S, 1)),
    }


def shown_frames(count: int, people: int = 1, joints: int = 17) -> Int[ndarray, "shown"]:
    """Return which of `count` frames are played: all, or evenly spaced ones, the fewer the more joints are in each."""
    most = min(MOST_FRAMES, max(2, MOST_JOINTS // max(people * joints, 1)))
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def sphere_factor(views: Sequence[ViewReport], size_m: float) -> int:
    """Return by how much 1 sigma is enlarged (1, 2, 5, 10 ...) so that it shows in a scene of `size_m` metres."""
    largest = max((view.centre_sigma_m or 0.0 for view in views), default=0.0)
    factors = [factor * 10**power for power in range(4) for factor in (1, 2, 5)]
    return max((f for f in factors if f * largest <= 0.04 * size_m), default=1)


def scene_bounds(report: ReconstructionReport) -> Float[ndarray, "2 3"]:
    """Return the lowest and highest corner (metres) around cameras, floor and nearly all joints."""
    found = report.poses.positions[report.poses.weight > 0].astype(float)
    # A few wild joints must not shrink everything else to a dot.
    body = np.percentile(found, [1, 99], axis=0) if len(found) else np.zeros((0, 3))
    centres = np.array([view.camera.centre for view in report.views]).reshape(-1, 3)
    corners = np.concatenate([body, centres]) if len(body) + len(centres) else np.zeros((1, 3))
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.06 * max(float(np.max(high - low)), 1.0)
    low, high = low - margin, high + margin
    low[2], high[2] = min(low[2], 0.0), max(high[2], 2.0)
    return np.array([low, high])


def _moving(poses: Poses, frame: int) -> list[dict[str, list[Any]]]:
    """Return the coordinates of left, right and middle bones of everybody, with gaps between bones."""
    sides = _bones_by_side(poses.skeleton)
    return [_segments(poses.positions[frame], poses.weight[frame] > 0, bones) for bones in sides]


def _bones_by_side(skeleton: Skeleton) -> tuple[list[tuple[int, int]], ...]:
    left = {skeleton.index(a) for a, _ in skeleton.pairs}
    right = {skeleton.index(b) for _, b in skeleton.pairs}
    return (
        [(a, b) for a, b in skeleton.bones if b in left],
        [(a, b) for a, b in skeleton.bones if b in right],
        [(a, b) for a, b in skeleton.bones if b not in left | right],
    )


def _segments(
    positions: Float[ndarray, "people joints 3"], found: Bool[ndarray, "people joints"], bones: list[tuple[int, int]]
) -> dict[str, list[Any]]:
    ends = np.array(bones, int).reshape(-1, 2)
    drawn = positions[:, ends][np.all(found[:, ends], axis=-1)].astype(float)
    gaps = np.full((len(drawn), 1, 3), np.nan)
    return _coordinates(np.concatenate([drawn, gaps], axis=1).reshape(-1, 3))


def _coordinates(points: Float[ndarray, "n 3"]) -> dict[str, list[Any]]:
    x, y, z = rounded_list(points.T, 3)
    return {"x": x, "y": y, "z": z}


def _lines(coordinates: dict[str, list[Any]], name: str, colour: str, width: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter3d",
        "mode": "lines",
        "name": name,
        "line": {"color": colour, "width": width},
        **coordinates,
        "hoverinfo": "skip",
        **more,
    }


def _floor(report: ReconstructionReport) -> dict[str, Any]:
    """Return the floor as a grid of lines a metre apart (more in a large hall)."""
    low, high = scene_bounds(report)
    step = max(1.0, float(np.ceil(np.max(high - low) / 20)))
    points: list[list[float]] = []
    across = [np.arange(np.ceil(low[k] / step), np.floor(high[k] / step) + 1) * step for k in (0, 1)]
    for x in across[0]:
        points += [[x, low[1], 0], [x, high[1], 0], [np.nan] * 3]
    for y in across[1]:
        points += [[low[0], y, 0], [high[0], y, 0], [np.nan] * 3]
    name = f"floor, lines {step:.0f} m apart"
    return _lines(_coordinates(np.array(points).reshape(-1, 3)), name, FLOOR, width=1)


def _frusta(views: Sequence[ViewReport]) -> list[dict[str, Any]]:
    return [
        _lines(
            _coordinates(frustum(view.camera, 0.35)),
            label(view.name),
            view_colour(index),
            width=4,
        )
        for index, view in enumerate(views)
    ]


def frustum(camera: Camera, depth_m: float) -> Float[ndarray, "n 3"]:
    """Return the outline of what `camera` sees at `depth_m`, from its centre, without the lens's distortion."""
    (width, height), (fx, fy), (cx, cy) = camera.size_wh, camera.lens.focal, camera.lens.centre
    pixels = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    ideal = (pixels - [cx, cy]) / [fx, fy]
    corners = camera.cam_from_world.inverse().apply(depth_m * np.column_stack([ideal, np.ones(4)]))
    centre, gap = camera.centre, np.full(3, np.nan)
    outline = [*corners, corners[0], gap]
    for corner in corners:
        outline += [centre, corner, gap]
    return np.array(outline)


def _uncertainty(report: ReconstructionReport) -> list[dict[str, Any]]:
    """Return one mesh of spheres around the camera centres, or nothing where the uncertainty is not known."""
    known = [(view.camera.centre, view.centre_sigma_m) for view in report.views if view.centre_sigma_m]
    if not known:
        return []
    factor = sphere_factor(report.views, scene_size(report))
    vertices, faces = ball()
    balls = np.concatenate([centre + vertices * sigma * factor for centre, sigma in known])
    triangles = np.concatenate([faces + len(vertices) * number for number in range(len(known))])
    largest = millimetres(max(sigma for _, sigma in known))
    enlarged = f", drawn x{factor}" if factor > 1 else ""
    return [
        {
            "type": "mesh3d",
            "name": f"camera position, 1 sigma (at most {largest}){enlarged}",
            "color": "#b565a7",
            "opacity": 0.45,
            "hoverinfo": "skip",
            **_coordinates(balls),
            **dict(zip("ijk", triangles.T.tolist(), strict=True)),
        }
    ]


def scene_size(report: ReconstructionReport) -> float:
    """Return the longest side of the scene in metres."""
    low, high = scene_bounds(report)
    return float(np.max(high - low))


def _layout(report: ReconstructionReport) -> dict[str, Any]:
    low, high = scene_bounds(report)
    ratio = (high - low) / np.max(high - low) * _SCENE_SIDE
    axes = {
        f"{name}axis": {
            "title": {"text": f"{name} (m)"},
            "range": rounded_list(np.array([low[k], high[k]]), 3),
            "showbackground": False,
            "showspikes": False,
        }
        for k, name in enumerate("xyz")
    }
    names = [
        {
            **dict(zip("xyz", rounded_list(view.camera.centre, 3), strict=True)),
            "text": label(view.name),
            "showarrow": False,
            "yshift": 16,
        }
        for view in report.views
    ]
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "scene": {
            **axes,
            "aspectmode": "manual",
            "aspectratio": dict(zip("xyz", rounded_list(ratio, 4), strict=True)),
            "annotations": names,
            "camera": _camera(_BELOW_MIDDLE, _AWAY),
            "dragmode": "orbit",
        },
    }


def _camera(target: Float[ndarray, "3"], distance: float) -> dict[str, Any]:
    """Return plotly's camera that looks at `target` from a `distance`, both in its own units."""
    place = np.array([0.53, -0.74, 0.42]) * distance + target
    names = (("eye", place), ("center", target))
    return {name: dict(zip("xyz", rounded_list(point, 4), strict=True)) for name, point in names}


def _closeup(report: ReconstructionReport) -> dict[str, Any]:
    """Return plotly's camera that shows the people and little else."""
    low, high = scene_bounds(report)
    found = report.poses.positions[report.poses.weight > 0].astype(float)
    if not len(found):
        return _camera(_BELOW_MIDDLE, _AWAY)
    body = np.percentile(found, [2, 98], axis=0)
    unit = _SCENE_SIDE / np.max(high - low)
    reach = max(float(np.max(body[1] - body[0])), 1.5)
    return _camera(((body[0] + body[1]) / 2 - (low + high) / 2) * unit, float(np.clip(1.35 * reach * unit, 0.3, 1.8)))
