"""Both skeletons are drawn where their joints are."""

import base64
import re

import cv2
import numpy as np

from epipose.geometry.crop_frames import box_frame
from epipose.geometry.images import mapped
from epipose.report.learning.gallery import MOST_PIXELS, from_aside, gallery, on_picture
from epipose.report.palette import LEFT
from tests.report.learning.sample import SKELETON, shown, units


def test_joints_lie_on_their_pixels() -> None:
    pixels = np.random.default_rng(0).uniform(100, 300, (17, 2))
    frame = box_frame(pixels, 256)
    crop = mapped(frame.crop_from_px, pixels)
    across = np.column_stack([crop / 256 - 0.5, np.zeros(17)])
    # The first pixel's centre is half a pixel inside the drawing.
    np.testing.assert_allclose(on_picture(across, 256) * 256 / 100, crop + 0.5, atol=1e-9)


def test_the_view_from_aside_shows_depth_from_the_right_and_from_above() -> None:
    towards_camera, right, down, origin = from_aside(np.array([[0, 0, -1.0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]))
    np.testing.assert_allclose(origin, 0, atol=1e-12)
    assert towards_camera[0] < -0.8
    assert 0 < right[0] < 0.5
    assert down[1] > 0.9
    # What is nearer to whoever looks from the right and from above lies lower in the drawing.
    assert right[1] > 0
    assert abs(from_aside(units())[:, 1]).max() < 1


def test_bones_are_drawn_on_their_side_and_unknown_joints_not_at_all() -> None:
    card = gallery([shown(100.0)], SKELETON)
    seen, turned = re.findall(r"<svg.*?</svg>", card)
    found, true = re.findall(rf"stroke:{LEFT}' d='([^']*)'", seen)[0], re.findall(r"class='true' d='([^']*)'", seen)[0]
    left = [bone for bone in SKELETON.bones if SKELETON.joint_names[bone[1]].startswith("left")]
    assert found.count("M") == len(left)
    assert true.count("M") == len(SKELETON.bones) - 1
    knee, ankle = on_picture(units(), 256)[[SKELETON.index("left_knee"), SKELETON.index("left_ankle")]]
    assert f"M{knee[0]:.1f} {knee[1]:.1f}L{ankle[0]:.1f} {ankle[1]:.1f}" in found
    # An error in depth alone does not show in the picture, and does from aside.
    assert re.findall(r"class='apart' d='([^']*)'", turned)[0].count("M") == 16
    assert "nan" not in card


def test_the_picture_is_the_one_given_in_its_colours() -> None:
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[:, :256] = (255, 0, 0)
    example = shown(1.0)
    card = gallery([type(example)(picture, example.predicted, example.truth, 1.0, "a")], SKELETON)
    data = base64.b64decode(re.findall(r"base64,([^']*)'", card)[0])
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert read.shape == (MOST_PIXELS, MOST_PIXELS, 3)
    np.testing.assert_allclose(read[128, 20], (255, 0, 0), atol=6)
    np.testing.assert_allclose(read[128, -20], (0, 0, 0), atol=6)
