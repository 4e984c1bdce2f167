"""`epipose convert` as people type it."""

import json
from pathlib import Path

import pytest

from epipose.cli import main
from epipose.models.reference_weights import NOTICE
from tests.cli.test_bad_input import assert_one_sentence
from tests.pipeline.test_convert import published, random_net, write

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("brought") / "my best.pth.tar", published(random_net(16)))


def test_it_says_what_it_wrote_and_the_terms(checkpoint: Path, tmp_path: Path, capsys: Output) -> None:
    assert main(["convert", str(checkpoint)]) == 0
    out, err = capsys.readouterr()
    file = checkpoint.with_name("my best.onnx")
    assert out == f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB): resnet18, 16 joints (mpii16)\n"
    assert err == f"{NOTICE}\n"
    assert main(["convert", str(checkpoint), "--out", str(tmp_path / "mine.onnx"), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["file"] == str(tmp_path / "mine.onnx")
    assert (table["model"], table["skeleton"], table["terms"]) == ("resnet18", "mpii16", NOTICE)


def test_predicting_by_the_checkpoint_itself_names_the_command(
    checkpoint: Path, tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert main(["predict", str(tmp_path / "a.jpg"), "--model", str(checkpoint)]) == 2
    err = capsys.readouterr().err
    assert_one_sentence(err)
    assert f"run `epipose convert '{checkpoint}'`" in err


def test_other_files_are_refused_in_one_sentence(checkpoint: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "cut.pth.tar").write_bytes(checkpoint.read_bytes()[:-1000])
    write(tmp_path / "fifteen.pth", published(random_net(15)))
    for name, why in (("cut.pth.tar", "damaged"), ("fifteen.pth", "finds 15 joints"), ("none.pth", "no file")):
        assert main(["convert", str(tmp_path / name)]) == 2
        err = capsys.readouterr().err
        assert_one_sentence(err)
        assert why in err
    assert not list(tmp_path.glob("*.onnx"))
