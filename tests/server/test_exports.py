"""What a browser recorded comes out of other programs' files again."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from epipose import exporters, plugins
from tests.server.running import VIDEO, Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def frames(server: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.post("/v1/poses", VIDEO.read_bytes(), "video/mp4").json()["frames"]
    return found[:30]


def export(server: Running, form: str, frames: object) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/export", params={"format": form}, json={"frames": frames}, timeout=60)


@pytest.mark.parametrize("form", plugins.names(exporters))
def test_every_format_holds_what_was_seen(
    server: Running, frames: list[dict[str, Any]], form: str, tmp_path: Path
) -> None:
    answer = export(server, form, frames)
    assert answer.status_code == 200
    exporter = plugins.load(exporters, form)
    assert answer.headers["content-disposition"] == f'attachment; filename="poses{exporter.suffix}"'
    (tmp_path / f"poses{exporter.suffix}").write_bytes(answer.content)
    found = exporter.read(tmp_path / f"poses{exporter.suffix}")
    assert len(found.times) == len(frames)
    joint = found.skeleton.index("left_knee")
    seen = np.array([frame["people"][0]["positions_m"] for frame in frames])[:, 13]
    if form != "bvh":  # which keeps the lengths of bones
        np.testing.assert_allclose(found.positions[:, 0, joint], seen[:, [0, 2, 1]] * [1, 1, -1], atol=2e-3)


@pytest.mark.parametrize("form", ["bvh", "c3d", "csv", "trc"])
def test_a_camera_that_is_not_steady_gives_steady_files(
    server: Running, frames: list[dict[str, Any]], form: str
) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.03, 0.09, len(frames)))
    late = [{**frame, "time_s": float(time)} for frame, time in zip(frames, times, strict=True)]
    assert export(server, form, late).status_code == 200


def test_several_people_are_several_files_in_one(server: Running, frames: list[dict[str, Any]]) -> None:
    twins = [{**frame, "people": [frame["people"][0], {**frame["people"][0], "id": 2}]} for frame in frames]
    answer = export(server, "bvh", twins)
    assert answer.headers["content-disposition"] == 'attachment; filename="poses.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert sorted(packed.namelist()) == ["poses.bvh", "poses_person2.bvh"]


def changed(frames: list[dict[str, Any]], **parts: object) -> list[dict[str, Any]]:
    return [{**frame, "people": [{**person, **parts} for person in frame["people"]]} for frame in frames]


def test_what_is_no_recording_is_refused(server: Running, frames: list[dict[str, Any]]) -> None:
    for wrong, words in (
        (frames[::-1], "not in the order of time"),
        (changed(frames, id=0), "numbers"[:-1]),
        (changed(frames, id=10**9), "numbers"[:-1]),
        (changed(frames, positions_m=[[0, 0, 0]]), "other joints than the 21"),
        (changed(frames, positions_m=21 * [[0, 0]]), "other joints than the 21"),
        (changed(frames, positions_m=21 * [[1e300, 0, 0]]), "farther away than any camera sees"),
        ([{**frame, "people": []} for frame in frames], "nobody is in these frames"),
    ):
        answer = export(server, "csv", wrong)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]
    crowd = [{**frames[0], "time_s": float(number), "people": []} for number in range(3000)]
    crowd[0] = changed(frames[:1], id=16)[0]
    answer = export(server, "csv", crowd)
    assert (answer.status_code, "3000 frames of 16 people" in answer.json()["detail"]) == (413, True)
    for wrong in ([], [{}], "text", changed(frames, confidence="high")):
        assert export(server, "csv", wrong).status_code == 422
    assert export(server, "../csv", frames).status_code == 422
