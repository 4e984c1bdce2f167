"""The stage that turns keypoints and known cameras into poses."""

from pathlib import Path

import numpy as np

from epipose.calibration.people import hold, size_of_errors_px
from epipose.io.capture_folder import CaptureFolder
from epipose.io.pose_files import write_poses
from epipose.pipeline.inputs import calibration_views, load_inputs
from epipose.pipeline.known_cameras import placed_cameras
from epipose.pipeline.people3d import People, find_people, shaped_like
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.smoothing import smoothing
from epipose.pose.keypoints import Poses
from epipose.pose.resampling import common_clock, observe, on_clock


def triangulate(
    folder: Path,
    *,
    cameras: str = "auto",
    detector: str = "auto",
    smooth: str = "motion",
    frame_rate: float | None = None,
    progress: Report = no_report,
) -> dict[str, Path]:
    """Triangulate everybody with known cameras and return the pose files by name (triangulated, smooth).

    `cameras` is a camera file, or "auto": the capture's own, else those that `calibrate` wrote. Views are taken to be
    in sync, but for the time offsets that `calibrate` wrote. `smooth`: see `smoothing`.
    """
    steady = smoothing(smooth)
    inputs = load_inputs(folder, detector, frame_rate, progress)
    known = placed_cameras(inputs.capture, cameras)
    views, _ = calibration_views(inputs, known)
    placed = [view.camera for view in views if view.camera is not None]
    offsets = -np.asarray(known.time_offsets_s or [0.0] * len(views))
    single = [view.keypoints for view in views]
    observations = observe(on_clock(single, offsets, common_clock(single, offsets)))
    held = hold(placed, observations, sigma_px=size_of_errors_px([view.size_wh for view in views]))
    people = find_people(inputs.people, offsets, placed, held.sigma_px, progress)
    return write_people(inputs.capture, people, steady(people))


def write_people(capture: CaptureFolder, people: People, smooth: Poses) -> dict[str, Path]:
    """Write both kinds of poses and return their files by name."""
    files = {"triangulated": capture.poses_path("triangulated"), "smooth": capture.poses_path("smooth")}
    covariance = people.covariance()
    write_poses(files["triangulated"], people.poses(), covariance=covariance)
    write_poses(files["smooth"], smooth, covariance=shaped_like(covariance, smooth.uncertainty))
    return files
