"""Pictures by which people see what a network knows of poses: RGB, on white, as large as they are to be looked at.

Poses are in mm, relative to their root, in the camera's axes (x right, y down, z away). Joints that are NaN are left
out.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.roots import root_joints
from epipose.pose.skeletons import Skeleton
from epipose.report.drawing import FAINT, Colour, Limb, Picture, limbs, paint_outlined, paint_skeleton
from epipose.report.overlay import MOST_PX
from epipose.report.palette import PALE, rgb, view_colour
from epipose.report.pose_views import (
    ABOVE,
    EDGE,
    FRONT,
    GAP,
    LIMB,
    SIDE,
    SIDES,
    Bounds,
    Foot,
    Panel,
    Poses,
    View,
    bounds,
)
from epipose.report.sheet import INK, SOFT, TEXT, Sheet, lighter, words_width

LEAST_PX = 720
"""Longer side of a picture of a person; smaller ones are enlarged, so that limbs are seen in them."""
PANEL, TALL = 360.0, 210.0
"""Sides of the three views, and height of poses in rows."""
ROOM = 0.08
"""Of a drawing's side, left free around poses."""
GHOST: Colour = (205, 208, 214)
"""The truth behind what is to be like it."""


def person_picture(
    picture: Picture,
    box: Float[ndarray, "4"],
    pixels: Float[ndarray, "joints 2"],
    weight: Float[ndarray, "joints"],
    skeleton: Skeleton,
) -> UInt8[ndarray, "shown_height shown_width 3"]:
    """Return a photo with the box of a person (x0 y0 x1 y1, pixels) and the joints of a weight of FAINT or more.

    Raises InputError for a box without size, or arrays of another skeleton.
    """
    if not (np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]):
        raise InputError(f"the box {np.round(box, 1).tolist()} has no size; give its x0 y0 x1 y1 in pixels")
    _check(len(pixels), skeleton)
    longer = max(picture.shape[:2])
    factor = min(max(longer, LEAST_PX), MOST_PX) / longer
    size_wh = tuple(max(1, round(factor * side)) for side in picture.shape[1::-1])
    canvas = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    scale = np.array(size_wh) / picture.shape[1::-1]
    begin, end, places = ((points + 0.5) * scale - 0.5 for points in (box[:2], box[2:], pixels))
    width = max(size_wh) / 270
    edge = np.array([begin, [end[0], begin[1]], end, [begin[0], end[1]]])
    paint_outlined(canvas, edge, rgb(view_colour(2)), 0.6 * width, closed=True)
    shown = (weight >= FAINT) & np.isfinite(pixels).all(axis=1)
    drawn = limbs(skeleton, PALE)
    paint_skeleton(canvas, np.nan_to_num(places), shown, drawn, np.full((len(drawn), 2), 0.6 * width))
    return np.asarray(canvas)


def three_views(
    poses: Poses | Sequence[Float[ndarray, "joints 3"]], skeleton: Skeleton, names: Sequence[str]
) -> UInt8[ndarray, "height width 3"]:
    """Return poses laid over each other, from the front, the side and above, all as large, with a legend of `names`.

    One pose alone has the colours of its sides. Of several each has its own, paler on the right side of the body; the
    last is on top. Raises InputError without poses, or without a name for each.
    """
    _check_poses(poses, skeleton)
    poses = np.asarray(poses, float)
    if len(names) != len(poses):
        raise InputError(f"{len(poses)} poses cannot have {len(names)} names; give each one")
    extent = bounds(poses)
    scale = (1 - 2 * ROOM) * PANEL / float((extent[1] - extent[0]).max())
    tones = _tones(len(poses))
    if len(poses) == 1:
        foot = Foot(SIDES, scale, lead=f"{names[0]}:")
    else:
        foot = Foot(tuple(zip(names, tones, strict=True)), scale, note="paler: the right side of the body")
    top = EDGE + TEXT + GAP
    sheet = Sheet(2 * EDGE + max(3 * PANEL + 2 * GAP, foot.width), top + PANEL + 2 * GAP + TEXT + EDGE)
    for number, view in enumerate((FRONT, SIDE, ABOVE)):
        begin = (EDGE + number * (PANEL + GAP), top)
        sheet.words(view.words, (begin[0], top - GAP), colour=SOFT)
        panel = Panel(sheet, view, begin, (PANEL, PANEL), scale, extent.mean(axis=0))
        panel.draw_ground()
        panel.draw_camera()
        for pose, tone in zip(poses, tones, strict=True):
            panel.draw(pose, limbs(skeleton) if len(poses) == 1 else _toned(skeleton, tone), LIMB + 0.6)
    foot.draw(sheet, EDGE, sheet.width - EDGE, sheet.height - EDGE)
    return sheet.picture()


def before_after(noisy: Poses, denoised: Poses, truth: Poses, skeleton: Skeleton) -> UInt8[ndarray, "height width 3"]:
    """Return poses side by side: with noise, under it denoised, and under that the truth, which is behind all of them.

    Under each is the mean distance (mm) of its joints from the truth, the root not counted, and under the names of rows
    the mean of these. Raises InputError without poses.
    """
    _check_poses(truth, skeleton)
    ghost = tuple(Limb(bone, GHOST) for bone in skeleton.bones)
    rows = {"with noise": noisy, "denoised": denoised, "truth": truth}
    extent = bounds(noisy, denoised, truth)
    scale, width = _cell(extent, FRONT)
    left = EDGE + max(words_width(words) for words in rows) + GAP
    tall = TALL + TEXT + 2 * GAP
    foot = Foot((*SIDES, ("truth", GHOST)), scale)
    sheet = Sheet(left + max(len(truth) * (width + GAP) - GAP, foot.width) + EDGE, 2 * EDGE + 3 * tall - GAP)
    for row, (words, poses) in enumerate(rows.items()):
        top = EDGE + row * tall
        errors = [mean_error(pose, true, skeleton) for pose, true in zip(poses, truth, strict=True)]
        sheet.words(words, (EDGE, top + TALL / 2))
        if words != "truth":
            sheet.words(_mm(_mean(errors)), (EDGE, top + TALL / 2 + 1.5 * TEXT), colour=SOFT)
        for column, (pose, true) in enumerate(zip(poses, truth, strict=True)):
            panel = Panel(sheet, FRONT, (left + column * (width + GAP), top), (width, TALL), scale, extent.mean(axis=0))
            panel.draw_ground()
            if words != "truth":
                panel.draw(true, ghost, LIMB + 5)
                below = (panel.begin[0] + width / 2, top + TALL + TEXT + 2)
                sheet.words(_mm(errors[column]), below, align="middle")
            panel.draw(pose, limbs(skeleton))
    foot.draw(sheet, left, sheet.width - EDGE, sheet.height - EDGE)
    return sheet.picture()


def latent_walk(poses: Poses, skeleton: Skeleton) -> UInt8[ndarray, "height width 3"]:
    """Return the poses on a walk between codes as a film strip, first to last: the front, under it the side.

    The picture is the wider the more there are; eight fill a page. Raises InputError without poses.
    """
    _check_poses(poses, skeleton)
    extent = bounds(poses)
    scale = min(_cell(extent, view)[0] for view in (FRONT, SIDE))
    width = max(_cell(extent, view)[1] for view in (FRONT, SIDE))
    left = EDGE + max(words_width("front"), words_width("side")) + GAP
    top = EDGE + TEXT + GAP
    foot = Foot(SIDES, scale)
    sheet = Sheet(
        left + max(len(poses) * (width + 2) - 2, foot.width) + EDGE, top + 2 * TALL + 2 + 2 * GAP + TEXT + EDGE
    )
    for row, (words, view) in enumerate((("front", FRONT), ("side", SIDE))):
        begin = top + row * (TALL + 2)
        sheet.words(words, (EDGE, begin + TALL / 2), colour=SOFT)
        for column, pose in enumerate(poses):
            panel = Panel(sheet, view, (left + column * (width + 2), begin), (width, TALL), scale, extent.mean(axis=0))
            panel.draw_ground()
            panel.draw(pose, limbs(skeleton))
    for column in range(len(poses)):
        share = column / max(len(poses) - 1, 1)
        place = (left + column * (width + 2) + width / 2, top - GAP)
        sheet.words(f"{share:.0%}".replace("%", " %"), place, colour=SOFT, align="middle")
    foot.draw(sheet, left, sheet.width - EDGE, sheet.height - EDGE)
    return sheet.picture()


def mean_error(found: Float[ndarray, "joints 3"], truth: Float[ndarray, "joints 3"], skeleton: Skeleton) -> float:
    """Return the mean distance of the joints that both know, NaN without any.

    A root that is a joint does not count: it is always at 0.
    """
    distances = np.linalg.norm(found - truth, axis=1)
    root = root_joints(skeleton)
    return _mean(np.delete(distances, root) if len(root) == 1 else distances)


def _check(joints: int, skeleton: Skeleton) -> None:
    if joints != len(skeleton):
        raise InputError(f"{joints} joints are not those of skeleton {skeleton.name!r}, which has {len(skeleton)}")


def _check_poses(poses: Poses | Sequence[Float[ndarray, "joints 3"]], skeleton: Skeleton) -> None:
    if not len(poses):
        raise InputError("there are no poses to be drawn; give one or more")
    for pose in poses:
        _check(len(pose), skeleton)


def _tones(count: int) -> list[Colour]:
    """Return a colour for each of several poses, none of which means a side."""
    return [INK, *(rgb(view_colour(2 + number % 6)) for number in range(count - 1))]


def _toned(skeleton: Skeleton, tone: Colour) -> tuple[Limb, ...]:
    right = {joint for _, joint in skeleton.pairs}
    pale = lighter(tone, 0.5)
    return tuple(Limb(bone, pale if skeleton.joint_names[bone[1]] in right else tone) for bone in skeleton.bones)


def _cell(extent: Bounds, view: View) -> tuple[float, float]:
    """Return pixels per mm, and the width, of the drawings of poses in rows TALL pixels high."""
    wide, tall = np.ptp(view.seen(extent), axis=0)[:2]
    scale = (1 - 2 * ROOM) * TALL / tall
    return scale, scale * wide + 2 * ROOM * TALL


def _mean(values: Sequence[float] | Float[ndarray, "n"]) -> float:
    """Return the mean of those that are known, NaN without any."""
    known = np.asarray(values)[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _mm(length: float) -> str:
    return f"{length:.0f} mm" if np.isfinite(length) else "unknown"
