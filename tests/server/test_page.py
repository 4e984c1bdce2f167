"""The page in a real browser, with a camera that shows the sample."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from epipose import exporters, plugins
from epipose.server.access import page_address
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
    with running(token=TOKEN) as server:
        yield server


@pytest.fixture
def visit(server: Running, film: Path) -> Iterator[Visit]:
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
              f"--use-file-for-fake-video-capture={film}")  # fmt: skip
    with chromium(*camera) as browser:
        yield Visit(browser.new_page(), page_address(f"{server.url}/", TOKEN))


def test_the_camera_shows_poses_that_can_be_recorded(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    page.click("#camera")
    page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
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


def test_a_video_and_a_picture_can_be_opened(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    picture = tmp_path / "one.jpg"
    cv2.imwrite(str(picture), pictures(1)[0][..., ::-1])
    page.set_input_files("#file", picture)
    page.wait_for_selector('#overlay[data-people="1"]', timeout=20_000)
    assert page.inner_text("#status") == "Done."
    page.set_input_files("#file", VIDEO)
    page.wait_for_function("() => document.getElementById('rate').textContent !== '-'", timeout=20_000)
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
        assert "give the server's token" in visit.page.inner_text("#status")
