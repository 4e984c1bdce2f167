"""The builtin detector with its network, on people drawn by the studio, where the truth is known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy import ndarray

from epipose.detectors import Detector, builtin
from epipose.detectors.builtin import PLUGIN
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.studio.bodies import make_body
from epipose.studio.figures import make_figure, pose_figures
from epipose.studio.garments import Outfit
from epipose.studio.light import Light
from epipose.studio.people import anny_age
from epipose.studio.render import cast_shadows, draw, figure_surface

SIZE = 320


@pytest.fixture(scope="module")
def person() -> tuple[ndarray, ndarray, ndarray]:
    """Somebody who stands with arms apart: linear colour, alpha and joints in a picture of SIZE pixels."""
    rng = np.random.default_rng(4)
    body = make_body({"age": anny_age(30.0), "height": 0.42})
    figure = make_figure(body, Outfit.random(rng), "cpu")
    rotations = np.tile(np.eye(3), (len(body.bones), 1, 1))
    motions = body.motions(rotations, np.zeros(3))
    vertices, normals = (values[0] for values in pose_figures([figure], motions[None]))
    looking = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    cam_from_world = Rigid.from_centre(looking, np.array([0.3, -4.0, 0.95]))
    camera = Camera(Pinhole((600.0, 600.0), (205.0, 165.0)), cam_from_world, (SIZE, SIZE))
    light = Light.random(rng)
    surface = figure_surface(figure, vertices, normals, label=1)
    shadows = cast_shadows([surface], light, vertices.mean(dim=0))
    layer = draw([surface], camera, light, shadows, (0, 0, SIZE, SIZE), samples=2)
    colour, covered = layer.colour.cpu().numpy(), (layer.labels > 0).to(torch.float32).cpu().numpy()
    colour, alpha = (cv2.resize(a, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for a in (colour, covered))
    return colour, alpha, camera.project(body.joints(motions))[0]


def pasted(person: tuple[ndarray, ndarray, ndarray], size_wh: tuple[int, int], corner: tuple[int, int]) -> ndarray:
    """Return the person before a plain wall, with the first pixel of its picture at `corner`."""
    colour, alpha, _ = person
    scene = np.full((size_wh[1], size_wh[0], 3), 0.35, np.float32)
    left, top = corner
    part = scene[top : top + SIZE, left : left + SIZE]
    part[:] = part * (1 - alpha[..., None]) + colour
    return (np.clip(scene, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def test_it_is_a_detector_whose_version_names_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(PLUGIN, Detector)
    assert PLUGIN.skeleton.name == "body21"
    before = PLUGIN.version
    monkeypatch.setattr(builtin, "_model", lambda: b"another network")
    assert PLUGIN.version != before


def test_the_network_is_small() -> None:
    assert Path(builtin.__file__).with_name(builtin.FILE).stat().st_size <= 8_000_000
    assert Path(builtin.__file__).with_name("builtin.md").is_file()


def test_a_missing_network_is_one_sentence_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin, "FILE", "none.onnx")
    builtin._model.cache_clear()
    with pytest.raises(InputError, match=r"none\.onnx is missing; install"):
        _ = PLUGIN.version


def test_pictures_of_nobody_show_nobody() -> None:
    ramp = np.linspace(0, 255, 640).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    for picture in (
        np.zeros((360, 640, 3), np.uint8),
        np.full((640, 360, 3), 200, np.uint8),
        np.tile(ramp[None, :, None], (360, 1, 3)),
        cv2.resize(noise, (640, 360)),
    ):
        with PLUGIN.session() as look:
            pixels, score = look(picture)
        assert pixels.shape == (0, 21, 2)
        assert score.shape == (0, 21)


@pytest.mark.parametrize(
    ("size_wh", "corner"),
    [((640, 360), (0, 20)), ((640, 360), (290, 30)), ((400, 700), (40, 350)), ((900, 800), (300, 200))],
)
def test_somebody_is_found_wherever_they_are(
    person: tuple[ndarray, ndarray, ndarray], size_wh: tuple[int, int], corner: tuple[int, int]
) -> None:
    with PLUGIN.session() as look:
        for _ in range(3):
            pixels, score = look(pasted(person, size_wh, corner))
    truth = person[2] + corner
    assert pixels.shape[0] == 1
    error = np.linalg.norm(pixels[0] - truth, axis=1) / np.ptp(truth[:, 1])
    assert np.median(error) < 0.03
    assert np.mean(error < 0.1) > 0.85
    assert np.mean(score[0]) > 0.4


def test_two_people_are_two_people(person: tuple[ndarray, ndarray, ndarray]) -> None:
    picture = pasted(person, (900, 400), (40, 40))
    picture[40 : 40 + SIZE, 540 : 540 + SIZE] = pasted(person, (SIZE, SIZE), (0, 0))
    with PLUGIN.session() as look:
        pixels, _ = look(picture)
    assert len(pixels) == 2
    for left in (40, 540):
        truth = person[2] + [left, 40]
        assert min(np.median(np.linalg.norm(found - truth, axis=1)) for found in pixels) < 0.03 * np.ptp(truth[:, 1])
