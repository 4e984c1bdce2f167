"""Writing a scene as a capture folder: videos, cameras and truth."""

import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.arrays import read_arrays
from epipose.io.camera_files import write_cameras
from epipose.io.files import atomic_write
from epipose.io.mask_videos import boxes_of, mask_path, mask_writer
from epipose.io.truth_files import SKELETON, PersonTruth, Truth, ViewTruth, read_truth, write_truth
from epipose.io.video_writing import h264, video_writer
from epipose.pose.keypoints import Poses
from epipose.studio.figures import Figure, make_figure, pose_figures
from epipose.studio.render import FURNITURE, Surface, figure_surface, mesh_surface
from epipose.studio.scene_view import Frame, SceneView, blended
from epipose.studio.scenes import Scene
from epipose.studio.visibility import Sight, joint_visibility

Report = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and of how many."""

SHUTTER_MOMENTS = 3
"""Moments that make a frame where the shutter stays open."""
MARK = ".fingerprint"
"""File that tells what an unfinished recording is going to be."""


def record(scene: Scene, folder: Path, progress: Report = lambda *_: None) -> bool:
    """Write `scene` as the capture `folder` and return whether there was anything to do.

    It appears all at once when it is finished. Interrupted, the views that were done are kept beside it in a hidden
    folder, and the same call goes on from there. Raises InputError if the folder holds anything else, or cannot be
    written.
    """
    folder = folder.resolve()
    if _is_done(scene, folder):
        return False
    if folder == Path.cwd():
        raise InputError(f"{folder} is where you are; name a new folder for the recording")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        if folder.is_dir():  # whether it can be replaced is better known before everything has been drawn
            folder.rmdir()
            folder.mkdir()
        _claim(unfinished, scene.fingerprint)
        _write_all(scene, unfinished, progress)
        if folder.is_dir():
            folder.rmdir()
        shutil.rmtree(unfinished / "done")
        (unfinished / MARK).unlink()
        unfinished.rename(folder)
    except OSError as error:
        raise InputError(
            f"could not write {folder} ({error.strerror or error}); check its permissions and the space left,"
            " or choose another place"
        ) from error
    return True


def _is_done(scene: Scene, folder: Path) -> bool:
    """Return whether `folder` holds this very recording; raises InputError if it holds something else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose another place for the recording")
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    try:
        same = read_truth(folder / "truth").details.get("fingerprint") == scene.fingerprint
    except InputError:
        same = False
    if not same:
        raise InputError(f"{folder} already holds something else; choose another place, or delete it first")
    for view in scene.rig.cameras:
        for path in (_video_path(folder, view), mask_path(folder / "truth", view)):
            if not path.is_file():
                raise InputError(f"{folder} is this recording, but lacks {path}; delete it to make it again")
    return True


def _video_path(folder: Path, view: str) -> Path:
    return folder / "videos" / f"{view}.mp4"


def _claim(unfinished: Path, fingerprint: str) -> None:
    """Make a folder to work in, or take the one of an earlier run that was interrupted."""
    mark = unfinished / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8", errors="replace") != fingerprint:
        shutil.rmtree(unfinished)
    with atomic_write(mark, "w") as file:
        file.write(fingerprint)


def _write_all(scene: Scene, folder: Path, progress: Report) -> None:
    figures = [make_figure(person.body, person.outfit) for person in scene.people]
    counts = {view: frame_count(scene.seconds, rate) for view, rate in scene.rig.frame_rates.items()}
    done, total = 0, sum(counts.values())
    views = {}
    for view, count in counts.items():
        film = _Film(scene, view, count, figures)
        kept = folder / "done" / f"{view}.npz"
        if not kept.is_file():
            for frame in film.write(folder, kept):
                progress("drawing", done + frame, total)
        done += count
        views[view] = film.truth(kept)
    write_truth(folder / "truth", _truth(scene, views))
    write_cameras(folder / "cameras.toml", scene.rig.cameras)


def frame_count(seconds: float, frame_rate: Fraction) -> int:
    """Return how many frames a view of that length has."""
    return round(seconds * frame_rate)


def _truth(scene: Scene, views: dict[str, ViewTruth]) -> Truth:
    rate = scene.frame_rate
    times = np.arange(frame_count(scene.seconds, rate)) / float(rate)
    positions = scene.joints(times).astype(np.float32)
    zero = np.zeros(positions.shape[:3], np.float32)
    return Truth(
        poses=Poses(positions, zero, zero + 1, times, SKELETON),
        views=views,
        cameras=scene.rig.cameras,
        people=tuple(
            PersonTruth(person.body.stature, person.body.phenotype, person.motion.name) for person in scene.people
        ),
        seed=scene.seed,
        rig=scene.rig.name,
        details={"fingerprint": scene.fingerprint, **scene.details},
    )


class _Film:
    """One view of a scene."""

    def __init__(self, scene: Scene, view: str, count: int, figures: list[Figure]) -> None:
        self._scene, self._view, self._figures = scene, view, figures
        self._camera: Camera = scene.rig.cameras[view]
        self._rate = scene.rig.frame_rates[view]
        self._offset = scene.rig.time_offsets[view]
        self._times = np.arange(count) * self._rate.denominator / self._rate.numerator
        self._joints = scene.joints(self._times + self._offset)
        self._pixels, self._seen = self._camera.project(self._joints)
        self._depth = self._camera.cam_from_world.apply(self._joints)[..., 2]

    def truth(self, kept: Path) -> ViewTruth:
        """Return the truth of the view, part of which `write` left in `kept`."""
        arrays = read_arrays(kept)
        # Far outside, where nothing can be seen, any number will do that a file can hold.
        pixels = np.clip(self._pixels, -1e6, 1e6).astype(np.float32)
        return ViewTruth(self._times, self._offset, pixels, arrays["visibility"], arrays["boxes"])

    def write(self, folder: Path, kept: Path) -> Iterator[int]:
        """Write video and masks, then `kept`; yields the number of frames done."""
        scene, camera = self._scene, self._camera
        look, noise = scene.look(self._view)
        drawing = SceneView(
            camera,
            scene.surroundings.background(self._view, camera),
            [mesh_surface(mesh) for mesh in scene.furniture],
            scene.surroundings.light,
            scene.middle,
        )
        visibility, boxes = [], []
        video = _video_path(folder, self._view)
        masks = mask_path(folder / "truth", self._view)
        with (
            video_writer(video, camera.size_wh, self._rate, h264(scene.options.crf)) as append,
            mask_writer(masks, camera.size_wh, self._rate) as append_mask,
        ):
            for index in range(len(self._times)):
                frame = self._frame(drawing, index)
                look = look if index else look.metered(frame.colour)
                append(look.apply(frame.colour, noise))
                people = np.where(frame.labels == FURNITURE, 0, frame.labels)
                append_mask(people)
                boxes.append(boxes_of(people, len(self._figures)))
                visibility.append(self._visibility(frame, index))
                yield index + 1
        with atomic_write(kept, "wb") as file:
            np.savez(file, visibility=np.array(visibility), boxes=np.array(boxes))

    def _frame(self, drawing: SceneView, index: int) -> Frame:
        """Draw a frame; its time is the middle of what the shutter lets in."""
        time, shutter = float(self._times[index] + self._offset), self._scene.options.shutter / float(self._rate)
        if not shutter:
            return drawing.frame(self._moving(time))
        moments = time + shutter * (np.arange(SHUTTER_MOMENTS) / (SHUTTER_MOMENTS - 1) - 0.5)
        return blended([drawing.frame(self._moving(float(moment))) for moment in moments])

    def _moving(self, time: float) -> list[Surface]:
        vertices, normals = pose_figures(self._figures, self._scene.motions(np.array([time]))[0])
        people = [
            figure_surface(figure, vertices[index], normals[index], label=index + 1)
            for index, figure in enumerate(self._figures)
        ]
        return [*people, *(mesh_surface(mover.at(time)) for mover in self._scene.movers)]

    def _visibility(self, frame: Frame, index: int) -> UInt8[ndarray, "people joints"]:
        return np.stack(
            [
                joint_visibility(
                    self._pixels[index, person],
                    self._depth[index, person],
                    self._seen[index, person],
                    figure.joint_radii,
                    Sight(frame.labels, frame.depth, person + 1),
                )
                for person, figure in enumerate(self._figures)
            ]
        )
