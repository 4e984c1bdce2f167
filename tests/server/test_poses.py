"""Pictures and videos in, poses out: the same as `predict` finds, and one sentence for what cannot be looked at."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.io.pictures import as_jpeg, as_png
from epipose.io.pose_files import read_poses
from epipose.io.videos import probe
from epipose.pipeline.predict import predict
from epipose.server.limits import Limits
from tests.server.running import VIDEO, Running, jpegs, pictures, running

LIMITS = Limits(video_s=6.0, body_bytes=2_000_000)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(LIMITS) as server:
        yield server


def test_a_picture_shows_who_predict_sees(server: Running, tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    picture.write_bytes(as_png(pictures(1)[0]))
    answer = server.post("/v1/poses", picture.read_bytes(), "image/png").json()
    found = predict(picture, out=tmp_path / "out", overlay=False)
    assert answer["model"] == "small"
    assert answer["measure"].startswith("relative, average adult")
    assert answer["skeleton"]["joint_names"] == list(found.poses.skeleton.joint_names)
    (frame,) = answer["frames"]
    assert (frame["index"], frame["time_s"], tuple(frame["size_wh"])) == (0, 0.0, probe(VIDEO).size_wh)
    (person,), ((seen,),) = frame["people"], found.people
    np.testing.assert_allclose(person["positions_m"], seen.joints, atol=1e-4)
    np.testing.assert_allclose(person["pixels"], seen.pixels, atol=0.06)
    np.testing.assert_allclose(person["confidence"], seen.weight, atol=1e-3)
    assert person["id"] == 1


def test_a_video_shows_who_predict_sees(server: Running, tmp_path: Path) -> None:
    answer = server.post("/v1/poses?model=small", VIDEO.read_bytes(), "video/mp4; codecs=avc1").json()
    found = read_poses(predict(VIDEO, out=tmp_path, overlay=False).files[0])
    assert [frame["index"] for frame in answer["frames"]] == list(range(len(found.times)))
    np.testing.assert_allclose([frame["time_s"] for frame in answer["frames"]], found.times, atol=1e-6)
    level = np.array([[one["positions_m"] for one in frame["people"]] for frame in answer["frames"]])
    np.testing.assert_allclose(level[..., [0, 2, 1]] * [1, 1, -1], found.positions, atol=2e-4)


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it is large, with all of its rows if it is not too large for that."""

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = zlib.compress(b"\0" * min((width // 8 + 1) * height, 100_000_000), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def large_jpeg() -> bytes:
    content = bytearray(jpegs(1)[0])
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 50_000, 50_000)
    return bytes(content)


def many_scans() -> bytes:
    whole = cv2.imencode(".jpg", pictures(1)[0], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    scan = whole[whole.index(b"\xff\xda") : whole.index(b"\xff\xda") + 40]
    return whole[:-2] + 2000 * scan + whole[-2:]


REFUSED = {
    "nothing": (b"", "image/jpeg", 415, "neither a JPEG nor a PNG"),
    "text": (b"hello", "image/png", 415, "neither a JPEG nor a PNG"),
    "gif": (b"GIF89a" + bytes(100), "image/jpeg", 415, "neither a JPEG nor a PNG"),
    "another kind": (b"hello", "text/plain", 415, "send a picture"),
    "no kind": (jpegs(1)[0], "", 415, "send a picture"),
    "cut jpeg": (jpegs(1)[0][:100], "image/jpeg", 422, "cut short or damaged"),
    "cut png": (as_png(pictures(1)[0])[:20], "image/png", 422, "cut short or damaged"),
    "damaged png": (as_png(pictures(1)[0])[:60], "image/png", 422, "damaged"),
    "png bomb": (bomb(50_000, 50_000), "image/png", 413, "50000 x 50000 pixels is larger than 16 million"),
    "large jpeg": (large_jpeg(), "image/jpeg", 413, "50000 x 50000 pixels"),
    "empty png": (bomb(0, 7), "image/png", 422, "no pixels"),
    "scan bomb": (many_scans(), "image/jpeg", 422, "more scans than any camera writes"),
    "no video": (b"hello", "video/mp4", 422, "the video is not a video that can be read"),
    "empty video": (b"", "video/webm", 422, "the video is empty"),
    "cut video": (VIDEO.read_bytes()[:5000], "video/mp4", 422, "the video"),
    "large body": (bytes(2_000_001), "image/jpeg", 413, "larger than 2 MB"),
}


@pytest.mark.parametrize(("content", "kind", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_looked_at_is_refused_in_a_sentence(
    server: Running, content: bytes, kind: str, status: int, words: str
) -> None:
    answer = server.post("/v1/poses", content, kind)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert "/" not in answer.json()["detail"].replace("image/", "").replace("video/", "")


def test_long_videos_are_refused() -> None:
    with running(Limits(video_s=4.0)) as server:
        answer = server.post("/v1/poses", VIDEO.read_bytes(), "video/mp4")
        assert (answer.status_code, answer.json()["detail"]) == (
            413, "the video is longer than 4 s or 1800 frames; cut it")  # fmt: skip
    with running(Limits(video_frames=10)) as server:
        assert server.post("/v1/poses", VIDEO.read_bytes(), "video/mp4").status_code == 413
    with running(Limits(pixels=640 * 480)) as server:
        assert server.post("/v1/poses", VIDEO.read_bytes(), "video/mp4").status_code == 413
        assert server.post("/v1/poses", jpegs(1)[0], "image/jpeg").status_code == 413


@pytest.mark.parametrize("model", ["large", "../small", "/etc/passwd", "small.onnx"])
def test_models_have_the_names_that_are_listed_only(server: Running, model: str) -> None:
    answer = server.post(f"/v1/poses?model={model}", jpegs(1)[0], "image/jpeg")
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "there is no model of that name here; choose from small")  # fmt: skip


def test_nobody_in_a_picture_is_no_error(server: Running) -> None:
    answer = server.post("/v1/poses", as_jpeg(np.full((90, 120, 3), 128, np.uint8)), "image/jpeg")
    assert answer.json()["frames"][0]["people"] == []


def test_what_was_seen_is_counted(server: Running) -> None:
    server.post("/v1/poses", jpegs(1)[0], "image/jpeg")
    text = server.get("/metrics").text
    assert 'epipose_requests_total{path="/v1/poses",status="200"}' in text
    assert 'epipose_frames_total{model="small"}' in text


def test_units_and_joints_are_documented(server: Running) -> None:
    described = server.get("/v1/openapi.json").json()
    person = described["components"]["schemas"]["PersonAnswer"]["properties"]
    assert all("description" in part for part in person.values())
    assert "metres" in person["positions_m"]["description"]
    assert set(described["paths"]["/v1/poses"]["post"]["requestBody"]["content"]) >= {"image/jpeg", "video/mp4"}
    assert server.get("/v1/models").json()[0]["skeleton"]["parents"].count(None) == 1
