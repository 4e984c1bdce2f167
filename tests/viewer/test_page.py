"""The viewer in a real browser: what is on the screen is what the cameras filmed, and the controls do what they say."""

from collections.abc import Callable, Iterator
from threading import Thread

import cv2
import numpy as np
import pytest
from jaxtyping import Float, UInt8
from numpy import ndarray
from playwright.sync_api import Page

from epipose.io.video_seeking import SeekableVideo
from epipose.viewer.recording import Recording, open_recording
from epipose.viewer.viewing import Viewer
from tests.browser import Visit, chromium
from tests.viewer.recorded import true_capture

SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
LOOKED_AT = "cam2"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return open_recording(true_capture(tmp_path_factory.mktemp("viewer") / "turning"))


@pytest.fixture(scope="module")
def viewer(recording: Recording) -> Iterator[Viewer]:
    viewer = Viewer(recording, 0)
    thread = Thread(target=viewer.run)
    thread.start()
    yield viewer
    viewer.stop()
    thread.join(20)
    assert not thread.is_alive()


class Seen(Visit):
    """The viewer's page, as a person finds things on it."""

    def __init__(self, page: Page, url: str) -> None:
        super().__init__(page, url, heard=("error",))
        page.get_by_role("button", name="Play").wait_for(timeout=60_000)
        page.locator("canvas").first.wait_for()

    def switch(self, label: str) -> None:
        self.page.get_by_label(label, exact=True).click()

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_label(label, exact=True).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def screen(self) -> UInt8[ndarray, "height width 3"]:
        """Return what the canvas shows."""
        data = np.frombuffer(self.page.screenshot(), np.uint8)
        box = self.page.locator("canvas").first.bounding_box()
        assert box is not None
        x, y, width, height = (round(box[key]) for key in ("x", "y", "width", "height"))
        return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)[y : y + height, x : x + width]

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        for _ in range(round(seconds / 0.25)):
            if holds():
                return
            self.page.wait_for_timeout(250)
        pytest.fail("it did not happen")


@pytest.fixture(scope="module")
def visit(viewer: Viewer) -> Iterator[Seen]:
    with chromium(*SOFTWARE) as browser:
        yield Seen(browser.new_page(viewport={"width": 1200, "height": 700}), viewer.address)


def on_screen(recording: Recording, points: Float[ndarray, "n 3"], screen: ndarray) -> Float[ndarray, "n 2"]:
    """Return where a window that looks through the camera, all of its picture in it, shows points of the world."""
    camera = next(view.camera for view in recording.views if view.name == LOOKED_AT)
    ideal = camera.cam_from_world.apply(points)
    ideal = ideal[:, :2] / ideal[:, 2:]
    (width, height), lens = camera.size_wh, camera.lens
    corners = (np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]) - lens.centre) / lens.focal
    reach = np.abs(corners).max(axis=0)
    aspect = screen.shape[1] / screen.shape[0]
    focal = screen.shape[0] / 2 / max(reach[1], reach[0] / aspect)
    return ideal * focal + np.array(screen.shape[1::-1]) / 2


def test_through_a_camera_the_picture_is_its_own_and_people_stand_in_it(visit: Seen, recording: Recording) -> None:
    assert visit.screen().std() > 5, "something is there at once"
    visit.switch("uncertainty (1 sigma)")
    visit.switch("floor")
    visit.choose("look through", LOOKED_AT)
    view = next(view for view in recording.views if view.name == LOOKED_AT)
    poses = recording.tracks[0].poses
    with SeekableVideo(view.source) as video:  # type: ignore[arg-type]
        filmed = video.at(float(poses.times[0]) - view.time_offset_s).image
    width, height = view.camera.size_wh
    grid = np.stack(np.meshgrid(np.linspace(8, width - 9, 60), np.linspace(8, height - 9, 40)), -1).reshape(-1, 2)
    directions, _ = view.camera.rays(grid)
    joints = poses.positions[0, 0].astype(float)
    joint_pixels, _ = view.camera.project(joints)
    away = np.linalg.norm(grid[:, None] - joint_pixels, axis=-1).min(axis=1) > 0.12 * height
    wanted = cv2.blur(filmed, (5, 5))[grid[:, 1].round().astype(int), grid[:, 0].round().astype(int)].astype(float)

    def same_picture() -> bool:
        screen = cv2.blur(visit.screen(), (5, 5))
        places = on_screen(recording, view.camera.centre + directions, screen).round().astype(int)
        inside = away & (places > 2).all(axis=1) & (places < np.array(screen.shape[1::-1]) - 3).all(axis=1)
        found = screen[places[inside, 1], places[inside, 0]].astype(float)
        return bool(np.median(np.abs(found - wanted[inside])) < 8 and inside.sum() > 500)

    visit.until(same_picture)
    places = on_screen(recording, joints, visit.screen()).round().astype(int)

    def share_blue() -> float:
        """Of the joints' places, which are as blue as the colour of their file."""
        shown = visit.screen().astype(int)[places[:, 1], places[:, 0]]
        return float(np.mean(shown[:, 2] - shown[:, 0] > 20))

    visit.switch("truth")
    visit.until(lambda: share_blue() > 0.8)
    visit.switch("smooth")
    visit.until(lambda: share_blue() < 0.4)
    visit.switch("smooth")
    visit.switch("truth")
    visit.choose("look through", "nobody: move about freely")
    visit.switch("uncertainty (1 sigma)")
    visit.switch("floor")
    assert visit.complaints == []


def test_a_joint_that_is_clicked_says_its_numbers(visit: Seen, recording: Recording) -> None:
    visit.choose("look through", LOOKED_AT)
    visit.page.wait_for_timeout(1500)
    joint = recording.tracks[0].poses.skeleton.index("left_shoulder")
    place = on_screen(recording, recording.tracks[0].poses.positions[0, 0, [joint]].astype(float), visit.screen())[0]
    visit.page.mouse.click(*place.tolist())
    visit.page.get_by_text("left shoulder").wait_for(timeout=20_000)
    words = visit.page.locator("table").inner_text()
    x, y, z = recording.tracks[0].poses.positions[0, 0, joint]
    assert f"{x:.3f}, {y:.3f}, {z:.3f} m" in words
    assert "± 10.0, 20.0, 30.0 mm (x, y, z)" in words
    assert all(view.name in words for view in recording.views)
    visit.choose("look through", "nobody: move about freely")
    assert visit.complaints == []


def test_a_window_that_changes_its_shape_still_shows_the_whole_picture(visit: Seen, viewer: Viewer) -> None:
    visit.choose("look through", LOOKED_AT)
    (client,), frustum = viewer._server.get_clients().values(), viewer._frusta[LOOKED_AT]

    def fits(wider: bool) -> bool:
        camera = client.camera
        return (camera.aspect > 1) == wider and camera.fov == pytest.approx(frustum.fov_in(camera.aspect), abs=1e-3)

    visit.page.set_viewport_size({"width": 800, "height": 900})
    visit.until(lambda: fits(wider=False))
    visit.page.set_viewport_size({"width": 1200, "height": 700})
    visit.until(lambda: fits(wider=True))
    visit.choose("look through", "nobody: move about freely")
    assert visit.complaints == []


def test_it_plays_and_stops(visit: Seen, viewer: Viewer) -> None:
    before, timeline = visit.screen().astype(int), viewer._timeline
    visit.page.get_by_role("button", name="Play").click()
    visit.page.get_by_role("button", name="Pause").wait_for(timeout=10_000)
    visit.until(lambda: timeline.now > timeline.begin + 0.3)
    visit.page.get_by_role("button", name="Pause").click()
    visit.page.get_by_role("button", name="Play").wait_for(timeout=10_000)
    # Wherever it stopped: it plays in a circle.
    middle = (timeline.begin + timeline.end) / 2
    viewer._later(lambda: timeline.seek(middle))
    visit.until(lambda: bool(np.abs(visit.screen().astype(int) - before).max() > 60))
    visit.page.get_by_role("button", name="on", exact=True).click()
    visit.until(lambda: timeline.now == pytest.approx(middle + timeline.frame_s))
    assert visit.complaints == []
