"""From the people of single frames to the keypoints of a view."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.videos import Frame
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton

Seen = tuple[Frame, Float32[ndarray, "people joints 2"], Float32[ndarray, "people joints"]]


def collect(detections: Iterable[Seen], skeleton: Skeleton) -> Keypoints:
    """Stack detections of changing numbers of people; a slot without a person, or a pixel not finite, has score 0."""
    times, pixels, scores, size_wh = [], [], [], (0, 0)
    for frame, frame_pixels, frame_scores in detections:
        size_wh = (frame.image.shape[1], frame.image.shape[0])
        times.append(frame.time)
        pixels.append(frame_pixels)
        scores.append(frame_scores)
    if not times:
        raise InputError("there is no frame in which to look for people; check the video")
    people = max(1, *(len(frame_scores) for frame_scores in scores))
    shape = (len(times), people, len(skeleton))
    all_pixels, all_scores = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    for index, (frame_pixels, frame_scores) in enumerate(zip(pixels, scores, strict=True)):
        finite = np.isfinite(frame_pixels).all(axis=-1) & np.isfinite(frame_scores)
        all_pixels[index, : len(finite)] = np.where(finite[..., None], frame_pixels, 0)
        all_scores[index, : len(finite)] = np.where(finite, np.clip(frame_scores, 0, 1), 0)
    return Keypoints(all_pixels, all_scores, np.array(times), skeleton, size_wh)
