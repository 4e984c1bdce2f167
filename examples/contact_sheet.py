"""Draw a contact sheet of the studio: what its recordings and its training crops look like.

    python examples/contact_sheet.py docs/studio.jpg

needs the extra `studio`.
"""

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.studio.crops import CropStudio
from epipose.studio.figures import make_figure, pose_figures
from epipose.studio.render import figure_surface, mesh_surface
from epipose.studio.scene_view import SceneView
from epipose.studio.scenes import Scene, SceneOptions, plan_scene

TILE_WH = (480, 270)
CROP = 160
SCENES = (  # options of a scene, its seed, and when (s) it is photographed, from its first camera
    (SceneOptions(rig="ring", motion="turn", occluder="round_table"), 3, 2.0),
    (SceneOptions(rig="ring", motion="dance", occluder="disc"), 4, 1.5),
    (SceneOptions(rig="ring", motion="sit", occluder="desk"), 5, 3.0),
    (SceneOptions(rig="phones", motion="reach", occluder="boxes"), 6, 2.0),
    (SceneOptions(rig="ring", motion="walk", people=2), 7, 2.0),
    (SceneOptions(rig="ring", motion="balance", ages=(6.0, 10.0)), 8, 2.0),
    (SceneOptions(rig="ring", motion="walk_in_place", ages=(65.0, 85.0)), 9, 1.0),
    (SceneOptions(rig="ring", motion="dance", people=3), 10, 2.5),
    (SceneOptions(rig="ring", motion="walk", occluder="mover"), 11, 1.0),
)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of the studio.")
    parser.add_argument("out", type=Path, help="picture to write")
    arguments = parser.parse_args()
    photographs = [photograph(plan_scene(options, seed), time) for options, seed, time in SCENES]
    crops = [crop.image for crop in islice(CropStudio(1, size=CROP).stream(), 2 * 9)]
    sheet = np.concatenate([in_rows(photographs, 3), in_rows(crops, 9)])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(arguments.out), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85]):
        parser.error(f"cannot write {arguments.out}; check the folder")


def photograph(scene: Scene, time: float) -> UInt8[ndarray, "height width 3"]:
    """Return what the first camera of a scene stores at a time of the common clock, at the size of a tile."""
    view = next(iter(scene.rig.cameras))
    camera = scene.rig.cameras[view]
    figures = [make_figure(person.body, person.outfit) for person in scene.people]
    vertices, normals = pose_figures(figures, scene.motions(np.array([time]))[0])
    people = [
        figure_surface(figure, *mesh, label=index + 1)
        for index, (figure, mesh) in enumerate(zip(figures, zip(vertices, normals, strict=True), strict=True))
    ]
    still = [mesh_surface(mesh) for mesh in scene.furniture]
    background = scene.surroundings.background(view, camera)
    drawing = SceneView(camera, background, still, scene.surroundings.light, scene.middle)
    frame = drawing.frame([*people, *(mesh_surface(mover.at(time)) for mover in scene.movers)])
    look, noise = scene.look(view)
    picture = look.metered(frame.colour).apply(frame.colour, noise)
    height, width = picture.shape[:2]
    scale = max(TILE_WH[0] / width, TILE_WH[1] / height)
    shown = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (shown.shape[0] - TILE_WH[1]) // 2, (shown.shape[1] - TILE_WH[0]) // 2
    return np.asarray(shown[top : top + TILE_WH[1], left : left + TILE_WH[0]])


def in_rows(pictures: list[UInt8[ndarray, "height width 3"]], columns: int) -> UInt8[ndarray, "tall wide 3"]:
    """Return pictures of one size side by side, `columns` in a row."""
    rows = [np.concatenate(pictures[first : first + columns], axis=1) for first in range(0, len(pictures), columns)]
    return np.concatenate(rows)


if __name__ == "__main__":
    main()
