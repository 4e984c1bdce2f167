"""The page on learning: one file, offline, whatever things are called, whatever is missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from epipose.report.learning import write_learning_report
from epipose.report.learning.charts import figures
from epipose.report.learning.page import page
from epipose.report.palette import LEFT, RIGHT
from tests.report.learning.sample import SKELETON, report, shown
from tests.report.test_html_report import HOSTILE, LOADING, Page, figures_text


@pytest.fixture(scope="module")
def text() -> str:
    return page(report())


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    read = Page(text)
    loaded = [attributes[name] for _, attributes in read.tags for name in attributes if name in LOADING]
    assert len(loaded) == len(report().best) + len(report().worst)
    assert all(source is not None and source.startswith("data:image/jpeg;base64,") for source in loaded)
    assert "link" not in [tag for tag, _ in read.tags]
    policy = [a["content"] or "" for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0].startswith("default-src 'none'")


def test_every_figure_has_its_place_and_is_valid_plotly(text: str) -> None:
    drawn = json.loads(figures_text(text))
    places = [attributes.get("id") for _, attributes in Page(text).tags]
    assert set(drawn) == set(figures(report()))
    for name, figure in drawn.items():
        assert places.count(name) == 1
        go.Figure({"data": figure["data"], "layout": figure["layout"]})


def test_says_what_matters(text: str) -> None:
    read = Page(text)
    assert "small-walk" in read.texts["h1"]
    assert "On 1160 examples that it never learned from (frames 75 to 99 of every camera)" in read.texts["section"]
    assert "47 mm from the triangulation on average, 33 mm once each pose is turned" in read.texts["section"]
    assert "epipose predict VIDEO --model walk/models/small-walk/small-walk.onnx" in read.texts["code"]
    assert "walk, turn" in read.texts["td"]
    assert "93 %" in read.texts["td"]
    assert "180 mm" in read.texts["b"]
    assert "Warnings" not in read.texts["h2"]


def test_curves_and_bars_hold_the_numbers() -> None:
    drawn = figures(report())
    mean = drawn["errors"]["data"][0]
    assert (mean["x"][:3], mean["y"][:3]) == ([0, 200, 400], [210, 90, 60])
    assert mean["customdata"][1] == [12800, 0.3]
    assert drawn["loss"]["data"][0]["y"][:2] == [None, 0.005]
    bars = drawn["joints"]["data"][0]
    assert bars["x"] == sorted(bars["x"], reverse=True)
    assert bars["marker"]["color"][bars["y"].index("left knee")] == LEFT
    assert bars["marker"]["color"][bars["y"].index("right knee")] == RIGHT


def test_hostile_names_stay_text() -> None:
    hostile = replace(
        report(),
        name=HOSTILE,
        hold_out=HOSTILE,
        truth=HOSTILE,
        recipe=HOSTILE,
        sources=(Path(HOSTILE),),
        worst=(shown(3.0, HOSTILE),),
        warnings=(HOSTILE,),
        errors={**report().errors, HOSTILE: 3.0},
    )
    read, plain = Page(page(hostile)), Page(page(report()))
    assert "img" not in [tag for tag, _ in read.tags]
    assert [tag for tag, _ in read.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert HOSTILE in read.texts["h1"]
    assert HOSTILE in read.texts["figcaption"]


def test_many_large_pictures_stay_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (800, 800, 3), np.uint8)
    many = tuple(replace(shown(10.0), picture=noise) for _ in range(40))
    write_learning_report(tmp_path / "learning.html", replace(report(), best=many, worst=many))
    assert (tmp_path / "learning.html").stat().st_size < 6e6


def test_a_network_of_which_nothing_is_known_is_still_a_page() -> None:
    nothing = replace(
        report(),
        curve=(),
        errors={},
        per_joint_mm=dict.fromkeys(SKELETON.joint_names, float("nan")),
        best=(),
        worst=(replace(shown(1.0), picture=None, truth=np.full((17, 3), np.nan)),),
        held_out_examples=0,
        labels=None,
    )
    read = Page(page(nothing))
    assert "Poor" in read.texts["strong"]
    assert "unknown" in read.texts["strong"]
    assert "None were kept." in read.texts["p"]
