"""Model files: found by name, by folder and by path; anything that is none of ours is refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.io.model_files import ModelDescription
from epipose.runtime.networks import find_network, network_names, open_network
from tests.runtime.discs import LENS, SIZE, SKELETON, DiscNet, described, disc_description, draw, model_bytes, person

LIFT = ModelDescription("straight", "lift", SKELETON, 0, 1.25)


@pytest.fixture(scope="module")
def discs() -> bytes:
    return model_bytes(DiscNet(), disc_description())


def test_a_network_says_what_it_is_and_runs_any_number_of_crops(discs: bytes, tmp_path: Path) -> None:
    (tmp_path / "discs.onnx").write_bytes(discs)
    network = open_network(tmp_path / "discs.onnx")
    assert network.description == disc_description()
    crop = draw([person((0, 0, 3))], LENS)[100 : 100 + SIZE, 200 : 200 + SIZE]
    alone = network(crop[None])
    for count in (1, 3):
        positions, confidence = network(np.stack([crop] * count))
        assert positions.shape == (count, len(SKELETON), 3)
        np.testing.assert_array_equal(positions, np.repeat(alone[0], count, axis=0))
        np.testing.assert_array_equal(confidence, np.repeat(alone[1], count, axis=0))


def test_what_is_not_finite_is_not_known(tmp_path: Path) -> None:
    class Careless(nn.Module):
        def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
            return joints / joints[..., 2:], 2 * joints[..., 2]

    (tmp_path / "careless.onnx").write_bytes(model_bytes(Careless(), LIFT))
    given = np.ones((1, len(SKELETON), 3), np.float32)
    given[0, 4] = 0
    positions, confidence = open_network(tmp_path / "careless.onnx")(given)
    assert np.isfinite(positions).all()
    assert np.flatnonzero(confidence[0] == 0).tolist() == [4]
    assert confidence.max() == 1


def test_models_are_found_by_name_folder_and_path(discs: bytes, tmp_path: Path) -> None:
    file = tmp_path / "models" / "mine" / "mine.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(discs)
    (tmp_path / "models" / "unfinished").mkdir()
    (tmp_path / "models" / "unfinished" / "epoch1.onnx").write_bytes(discs)
    for name in (str(file), str(file.parent)):
        assert find_network(name) == file
    assert find_network("mine", tmp_path) == file
    assert set(network_names(tmp_path)) == {"mine", *network_names()}
    with pytest.raises(InputError, match=r"no model 'yours' \(.*mine"):
        find_network("yours", tmp_path)
    with pytest.raises(InputError, match=r"no model 'mine'"):
        find_network("mine")


def test_models_that_come_with_epipose_are_ours() -> None:
    for name in network_names():
        assert open_network(find_network(name)).description.name == name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no ONNX file"),
        (b"Not a model.\n" * 99, "is no ONNX file"),
        (None, "is no ONNX file"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes | None, said: str, discs: bytes, tmp_path: Path) -> None:
    file = tmp_path / "strange.onnx"
    file.write_bytes(discs[: len(discs) // 2] if content is None else content)
    with pytest.raises(InputError, match=rf"strange\.onnx {said}"):
        open_network(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not say what it is"),
        ("[1, 2", "does not say what it is"),
        ("[]", "does not say what it is"),
        (json.dumps({"format_version": 99}), "is of format 99"),
        (disc_description(size=128).to_json(), "does not take or give"),
        (disc_description(kind="lift", size=0).to_json(), "does not take or give"),
        (disc_description(skeleton=SKELETON.subset(SKELETON.joint_names[:9])).to_json(), "does not take or give"),
    ],
)
def test_models_that_are_not_what_they_say_are_refused(
    text: str | None, said: str, discs: bytes, tmp_path: Path
) -> None:
    (tmp_path / "strange.onnx").write_bytes(described(discs, text))
    with pytest.raises(InputError, match=rf"strange\.onnx .*{said}"):
        open_network(tmp_path / "strange.onnx")


def test_a_network_that_gives_something_else_is_refused(tmp_path: Path) -> None:
    class Flat(nn.Module):
        def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
            return joints[..., :2], joints[..., 2]

    (tmp_path / "flat.onnx").write_bytes(model_bytes(Flat(), LIFT))
    with pytest.raises(InputError, match="does not take or give"):
        open_network(tmp_path / "flat.onnx")
