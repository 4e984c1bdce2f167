"""Pictures of what a network knows are whole in the page, in their colours, and never make it large."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from epipose.report.learning import Pictured, write_learning_report
from epipose.report.learning.json_file import as_table
from epipose.report.learning.page import page
from epipose.report.learning.pictures import MOST_BYTES, MOST_PICTURES, MOST_WIDE
from epipose.report.pose_pictures import latent_walk, three_views
from tests.report.learning.sample import SKELETON, report
from tests.report.test_html_report import HOSTILE, Page
from tests.report.test_pose_pictures import walker

HEADING = "What the network knows of poses"
DRAWINGS = (
    Pictured("A walker.", three_views(walker()[None], SKELETON, ["walker"])),
    Pictured("A walk.", latent_walk(np.stack([walker()] * 8), SKELETON)),
)


def shown(text: str) -> list[tuple[str, ndarray]]:
    """Return the kind and the pixels of each picture of the section."""
    found = []
    for kind, data in re.findall(r"<img src='data:image/(\w+);base64,([^']*)'", text):
        read = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        found.append((kind, np.asarray(read)[..., ::-1]))
    return found


def test_drawings_are_in_the_page_as_they_are_with_their_captions() -> None:
    text = page(replace(report(), pictures=DRAWINGS))
    read = Page(text)
    assert HEADING in read.texts["h2"]
    assert "A walker.A walk." in read.texts["figcaption"]
    for (kind, picture), drawing in zip(shown(text), DRAWINGS, strict=True):
        assert kind == "png"
        np.testing.assert_array_equal(picture, drawing.picture)


def test_there_is_no_section_without_pictures() -> None:
    assert HEADING not in page(report())


def test_captions_stay_text() -> None:
    hostile, plain = (Page(page(replace(report(), pictures=(replace(DRAWINGS[0], caption=words),))))
                      for words in (HOSTILE, "plain"))  # fmt: skip
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert HOSTILE in hostile.texts["figcaption"]
    assert [attributes["alt"] for tag, attributes in hostile.tags if tag == "img"] == [HOSTILE]


def test_photos_are_made_small_and_keep_their_colours(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 1800, 3), np.uint8)
    noise[:, :900, 1:] = 0
    full = replace(report(), pictures=(Pictured("Noise.", noise), *DRAWINGS * MOST_PICTURES))
    write_learning_report(tmp_path / "learning.html", full)
    text = (tmp_path / "learning.html").read_text(encoding="utf-8")
    pictures = shown(text)
    assert len(pictures) == MOST_PICTURES
    assert len(re.findall(r"<img src='([^']*)'", text)[0]) < 1.34 * MOST_BYTES
    kind, small = pictures[0]
    assert kind == "jpeg"
    assert small.shape[1] <= MOST_WIDE
    assert abs(small.shape[1] - 2 * small.shape[0]) <= 2
    red = small[:, : small.shape[1] // 2 - 8].reshape(-1, 3).mean(axis=0)
    assert red[0] > 3 * red[1:].max()
    assert len(text) - len(page(report())) < 1.34 * MOST_BYTES * MOST_PICTURES < 4e6


def test_learning_json_knows_nothing_of_pictures() -> None:
    assert as_table(replace(report(), pictures=DRAWINGS)) == as_table(report())
