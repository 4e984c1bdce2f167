"""The viewer without anybody watching: pictures and people are of the same moment, and nothing stays behind."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.viewer.recording import FilmedView, Recording, Track
from epipose.viewer.viewing import Viewer
from tests.bodies import moving_people
from tests.io.made_videos import write_video
from tests.waiting import until

LATE = 0.5
CAMERA = Camera(Pinhole((140.0, 140.0), (79.5, 47.5)), Rigid(np.eye(3), np.array([0.0, 0.0, 4.0])), (160, 96))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Two views of one video of 40 frames at 30 a second, of which one began later."""
    video = write_video(tmp_path / "a.mp4", 40)
    views = (FilmedView("now", CAMERA, video, 0.0, None), FilmedView("late", CAMERA, video, LATE, None))
    return Recording("made", views, (Track("smooth", moving_people(frames=40, people=1, start=0.0), None),), ())


@contextmanager
def running(viewer: Viewer) -> Iterator[Viewer]:
    thread = threading.Thread(target=viewer.run)
    thread.start()
    try:
        yield viewer
    finally:
        viewer.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_every_view_shows_the_moment_on_its_own_clock(recording: Recording) -> None:
    with running(Viewer(recording, 0)) as viewer:
        moment = 0.8
        viewer._later(lambda: viewer._timeline.seek(moment))

        def shown(name: str) -> int:
            image = viewer._frusta[name].picture.image
            return round(float(image[image.shape[0] // 2, image.shape[1] // 2].mean()) / 5)

        until(lambda: shown("now") == round(30 * moment) and shown("late") == round(30 * (moment - LATE)))
        times = recording.tracks[0].poses.times
        assert viewer._bodies[0].frame == int(np.argmin(np.abs(times - moment)))


def test_playing_takes_as_long_as_the_recording(recording: Recording) -> None:
    with running(Viewer(recording, 0)) as viewer:

        def play() -> None:
            viewer._timeline.playing = True

        viewer._later(play)
        until(lambda: viewer._timeline.now > 0.1)
        then, start = viewer._timeline.now, time.perf_counter()
        time.sleep(0.4)
        played, passed = viewer._timeline.now - then, time.perf_counter() - start
        assert played == pytest.approx(passed, abs=0.15)


def test_nothing_stays_behind(recording: Recording) -> None:
    def left() -> tuple[int, int]:
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("pictures of")]
        gc.collect()
        return len(names), len(list(Path("/proc/self/fd").iterdir()))

    with running(Viewer(recording, 0)):
        pass
    before = left()
    for _ in range(3):
        with running(Viewer(recording, 0)):
            pass
    until(lambda: left()[0] == 0 and left()[1] <= before[1])


def test_a_port_that_is_taken_makes_it_choose_the_next(recording: Recording) -> None:
    with running(Viewer(recording, 0)) as first:
        port = int(first.address.rpartition(":")[2])
        with running(Viewer(recording, port)) as second:
            assert second.address != first.address
