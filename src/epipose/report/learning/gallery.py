"""Held-out examples to be looked at: the picture with both skeletons, and beside it both in 3D from another side.

Drawn as SVG in the colours of the page, with the picture inside.
"""

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.io.pictures import as_jpeg
from epipose.pose.skeletons import Skeleton
from epipose.report.learning.contents import Shown
from epipose.report.learning.pictures import address, shrunk
from epipose.report.learning.summary import millimetres
from epipose.report.markup import legend
from epipose.report.palette import LEFT, MIDDLE, RIGHT, side_colours

MOST_SHOWN = 12
MOST_PIXELS = 256
"""Of a picture's side in the page; larger ones are shrunk."""
QUALITY = 80
"""Of their JPEG, 0 to 100."""
TURN, DOWN = np.deg2rad(65), np.deg2rad(14)
"""From where 3D is seen: so far round the person to the camera's right, and so far above."""
FLOOR = 0.35
"""Half the side of the patch of floor, in units of the crop."""

Drawn = Float[ndarray, "joints 2"]
"""Joints in a drawing of side 100; NaN for those that are not known."""


def gallery(examples: Sequence[Shown], skeleton: Skeleton) -> str:
    """Return the first MOST_SHOWN examples as cards."""
    cards = "".join(_card(shown, skeleton) for shown in examples[:MOST_SHOWN])
    return f"<div class='gallery'>{cards}</div>" if cards else "<p>None were kept.</p>"


def sides_legend() -> str:
    """Return what the lines of the cards mean."""
    return legend(
        (
            ("found", LEFT, "left side"),
            ("found", RIGHT, "right side"),
            ("found", MIDDLE, "middle"),
            ("true", "var(--ink)", "truth (white in the picture)"),
        )
    )


def on_picture(joints: Float[ndarray, "joints 3"], side: int) -> Drawn:
    """Return joints (units of the crop) in a drawing of side 100 over a picture of `side` pixels.

    The picture's outermost pixels have their edges, not their centres, on the drawing's.
    """
    return np.asarray(100 * (joints[:, :2] + 0.5 + 0.5 / side))


def from_aside(joints: Float[ndarray, "joints 3"]) -> Float[ndarray, "joints 2"]:
    """Return joints (units of the crop) as they look from TURN to the side and DOWN from above, from afar."""
    around = rotation_from_rotvec(np.array([0.0, TURN, 0.0]))
    tilted = rotation_from_rotvec(np.array([DOWN, 0.0, 0.0]))
    return np.asarray((joints @ around.T @ tilted.T)[:, :2])


def _card(shown: Shown, skeleton: Skeleton) -> str:
    place = html.escape(shown.place)
    error = f"{html.escape(millimetres(shown.error_mm))}"
    return (
        f"<figure><div>{_seen(shown, skeleton, place)}{_turned(shown, skeleton, place)}</div>"
        f"<figcaption><b>{error}</b> {place}</figcaption></figure>"
    )


def _seen(shown: Shown, skeleton: Skeleton, place: str) -> str:
    if shown.picture is None:
        back, side = "<rect class='nothing' width='100' height='100'/>", MOST_PIXELS
    else:
        back, side = _image(shown.picture), shown.picture.shape[1]
    true, found = (_skeleton(on_picture(joints, side), skeleton) for joints in (shown.truth, shown.predicted))
    return _svg(f"{place}: both skeletons in the picture", back + _true(true) + _found(found), "seen")


def _turned(shown: Shown, skeleton: Skeleton, place: str) -> str:
    truth, predicted = shown.truth, shown.predicted
    known = truth[np.isfinite(truth).all(axis=1)]
    middle = np.array([0.0, 0.5, 0.0])
    if len(known):
        middle = np.array([known[:, 0].mean(), known[:, 1].max(), known[:, 2].mean()])
    corners = middle + FLOOR * np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    arrow = middle + FLOOR * np.array([[0, 0, -0.55], [0, 0, -1.0], [0.1, 0, -0.86], [-0.1, 0, -0.86]])
    points = [from_aside(joints) for joints in (predicted, truth, corners, arrow)]
    low, high = np.nanmin(np.concatenate(points), axis=0), np.nanmax(np.concatenate(points), axis=0)
    factor = 94 / max(float((high - low).max()), 1.0)
    found, true, floor, camera = ((part - (low + high) / 2) * factor + 50 for part in points)
    back = f"<path class='floor' d='{_line(floor)}Z'/>"
    back += f"<path class='camera' d='{_line(camera[:2])}{_line(camera[[2, 1, 3]])}'/>"
    apart = "".join(_line(np.stack(ends)) for ends in zip(found, true, strict=True) if np.isfinite(ends).all())
    lines = _true(_skeleton(true, skeleton)) + f"<path class='apart' d='{apart}'/>" + _found(_skeleton(found, skeleton))
    return _svg(f"{place}: both skeletons in 3D, from the side", back + lines, "turned")


def _svg(words: str, content: str, kind: str) -> str:
    return f"<svg class='{kind}' viewBox='0 0 100 100' role='img' aria-label='{words}'>{content}</svg>"


def _image(picture: UInt8[ndarray, "height width 3"]) -> str:
    height, width = picture.shape[:2]
    small = shrunk(picture, MOST_PIXELS / max(height, width))
    source = address("jpeg", as_jpeg(small, QUALITY))
    return f"<image width='100' height='{100 * height / width:.4g}' href='{source}'/>"


def _skeleton(joints: Drawn, skeleton: Skeleton) -> dict[str, str]:
    """Return the lines of the bones whose ends are known, by the colour of their side."""
    sides = side_colours(skeleton)
    paths = {MIDDLE: "", RIGHT: "", LEFT: ""}
    for parent, child in skeleton.bones:
        if np.isfinite(joints[[parent, child]]).all():
            paths[sides.get(skeleton.joint_names[child], MIDDLE)] += _line(joints[[parent, child]])
    return paths


def _true(paths: dict[str, str]) -> str:
    path = "".join(paths.values())
    return f"<path class='halo' d='{path}'/><path class='true' d='{path}'/>"


def _found(paths: dict[str, str]) -> str:
    halo = f"<path class='halo' d='{''.join(paths.values())}'/>"
    return halo + "".join(f"<path class='found' style='stroke:{colour}' d='{d}'/>" for colour, d in paths.items())


def _line(points: Float[ndarray, "n 2"]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
