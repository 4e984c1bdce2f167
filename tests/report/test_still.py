"""Drawings of the playback: seen as its camera sees, at its fullest moment, and never of nothing."""

import re
from dataclasses import replace

import numpy as np

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.report.palette import LEFT, Figure
from epipose.report.playback import playback
from epipose.report.still import HEIGHT, WIDTH, fullest_moment, moment_words, project, stills
from tests.report.sample import report


def drawn(text: str) -> list[np.ndarray]:
    """Return the places of each path of a drawing."""
    paths = re.findall(r" d='([^']*)'", text)
    return [np.array(re.findall(r"[ML](\S+) ([^ML]+)", path), float).reshape(-1, 2) for path in paths]


def camera(figure: Figure) -> Camera:
    """Return plotly's camera, in plotly's units, as one of ours: Z is up there, too."""
    eye, middle = (np.array(list(figure["layout"]["scene"]["camera"][name].values())) for name in ("eye", "center"))
    forward = (middle - eye) / np.linalg.norm(middle - eye)
    down = -np.array([0, 0, 1.0]) + forward * forward[2]
    down /= np.linalg.norm(down)
    rotation = np.stack([np.cross(down, forward), down, forward])
    return Camera(Pinhole((1.0, 1.0), (0.0, 0.0)), Rigid.from_centre(rotation, eye), (1, 1))


def test_points_are_seen_as_by_a_camera_at_the_same_place() -> None:
    figure = playback(report())
    scene = figure["layout"]["scene"]
    low, high = np.array([scene[f"{name}axis"]["range"] for name in "xyz"]).T
    points = np.random.default_rng(3).uniform(low, high, (50, 3))
    in_units = (points - (low + high) / 2) / (high - low) * list(scene["aspectratio"].values())
    pixels, _ = camera(figure).project(in_units)
    np.testing.assert_allclose(project(figure["layout"], points), pixels, atol=1e-9)


def test_the_moment_is_the_one_that_shows_most() -> None:
    figure = playback(report())
    # The left wrist is not known in the first ten of 300 frames; of all others the middle one is drawn.
    assert fullest_moment(figure) in (89, 90)
    assert moment_words(figure) == f"The moment {figure['times'][fullest_moment(figure)]:.2f} s after the start"
    few = {**figure, "frames": [figure["frames"][0]] * 5 + [figure["frames"][90]] + [figure["frames"][0]] * 20}
    assert fullest_moment(few) == 5


def test_the_scene_fits_its_drawing_and_the_people_fill_theirs() -> None:
    scene, close = stills(playback(report())).split("</svg>")[:2]
    places = np.concatenate(drawn(scene))
    assert np.all((places > 0) & (places < [WIDTH, HEIGHT]))
    assert np.max(np.ptp(places, axis=0) / [WIDTH, HEIGHT]) > 0.85
    people = np.concatenate(drawn(close)[-3:])
    assert np.all((people > 0) & (people < [WIDTH, HEIGHT]))
    assert np.max(np.ptp(people, axis=0) / [WIDTH, HEIGHT]) > 0.85
    assert people[:, 1].min() < HEIGHT / 2 < people[:, 1].max()
    assert f"stroke:{LEFT}" in close
    assert re.findall(">(cam0.)<", scene) == ["cam01", "cam02", "cam03", "cam04"]


def test_nobody_leaves_the_cameras_alone() -> None:
    original = report(frames=3)
    nobody = replace(original, poses=replace(original.poses, weight=0 * original.poses.weight))
    (scene,) = re.findall("<svg.*?</svg>", stills(playback(nobody)))
    assert "cam04" in scene
