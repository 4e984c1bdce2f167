"""Frames come upright, in order, with the times that were written, whatever the container does inside."""

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.videos import probe, read_frames
from tests.io.made_videos import DISPLAY, FIXED, WHOLE, corner_names, picture, set_display_matrix, write_video

VARIABLE = [0, 33, 70, 100, 140, 200, 210, 215, 300, 333, 366, 400, 433, 466, 500, 533, 700, 900, 1000, 2000]


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "libx264", Fraction(30)),
        ("a.mov", "libx264", Fraction(30000, 1001)),
        ("a.mkv", "libx264", Fraction(25)),
        ("a.webm", "libvpx-vp9", Fraction(25)),
        ("a.avi", "libx264", Fraction(30000, 1001)),
        ("b.avi", "mpeg4", Fraction(30)),
    ],
)
def test_content_order_and_times_of_every_container(tmp_path: Path, name: str, codec: str, rate: Fraction) -> None:
    path = write_video(tmp_path / name, 40, codec=codec, rate=rate)
    info, frames = probe(path), list(read_frames(path))
    assert [frame.index for frame in frames] == list(range(40))
    assert [round(float(frame.image[48, 80].mean()) / 5) for frame in frames] == list(range(40))
    resolution = 1e-3 if path.suffix in {".mkv", ".webm"} else 1e-9
    np.testing.assert_allclose(info.times, np.arange(40) / float(rate), atol=resolution)
    np.testing.assert_array_equal(info.times, [frame.time for frame in frames])
    assert info.size_wh == (160, 96)
    assert info.frame_rate == pytest.approx(float(rate), rel=1e-3)
    assert info.notes == ()
    assert np.abs(frames[3].image.astype(float) - picture(3)).mean() < 8


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.webm", "libvpx-vp9"), ("v.mkv", "libx264")])
def test_a_variable_frame_rate_is_exact(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, 20, codec=codec, milliseconds=VARIABLE)
    np.testing.assert_allclose(probe(path).times, np.array(VARIABLE) / 1000, atol=1e-9)
    np.testing.assert_allclose([frame.time for frame in read_frames(path)], np.array(VARIABLE) / 1000, atol=1e-9)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "late.mkv", 3, milliseconds=[5000, 5040, 5080])
    np.testing.assert_allclose(probe(path).times, [0, 0.04, 0.08])
    np.testing.assert_allclose([frame.time for frame in read_frames(path)], [0, 0.04, 0.08])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_turns_the_picture_upright_as_opencv_does(tmp_path: Path, degrees: int) -> None:
    path = set_display_matrix(write_video(tmp_path / "turned.mp4", 3), DISPLAY[degrees])
    info, frame = probe(path), next(read_frames(path))
    turned = ["red", "green", "blue", "white"]
    shift = degrees // 90
    assert corner_names(frame.image) == turned[-shift:] + turned[:-shift]
    assert info.rotation == degrees
    assert info.size_wh == frame.image.shape[1::-1] == ((160, 96) if degrees % 180 == 0 else (96, 160))
    capture = cv2.VideoCapture(str(path))
    found, reference = capture.read()
    assert found
    assert corner_names(frame.image) == corner_names(reference[..., ::-1])


def test_a_mirrored_video_is_mirrored_back(tmp_path: Path) -> None:
    path = set_display_matrix(write_video(tmp_path / "selfie.mp4", 3), (-FIXED, 0, 0, 0, FIXED, 0, 0, 0, WHOLE))
    assert corner_names(next(read_frames(path)).image) == ["green", "red", "white", "blue"]
    assert probe(path).rotation == 0


def test_a_video_that_lost_its_tail_gives_what_is_left_and_says_so(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", 120, movflags="faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 7 // 10])
    info, frames = probe(tmp_path / "cut.mp4"), list(read_frames(tmp_path / "cut.mp4"))
    assert 20 < len(frames) <= len(info.times) < 120
    assert info.notes == (f"cut.mp4 is cut short or damaged: {len(info.times)} of 120 frames are there",)
    assert probe(tmp_path / "whole.mp4").notes == ()


def test_damage_in_the_middle_costs_only_the_damaged_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "damaged.webm", 300, codec="libvpx-vp9")
    with av.open(str(path)) as container:
        spot = next(p for p in container.demux(video=0) if p.pts is not None and p.pts > 3000).pos
    data = bytearray(path.read_bytes())
    data[spot + 12 : spot + 40] = bytes(range(200, 228))
    path.write_bytes(data)
    frames = list(read_frames(path))
    assert 30 < len(frames) < 300
    assert np.isin([frame.time for frame in frames], probe(path).times).all()


def test_a_damaged_avi_is_refused_because_its_times_would_shift(tmp_path: Path) -> None:
    path = write_video(tmp_path / "damaged.avi", 100)
    with av.open(str(path)) as container:
        spots = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for spot, size in spots[40:44]:
        data[spot + 8 : spot + 8 + size] = b"\xff" * size
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged\.avi is damaged"):
        list(read_frames(path))


def test_unusable_files_are_refused_with_their_name_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    whole = write_video(tmp_path / "whole.mp4", 60).read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder.mp4").mkdir()
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    write_video(tmp_path / "bare.h264", 20)
    with av.open(str(tmp_path / "framefree.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        container.mux(stream.encode(None))
    remedies = {
        "missing.mp4": "check the name",
        "folder.mp4": "check the name",
        "empty.mp4": "copy it again",
        "text.mp4": "copy it again",
        "half.mp4": "copy it again",
        "sound.mp4": "holds no video",
        "bare.h264": "wrap it with: ffmpeg",
        "framefree.mp4": "",
    }
    for name, remedy in remedies.items():
        for reading in (probe, lambda path: list(read_frames(path))):
            with pytest.raises(InputError, match=rf"{name}.*{remedy}") as raised:
                reading(tmp_path / name)
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("a.avi", "libx264")]
)
def test_damage_anywhere_gives_frames_or_one_sentence(tmp_path: Path, name: str, codec: str) -> None:
    whole = write_video(tmp_path / name, 12, codec=codec).read_bytes()
    random, said = np.random.default_rng(0), []
    for _ in range(25):
        data = bytearray(whole)
        for spot in random.integers(len(data), size=random.choice([1, 5, 50])):
            data[spot] = random.integers(256)
        (tmp_path / name).write_bytes(data[: random.choice([len(data), random.integers(len(data))])])
        for reading in (probe, lambda path: list(read_frames(path))):
            try:
                reading(tmp_path / name)
            except InputError as error:
                said.append(str(error))
    assert said
    assert all(name in sentence and "\n" not in sentence for sentence in said)


def test_a_title_in_an_old_encoding_does_no_harm(tmp_path: Path) -> None:
    path = write_video(tmp_path / "titled.avi", 3, title="Uebung")
    path.write_bytes(path.read_bytes().replace(b"Uebung", "Übung ".encode("latin-1")))
    assert b"\xdcbung" in path.read_bytes()
    assert len(probe(path).times) == len(list(read_frames(path))) == 3


def test_a_change_of_picture_size_is_refused(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.h264", 10).read_bytes()
    large = write_video(tmp_path / "large.h264", 10, size_wh=(320, 192)).read_bytes()
    (tmp_path / "both.h264").write_bytes(small + large)
    with av.open(str(tmp_path / "both.h264")) as source, av.open(str(tmp_path / "both.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux() if p.size):
            packet.stream, packet.time_base = stream, Fraction(1, 30)
            packet.pts = packet.dts = number
            target.mux(packet)
    with pytest.raises(InputError, match=r"both\.mkv changes its picture size at"):
        list(read_frames(tmp_path / "both.mkv"))


def test_frames_at_the_same_time_are_told_and_left_out(tmp_path: Path) -> None:
    write_video(tmp_path / "once.webm", 10, codec="libvpx-vp9")
    with av.open(str(tmp_path / "once.webm")) as source, av.open(str(tmp_path / "twice.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux() if p.size):
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = 40 * (number - (number == 4))
            target.mux(packet)
    times = np.delete(np.arange(10) * 0.04, 4)
    info = probe(tmp_path / "twice.mkv")
    np.testing.assert_allclose(info.times, times)
    assert info.notes == ("twice.mkv holds 1 frames at the time of another; they are left out",)
    np.testing.assert_allclose([frame.time for frame in read_frames(tmp_path / "twice.mkv")], times)


def test_memory_stays_flat_in_the_length_of_the_video(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        path = write_video(tmp_path / f"{frames}.mp4", frames, size_wh=(320, 240))
        tracemalloc.start()
        for _ in read_frames(path):
            pass
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return largest

    assert peak(200) < peak(20) + 2 * 320 * 240 * 3


def test_real_footage(shared: Path) -> None:
    for name, size_wh, codec in [("cam01", (1080, 1920), "h264"), ("cam02", (1080, 1920), "vp9")]:
        path = shared / "footage" / "balancing" / "videos" / f"{name}.mp4"
        info = probe(path)
        assert (info.size_wh, info.codec, info.rotation, info.frame_rate) == (size_wh, codec, 0, 60)
        np.testing.assert_allclose(info.times, np.arange(100) / 60, atol=1e-12)
        frame = next(read_frames(path))
        found, reference = cv2.VideoCapture(str(path)).read()
        assert found
        assert np.abs(frame.image.astype(int) - reference[..., ::-1]).mean() < 3
