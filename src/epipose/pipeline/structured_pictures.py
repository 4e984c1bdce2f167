"""What a structured network does, to be looked at: where it finds somebody, and what it knows of poses."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame
from epipose.geometry.images import inverse, mapped
from epipose.io.pictures import write_png
from epipose.report.learning import Pictured
from epipose.report.learning.summary import millimetres
from epipose.report.pose_pictures import before_after, latent_walk, person_picture, three_views
from epipose.training.crop_squares import steady_frame

if TYPE_CHECKING:
    from epipose.training.courses import Taught
    from epipose.training.structured_course import Lessons

COLUMNS, STEPS = 6, 8
"""Poses that are denoised, and poses on a walk from one to another."""

Picture = UInt8[ndarray, "height width 3"]


def structured_pictures(taught: "Taught", lessons: "Lessons", stages: Path, folder: Path) -> tuple[Pictured, ...]:
    """Return the pictures, and write each into `folder`.

    Those of the autoencoder are left out where `stages`, the folder of the stages, holds none.
    """
    made = [*_of_person(taught, lessons)]
    if (stages / "poses.pt").is_file():
        made += _of_poses(lessons, stages / "poses.pt")
    for name, _, picture in made:
        write_png(folder / f"{name}.png", picture)
    return tuple(Pictured(caption, picture) for _, caption, picture in made)


def _of_person(taught: "Taught", lessons: "Lessons") -> Iterator[tuple[str, str, Picture]]:
    """Yield name, caption and picture of what the network says of an example: of the one in the middle by its error."""
    answers, examples = taught.answers, lessons.held_out.examples
    errors = answers.example_errors_mm()
    index = int(np.argsort(errors)[len(errors) // 2])
    row = taught.rows[index]
    frame = steady_frame(examples, row, examples.size)
    corners = _in_square(frame, np.array([[-0.5, -0.5], [0.5, 0.5]]))
    pixels = _in_square(frame, answers.predicted[index, :, :2])
    weight = np.ones(len(answers.skeleton)) if answers.confidence is None else answers.confidence[index]
    where = f"{examples.place(row)}, {millimetres(errors[index])} off, which is the median"
    yield (
        "person",
        f"The box that the network sees, and what it finds in it ({where}).",
        person_picture(examples.picture(row), corners.ravel(), pixels, weight, answers.skeleton),
    )
    found, truth = (1000 * poses[index : index + 1] for poses in answers.around_root())
    yield (
        "three-views",
        "The same person, from the pelvis: what is known, and what the network says.",
        three_views([truth[0], found[0]], answers.skeleton, ["truth", "found"]),
    )


def _in_square(frame: CropFrame, across: ndarray) -> ndarray:
    """Return where places in units of a crop are in the square that it is cut from."""
    return mapped(inverse(frame.crop_from_px), (across + 0.5) * frame.size)


def _of_poses(lessons: "Lessons", file: Path) -> Iterator[tuple[str, str, Picture]]:
    """Yield name, caption and picture of what an autoencoder makes of poses that it never learned from."""
    from epipose.training.structured_course import known_poses

    skeleton = lessons.skeleton
    known = known_poses(lessons.poses, file, COLUMNS, STEPS)
    yield (
        "denoised",
        "Poses that the autoencoder never learned from, with noise of 40 mm on each coordinate, and denoised.",
        before_after(known.noisy, known.denoised, known.truth, skeleton),
    )
    yield (
        "walk",
        "A walk from the code of one pose to that of another: what lies between is a pose, too.",
        latent_walk(known.walk, skeleton),
    )
