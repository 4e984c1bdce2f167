"""Ways to break the files of a data set, and what `epipose prepare` says then."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from epipose.cli import main
from tests.cli.test_bad_input import assert_one_sentence
from tests.io.made_videos import write_video

Damage = Callable[[Path], object]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def binary(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00\xd8" * 64)


def text(old: str, new: str, count: int = -1) -> Damage:
    def replace(file: Path) -> None:
        before = file.read_text()
        assert old in before
        file.write_text(before.replace(old, new, count))

    return replace


def edited(change: Callable[[Any], object]) -> Damage:
    def edit(file: Path) -> None:
        table = json.loads(file.read_text())
        change(table)
        file.write_text(json.dumps(table))

    return edit


def video(frames: int, size_wh: tuple[int, int], rate: Fraction) -> Damage:
    return lambda file: write_video(file, frames, size_wh=size_wh, rate=rate, codec="mpeg4")


def refusal(capsys: pytest.CaptureFixture[str], dataset: str, root: Path, out: Path, *arguments: str) -> str:
    """What is said where nothing can be prepared: one sentence."""
    assert main(["prepare", dataset, "--root", str(root), "--out", str(out), *arguments]) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert_one_sentence(said)
    return said
