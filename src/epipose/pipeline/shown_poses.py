"""Poses by a network that is shown the people of a data set where they truly are, as protocols have it.

What was found is kept beside the capture, so that an evaluation that was interrupted goes on from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.capture_folder import open_capture
from epipose.io.fingerprints import fingerprint, is_current
from epipose.io.keypoint_files import read_keypoints
from epipose.io.pictures import picture_files, read_picture
from epipose.io.pose_files import read_poses, write_poses
from epipose.io.videos import read_frames
from epipose.pipeline.prepared_captures import Moments, PreparedCapture
from epipose.pipeline.progress import Report
from epipose.pipeline.teaching import TRUTH
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.roots import root
from epipose.runtime.given import Given, GivenPeople
from epipose.runtime.networks import Network, open_network
from epipose.threads import ahead

AT_ONCE = 16
"""Pictures that a network sees in one run."""
SAME_MOMENT = 0.25
"""Share of the usual time between frames by which a frame's time may be off."""

Picture = ndarray | None


@dataclass(frozen=True, eq=False)
class Shown:
    """A network, and what it is given."""

    file: Path
    network: Network
    detector: str
    """Whose keypoints say where people are or, to a network that lifts them, where their joints are."""
    depth_given: bool
    """Whether the root's true distance is given too."""

    @classmethod
    def of(cls, file: Path, detector: str, *, depth_given: bool) -> "Shown":
        """Open a model file; raises InputError for one that is damaged."""
        return cls(file, open_network(file), detector, depth_given)

    @property
    def name(self) -> str:
        """What results are called after."""
        return Path(self.network.description.name).name or "model"


def shown_poses(shown: Shown, capture: PreparedCapture, at: Moments, progress: Report) -> dict[str, Poses]:
    """Return by view what the network says of the people at these moments, in camera axes, roots on the true ones.

    Raises InputError for a capture without pictures, or whose pictures or keypoints do not fit its truth.
    """
    if at.poses.weight.shape[1] != 1:
        raise InputError(f"{capture.folder} shows several people, and protocols are for one; evaluate it with --poses")
    opened = open_capture(capture.folder, fewest_views=1)
    keypoints = opened.keypoint_files.get(shown.detector, {})
    found = {}
    for view in opened.views:
        if view.name not in at.cameras:
            raise InputError(f"{capture.folder / 'truth'} has no camera {view.name!r}; make the capture again")
        if view.name not in keypoints:
            raise InputError(
                f"{capture.folder} has no keypoints {shown.detector!r} of view {view.name}; make the capture again with"
                " epipose prepare, or name others with --detector"
            )
        if view.source is None and shown.network.description.kind == "crop":
            raise InputError(
                f"{capture.folder} holds no pictures of view {view.name}, which {shown.name} needs; prepare it from"
                " files with videos or pictures, or evaluate poses that are there with --poses"
            )
        source = view.source if shown.network.description.kind == "crop" else None
        file = _place(shown, capture, at, view.name)
        inputs = (shown.file, keypoints[view.name], source, capture.folder / TRUTH, shown.depth_given)
        made_from = fingerprint("shown", *inputs, at.places.tolist())
        if not is_current(file, made_from):
            known = _at_moments(read_keypoints(keypoints[view.name]), at, keypoints[view.name])
            write_poses(file, _seen(shown, at, view.name, known, source, progress), fingerprint=made_from)
        found[view.name] = read_poses(file)
    return found


def _place(shown: Shown, capture: PreparedCapture, at: Moments, view: str) -> Path:
    settings = f"{len(at.places)}-frames{'_depth-given' if shown.depth_given else ''}_{shown.detector}"
    return capture.folder / "evaluation" / f"{shown.name}_{settings}" / f"{view}.npz"


def _at_moments(keypoints: Keypoints, at: Moments, file: Path) -> Keypoints:
    """Return keypoints at the moments that count; raises InputError if they are not there."""
    places = nearest(keypoints.times, at.poses.times)
    if (places < 0).any():
        missing = at.poses.times[places < 0][0]
        raise InputError(f"{file} has no keypoints at {missing:g} s, which the truth has; make it again")
    return Keypoints(
        keypoints.pixels[places], keypoints.score[places], at.poses.times, keypoints.skeleton, keypoints.image_size_wh
    )


def nearest(own: Float[ndarray, "own"], wanted: Float[ndarray, "frames"]) -> ndarray:
    """Return which of the `own` times is each wanted one; -1 for those that are none of them."""
    if not len(own):
        return np.full(len(wanted), -1)
    after = np.clip(np.searchsorted(own, wanted), 1, max(len(own) - 1, 1))
    after = np.minimum(after, len(own) - 1)
    before = np.maximum(after - 1, 0)
    chosen = np.where(np.abs(own[before] - wanted) <= np.abs(own[after] - wanted), before, after)
    steps = np.diff(own) if len(own) > 1 else np.diff(wanted)
    slack = SAME_MOMENT * float(np.median(steps)) if len(steps) else 1e-3
    return np.where(np.abs(own[chosen] - wanted) <= slack, chosen, -1)


def _seen(shown: Shown, at: Moments, view: str, known: Keypoints, source: Path | None, progress: Report) -> Poses:
    """Return what the network says of the one person at the moments that count."""
    camera, skeleton = at.cameras[view], shown.network.description.skeleton
    shape = (len(at.places), 1, len(skeleton))
    positions, weight = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    people = GivenPeople(shown.network, known.skeleton, camera.lens)
    roots = root(camera.cam_from_world.apply(at.poses.positions[:, 0].astype(float)), at.poses.skeleton)
    # Where several were found, the one who is surest is taken for the person whom the truth knows.
    surest = known.score.sum(axis=2).argmax(axis=1)
    with ahead(_pictures(source, at, camera), 2 * AT_ONCE) as pictures:
        for batch in _batches(pictures):
            given = [
                Given(
                    picture,
                    known.pixels[frame, surest[frame]].astype(float),
                    known.score[frame, surest[frame]].astype(float),
                    roots[frame] if shown.depth_given else None,
                )
                for frame, picture in batch
            ]
            for (frame, _), answer in zip(batch, people(given), strict=True):
                if answer is not None:
                    sure = (answer.weight > 0)[:, None]
                    positions[frame, 0] = np.where(sure, answer.joints + roots[frame], 0)
                    weight[frame, 0] = answer.weight
            progress(view, batch[-1][0] + 1, len(at.places))
    return Poses(positions, np.zeros(shape, np.float32), weight, at.poses.times, skeleton)


def _batches(pictures: Iterator[tuple[int, Picture]]) -> Iterator[list[tuple[int, Picture]]]:
    while batch := list(islice(pictures, AT_ONCE)):
        yield batch


def _pictures(source: Path | None, at: Moments, camera: Camera) -> Iterator[tuple[int, Picture]]:
    """Yield the frames that count, from 0 on, and their pictures; raises InputError if one is not there."""
    if source is None:
        yield from ((frame, None) for frame in range(len(at.places)))
        return
    frame = 0
    for picture in _of_folder(source, at) if source.is_dir() else _of_video(source, at):
        if picture.shape[1::-1] != camera.size_wh:
            raise InputError(
                f"{source} shows {picture.shape[1]} x {picture.shape[0]} pixels, its camera {camera.size_wh[0]} x"
                f" {camera.size_wh[1]}; make the capture again with epipose prepare"
            )
        yield frame, picture
        frame += 1
    if frame < len(at.places):
        raise InputError(f"{source} ends before frame {at.numbers[frame]}, which the truth has; get it again")


def _of_folder(source: Path, at: Moments) -> Iterator[ndarray]:
    files = picture_files(source)
    if len(files) != at.prepared:
        raise InputError(
            f"{source} holds {len(files)} pictures, and the truth {at.prepared} moments; make the capture again with"
            " epipose prepare"
        )
    yield from (read_picture(files[place]) for place in at.places)


def _of_video(source: Path, at: Moments) -> Iterator[ndarray]:
    wanted, last = set(at.numbers.tolist()), int(at.numbers[-1])
    for frame in read_frames(source):
        if frame.index in wanted:
            yield frame.image
        if frame.index >= last:
            return
