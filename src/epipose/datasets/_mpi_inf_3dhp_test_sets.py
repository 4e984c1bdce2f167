"""The test sets of MPI-INF-3DHP: `TS*/annot_data.mat` (HDF5) and `TS*/imageSequence/img_%06d.jpg`, counted from 1 on.

`annot2` (frames, 1, 17, 2): pixels; `annot3` (frames, 1, 17, 3): mm, in the axes of the one camera; `valid_frame`: 1
where these are sound. The camera is in none of the files, but it is what takes `annot3` to `annot2`.
"""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Recording
from epipose.datasets._checked_poses import check_near, checked_poses
from epipose.datasets._listed_pictures import Pictures, names_of, picture_paths
from epipose.datasets._mpi_inf_3dhp_facts import MILLIMETRE, TEST, Part
from epipose.datasets._upright import floor_below, up_of_level_cameras, upright
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.hdf5 import hdf5_file, whole
from epipose.io.pictures import read_picture
from epipose.pose.skeletons import load_skeleton

SKELETON = load_skeleton("mpi_inf_3dhp17")
VIEW = "camera"
SIZES = {"TS5": (1920, 1080), "TS6": (1920, 1080)}
SIZE = (2048, 2048)
"""Of the pictures of the other test sets, where there are no pictures to tell."""
FARTHEST_PX = 1e5
MOST_OFF_PX = 2
"""Pixels by which the median joint may be beside where its camera sees it."""


def parts(root: Path) -> list[Part]:
    """Return the test sets that are there."""
    files = {*root.glob("TS[1-6]/annot_data.mat"), *root.glob("mpi_inf_3dhp_test_set/TS[1-6]/annot_data.mat")}
    return [Part(file.parent.name, TEST, file.parent) for file in sorted(files)]


def recording(part: Part) -> tuple[Recording, list[str]]:
    """Return a test set, and what was left out or assumed."""
    file = part.folder / "annot_data.mat"
    joints, pixels, frames = _annotations(file)
    images = part.folder / "imageSequence"
    pictures: Pictures = {VIEW: {frame: f"img_{frame + 1:06}.jpg" for frame in frames}} if images.is_dir() else {}
    first = next(iter(picture_paths(images, pictures, frames[:1]).get(VIEW, ())), None)
    height, width = read_picture(first).shape[:2] if first else SIZES.get(part.subject, SIZE)[::-1]
    camera = Camera(_lens(file, joints, pixels), Rigid.identity(), (width, height))
    world_from_cam = upright(up_of_level_cameras([camera]))
    feet = [SKELETON.index("left_ankle"), SKELETON.index("right_ankle")]
    floor = floor_below(world_from_cam.apply(joints[:, feet])[..., 2])
    world_from_cam = Rigid(world_from_cam.rotation, np.array([0, 0, -floor]))
    cameras = {VIEW: camera.moved(world_from_cam)}
    read = partial(_read, part, world_from_cam.apply(joints), frames, images, pictures)
    note = (
        f"{part.name} does not say which way is up, where the floor is and how often it was filmed: its camera is taken"
        f" as level, the floor as under the feet, the rate as {part.frame_rate:g} frames per second"
    )
    return Recording(part.name, cameras, (file, *names_of(pictures)), read, part.about), [note]


def _annotations(
    file: Path,
) -> tuple[Float[ndarray, "frames 17 3"], Float[ndarray, "frames 17 2"], list[int]]:
    """Return joints (metres, in the axes of the camera), their pixels, and the numbers of their frames, all valid."""
    with hdf5_file(file, "get it from its source again") as opened:
        joints, pixels = (whole(opened[key]).astype(float) for key in ("annot3", "annot2"))
        valid = whole(opened["valid_frame"]).ravel() > 0
    count = len(valid)
    for numbers, size in ((joints, 3), (pixels, 2)):
        if numbers.shape != (count, 1, len(SKELETON), size):
            raise InputError(
                f"{file} holds annotations of shape {numbers.shape}, not ({count}, 1, {len(SKELETON)}, {size}); get it"
                " again"
            )
    if not valid.any():
        raise InputError(f"{file} holds no pose; get it from its source again")
    joints, pixels = joints[valid, 0] * MILLIMETRE, pixels[valid, 0]
    check_near(joints, file)
    return joints, pixels, np.flatnonzero(valid).tolist()


def _lens(file: Path, joints: Float[ndarray, "frames 17 3"], pixels: Float[ndarray, "frames 17 2"]) -> Pinhole:
    """Return the lens without distortion that sees the joints where they are in the picture."""
    wrong = InputError(f"{file} has joints in 3D that do not lie on those in 2D; get it from its source again")
    points, seen = joints.reshape(-1, 3), pixels.reshape(-1, 2)
    if not (points[:, 2] > 0).all() or not (np.abs(seen) < FARTHEST_PX).all():
        raise wrong
    focal, centre, off = [], [], []
    for axis in range(2):
        ideal = np.stack([points[:, axis] / points[:, 2], np.ones(len(points))], axis=1)
        (slope, start), *_ = np.linalg.lstsq(ideal, seen[:, axis])
        focal.append(float(slope))
        centre.append(float(start))
        off.append(float(np.median(np.abs(ideal @ [slope, start] - seen[:, axis]))))
    if not max(off) <= MOST_OFF_PX or min(focal) <= 0:
        raise wrong
    return Pinhole((focal[0], focal[1]), (centre[0], centre[1]))


def _read(
    part: Part,
    positions: Float[ndarray, "frames 17 3"],
    frames: list[int],
    images: Path,
    pictures: Pictures,
) -> Contents:
    known = np.ones((len(positions), 1, len(SKELETON)), bool)
    where = part.folder / "annot_data.mat"
    poses = checked_poses(positions[:, None], known, np.array(frames) / part.frame_rate, SKELETON, where)
    return Contents(poses, pictures=picture_paths(images, pictures, frames))
