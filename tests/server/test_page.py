"""The page in a real browser, with a camera that shows the sample."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from epipose import exporters, plugins
from epipose.server.access import page_address
from epipose.server.models import Models
from tests.browser import Visit, chromium
from tests.server.running import VIDEO, Running, pictures, running

TOKEN = "a+token of the page's test: 100%&more"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera shows, forth and back: as Chromium reads it, JPEGs after each other."""
    file = tmp_path_factory.mktemp("film") / "camera.mjpeg"
    forth = pictures(60)
    parts = (cv2.resize(picture[..., ::-1], (640, 360)) for picture in (*forth, *forth[::-1]))
    file.write_bytes(b"".join(cv2.imencode(".jpg", part)[1].tobytes() for part in parts))
    return file


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(token=TOKEN, models=Models.opened(["small", "lift"], "builtin", None, 16)) as server:
        yield server


@pytest.fixture
def browser(film: Path) -> Iterator[Browser]:
    """A browser whose camera shows the film."""
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
              f"--use-file-for-fake-video-capture={film}")  # fmt: skip
    with chromium(*camera) as browser:
        yield browser


@pytest.fixture
def visit(server: Running, browser: Browser) -> Visit:
    return Visit(browser.new_page(), page_address(f"{server.url}/", TOKEN))


def test_the_camera_shows_poses_that_can_be_recorded(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    page.click("#camera")
    page.wait_for_selector('#overlay[data-people="1"]', timeout=5000)
    before = page.get_attribute("#figure", "data-azimuth")
    page.click("#record")
    page.wait_for_timeout(3000)
    page.click("#record")
    assert page.get_attribute("#figure", "data-azimuth") != before
    assert float(page.inner_text("#rate")) > 0
    assert page.inner_text("#angles tbody tr:first-child td:nth-child(2)").isdecimal()
    assert "somebody in" in page.inner_text("#recorded-words")
    for form in ("csv", "bvh", "trc"):
        with page.expect_download() as download:
            page.click(f'[data-format="{form}"]')
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert len(plugins.load(exporters, form).read(file).times) > 2
    page.click("#stop")
    assert page.inner_text("#rate") == "-"
    assert visit.complaints == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_video_and_a_picture_can_be_opened(visit: Visit, tmp_path: Path, suffix: str) -> None:
    page = visit.page
    picture = tmp_path / f"two{suffix}"
    left, right = (picture[:, 300:900] for picture in pictures(41)[::40])
    cv2.imwrite(str(picture), np.concatenate([left, right], axis=1)[..., ::-1])
    page.set_input_files("#file", picture)
    page.wait_for_selector('#overlay[data-people="2"]', timeout=20_000)
    assert page.inner_text("#status") == "Done."
    assert page.inner_text("#people") == "2"
    page.set_input_files("#file", VIDEO)
    page.wait_for_function("() => document.getElementById('rate').textContent !== '-'", timeout=20_000)
    assert visit.complaints == []


def test_another_model_is_used_at_once(server: Running, visit: Visit) -> None:
    page = visit.page
    page.click("#camera")
    page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
    page.select_option("#model", "lift")
    page.wait_for_selector('#overlay[data-people="0"]', state="attached")
    page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
    counts = server.get("/metrics", authorization=f"Bearer {TOKEN}").text
    assert 'epipose_frames_total{model="lift"}' in counts
    assert visit.complaints == []


def test_it_says_that_the_server_is_gone_and_goes_on_when_it_is_back(browser: Browser) -> None:
    with running() as server:
        page = Visit(browser.new_page(), f"{server.url}/").page
        page.click("#camera")
        page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
        page.click("#record")
        page.wait_for_timeout(500)
    page.wait_for_selector("#status.wrong")
    assert "The connection to the server was lost" in page.inner_text("#status")
    assert page.inner_text("#rate") == "-"
    assert page.is_visible('[data-format="csv"]')
    with running(port=server.port):
        page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
        assert page.inner_text("#status") == "Somebody is there."


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 700})
    visit.page.evaluate("document.getElementById('recorded').hidden = false")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_a_camera_that_is_in_use_is_said(visit: Visit) -> None:
    visit.page.evaluate("""() => { navigator.mediaDevices.getUserMedia =
        () => Promise.reject(new DOMException("Could not start video source", "NotReadableError")); }""")
    visit.page.click("#camera")
    visit.page.wait_for_selector("#status.wrong")
    assert "perhaps another program uses it" in visit.page.inner_text("#status")
    assert visit.complaints == []


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.page
    names = []
    for _ in range(4):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id"))
    assert names == ["camera", "file", "model", "figure"]
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    still = page.get_attribute("#figure", "data-azimuth")
    page.wait_for_timeout(300)
    assert page.get_attribute("#figure", "data-azimuth") == still
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    assert page.get_attribute("#figure", "data-azimuth") != still


def test_without_a_camera_it_says_so(server: Running) -> None:
    with chromium() as browser:
        visit = Visit(browser.new_page(), page_address(f"{server.url}/", TOKEN))
        visit.page.click("#camera")
        visit.page.wait_for_selector("#status.wrong")
        assert "A video or a picture will do, too." in visit.page.inner_text("#status")


def test_with_a_wrong_token_it_says_so(server: Running) -> None:
    with chromium() as browser:
        visit = Visit(browser.new_page(), f"{server.url}/#token=wrong")
        visit.page.wait_for_selector("#status.wrong")
        assert "open the page with the address that epipose serve prints" in visit.page.inner_text("#status")
