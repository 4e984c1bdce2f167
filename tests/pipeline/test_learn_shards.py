"""`learn` on shards instead of captures: what it may hold out, what it refuses, and from a server as from a folder."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from epipose.cli import main
from epipose.errors import InputError
from epipose.io.shards import open_shards
from epipose.pipeline.learn import BATCH, Settings, learn
from epipose.pipeline.learn_structured import Structure
from epipose.pipeline.lesson_sources import Crops
from epipose.pipeline.prepare import prepare
from epipose.runtime.networks import open_network
from tests.datasets import h36m_miniature as mini
from tests.datasets import marked_miniature

BRIEF = Settings(recipe="supervised", steps=2, start="none", name="brief", hold_out="S9")
TAKES = (mini.TAKES[0], mini.TAKES[2])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = mini.write_official(tmp_path_factory.mktemp("filmed"), TAKES, videos=True)
    out = tmp_path_factory.mktemp("out") / "shards"
    prepare("h36m", root, out, side=96)
    return out


@pytest.fixture(scope="module", autouse=True)
def few_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BATCH, "structured-supervised", 8)
        yield


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shards"))


def test_a_network_is_taught_and_marked_by_shards(own: Path) -> None:
    report = learn([own], BRIEF)
    assert report.file == own / "models" / "brief" / "brief.onnx"
    assert (report.hold_out, report.learned_examples, report.held_out_examples) == ("all of S9", 24, 24)
    assert report.errors["mpjpe_mm"] > 0
    assert {shown.place.split(",")[0] for shown in (*report.best, *report.worst)} == {"S9_Greeting-1"}
    description = open_network(report.file).description
    assert description.skeleton.name == "h36m17"
    thigh = np.linalg.norm(np.diff(mini.joints_mm(TAKES[0])[0, [4, 5]], axis=0))
    assert description.bone_lengths_m["left_hip", "left_knee"] == pytest.approx(thigh / 1000, rel=0.02)
    table = json.loads((report.file.parent / "learning.json").read_text())
    assert table["sources"] == [str(own)]
    assert "epipose learn" in (report.file.parent / "card.md").read_text()


def test_structured_networks_learn_the_poses_of_the_world(own: Path) -> None:
    poses = Crops.of(open_shards(own), "S9").poses()
    for found, take in ((poses.learned, TAKES[0]), (poses.held_out, TAKES[1])):
        np.testing.assert_allclose(found, mini.joints_mm(take) / 1000, atol=1e-4)
    settings = replace(BRIEF, recipe="structured-supervised", structure=Structure(hidden=(20,)))
    report = learn([own], settings)
    assert report.errors["mpjpe_mm"] > 0
    assert (report.file.parent / "pictures" / "person.png").is_file()


@pytest.mark.parametrize(
    ("asked", "held", "words"),
    [
        ("S1", {"S1_Directions-1"}, "all of S1"),
        ("S9_Greeting-1", {"S9_Greeting-1"}, "all of S9_Greeting-1"),
        ("0.34", {"S1_Directions-1", "S9_Greeting-1"}, "the last 34 % of the frames of every recording"),
        ("54138969,60457274", {"S1_Directions-1", "S9_Greeting-1"}, "all of 54138969 and 60457274"),
    ],
)
def test_what_is_held_out_is_never_learned(made: Path, asked: str, held: set[str], words: str) -> None:
    shards = open_shards(made)
    crops = Crops.of(shards, asked)
    assert crops.hold_out == words
    recordings, frames, views = (
        np.array(shards.words("recording")),
        shards.numbers("frame"),
        np.array(shards.words("view")),
    )
    assert set(recordings[crops.held]) == held
    if "%" in words:
        np.testing.assert_array_equal(crops.held, frames >= 4)
    if "," in asked:
        np.testing.assert_array_equal(crops.held, np.isin(views, asked.split(",")))
    # A view that is held out shows moments that are learned from other views.
    assert len(crops.poses().learned) == {"0.34": 8, "54138969,60457274": 12}.get(asked, 6)


def test_a_url_teaches_what_its_folder_does(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads http with the package aiohttp")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(own)))
    thread = Thread(target=serving.serve_forever)
    thread.start()
    monkeypatch.chdir(tmp_path)
    try:
        report = learn([f"http://127.0.0.1:{serving.server_port}"], BRIEF)
    finally:
        serving.shutdown()
        serving.server_close()
        thread.join()
    assert report.file == Path("models/brief/brief.onnx")
    assert report.errors == learn([own], BRIEF).errors


def test_what_shards_cannot_teach_is_refused(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for settings, words in (
        (replace(BRIEF, recipe="lift"), "add --recipe supervised or structured-supervised"),
        (replace(BRIEF, crops="paper"), "leave out --crops"),
        (replace(BRIEF, obstacle="10,10,5"), "leave out --obstacle"),
        (replace(BRIEF, hold_out="S5"), "cannot hold out 'S5' .* such as S1"),
        (replace(BRIEF, hold_out="S1,S9"), "nothing .* is left to learn from when all of S1 and S9 are kept back"),
    ):
        with pytest.raises(InputError, match=words):
            learn([own], settings)
    with pytest.raises(InputError, match="one folder at a time"):
        learn([own, own], BRIEF)
    flat = tmp_path / "flat"
    prepare("coco", marked_miniature.write_coco(tmp_path / "coco", ("val2017",)), flat, side=64)
    assert main(["learn", str(flat), "--recipe", "supervised"]) == 2
    assert "knows no joints in metres" in capsys.readouterr().err
