"""Pictures and videos that were made to do harm, and those that are only unusual."""

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.videos import Stranger, promised, read_frames
from epipose.server.limits import Limits
from tests.io.made_videos import write_video
from tests.server.running import VIDEO, Running, jpegs, pictures, running

LIMITS = Limits(video_frames=20, pixels=2_000_000)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(LIMITS) as server:
        yield server


def said(server: Running, content: bytes, kind: str) -> tuple[int, str]:
    answer = server.post("/v1/poses", content, kind)
    return answer.status_code, answer.json().get("detail", "")


def playlists(folder: Path) -> dict[str, bytes]:
    """Files that name another one, which is a video that could be shown."""
    other = folder / "private.ts"
    write_video(other, 10)
    segment = f"#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n"
    return {
        "hls": f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n{segment}".encode(),
        "concat": f"ffconcat version 1.0\nfile {other.name}\n".encode(),
    }


@pytest.mark.parametrize("name", ["hls", "concat"])
@pytest.mark.parametrize("kind", ["mov", "matroska", "avi"])
def test_a_video_cannot_name_another_file(tmp_path: Path, name: str, kind: str) -> None:
    content = playlists(tmp_path)[name]
    path = tmp_path / "video.m3u8"
    path.write_bytes(content)
    assert len(list(read_frames(path))) == 10, "it would be shown"
    with pytest.raises(InputError, match="not a video that can be read"):
        promised(path, Stranger(container=kind, pixels=10**9))
    with pytest.raises(InputError, match="not a video that can be read"):
        list(read_frames(path, Stranger(container=kind, pixels=10**9)))


def test_a_video_is_of_the_kind_that_it_says(server: Running) -> None:
    status, detail = said(server, VIDEO.read_bytes(), "video/webm")
    assert (status, "not a video that can be read" in detail) == (422, True)


def test_large_frames_are_not_unpacked(tmp_path: Path) -> None:
    path = write_video(tmp_path / "large.mkv", 3, size_wh=(640, 480))
    assert len(list(read_frames(path, Stranger(container="matroska", pixels=640 * 480)))) == 3
    with pytest.raises(InputError):
        list(read_frames(path, Stranger(container="matroska", pixels=640 * 479)))


def remade(path: Path, parts: list[Path], time: Callable[[int], int]) -> bytes:
    """The packets of videos, at other times, as one MKV."""
    with av.open(str(path), "w") as target:
        number, stream = 0, None
        for part in parts:
            with av.open(str(part)) as source:
                stream = stream or target.add_stream_from_template(source.streams.video[0])
                for packet in (packet for packet in source.demux() if packet.size):
                    packet.stream, packet.time_base = stream, Fraction(1, 1000)
                    packet.pts, packet.dts, packet.duration = time(number), time(number), 1
                    target.mux(packet)
                    number += 1
    return path.read_bytes()


def test_many_frames_at_the_same_time_are_many(server: Running, tmp_path: Path) -> None:
    once = write_video(tmp_path / "once.webm", 60, codec="libvpx-vp9")
    content = remade(tmp_path / "same.mkv", [once], lambda number: 0 if number < 59 else 1)
    status, detail = said(server, content, "video/x-matroska")
    assert (status, "longer than" in detail) == (413, True)


def test_a_video_that_changes_its_size_is_refused(server: Running, tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{width}.h264", 5, size_wh=(width, 96)) for width in (160, 320)]
    content = remade(tmp_path / "both.mkv", parts, lambda number: 33 * number)
    status, detail = said(server, content, "video/x-matroska")
    assert (status, detail[:35]) == (422, "the video changes its picture size ")


def hidden_size() -> bytes:
    """A small JPEG behind a large one that decoders find first: they do not skip what has no length."""
    large = cv2.imencode(".jpg", np.zeros((3000, 3000, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 10])[1].tobytes()[2:]
    return b"\xff\xd8\xff\x00" + struct.pack(">H", 2 + len(large[:60_000])) + large[:60_000] + jpegs(1)[0][2:]


def test_what_decoders_see_as_its_size_is_the_size_of_a_picture(server: Running) -> None:
    decoded = cv2.imdecode(np.frombuffer(hidden_size(), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (3000, 3000, 3)
    assert said(server, hidden_size(), "image/jpeg") == (422, "the picture is cut short or damaged; send it again")


@pytest.mark.parametrize("size_wh", [(1, 2000), (2000, 1), (60_000, 20), (20, 60_000), (900, 100)])
def test_slim_pictures_are_refused(server: Running, size_wh: tuple[int, int]) -> None:
    content = cv2.imencode(".jpg", np.zeros((size_wh[1], size_wh[0], 3), np.uint8))[1].tobytes()
    status, detail = said(server, content, "image/jpeg")
    assert (status, "too slim to show a person" in detail) == (422, True)


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 1), (16, 16), (800, 100), (100, 800)])
def test_small_pictures_show_nobody(server: Running, size_wh: tuple[int, int]) -> None:
    content = cv2.imencode(".png", np.zeros((size_wh[1], size_wh[0], 3), np.uint8))[1].tobytes()
    assert server.post("/v1/poses", content, "image/png").json()["frames"][0]["people"] == []


def turned(picture: np.ndarray, orientation: int) -> bytes:
    """A JPEG as a phone stores it (TIFF 6.0, tag 274): held upright, or turned by a quarter."""
    stored = {1: lambda image: image, 3: lambda image: image[::-1, ::-1], 6: lambda image: np.rot90(image, 1),
              8: lambda image: np.rot90(image, -1)}[orientation](picture)  # fmt: skip
    content = cv2.imencode(".jpg", np.ascontiguousarray(stored[..., ::-1]))[1].tobytes()
    entry = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    part = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part + content[2:]


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_pictures_of_phones_are_turned_upright(server: Running, orientation: int) -> None:
    (picture,) = pictures(1)
    upright, stored = (server.post("/v1/poses", turned(picture, how), "image/jpeg").json()["frames"][0]
                       for how in (1, orientation))  # fmt: skip
    assert stored["size_wh"] == upright["size_wh"] == [1280, 720]
    np.testing.assert_allclose(stored["people"][0]["pixels"], upright["people"][0]["pixels"], atol=8)


def test_pictures_of_any_depth_and_colours_show_the_same_person(server: Running) -> None:
    (picture,) = pictures(1)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    colours = picture[..., ::-1]
    for stored in (grey, cv2.cvtColor(colours, cv2.COLOR_BGR2BGRA), colours.astype(np.uint16) * 257,
                   grey.astype(np.uint16) * 257):  # fmt: skip
        content = cv2.imencode(".png", stored)[1].tobytes()
        assert len(server.post("/v1/poses", content, "image/png").json()["frames"][0]["people"]) == 1
    for suffix in (".webp", ".bmp", ".tiff"):
        content = cv2.imencode(suffix, colours)[1].tobytes()
        assert said(server, content, "image/png") == (415, "this is neither a JPEG nor a PNG; send one of these")
