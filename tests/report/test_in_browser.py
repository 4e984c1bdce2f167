"""Reports as they are sent: opened from disk by a real browser without a network, on all screens and on paper."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from epipose.report.charts import reprojection_by_joint
from epipose.report.html_report import write_html
from epipose.report.learning import write_learning_report
from tests.browser import Visit, chromium
from tests.report.learning.sample import report as learning_report
from tests.report.sample import report
from tests.report.test_truth_section import truth_report

PHONE, NARROW, DESK = (390, 844), (320, 640), (1280, 800)
READABLE = 4.5
"""Contrast of text that the guidelines for accessible pages (WCAG 2.1, level AA) ask for."""

NO_WEBGL = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.includes("webgl") ? null : getContext.call(this, kind, ...more);
};"""

CONTRASTS = """(cells) => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const opaque = (text) => channels(text).length === 3 || channels(text)[3] === 1;
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (opaque(colour)) return [colour];
    }
    return ["rgb(255, 255, 255)"];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, words = texts.currentNode.textContent.trim();
    if (!words || element.closest("script, style, noscript") || !element.checkVisibility()) continue;
    const look = getComputedStyle(element), grounds = element.closest(".heatmaplayer") ? cells : behind(element);
    const ink = light(channels(element.closest("svg") ? look.fill : look.color));
    for (const ground of grounds) found.push([contrast(ink, light(channels(ground))), words]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of both kinds, of a recording of which much is to be said."""
    folder = tmp_path_factory.mktemp("sent")
    original = report(people=2, names=("cam01", "a view with a long name", "cam03", "cam04"))
    told = replace(
        original,
        title="a_capture_with_a_long_name_that_has_no_place_to_break_in_it",
        warnings=("The cameras were not started at the same moment.",),
        truth=truth_report("a view with a long name"),
        film_next=("Move cam01 back or aim it anew: it saw only 40 % of the person's joints.", "Film longer."),
    )
    paths = {name: folder / f"{name}.html" for name in ("reconstruction", "learning")}
    write_html(paths["reconstruction"], told)
    write_learning_report(paths["learning"], replace(learning_report(), warnings=("Few examples.",)))
    return paths


Opener = Callable[..., Visit]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens a file in a window of a size, without a network."""
    contexts = []

    def opener(file: Path, size: tuple[int, int] = DESK, *, webgl: bool = False, **more: Any) -> Visit:
        touch = {"is_mobile": True, "has_touch": True} if size[0] < 500 else {}
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **touch, **more)
        contexts.append(context)
        if not webgl:  # drawn by the processor, it takes seconds
            context.add_init_script(NO_WEBGL)
        context.set_offline(True)
        context.route(lambda url: url.split("#")[0] != file.as_uri(), Route.abort)
        return Visit(context.new_page(), file.as_uri())

    yield opener
    for context in contexts:
        context.close()


def texts_with_too_little_contrast(page: Page) -> list[str]:
    cells = ["rgb({}, {}, {})".format(*bytes.fromhex(colour[1:])) for _, colour in heatmap_colours()]
    found = page.evaluate(CONTRASTS, cells)
    assert len(found) > 60
    return [f"{words}: {contrast:.1f}" for contrast, words in found if contrast < READABLE]


def settle(page: Page) -> None:
    """Wait until the page has been told of a new medium, which comes before the next frame, and has drawn for it."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def heatmap_colours() -> list[tuple[float, str]]:
    return [(float(at), str(colour)) for at, colour in reprojection_by_joint(report())["data"][0]["colorscale"]]


def ground(page: Page) -> np.ndarray:
    """Return the colour (RGB, 0 to 255) of the page's upper left corner as it is seen."""
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(picture[2, 2])


@pytest.mark.parametrize("name", ["reconstruction", "learning"])
def test_nothing_but_the_file_is_asked_for(name: str, files: dict[str, Path], opened: Opener) -> None:
    visit = opened(files[name])
    assert visit.asked == [files[name].as_uri()]
    assert visit.complaints == []
    undrawn = visit.page.evaluate("""[...document.querySelectorAll('.figure')]
        .filter((e) => e.checkVisibility() && !e.querySelector('.main-svg')).map((e) => e.id)""")
    assert undrawn == []


def test_people_are_played_in_3d_where_the_browser_can(files: dict[str, Path], opened: Opener) -> None:
    visit = opened(files["reconstruction"], PHONE, webgl=True)
    page = visit.page
    assert page.locator("#playback canvas").count() > 0
    assert not page.is_visible(".still")
    page.tap("#play")
    page.wait_for_function("() => Number(document.getElementById('seek').value) > 2")
    page.tap("#play")
    page.tap("#closer")
    assert page.inner_text("#closer") == "Whole scene"
    targets = page.locator("button, input, summary").evaluate_all("all => all.map((e) => e.offsetHeight)")
    assert len(targets) == 7
    assert min(targets) >= 44  # CSS pixels, for fingers
    assert not page.is_visible(".modebar-btn >> nth=0")
    page.emulate_media(media="print")
    assert page.is_visible(".still svg >> nth=0")
    assert not page.is_visible("#playback")
    # The browser has advice about speed, which is plotly's to take.
    assert [words for words in visit.complaints if "readback" not in words and "GPU stall" not in words] == []


def test_without_webgl_there_is_a_drawing(files: dict[str, Path], opened: Opener) -> None:
    page = opened(files["reconstruction"]).page
    assert page.locator(".still svg").count() == 2
    assert page.is_visible(".still svg >> nth=1")
    assert "in a browser with JavaScript and WebGL" in page.inner_text(".still")
    assert not page.is_visible("#play")


@pytest.mark.parametrize("size", [PHONE, NARROW])
@pytest.mark.parametrize("name", ["reconstruction", "learning"])
def test_phones_need_not_scroll_sideways(
    name: str, size: tuple[int, int], files: dict[str, Path], opened: Opener
) -> None:
    page = opened(files[name], size).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.scrollingElement.scrollWidth") == size[0]
    # What is wider than the screen slides in a box of its own; figures and lists do not have to.
    wide = page.evaluate(
        """(width) => [...document.querySelectorAll('main *')].filter((e) => e.checkVisibility()
        && !e.closest('.table, svg') && e.getBoundingClientRect().right > width + 0.5).map((e) => e.outerHTML)""",
        size[0],
    )
    assert wide == []


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_first_screen_says_how_good_and_what_to_do(
    size: tuple[int, int], files: dict[str, Path], opened: Opener
) -> None:
    page = opened(files["reconstruction"], size).page
    for shown in (
        page.locator(".verdict"),
        page.get_by_text("poses/smooth.npz", exact=True),
        page.get_by_text("epipose view"),
        page.get_by_text("epipose export"),
        page.get_by_text("Move cam01 back"),
    ):
        box = shown.first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1], shown
    taught = opened(files["learning"], size).page
    box = taught.get_by_text("epipose predict VIDEO").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["reconstruction", "learning"])
def test_texts_can_be_read_in_both_schemes(name: str, scheme: str, files: dict[str, Path], opened: Opener) -> None:
    page = opened(files[name], color_scheme=scheme).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    corner = ground(page)
    assert corner.max() < 40 if scheme == "dark" else corner.min() == 255
    assert texts_with_too_little_contrast(page) == []
    # Whoever turns the lights off meanwhile has readable figures, too.
    page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
    settle(page)
    assert texts_with_too_little_contrast(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["reconstruction", "learning"])
def test_paper_is_white_and_few_pages(name: str, scheme: str, files: dict[str, Path], opened: Opener) -> None:
    page = opened(files[name], color_scheme=scheme).page
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert 2 <= len(pages) <= 6
    page.emulate_media(media="print", color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 within its margins
    settle(page)
    assert ground(page).min() == 255
    assert texts_with_too_little_contrast(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") == 688
    assert page.evaluate("[...document.querySelectorAll('details')].every((one) => one.open)")
    cut = page.evaluate(
        "[...document.querySelectorAll('.pair > *')].filter((e) => e.scrollWidth > e.clientWidth).length"
    )
    assert cut == 0
    page.emulate_media(media="screen", color_scheme=scheme)  # type: ignore[arg-type]
    settle(page)
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    assert texts_with_too_little_contrast(page) == []


def test_without_scripts_words_tables_and_drawings_are_there(files: dict[str, Path], opened: Opener) -> None:
    page = opened(files["reconstruction"], PHONE, java_script_enabled=False).page
    for shown in (".verdict", ".told", ".table >> nth=0", ".still svg >> nth=1"):
        assert page.is_visible(shown), shown
    assert not page.is_visible("#play")
    # In place of each figure there is a sentence, which with scripts there is not.
    lines = page.locator(".figure:visible").evaluate_all("all => all.map((e) => e.offsetHeight)")
    assert len(lines) == 5
    assert all(15 < height < 80 for height in lines)


@pytest.mark.parametrize("name", ["reconstruction", "learning"])
def test_who_listens_is_told_what_is_where(name: str, files: dict[str, Path], opened: Opener) -> None:
    page = opened(files[name]).page
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = page.evaluate("""[...document.querySelectorAll('main [role=img], main img, main button, main input')]
        .filter((e) => !(e.ariaLabel || e.alt || e.matches('button') && e.textContent)).map((e) => e.outerHTML)""")
    assert unnamed == []
    assert page.evaluate("document.documentElement.lang") == "en"
