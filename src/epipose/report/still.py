"""The 3D playback as drawings of one moment: on paper, and where a browser runs no scripts or knows no WebGL.

Drawn as SVG in the colours of the page, from the same figure that is played.
"""

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.report.palette import Figure

WIDTH, HEIGHT = 640, 420
"""Of a drawing, in its own pixels."""

_MARGIN = 0.06
"""Of a drawing's sides, on each."""


@dataclass(frozen=True, eq=False)
class _Lines:
    seen: Float[ndarray, "n 2"]
    """As `project` returns it; NaN parts one line from the next."""
    colour: str
    width: float


def stills(figure: Figure) -> str:
    """Return the whole scene and, where anybody was found, the people close up, at the moment that shows most."""
    moment = fullest_moment(figure)
    people = _people(figure, moment)
    lines = _scene(figure) + people
    when = f" at {figure['times'][moment]:.2f} s" if figure["times"] else ""
    drawings = [_drawing(figure, lines, lines, f"The skeletons among the cameras{when}")]
    if any(np.isfinite(part.seen).any() for part in people):
        drawings.append(_drawing(figure, lines, people, f"The skeletons close up{when}"))
    return "".join(drawings)


def moment_words(figure: Figure) -> str:
    """Return which moment is drawn."""
    times: list[float] = figure["times"]
    return f"The moment {times[fullest_moment(figure)]:.2f} s after the start" if times else "Nobody was found"


def fullest_moment(figure: Figure) -> int:
    """Return the played frame with most bones, of several that closest to the middle; 0 without any."""
    bones = [sum(len(lines["x"]) for lines in frame) for frame in figure["frames"]]
    middle = (len(bones) - 1) / 2
    return min(range(len(bones)), key=lambda frame: (-bones[frame], abs(frame - middle)), default=0)


def project(layout: dict[str, Any], points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 2"]:
    """Return where plotly's camera sees points of the world (metres): to the right and down, 1 at 45 degrees.

    NaN stays NaN.
    """
    scene = layout["scene"]
    low, high = np.array([scene[f"{name}axis"]["range"] for name in "xyz"], float).T
    ratio, eye, centre = (
        np.array([values[name] for name in "xyz"], float)
        for values in (scene["aspectratio"], scene["camera"]["eye"], scene["camera"]["center"])
    )
    forward = (centre - eye) / np.linalg.norm(centre - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], axis=1)
    seen = ((points - (low + high) / 2) / (high - low) * ratio - eye) @ axes
    return np.asarray(seen[:, :2] / seen[:, 2:])


def _scene(figure: Figure) -> list[_Lines]:
    """Return all lines that stay as they are; balls are left to the playback."""
    still = [trace for k, trace in enumerate(figure["data"]) if k not in figure["moving"]]
    return [_lines(figure, trace, trace) for trace in still if trace["type"] == "scatter3d"]


def _people(figure: Figure, moment: int) -> list[_Lines]:
    if not figure["frames"]:
        return []
    traces = [figure["data"][number] for number in figure["moving"]]
    return [_lines(figure, part, trace) for part, trace in zip(figure["frames"][moment], traces, strict=True)]


def _lines(figure: Figure, coordinates: dict[str, Any], trace: dict[str, Any]) -> _Lines:
    points = np.array([coordinates[name] for name in "xyz"], float).T.reshape(-1, 3)
    # Plotly's widths are those of a larger picture.
    return _Lines(project(figure["layout"], points), trace["line"]["color"], max(0.6, trace["line"]["width"] / 2))


def _drawing(figure: Figure, lines: list[_Lines], around: list[_Lines], words: str) -> str:
    """Return the lines in a drawing that is just large enough for those of `around`."""
    held = np.concatenate([part.seen for part in around])
    low, high = np.nanmin(held, axis=0), np.nanmax(held, axis=0)
    paper = np.array([WIDTH, HEIGHT])
    scale = float(np.min((1 - 2 * _MARGIN) * paper / np.maximum(high - low, 1e-6)))

    def on_paper(seen: Float[ndarray, "n 2"]) -> Float[ndarray, "n 2"]:
        return np.asarray((seen - (low + high) / 2) * scale + paper / 2)

    paths = "".join(
        f"<path style='stroke:{part.colour}' stroke-width='{part.width:g}' d='{_path(on_paper(part.seen))}'/>"
        for part in lines
    )
    notes = figure["layout"]["scene"]["annotations"]
    places = on_paper(project(figure["layout"], np.array([[note[a] for a in "xyz"] for note in notes]).reshape(-1, 3)))
    # Plotly's texts are escaped already, but for quotes.
    names = "".join(
        f"<text x='{x:.1f}' y='{y - 12:.1f}'>{html.escape(html.unescape(note['text']))}</text>"
        for note, (x, y) in zip(notes, places, strict=True)
        if 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    )
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{words}'>{paths}{names}</svg>"


def _path(places: Float[ndarray, "n 2"]) -> str:
    known = np.isfinite(places).all(axis=1)
    begins = known & ~np.concatenate([[False], known[:-1]])
    steps = zip(begins[known].tolist(), places[known].tolist(), strict=True)
    return "".join(f"{'M' if begin else 'L'}{x:.1f} {y:.1f}" for begin, (x, y) in steps)
