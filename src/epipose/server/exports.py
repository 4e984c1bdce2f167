"""What was recorded in a browser, in the formats of other programs."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from epipose import exporters, plugins
from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.pose.keypoints import Poses
from epipose.pose.resampling import resampled_poses
from epipose.pose.skeletons import Skeleton
from epipose.runtime.placing import LEVEL
from epipose.server.answers import Numbers
from epipose.server.limits import Refused

MOST_FRAMES, MOST_PEOPLE = 36_000, 16
"""Also of the product of both: a file has room for everybody in every frame."""
FARTHEST_M = 1e5
NAME = "poses"


class RecordedPerson(BaseModel):
    """One person in one frame; see `PersonAnswer`, whose other parts may be there, too."""

    id: int
    positions_m: list[Numbers]
    confidence: Numbers
    sigma_m: Numbers


class RecordedFrame(BaseModel):
    """The people in one frame; see `FrameAnswer`, whose other parts may be there, too."""

    time_s: FiniteFloat
    people: list[RecordedPerson]


class Recorded(BaseModel):
    """Frames as the server answered them, in the order of time."""

    model: str | None = Field(None, max_length=100)
    frames: list[RecordedFrame] = Field(min_length=1, max_length=MOST_FRAMES)


def exported(recorded: Recorded, skeleton: Skeleton, form: str) -> tuple[str, bytes]:
    """Return the name and the content of a file; of several, one for each person, a ZIP with all.

    Frames of a camera come when they come, and most formats know a steady rate only: they get the mean one. Raises
    Refused for frames that are not those of a recording, or an unknown format.
    """
    poses = _poses(recorded, skeleton)
    first, last = poses.times[[0, -1]]
    poses = resampled_poses(poses, np.linspace(first, last, len(poses.times)))
    try:
        exporter: Exporter = plugins.load(exporters, form)
        with TemporaryDirectory(prefix="epipose-") as folder:
            place = Path(folder) / f"{NAME}{exporter.suffix}"
            files = exporter.write(place, poses)
            contents = {file.name: file.read_bytes() for file in files}
    except InputError as error:
        raise Refused(422, str(error)) from error
    if len(contents) == 1:
        return next(iter(contents.items()))
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return f"{NAME}.zip", packed.getvalue()


def _poses(recorded: Recorded, skeleton: Skeleton) -> Poses:
    """Return recorded frames as poses, as if the camera had been level."""
    frames, joints = recorded.frames, len(skeleton)
    times = np.array([frame.time_s for frame in frames])
    if np.any(np.diff(times) <= 0):
        raise Refused(422, "the frames are not in the order of time; send them as they came")
    people = max((person.id for frame in frames for person in frame.people), default=0)
    if not all(1 <= person.id <= MOST_PEOPLE for frame in frames for person in frame.people) or not people:
        raise Refused(422, f"nobody is in these frames, or somebody's number is not one of 1 to {MOST_PEOPLE}")
    if len(frames) * people > MOST_FRAMES:
        raise Refused(413, f"{len(frames)} frames of {people} people are more than {MOST_FRAMES} of one; cut them")
    shape = (len(frames), people, joints)
    positions, sigma, weight = np.zeros((*shape, 3)), np.zeros(shape), np.zeros(shape)
    for index, frame in enumerate(frames):
        for person in frame.people:
            at = index, person.id - 1
            parts = (person.positions_m, person.confidence, person.sigma_m)
            if any(len(part) != joints for part in parts) or any(len(one) != 3 for one in person.positions_m):
                raise Refused(422, f"somebody has other joints than the {joints} of this model")
            known = np.asarray(person.confidence) > 0
            positions[at] = np.where(known[:, None], LEVEL.apply(np.asarray(person.positions_m)), 0)
            sigma[at] = np.where(known, person.sigma_m, 0)
            weight[at] = np.clip(person.confidence, 0, 1)
    if max(np.abs(positions).max(), np.abs(sigma).max()) > FARTHEST_M:
        raise Refused(422, "somebody is farther away than any camera sees")
    return Poses(positions.astype(np.float32), sigma.astype(np.float32), weight.astype(np.float32), times, skeleton)
