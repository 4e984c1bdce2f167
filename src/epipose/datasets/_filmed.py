"""Videos of a recording: which cameras have one, whether they are those that were released, and their clock."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.videos import VideoInfo, probe

RATE_TOLERANCE = 0.01
MOST_MISSING = 0.02
"""Part of the poses that may come after the end of a video: data sets know of a few frames that are missing there."""


def filmed(cameras: Mapping[str, Camera], videos: Mapping[str, Path]) -> tuple[dict[str, Camera], dict[str, Path]]:
    """Return the cameras whose video is there, with the videos; all cameras, and no videos, where there are none."""
    there = {view: video for view, video in videos.items() if view in cameras and video.is_file()}
    return {view: camera for view, camera in cameras.items() if view in there or not there}, there


def times_filmed(
    videos: Mapping[str, Path], cameras: Mapping[str, Camera], rate: float, dataset: str, poses: int
) -> Float[ndarray, "frames"]:
    """Return when the frames were taken that every video shows and that have one of so many poses, from 0 on.

    Without videos, `rate` tells. Raises InputError, naming it, for a video at another rate or of another size than
    the data set has, for one on another clock than the others, and for one that was cut short.
    """
    times = np.arange(poses) / rate
    for number, (view, video) in enumerate(videos.items()):
        about = released(video, cameras[view], rate, dataset)
        shown = about.times[:poses]
        if len(shown) < (1 - MOST_MISSING) * poses:
            raise InputError(f"{video} shows {len(shown)} of {poses} frames; it was cut short, so unpack it again")
        if number == 0:
            times = shown
        both = min(len(times), len(shown))
        if np.abs(times[:both] - shown[:both]).max() > 0.5 / rate:
            raise InputError(f"{video} runs on another clock than {next(iter(videos.values()))}; unpack both again")
        times = times[:both]
    return times


def released(video: Path, camera: Camera, rate: float, dataset: str) -> VideoInfo:
    """Return what a video says of itself; raises InputError for a rate or a size that the data set does not have."""
    about = probe(video)
    if abs(about.frame_rate - rate) > RATE_TOLERANCE * rate:
        raise InputError(
            f"{video} has {about.frame_rate:g} frames per second, {dataset} {rate:.4g}; use the videos as released"
        )
    if about.size_wh != camera.size_wh:
        (width, height), (own, other) = camera.size_wh, about.size_wh
        raise InputError(
            f"{video} shows pictures of {own}x{other}, its camera takes {width}x{height}; use the videos as released"
        )
    return about
