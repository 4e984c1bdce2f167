"""A click means the joint that is seen there, and says what the file says of it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.viewer.bodies import Body, nearest_frame
from epipose.viewer.picking import Joint, clicked, numbers
from epipose.viewer.recording import FilmedView, Track
from epipose.viewer.web import ViewerServer
from tests.bodies import moving_people

POSES = moving_people(frames=5, people=2)
EYE = np.array([0.0, -6.0, 1.5])


@pytest.fixture(scope="module")
def server() -> Iterator[ViewerServer]:
    server = ViewerServer(0, "picking")
    yield server
    server.stop()


@pytest.fixture
def body(server: ViewerServer) -> Body:
    body = Body(server.scene, Track("smooth", POSES, None), "#3a8fd6")
    body.show(POSES.times[2])
    return body


def towards(point: np.ndarray) -> np.ndarray:
    return (point - EYE) / np.linalg.norm(point - EYE)


def test_every_joint_can_be_clicked(body: Body) -> None:
    points, _ = body.points()
    for person, joint in np.ndindex(points.shape[:2]):
        found = clicked([body], EYE, towards(points[person, joint]))
        assert found is not None
        hit = points[found.person, found.joint]
        # Another joint only if it stands before this one.
        assert (found.person, found.joint) == (person, joint) or (
            np.linalg.norm(hit - EYE) < np.linalg.norm(points[person, joint] - EYE)
        )


def test_nothing_is_clicked_where_nothing_is_shown(body: Body) -> None:
    points, _ = body.points()
    at_one = towards(points[0, 0])
    assert clicked([body], EYE, -at_one) is None, "behind the viewer"
    assert clicked([body], EYE, np.array([0.0, 0.0, 1.0])) is None
    body.visible = False
    assert clicked([body], EYE, at_one) is None
    body.visible = True
    body.show(POSES.times[-1] + 10)
    assert clicked([body], EYE, at_one) is None, "nobody is shown then"


def test_a_joint_that_is_not_known_is_not_clicked(server: ViewerServer) -> None:
    weight = POSES.weight.copy()
    weight[2, 0, 3] = 0
    body = Body(server.scene, Track("holes", replace(POSES, weight=weight), None), "#3a8fd6")
    body.show(POSES.times[2])
    found = clicked([body], EYE, towards(POSES.positions[2, 0, 3].astype(float)))
    assert found is None or (found.person, found.joint) != (0, 3)
    assert "not known at this moment" in numbers(Joint(body, 0, 3), [])


def test_its_numbers_are_those_of_the_file(body: Body) -> None:
    camera = Camera(Pinhole((1000.0, 1000.0), (639.5, 359.5)), Rigid(np.eye(3), np.array([0.0, 0.0, 4.0])), (1280, 720))
    views = [FilmedView("cam7", camera, None, 0.0, None)]
    joint = POSES.skeleton.index("left_wrist")
    told = numbers(Joint(body, 1, joint), views)
    x, y, z = POSES.positions[2, 1, joint].astype(float)
    assert "**left wrist** of person 2 in smooth" in told
    assert f"{x:.3f}, {y:.3f}, {z:.3f} m" in told
    assert f"frame | 2 at {POSES.times[2]:.3f} s" in told
    pixel, _ = camera.project(np.array([x, y, z]))
    inside = (pixel >= 0).all() and (pixel < [1280, 720]).all()
    assert f"cam7 | {f'pixel {pixel[0]:.0f}, {pixel[1]:.0f}' if inside else 'outside the picture'}" in told
    elbow = POSES.positions[2, 1, POSES.skeleton.index("left_elbow")].astype(float)
    assert f"to left elbow | {1000 * np.linalg.norm([x, y, z] - elbow):.0f} mm" in told
    way = np.linalg.norm(POSES.positions[3, 1, joint].astype(float) - POSES.positions[1, 1, joint])
    assert f"speed | {way / (POSES.times[3] - POSES.times[1]):.2f} m/s" in told


def test_uncertainty_is_told_along_the_axes(server: ViewerServer) -> None:
    covariance = np.zeros((*POSES.weight.shape, 6), np.float32)
    covariance[..., [0, 3, 5]] = np.array([0.001, 0.002, 0.003], np.float32) ** 2
    body = Body(server.scene, Track("shaped", POSES, covariance), "#3a8fd6")
    body.show(POSES.times[0])
    assert "± 1.0, 2.0, 3.0 mm (x, y, z)" in numbers(Joint(body, 0, 0), [])


def test_the_nearest_frame_is_shown_and_none_far_away() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.9, 1.0])
    assert [nearest_frame(times, moment, 0.075) for moment in (-0.05, 0.04, 0.06, 0.2, 1.06)] == [0, 0, 1, 2, 4]
    assert [nearest_frame(times, moment, 0.075) for moment in (-0.2, 0.5, 1.2)] == [-1, -1, -1]
