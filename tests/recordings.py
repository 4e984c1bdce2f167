"""Real recordings as the values that tests work on."""

from pathlib import Path

import numpy as np

from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton


def balancing_keypoints(shared: Path) -> dict[str, Keypoints]:
    """Return MediaPipe's keypoints of the balancing recording by view name; the score is its visibility (0 to 1)."""
    file = shared / "footage" / "balancing" / "keypoints" / "mediapipe_0.10.14.npz"
    with np.load(file, allow_pickle=False) as data:
        views, sizes, found, frame_rate = (data[k] for k in ("views", "image_size_wh", "pixels_and_visibility", "fps"))
        skeleton = load_skeleton("mediapipe33")
        assert tuple(data["landmark_names"].tolist()) == skeleton.joint_names
    times = np.arange(found.shape[1]) / float(frame_rate)
    return {
        str(view): Keypoints(seen[:, None, :, :2], seen[:, None, :, 2], times, skeleton, (int(wh[0]), int(wh[1])))
        for view, wh, seen in zip(views, sizes, found, strict=True)
    }
