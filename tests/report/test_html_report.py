"""`report.html`: one file, offline, whatever the cameras are called."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects as go
import pytest

from epipose.report.html_report import figures, page, write_html
from epipose.report.playback import MOST_FRAMES
from tests.report.sample import report

HOSTILE = "</script><img src=x onerror=alert(1)><b>'\"&amp;$title"
LOADING = {"src", "href", "srcset", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """Collects what a browser would see: tags with attributes, and text by the tag that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "link", "img", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self._open[-1] if self._open else ""
        self.texts[where] = self.texts.get(where, "") + data


def figures_text(text: str) -> str:
    start = text.index('id="figures">') + len('id="figures">')
    return text[start : text.index("</script>", start)]


@pytest.fixture(scope="module")
def text() -> str:
    return page(report())


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    read = Page(text)
    assert not [(tag, name) for tag, attributes in read.tags for name in attributes if name in LOADING]
    assert "link" not in [tag for tag, _ in read.tags]
    policy = [a["content"] or "" for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert policy[0].startswith("default-src 'none'")
    assert "http" not in policy[0]


def test_every_figure_has_its_place_and_is_valid_plotly(text: str) -> None:
    ids = {attributes.get("id") for _, attributes in Page(text).tags}
    shown = json.loads(figures_text(text))
    assert shown.keys() <= ids
    assert shown == json.loads(json.dumps(figures(report()), allow_nan=False))
    for figure in shown.values():
        go.Figure({"data": figure["data"], "layout": figure["layout"]})  # raises for a property plotly does not know
        axes = [v for k, v in figure["layout"].items() if k.startswith(("xaxis", "yaxis"))]
        assert all("text" in axis["title"] for axis in axes)


def test_says_what_matters(text: str) -> None:
    read = Page(text)
    assert "walking_in_a_circle" in read.texts["h1"]
    assert "5.1 px" in read.texts["strong"]
    assert "cam02: left and right were swapped in 34 frames (41–73, 90); repaired." in read.texts["li"]  # noqa: RUF001
    assert "+12.3 ± 1.1" in read.texts["td"]
    assert "from the person alone" in read.texts["p"]
    assert "Warnings" not in read.texts["h2"]


def test_hostile_names_stay_text() -> None:
    original = report()
    named = replace(
        report(names=(HOSTILE, "2", "$figures", "%{x}")), title=HOSTILE, warnings=(HOSTILE,), film_next=(HOSTILE,)
    )
    hostile_view = replace(named.views[0], notes=(HOSTILE,))
    text = page(replace(named, views=(hostile_view, *named.views[1:])))
    read, plain = Page(text), Page(page(original))
    assert "img" not in [tag for tag, _ in read.tags]
    assert [tag for tag, _ in read.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert HOSTILE in read.texts["h1"]
    assert HOSTILE in read.texts["th"]
    assert "$figures" in read.texts["th"]
    assert HOSTILE in read.texts["text"]  # the name of a camera in a drawing
    assert read.texts["li"].count(HOSTILE) == 4  # warning, advice, and the view's name with its note
    assert "<" not in figures_text(text)
    # plotly reads texts as markup of its own: they must reach it escaped.
    assert "<" not in json.loads(figures_text(text))["top-view"]["data"][1]["text"][0]


def test_long_recording_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_html(path, report(frames=20_000, people=2))
    assert path.stat().st_size < 6e6
    text = path.read_text(encoding="utf-8")
    played = json.loads(figures_text(text))["playback"]
    assert len(played["frames"]) == len(played["times"]) == MOST_FRAMES
    assert played["times"][-1] == pytest.approx(19_999 / 29.97, abs=1e-3)
    assert played["speed"] > 10
    assert f"{MOST_FRAMES} of 20000 frames shown" in text


def test_of_a_poor_recording_filming_again_comes_first() -> None:
    original = report()
    poor = replace(original, reprojection_median_px=90.0, film_next=("Film longer.",))
    good, bad = (re.findall("<h2>([^<]*)", page(one))[:2] for one in (original, poor))
    assert good == ["What to do now", "What to film next"]
    assert bad == good[::-1]


def test_a_crowd_stays_small() -> None:
    assert len(page(report(frames=18_000, people=40)).encode()) < 6e6


def test_nobody_found_is_still_a_page() -> None:
    original = report(frames=3)
    nobody = replace(original.poses, weight=original.poses.weight * 0)
    empty = replace(
        original,
        poses=nobody,
        bones=(),
        joints=(),
        reprojection_by_frame_px=original.reprojection_by_frame_px[:, :3] * float("nan"),
    )
    text = page(empty)
    assert "Poor" in Page(text).texts["strong"]
    assert "unknown" in Page(text).texts["strong"]
