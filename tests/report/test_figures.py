"""The figures show the numbers they are given."""

import numpy as np
import pytest

from epipose.report import charts
from epipose.report.palette import LEFT, RIGHT
from epipose.report.playback import (
    MOST_FRAMES,
    MOST_JOINTS,
    frustum,
    playback,
    scene_bounds,
    shown_frames,
    sphere_factor,
)
from tests.report.sample import report, ring_camera, view_report


def test_frustum_is_what_the_camera_sees() -> None:
    camera = ring_camera(1.0)
    outline = frustum(camera, 0.35)
    corners = outline[:4]
    pixels, valid = camera.project(corners)
    assert valid.all()
    np.testing.assert_allclose(pixels, [[-0.5, -0.5], [1279.5, -0.5], [1279.5, 719.5], [-0.5, 719.5]], atol=1e-9)
    apex = np.linalg.norm(outline - camera.centre, axis=-1) < 1e-12
    assert apex.sum() == 4


@pytest.mark.parametrize("count", [0, 1, 2, MOST_FRAMES, MOST_FRAMES + 1, 12345])
def test_shown_frames_are_even_and_hold_both_ends(count: int) -> None:
    shown = shown_frames(count)
    assert len(shown) == min(count, MOST_FRAMES)
    if count:
        assert (shown[0], shown[-1]) == (0, count - 1)
    assert not len(shown) > 2 or np.ptp(np.diff(shown)) <= 1


def test_of_many_people_fewer_frames_are_shown() -> None:
    assert len(shown_frames(1000, people=2)) == MOST_FRAMES
    crowd = shown_frames(1000, people=20, joints=26)
    assert (crowd[0], crowd[-1]) == (0, 999)
    assert len(crowd) * 20 * 26 <= MOST_JOINTS
    assert len(shown_frames(1000, people=0)) == MOST_FRAMES


def test_bones_are_drawn_on_their_side_and_missing_joints_not_at_all() -> None:
    original = report()
    figure = playback(original)
    left = figure["data"][figure["moving"][0]]
    assert (left["name"], left["line"]["color"]) == ("left side", LEFT)
    assert figure["data"][figure["moving"][1]]["line"]["color"] == RIGHT
    skeleton, positions = original.poses.skeleton, original.poses.positions
    bones = [(a, b) for a, b in skeleton.bones if skeleton.joint_names[b].startswith("left")]
    shown = shown_frames(300)
    number = int(np.argmin(np.abs(shown - 150)))
    expected = [z for a, b in bones for z in (*positions[shown[number], 0, [a, b], 2], None)]
    drawn = figure["frames"][number][0]["z"]
    assert [z is None for z in drawn] == [z is None for z in expected]
    np.testing.assert_allclose([z for z in drawn if z], [z for z in expected if z], atol=6e-4)
    # The left wrist is not known in the first ten frames: one bone fewer.
    assert len(figure["frames"][0][0]["z"]) == len(drawn) - 3


def test_camera_spheres_have_the_radius_the_legend_says() -> None:
    original = report()
    mesh = next(trace for trace in playback(original)["data"] if trace["type"] == "mesh3d")
    low, high = scene_bounds(original)
    factor = sphere_factor(original.views, float(np.max(high - low)))
    assert f"drawn x{factor}" in mesh["name"]
    assert "at most 21 mm" in mesh["name"]
    vertices = np.array([mesh["x"], mesh["y"], mesh["z"]]).T.reshape(4, -1, 3)
    for view, ball in zip(original.views, vertices, strict=True):
        radius = np.linalg.norm(ball - view.camera.centre, axis=-1)
        np.testing.assert_allclose(radius, factor * (view.centre_sigma_m or 0), atol=2e-3)


def test_unknown_uncertainty_draws_no_sphere() -> None:
    assert sphere_factor([], 5.0) >= 1
    assert sphere_factor([view_report("a", 0)], 1e-6) == 1


def test_scene_holds_cameras_and_body_with_equal_aspect() -> None:
    original = report()
    low, high = scene_bounds(original)
    assert all(np.all((low < view.camera.centre) & (view.camera.centre < high)) for view in original.views)
    scene = playback(original)["layout"]["scene"]
    sides = [np.ptp(scene[f"{name}axis"]["range"]) for name in "xyz"]
    ratio = [scene["aspectratio"][name] for name in "xyz"]
    np.testing.assert_allclose(np.divide(sides, ratio), sides[0] / ratio[0], rtol=1e-3)


def test_swaps_are_shaded_when_they_happened_in_the_row_of_their_view() -> None:
    layout = charts.reprojection_over_time(report())["layout"]
    first, second = layout["shapes"]
    assert first["yref"] == second["yref"] == "y2 domain"
    half = 0.5 / 29.97
    assert first["x0"] == pytest.approx(41 / 29.97 - half, abs=1e-3)
    assert first["x1"] == pytest.approx(73 / 29.97 + half, abs=1e-3)


def test_long_curves_are_averaged_and_gaps_stay_gaps() -> None:
    original = report(frames=4000)
    curve = charts.reprojection_over_time(original)["data"][1]
    assert len(curve["y"]) == len(curve["x"]) <= charts.MOST_MOMENTS
    block = original.reprojection_by_frame_px[1, :3]
    assert curve["y"][0] == pytest.approx(block.mean(), abs=0.01)
    assert None in charts.reprojection_over_time(report())["data"][0]["y"]


def test_heatmap_has_joints_down_and_views_across() -> None:
    original = report()
    grid = charts.reprojection_by_joint(original)["data"][0]
    assert grid["x"] == ["cam01", "cam02", "cam03", "cam04"]
    assert len(grid["y"]) == len(grid["z"]) == 17
    row = original.poses.skeleton.index("left_knee")
    assert grid["y"][row] == "left knee"
    np.testing.assert_allclose(grid["z"][row], original.joints[row].reprojection_px, atol=0.006)


def test_top_view_wedge_looks_at_the_middle() -> None:
    wedge, square = charts.top_view(report())["data"][:2]
    centre = np.array([square["x"][0], square["y"][0]])
    ends = np.array([wedge["x"], wedge["y"]]).T
    looking = (ends[0] + ends[2]) / 2 - centre
    assert looking @ -centre == pytest.approx(np.linalg.norm(looking) * np.linalg.norm(centre), rel=1e-4)
