"""Whatever a camera file holds, reading it gives cameras or an InputError."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose import plugins
from epipose.errors import InputError
from epipose.io import camera_files
from epipose.io.camera_files import CameraFormat, read_cameras, write_cameras
from tests.io.camera_files.rigs import rig
from tests.io.camera_files.test_colmap import model
from tests.io.camera_files.test_opencv_and_easymocap import easymocap, store
from tests.io.camera_files.test_qualisys import CAMERA, WINDOW

SAMPLES = [
    "cameras.toml",
    "calib.qca.txt",
    "left.yml",
    "left.xml",
    "intri.yml",
    "extri.yml",
    "cameras.txt",
    "images.txt",
]
MARKS = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "\n",
    "=",
    ":",
    "-",
    ",",
    "#",
    "nan",
    "inf",
    "1e999",
    "null",
    "true",
    "\0",
    "é",
    "9" * 30,
]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    cameras = rig()
    brown = {name: camera for name, camera in cameras.items() if name in ("cam_2", "cam_3")}
    write_cameras(folder / "cameras.toml", cameras)
    (folder / "calib.qca.txt").write_text(CAMERA.format(window=WINDOW))
    for suffix in ("yml", "xml"):
        store(folder / f"left.{suffix}", camera_matrix=cameras["cam_2"].lens.matrix, dist=np.zeros((1, 5)))
    easymocap(folder, brown)
    model(folder, ["a.jpg", "b.jpg"])
    return folder


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sound(samples: Path, name: str) -> None:
    assert read_cameras(samples / name).cameras


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_damaged_files_give_cameras_or_an_input_error(samples: Path, name: str, data: st.DataObject) -> None:
    folder = samples / "damaged"
    folder.mkdir(exist_ok=True)
    for other in ("intri.yml", "extri.yml", "cameras.txt", "images.txt"):
        (folder / other).write_bytes((samples / other).read_bytes())
    text = (samples / name).read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.sampled_from([0, 1, 5, 40, 100_000]))
        text = text[:start] + data.draw(st.sampled_from(["", *MARKS])) + text[start + gone :]
    (folder / name).write_text(text)
    try:
        found = read_cameras(folder / name)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017 (not every damage is an error)
        return
    for camera in found.cameras.values():
        assert np.all(np.isfinite(camera.lens.parameters))
        assert np.all(np.isfinite(camera.cam_from_world.matrix))
        rotation = camera.cam_from_world.rotation
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\xff\xfe\x00x", bytes(range(256)) * 20, b"[" * 50_000, b"<" * 5000]
)
def test_hostile_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"\S"):
        read_cameras(tmp_path / name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_folder_in_place_of_a_file_or_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="there is no camera file"):
        read_cameras(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=name):
        read_cameras(tmp_path / name)


def test_an_entity_bomb_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><calibration>&y;</calibration>'
    (tmp_path / "c.qca.txt").write_text(bomb)
    with pytest.raises(InputError, match="entities"):
        read_cameras(tmp_path / "c.qca.txt")


def test_a_video_is_not_a_camera_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00 ftypisom")
    with pytest.raises(InputError, match="known formats are colmap, easymocap, opencv_yaml, qualisys, toml"):
        read_cameras(tmp_path / "a.mp4")


def test_every_format_is_a_plug_in(samples: Path) -> None:
    for name in plugins.names(camera_files):
        assert isinstance(plugins.load(camera_files, name), CameraFormat)
    for sample in SAMPLES:
        known = [n for n in plugins.names(camera_files) if plugins.load(camera_files, n).recognises(samples / sample)]
        assert len(known) == 1, sample
