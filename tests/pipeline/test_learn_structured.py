"""`learn --recipe structured`: three stages in one command or one by one, and a network that runs like any other."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose import InputError
from epipose.cli import main
from epipose.pipeline import lesson_examples
from epipose.pipeline.learn import BATCH, Settings, learn
from epipose.pipeline.learn_structured import Structure, parse_hidden
from epipose.pipeline.predict import predict
from epipose.runtime.networks import open_network
from tests.pipeline.recorded import reconstructed_sample

BRIEF = Settings(
    recipe="structured", steps=2, detector="perfect", name="brief", structure=Structure(hidden=(40,)), start="none"
)


@pytest.fixture(scope="module", autouse=True)
def few_examples() -> Iterator[None]:
    """Cut few examples, and show few at once: all of these tests are about what happens, not about how well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson_examples, "MOST_BYTES", 100 * 3 * 168**2)
        patch.setitem(BATCH, "structured", 8)
        yield


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reconstructed_sample(tmp_path_factory.mktemp("learn") / "turning")


@pytest.fixture(scope="module")
def taught(capture: Path) -> Path:
    return learn([capture], BRIEF).file


def test_what_was_learned_is_a_model_like_any_other(capture: Path, taught: Path) -> None:
    description = open_network(taught).description
    assert (description.name, description.kind, description.size) == ("brief", "crop", 112)
    table = json.loads((taught.parent / "learning.json").read_text(encoding="utf-8"))
    assert table["recipe"] == "structured"
    assert table["model"] == "structured-cnn"
    card = (taught.parent / "card.md").read_text(encoding="utf-8")
    assert "--trunk cnn --hidden 40 --head autoencoder" in card
    assert sorted(file.name for file in (taught.parent / "pictures").iterdir()) == [
        "denoised.png", "person.png", "three-views.png", "walk.png",
    ]  # fmt: skip
    assert "A walk from the code" in (taught.parent / "report.html").read_text(encoding="utf-8")
    assert [point["step"] for point in table["curve"]] == [1, 2, 3, 4]
    found = predict(capture / "videos" / "cam1.mp4", model=str(taught), out=taught.parent / "out", overlay=False)
    assert found.poses.skeleton.joint_names == description.skeleton.joint_names
    assert np.isfinite(found.poses.positions).all()


def test_stages_one_by_one_are_all_of_them_at_once(
    capture: Path, taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["learn", str(capture), "--recipe", "structured", "--steps", "2", "--detector", "perfect", "--hidden"]
    command += ["40", "--name", "stages", "--start", "none"]
    for stage in ("poses", "codes"):
        assert main([*command, "--stage", stage]) == 0
        assert f"{stage}.pt" in capsys.readouterr().out
        assert not (capture / "models" / "stages" / "stages.onnx").exists()
    assert main([*command, "--stage", "together"]) == 0
    pictures = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    one, other = (open_network(file)(pictures)[0] for file in (capture / "models/stages/stages.onnx", taught))
    np.testing.assert_array_equal(one, other)


def test_a_stage_without_those_before_it_is_refused(capture: Path) -> None:
    lonely = replace(BRIEF, name="lonely", structure=Structure(hidden=(40,), stage="together"))
    with pytest.raises(InputError, match="run the stage `poses` and the stage `codes` first"):
        learn([capture], lonely)


def test_the_trunk_of_another_network_will_do(capture: Path) -> None:
    settings = replace(BRIEF, name="trunk", steps=1, start="auto", structure=Structure(trunk="small", hidden=(40,)))
    report = learn([capture], settings)
    assert report.model == "structured-small"
    assert open_network(report.file).description.size == 160


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(BRIEF, structure=Structure(trunk="vgg")), "there is no trunk 'vgg'; choose from cnn, small, resnet18"),
        (replace(BRIEF, structure=Structure(hidden=(0,))), "codes nothing"),
        (replace(BRIEF, crops="paper"), "leave out --crops"),
        (replace(BRIEF, recipe="supervised"), "only structured networks have a trunk.*add --recipe structured"),
    ],
    ids=["trunk", "hidden", "crops", "recipe"],
)
def test_what_cannot_be_taught(capture: Path, settings: Settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        learn([capture], replace(settings, name="never"))
    assert not (capture / "models" / "never" / "never.onnx").exists()


def test_units_of_layers() -> None:
    assert parse_hidden("2000") == (2000,)
    assert parse_hidden("300-300") == (300, 300)
    for text in ("", "0", "300-", "-5", "many"):
        with pytest.raises(InputError, match="numbers such as 2000 or 300-300"):
            parse_hidden(text)


def test_one_of_several_recordings_can_be_held_out(capture: Path, tmp_path: Path) -> None:
    """As subjects are, who are held out whole."""
    other = tmp_path / "S9"
    shutil.copytree(capture, other, ignore=shutil.ignore_patterns("models"))
    report = learn([capture, other], replace(BRIEF, name="split", hold_out="S9"))
    assert report.hold_out == "all of S9"
    assert report.learned_examples == pytest.approx(report.held_out_examples, abs=5)
    with pytest.raises(InputError, match="cannot hold out 'turning'"):
        learn([capture], replace(BRIEF, name="one", hold_out="turning"))
