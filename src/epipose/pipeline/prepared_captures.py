"""Captures that `epipose prepare` made, as a protocol asks for them: whose, and at which frames."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epipose.datasets._benchmark import Benchmark
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.recorded_truth import read_known_poses
from epipose.pipeline.prepare_captures import MARK
from epipose.pipeline.teaching import TRUTH
from epipose.pose.keypoints import Poses
from epipose.pose.protocols import Protocol


@dataclass(frozen=True, eq=False)
class PreparedCapture:
    """A capture, and what the data set calls it."""

    folder: Path
    subject: str
    action: str
    every: int
    """Only each so many-th moment was prepared."""
    about: Mapping[str, Any]
    """All of prepared.json."""


@dataclass(frozen=True, eq=False)
class Moments:
    """The truth of a capture at the frames that count."""

    poses: Poses
    """In the world."""
    cameras: Mapping[str, Camera]
    places: Int[ndarray, "frames"]
    """Of these frames among all that were prepared."""
    numbers: Int[ndarray, "frames"]
    """Of these frames in the videos."""
    prepared: int
    """How many frames were prepared."""


def tested_captures(
    root: Path, dataset: str, benchmark: Benchmark, protocol: Protocol, *, damaged: bool
) -> tuple[list[PreparedCapture], list[str]]:
    """Return the captures under `root` that a protocol tests, and what was left out or is missing, a sentence each.

    Raises InputError, with the remedy, if there are none, or none of one of the subjects.
    """
    here = [one for one in _prepared(root, dataset) if one.subject in protocol.subjects]
    kept, notes = [], []
    for one in here:
        reason = None if damaged else benchmark.damage(one.about)
        if reason is None:
            kept.append(one)
        else:
            notes.append(reason)
    for subject in protocol.subjects:
        mine = {one.action for one in kept if one.subject == subject}
        if not mine:
            raise InputError(
                f"{root} holds no capture of {subject}, whom protocol {protocol.name!r} tests; run epipose prepare"
                f" {dataset} --root DIR --out {root} --subjects {subject}"
            )
        if lacking := [action for action in protocol.actions if action not in mine]:
            notes.append(
                f"{subject} lacks {', '.join(lacking)}, so that these are not the numbers of protocol {protocol.name!r}"
            )
    for one in kept:
        if protocol.every % one.every:
            raise InputError(
                f"{one.folder / MARK} says that only every {one.every}th moment was prepared, and protocol"
                f" {protocol.name!r} takes {_frames(protocol.every)}; run epipose prepare again"
                + (" without --every" if protocol.every == 1 else f" with --every {protocol.every}")
            )
    return kept, notes


def moments(capture: PreparedCapture, benchmark: Benchmark, protocol: Protocol) -> Moments:
    """Return the truth of a capture at the frames that count; raises InputError if there are none."""
    truth = read_known_poses(capture.folder / TRUTH)
    numbers = np.round(truth.poses.times * benchmark.frame_rate).astype(int)
    places = np.flatnonzero(numbers % protocol.every == 0)
    if not len(places):
        raise InputError(
            f"{capture.folder} has none of the frames that protocol {protocol.name!r} takes"
            f" ({_frames(protocol.every)}); run epipose prepare again without --every"
        )
    all_poses = truth.poses
    counted = Poses(
        all_poses.positions[places],
        all_poses.uncertainty[places],
        all_poses.weight[places],
        all_poses.times[places],
        all_poses.skeleton,
    )
    return Moments(counted, truth.cameras, places, numbers[places], len(numbers))


def _prepared(root: Path, dataset: str) -> list[PreparedCapture]:
    """Return all captures of a data set under a folder, by name."""
    remedy = f"name the folder that `epipose prepare {dataset} --root DIR --out FOLDER --as captures` wrote"
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; {remedy}")
    files = sorted(root.glob(f"*/{MARK}"))
    if not files:
        raise InputError(f"{root} holds no captures that epipose prepare made; {remedy}")
    told = {file: _told(file) for file in files}
    ours = [_capture(file, about) for file, about in told.items() if about.get("dataset") == dataset]
    if not ours:
        raise InputError(f"{files[0]} is of data set {told[files[0]].get('dataset')!r}, not {dataset!r}; {remedy}")
    return ours


def _told(file: Path) -> dict[str, Any]:
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged; make the capture again with epipose prepare") from error
    if not isinstance(about, dict):
        raise InputError(f"{file} is damaged; make the capture again with epipose prepare")
    return about


def _capture(file: Path, about: dict[str, Any]) -> PreparedCapture:
    subject, action, every = (about.get(key) for key in ("subject", "action", "every"))
    if not isinstance(subject, str) or not isinstance(action, str) or not isinstance(every, int) or every < 1:
        raise InputError(f"{file} does not say whom and what it shows; make the capture again with epipose prepare")
    if not about.get("fingerprint"):
        raise InputError(f"{file.parent} was not finished; run epipose prepare again, which goes on from there")
    return PreparedCapture(file.parent, subject, action, every, about)


def _frames(every: int) -> str:
    return "every frame" if every == 1 else f"every {every}th frame"
