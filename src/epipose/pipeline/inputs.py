"""What the stages after detection start from: tracked keypoints of every view."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose import detectors, plugins
from epipose.calibration.association import main_people
from epipose.calibration.rig import View, single
from epipose.errors import InputError
from epipose.io.camera_fit import fit_to_video
from epipose.io.capture_folder import CaptureFolder, open_capture
from epipose.io.keypoint_files import read_keypoints
from epipose.io.videos import VideoInfo, probe
from epipose.pipeline.detect import detect
from epipose.pipeline.known_cameras import Known, calibrated_sizes
from epipose.pipeline.progress import Report
from epipose.pose.conversion import body_joints
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton
from epipose.pose.tracking import track

OWN_SUFFIX = ".npz"
"""Of keypoint files that hold the times of their frames."""
DETECTORS_TO_TRY = ("mediapipe", "builtin")
"""The first that is installed detects where nobody named a detector."""
TRUE_KEYPOINTS = "truth"
"""Keypoints that the truth shows; nobody is given them unasked while there are pictures to find people in."""
BUILTIN_NOTE = (
    "people were found by the builtin detector, which has only ever seen synthetic ones; for footage of real people"
    " install a better one with: pip install 'epipose[mediapipe]'"
)
FACE_JOINTS = ("nose", "left_ear", "right_ear", "left_eye", "right_eye")
HEAD_JOINTS = (*FACE_JOINTS, "head_top")
FEWEST_STEADY = 8


@dataclass(frozen=True, eq=False)
class Inputs:
    """A capture whose people were found in every view."""

    capture: CaptureFolder
    people: tuple[Keypoints, ...]
    """Body joints of everybody in each view, tracked, on the view's own clock."""
    detector: str
    """Whose keypoints these are: a detector's, or of a folder of that name."""
    notes: tuple[str, ...] = ()
    """What the user should know about how people were found, one sentence each."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the views."""
        return self.capture.view_names


def load_inputs(folder: Path, detector: str, frame_rate: float | None, progress: Report) -> Inputs:
    """Return the capture's keypoints, detecting them first where that was not done.

    `detector` is the name of a detector, or of a folder of keypoints that is already there; "auto" takes the keypoints
    that are there, else detects with the first of DETECTORS_TO_TRY that is installed. `frame_rate` (1/s) is for files
    that do not tell theirs.
    """
    capture = open_capture(folder)
    chosen = _chosen_keypoints(capture) if detector == "auto" else detector
    notes = (BUILTIN_NOTE,) if detector == "auto" and chosen == "builtin" else ()
    if detector == "auto" and chosen in _complete(capture):
        files = capture.keypoint_files[chosen]
    else:
        files = _keypoint_files(capture, chosen, frame_rate, progress)
    times = capture.times()
    sizes = {} if all(view.source for view in capture.views) else calibrated_sizes(capture)
    people = []
    for number, view in enumerate(capture.views):
        progress("read keypoints", number, len(capture.views))
        video = probe(view.source) if view.source is not None and view.source.is_file() else None
        size_wh = video.size_wh if video else sizes.get(view.name)
        rate = frame_rate if frame_rate is not None or video is None else video.frame_rate
        keypoints = read_keypoints(files[view.name], frame_rate=rate, image_size_wh=size_wh)
        if video is not None and frame_rate is None and files[view.name].suffix != OWN_SUFFIX:
            keypoints = _at_video_times(keypoints, video)
        if view.name in times:
            keypoints = _at_recorded_times(keypoints, times[view.name], view.name)
        people.append(track(keypoints.select(body_joints(keypoints.skeleton))))
    progress("read keypoints", len(capture.views), len(capture.views))
    return Inputs(capture, _with_common_joints(people), chosen, notes)


def _chosen_keypoints(capture: CaptureFolder) -> str:
    """Return whose keypoints to use where nobody said it; raises InputError if there are none and none can be made."""
    filmed = all(view.source is not None for view in capture.views)
    complete = [name for name in _complete(capture) if not filmed or name != TRUE_KEYPOINTS]
    if complete:
        return complete[0]
    if not filmed:
        missing = sorted(set(capture.view_names) - set(next(iter(capture.keypoint_files.values()), {})))
        raise InputError(f"{capture.path} lacks keypoints of {', '.join(missing)} and has no video to find them in")
    return default_detector()


def default_detector() -> str:
    """Return the first of DETECTORS_TO_TRY that is installed."""
    for name in DETECTORS_TO_TRY[:-1]:
        with suppress(InputError):
            _ = plugins.load(detectors, name).version
            return name
    return DETECTORS_TO_TRY[-1]


def _complete(capture: CaptureFolder) -> list[str]:
    """Return the detectors whose keypoints of every view are there."""
    return [name for name, files in capture.keypoint_files.items() if set(files) >= set(capture.view_names)]


def _keypoint_files(
    capture: CaptureFolder, detector: str, frame_rate: float | None, progress: Report
) -> dict[str, Path]:
    """Return each view's keypoint file of `detector`; detects unless they are there or nothing can be detected."""
    has_pictures = all(view.source is not None for view in capture.views)
    if detector in _complete(capture) and (not has_pictures or detector not in plugins.names(detectors)):
        return capture.keypoint_files[detector]
    return detect(capture.path, detector=detector, frame_rate=frame_rate, progress=progress)


def _at_video_times(keypoints: Keypoints, video: VideoInfo) -> Keypoints:
    """Return keypoints of a file that only counts frames at the exact times of the video's frames."""
    frames = np.round(keypoints.times * video.frame_rate).astype(int)
    return replace(keypoints, times=video.times[frames]) if frames[-1] < len(video.times) else keypoints


def _at_recorded_times(keypoints: Keypoints, times: Float[ndarray, "frames"], name: str) -> Keypoints:
    if len(times) < len(keypoints.times):
        raise InputError(
            f"the recorded times of view {name!r} name {len(times)} frames, but its keypoints have"
            f" {len(keypoints.times)}; remove timestamps.csv or detect again"
        )
    return replace(keypoints, times=times[: len(keypoints.times)])


def _with_common_joints(people: Sequence[Keypoints]) -> tuple[Keypoints, ...]:
    """Return all views with the joints that each of them has."""
    common = tuple(
        joint
        for joint in people[0].skeleton.joint_names
        if all(joint in keypoints.skeleton.joint_names for keypoints in people)
    )
    if len(common) < 4:
        raise InputError("the views have fewer than four joints in common; use keypoints of one detector for all views")
    return tuple(keypoints.select(common) for keypoints in people)


def calibration_views(inputs: Inputs, known: Known) -> tuple[tuple[View, ...], dict[str, str]]:
    """Return what calibration starts from, and by view what was noted about its calibration's picture size."""
    slots = main_people(inputs.people)
    views, notes = [], dict(known.lens_notes)
    for name, people, slot in zip(inputs.names, inputs.people, slots, strict=True):
        size = people.image_size_wh
        lens, note = fit_to_video(known.lenses[name], size, name) if known.lenses else (None, None)
        placed, _ = fit_to_video(known.cameras[name], size, name) if known.cameras else (None, None)
        if note:
            notes[name] = "; ".join(filter(None, (notes.get(name), note)))
        if placed and lens:
            placed = replace(placed, lens=lens.lens)
        steady = single(people, slot).select(_steady_joints(people.skeleton))
        views.append(View(name, size, steady, lens.lens if lens else None, placed))
    return tuple(views), notes


def _steady_joints(skeleton: Skeleton) -> tuple[str, ...]:
    """Return the joints to calibrate with: without the face, of which each view sees another side, if enough remain."""
    steady = tuple(joint for joint in skeleton.joint_names if joint not in FACE_JOINTS)
    return steady if len(steady) >= FEWEST_STEADY else skeleton.joint_names
