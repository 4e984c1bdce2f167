"""`epipose view` as a user meets it: an address, a page, and an end when they want it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from epipose.cli import main
from tests.viewer.recorded import true_capture, without_truth


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_a_page_until_it_is_told_to_stop(tmp_path: Path, end: signal.Signals) -> None:
    capture = true_capture(tmp_path / "turning")
    command = [sys.executable, "-m", "epipose", "view", str(capture), "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        line = process.stderr.readline()
        place = line.split()[1]
        assert place.startswith("http://127.0.0.1:")
        assert "<html" in httpx.get(place, timeout=30).text
        os.kill(process.pid, end)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    told = json.loads(out)
    assert told["url"] == place
    assert told["tracks"] == ["smooth", "triangulated", "truth"]


@pytest.mark.parametrize(
    ("change", "words"),
    [("missing", "there is no folder"), ("empty", "holds no videos"), ("no poses", "run `epipose reconstruct")],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(
    tmp_path: Path, change: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "walk"
    if change == "empty":
        folder.mkdir()
    elif change == "no poses":
        shutil.rmtree(without_truth(true_capture(folder)) / "poses")
    assert main(["view", str(folder), "--no-browser"]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("epipose.viewer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "viser", None)
    assert main(["view", str(tmp_path)]) == 2
    assert "pip install 'epipose[view]'" in capsys.readouterr().err
