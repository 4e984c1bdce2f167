"""What a reconstructed capture can teach: pictures, the labels that its cameras made together, and keypoints."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.calibration.obstacles import Disc
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_fit import fit_to_video
from epipose.io.capture_folder import CaptureFolder
from epipose.io.pictures import read_pictures
from epipose.io.pose_files import read_poses
from epipose.io.recorded_truth import read_known_poses
from epipose.io.videos import Frame, read_frames
from epipose.pipeline.inputs import TRUE_KEYPOINTS, Inputs, load_inputs
from epipose.pipeline.known_cameras import Known, known_cameras
from epipose.pipeline.progress import Report
from epipose.pose.keypoints import Keypoints, Poses
from epipose.training.pseudo_labels import REPROJECTION, PseudoLabels, pseudo_labels

TRUTH = "truth"
"""Name of the labels that synthetic recordings, and those of data sets, come with."""
FEWEST_JOINTS = 4
"""Of a person, found and known at once, by which keypoints and labels are recognised as the same person's."""


@dataclass(frozen=True, eq=False)
class TaughtView:
    """One camera of a capture, with what is known of it."""

    name: str
    source: Path | None
    """A video, or a folder of pictures; None where there are only keypoints."""
    camera: Camera
    keypoints: Keypoints
    """Tracked, on the view's own clock."""
    offset_s: float
    """Added to the view's own times for the clock of the labels."""
    apart: Float[ndarray, "frames people joints"] | None = None
    """How far its keypoints are from the labels, as a share of the person's box, NaN where it found none; None where
    labels do not come from keypoints."""
    discs: tuple[Disc, ...] = ()
    """Round obstacles that stand before it, or will, ..."""
    hiding: tuple[Disc, ...] = ()
    """... and those of them that hid people when it filmed."""

    @property
    def times(self) -> Float[ndarray, "frames"]:
        """When its pictures were taken, on the clock of the labels."""
        return np.asarray(self.keypoints.times + self.offset_s)

    def frames(self) -> Iterator[Frame]:
        """Read the pictures, at the times of the keypoints; there are none without a source."""
        if self.source is None:
            return
        if self.source.is_file():
            yield from read_frames(self.source)
            return
        for frame, time in zip(read_pictures(self.source, frame_rate=1.0), self.keypoints.times, strict=False):
            yield Frame(frame.index, float(time), frame.image)


@dataclass(frozen=True, eq=False)
class Teaching:
    """What one capture can teach."""

    path: Path
    views: tuple[TaughtView, ...]
    labels: PseudoLabels
    detector: str
    """Whose keypoints the views have."""

    @property
    def labelled(self) -> Poses:
        """The labels as poses whose weights say how much each joint counts."""
        return replace(self.labels.poses, weight=self.labels.weight)

    @property
    def people(self) -> int:
        """How many people it shows."""
        return int(self.labels.weight.shape[1])


def load_teaching(folder: Path, labels: str, detector: str, progress: Report, *, by_pictures: bool = True) -> Teaching:
    """Return what a capture can teach; `labels` names poses of it, or is "truth".

    `by_pictures`: to what sees pictures; keypoints alone teach what sees keypoints. Raises InputError for a capture
    that was not reconstructed, or whose poses and cameras do not belong together.
    """
    if by_pictures and labels == TRUTH and detector == "auto" and (folder / "keypoints" / TRUE_KEYPOINTS).is_dir():
        detector = TRUE_KEYPOINTS  # with the truth for a label, nothing is gained by finding people first
    inputs = load_inputs(folder, detector, None, progress)
    capture = inputs.capture
    missing = [view.name for view in capture.views if view.source is None]
    if missing and by_pictures:
        raise InputError(
            f"{folder} holds no video of {missing[0]}, only keypoints, which teach --recipe lift; give it videos"
        )
    if labels == TRUTH:
        return _from_truth(inputs)
    file = capture.poses_path(labels)
    if not file.is_file():
        raise InputError(f"{folder} has no poses called {labels!r}; run `epipose reconstruct {folder}` first")
    poses = read_poses(file)
    fits = [_Fit.of(inputs, cameras, offsets, poses) for cameras, offsets in _candidates(inputs)]
    best = min(fits, key=lambda fit: fit.error, default=None)
    if best is None or best.error > REPROJECTION:
        raise InputError(
            f"no cameras of {folder} fit {file.name}: they were made with others; run `epipose reconstruct {folder}`"
        )
    return Teaching(folder, _views(inputs, best), pseudo_labels(poses, best.over_views()), inputs.detector)


def _from_truth(inputs: Inputs) -> Teaching:
    """Return what a recording that comes with the truth can teach where that may be used."""
    truth = read_known_poses(inputs.capture.path / "truth")
    names = [name for name in inputs.names if name not in truth.cameras]
    if names:
        raise InputError(
            f"{inputs.capture.path / 'truth'} knows nothing of view {names[0]!r}; make the recording again"
        )
    offsets = np.array([truth.time_offsets_s[name] for name in inputs.names])
    cameras = tuple(truth.cameras[name] for name in inputs.names)
    labels = PseudoLabels(truth.poses, truth.poses.weight, 0.0, 0.0)
    return Teaching(inputs.capture.path, _views(inputs, _Fit(cameras, offsets, None, 0.0)), labels, inputs.detector)


def _candidates(inputs: Inputs) -> Iterator[tuple[tuple[Camera, ...], Float[ndarray, "views"]]]:
    """Yield the cameras that the poses of a capture may have been made with, and their clocks."""
    capture = inputs.capture
    told = _reported_offsets(capture)
    files = [str(file) for file in (capture.estimated_cameras_path, capture.cameras_path) if file.is_file()]
    for choice in (*files, "auto"):
        known = known_cameras(capture, choice, None)
        if known.cameras is None or not known.metric:
            continue
        cameras = tuple(
            fit_to_video(known.cameras[name], keypoints.image_size_wh, name)[0]
            for name, keypoints in zip(inputs.names, inputs.people, strict=True)
        )
        for offsets in _offsets(known, told, inputs):
            yield cameras, offsets


def _offsets(known: Known, told: dict[str, float] | None, inputs: Inputs) -> Iterator[Float[ndarray, "views"]]:
    """Yield what may lead from the views' clocks to that of the poses."""
    if told is not None and set(told) >= set(inputs.names):
        yield np.array([told[name] for name in inputs.names])
    yield np.array(known.time_offsets_s or [0.0] * len(inputs.names))


def _reported_offsets(capture: CaptureFolder) -> dict[str, float] | None:
    """Return the clocks that the last reconstruction found, by view."""
    try:
        table = json.loads((capture.path / "report.json").read_text(encoding="utf-8"))
        return {view["name"]: float(view["time_offset_s"]) for view in table["views"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, eq=False)
class _Fit:
    """Cameras, and how far keypoints are from labels seen by them."""

    cameras: tuple[Camera, ...]
    offsets: Float[ndarray, "views"]
    apart: Float[ndarray, "views frames people joints"] | None
    """As a share of the person's box; NaN where nothing was found, None where labels do not come from keypoints."""
    error: float
    """The median over joints of the median over views."""

    @classmethod
    def of(cls, inputs: Inputs, cameras: tuple[Camera, ...], offsets: Float[ndarray, "views"], poses: Poses) -> "_Fit":
        """Compare."""
        shares = np.stack(
            [
                _apart(camera, keypoints, float(offset), poses)
                for camera, keypoints, offset in zip(cameras, inputs.people, offsets, strict=True)
            ]
        )
        middle = cls(cameras, offsets, shares, 0.0).over_views()
        known = np.isfinite(middle)
        return cls(cameras, offsets, shares, float(np.median(middle[known])) if known.any() else np.inf)

    def over_views(self) -> Float[ndarray, "frames people joints"]:
        """Return the median over views; NaN where nothing was found."""
        assert self.apart is not None, "there are keypoints"
        known = np.isfinite(self.apart).any(axis=0)
        result = np.full(self.apart.shape[1:], np.nan)
        result[known] = np.nanmedian(self.apart[:, known], axis=0)
        return result


def _apart(camera: Camera, keypoints: Keypoints, offset: float, poses: Poses) -> Float[ndarray, "frames people joints"]:
    """Return how far each label is from the keypoint of one view nearest in time, as a share of the person's box."""
    result = np.full(poses.weight.shape, np.nan)
    names = poses.skeleton.joint_names
    shared = [joint for joint in names if joint in keypoints.skeleton.joint_names]
    own, theirs = ([skeleton.index(joint) for joint in shared] for skeleton in (poses.skeleton, keypoints.skeleton))
    pixels, seen = camera.project(poses.positions[:, :, own].astype(float))
    nearest = nearest_frames(keypoints.times + offset, poses.times)
    for frame in np.flatnonzero(nearest >= 0):
        found, score = (array[nearest[frame]][:, theirs] for array in (keypoints.pixels, keypoints.score))
        for person in range(poses.weight.shape[1]):
            known = seen[frame, person] & (poses.weight[frame, person, own] > 0)
            slot, distance = match_person(pixels[frame, person], known, found, score)
            if slot is not None:
                box = np.ptp(pixels[frame, person][known], axis=0).max()
                counted = known & (score[slot] > 0)
                result[frame, person, np.array(own)[counted]] = distance[counted] / max(float(box), 1.0)
    return result


def nearest_frames(own: Float[ndarray, "frames"], wanted: Float[ndarray, "others"]) -> ndarray:
    """Return the frame of `own` times nearest to each wanted one; -1 where none is within a frame's time."""
    nearest = np.abs(own[None, :] - wanted[:, None]).argmin(axis=1)
    step = float(np.median(np.diff(own))) if len(own) > 1 else 1e-3
    return np.where(np.abs(own[nearest] - wanted) <= 0.51 * step, nearest, -1)


def match_person(
    pixels: Float[ndarray, "joints 2"], known: ndarray, found: ndarray, score: ndarray
) -> tuple[int | None, Float[ndarray, "joints"]]:
    """Return which of the found people is a person seen at `pixels`, and how far each joint is; None if nobody is."""
    best: tuple[int | None, Float[ndarray, "joints"]] = None, np.zeros(len(pixels))
    nearest = 0.3 * float(np.ptp(pixels[known], axis=0).max()) if known.sum() >= FEWEST_JOINTS else 0.0
    for slot in range(len(found)):
        both = known & (score[slot] > 0)
        if both.sum() < FEWEST_JOINTS:
            continue
        distance = np.linalg.norm(found[slot] - pixels, axis=-1)
        if (middle := float(np.median(distance[both]))) < nearest:
            best, nearest = (slot, distance), middle
    return best


def _views(inputs: Inputs, fit: _Fit) -> tuple[TaughtView, ...]:
    found = []
    parts = zip(inputs.capture.views, fit.cameras, inputs.people, fit.offsets, strict=True)
    for number, (view, camera, keypoints, offset) in enumerate(parts):
        apart = None if fit.apart is None else fit.apart[number]
        found.append(TaughtView(view.name, view.source, camera, keypoints, float(offset), apart))
    return tuple(found)
