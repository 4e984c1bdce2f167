"""The contract of detectors: pixels of the frames as given, everybody kept, one sentence when something is missing."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from epipose import detectors, plugins
from epipose.detectors import Detector, Look, mediapipe, rtmlib
from epipose.errors import InputError
from epipose.io.videos import Frame, read_frames
from epipose.pose.skeletons import Skeleton, load_skeleton


def frames(count: int, size_wh: tuple[int, int] = (64, 48)) -> list[Frame]:
    return [Frame(i, i / 30, np.full((size_wh[1], size_wh[0], 3), i, np.uint8)) for i in range(count)]


class Crowd(Detector):
    """Sees as many people as the picture is bright, all their joints at (brightness, person)."""

    skeleton = load_skeleton("coco17")
    version = "crowd"
    uses_all_cores = False

    @contextmanager
    def session(self) -> Iterator[Look]:
        def look(image: ndarray) -> detectors.People:
            people = int(image[0, 0, 0])
            pixels = np.zeros((people, 17, 2), np.float32)
            pixels[..., 0], pixels[..., 1] = people, np.arange(people)[:, None]
            return pixels, np.full((people, 17), 0.5, np.float32)

        yield look


def test_everybody_is_kept_and_empty_slots_have_score_zero() -> None:
    keypoints = Crowd().detect(iter(frames(4)))
    assert keypoints.pixels.shape == (4, 3, 17, 2)
    np.testing.assert_array_equal((keypoints.score > 0).all(-1).sum(1), [0, 1, 2, 3])
    np.testing.assert_array_equal(keypoints.pixels[3, :, 0], [[3, 0], [3, 1], [3, 2]])
    np.testing.assert_allclose(keypoints.times, np.arange(4) / 30)
    assert keypoints.image_size_wh == (64, 48)


def test_nobody_at_all_is_one_empty_slot_and_no_frame_is_refused() -> None:
    assert Crowd().detect(frames(1)).score.shape == (1, 1, 17)
    with pytest.raises(InputError, match="no frame"):
        Crowd().detect([])


def test_numbers_that_are_not_finite_become_score_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def session(_: Detector) -> Iterator[Look]:
        pixels, scores = np.ones((1, 17, 2), np.float32), np.full((1, 17), 1.2, np.float32)
        pixels[0, 3, 1], scores[0, 5] = np.nan, np.nan
        yield lambda _: (pixels, scores)

    monkeypatch.setattr(Crowd, "session", session)
    keypoints = Crowd().detect(frames(1))
    assert np.flatnonzero(keypoints.score[0, 0] == 0).tolist() == [3, 5]
    assert keypoints.score.max() == 1


def test_every_plugin_says_its_skeleton() -> None:
    assert plugins.names(detectors) == ["builtin", "mediapipe", "rtmlib"]
    for name in plugins.names(detectors):
        plugin = plugins.load(detectors, name)
        assert isinstance(plugin, Detector)
        assert isinstance(plugin.skeleton, Skeleton)


@pytest.mark.parametrize("plugin", [mediapipe.PLUGIN, rtmlib.PLUGIN])
def test_a_missing_extra_is_named(plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    name = type(plugin).__module__.rpartition(".")[2]
    monkeypatch.setattr(metadata, "version", absent)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"pip install 'epipose\[{name}\]'"):
        plugin.detect(frames(1))
    with pytest.raises(InputError, match=rf"pip install 'epipose\[{name}\]'"):
        _ = plugin.version


@pytest.mark.parametrize("version", ["0.10.9", "0.10.22", "0.10.30", "1.0.0"])
def test_a_mediapipe_without_the_model_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    with pytest.raises(InputError, match=rf"mediapipe {version} does not carry .* pip install"):
        mediapipe.PLUGIN.detect(frames(1))


def test_mediapipe_measures_from_the_outer_edge_and_epipose_from_the_first_pixels_centre() -> None:
    corners = [SimpleNamespace(x=x, y=y, visibility=0.7) for x, y in [(0, 0), (1, 1)] + [(0.5, 0.5)] * 31]
    pixels, score = mediapipe._person(SimpleNamespace(landmark=corners), np.zeros((48, 64, 3), np.uint8))
    np.testing.assert_allclose(pixels[0, :3], [[-0.5, -0.5], [63.5, 47.5], [31.5, 23.5]])
    np.testing.assert_allclose(score, 0.7)
    assert mediapipe._person(None, np.zeros((48, 64, 3), np.uint8))[1].shape == (0, 33)


class RecordedRtmlib:
    """Answers in the format of rtmlib 0.0.13 to 0.0.16: pixels (people, joints, 2) and scores (people, joints)."""

    def __init__(self, joints: int, people: int) -> None:
        self.joints, self.people, self.seen = joints, people, np.zeros(0)

    def __call__(self, image: ndarray) -> tuple[ndarray, ndarray]:
        self.seen = image
        ramp = np.arange(self.people * self.joints * 2, dtype=float).reshape(self.people, self.joints, 2)
        return ramp, np.full((self.people, self.joints), 0.9)


@pytest.mark.parametrize(("feet", "joints"), [(True, 26), (False, 17)])
@pytest.mark.parametrize("people", [0, 1, 3])
def test_rtmlib_answers_are_taken_over_unchanged(
    feet: bool, joints: int, people: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, asked = RecordedRtmlib(joints, people), {}

    def made(**options: Any) -> RecordedRtmlib:
        print("load model")
        asked.update(options)
        return model

    fake = SimpleNamespace(**{"BodyWithFeet" if feet else "Body": made})
    monkeypatch.setitem(sys.modules, "rtmlib", fake)
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[..., 0] = 200
    keypoints = replace(rtmlib.PLUGIN, feet=feet).detect([Frame(0, 0.0, picture)])
    assert keypoints.skeleton is load_skeleton("halpe26" if feet else "coco17")
    assert (keypoints.score > 0).all(-1).sum() == people
    np.testing.assert_array_equal(keypoints.pixels.ravel()[: people * joints * 2], np.arange(people * joints * 2))
    assert model.seen[0, 0].tolist() == [0, 0, 200], "rtmlib wants BGR"
    assert asked["to_openpose"] is False
    assert capsys.readouterr().out == ""


def test_rtmlib_without_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**_: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setitem(sys.modules, "rtmlib", SimpleNamespace(BodyWithFeet=offline))
    with pytest.raises(InputError, match=r"could not be fetched .* connect to the internet"):
        rtmlib.PLUGIN.detect(frames(1))


def test_the_installed_rtmlib_takes_our_arguments() -> None:
    package = pytest.importorskip("rtmlib", reason="the extra 'rtmlib' is not installed")
    for solution in (package.BodyWithFeet, package.Body):
        inspect.signature(solution).bind(mode="balanced", backend="onnxruntime", device="cpu", to_openpose=False)


def test_mediapipe_repeats_the_recorded_keypoints(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mediapipe", reason="the extra 'mediapipe' is not installed")
    balancing = shared / "footage" / "balancing"
    with np.load(balancing / "keypoints" / "mediapipe_0.10.14.npz") as file:
        recorded = file["pixels_and_visibility"][1]
    keypoints = mediapipe.PLUGIN.detect(read_frames(balancing / "videos" / "cam02.mp4"))
    apart = np.linalg.norm(keypoints.pixels[:, 0] + 0.5 - recorded[..., :2], axis=-1)
    assert np.median(apart) < 0.5
    assert np.median(np.abs(keypoints.score[:, 0] - recorded[..., 2])) < 0.02
    assert capfd.readouterr() == ("", "")
