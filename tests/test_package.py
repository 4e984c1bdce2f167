"""The package as users and other programs meet it: light to import, typed, its layers kept."""

import ast
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import epipose
from epipose import cli, plugins
from tests.sample import REPOSITORY

SOURCE = REPOSITORY / "src" / "epipose"
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = {"numpy", "scipy", "cv2", "av", "plotly", "poselib", "jaxtyping", "torch", "mediapipe", "ezc3d", "h5py"}
STAGES = (
    "calibrate",
    "detect",
    "evaluate",
    "evaluate_dataset",
    "evaluate_views",
    "export",
    "learn",
    "predict",
    "prepare",
    "reconstruct",
    "triangulate",
)


def imported_by(program: str) -> set[str]:
    program += "\nimport sys; print('\\nimported', *sorted({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_importing_epipose_imports_nothing_heavy() -> None:
    modules = imported_by("import epipose; dir(epipose); epipose.InputError")
    assert "epipose" in modules
    assert not modules & (HEAVY | {"tyro", "rich"})


@pytest.mark.parametrize("command", ["", *plugins.names(cli)])
def test_help_imports_nothing_heavy(command: str) -> None:
    arguments = [*command.split(), "--help"]
    modules = imported_by(f"from epipose.cli import main\ntry: main({arguments})\nexcept SystemExit: pass")
    assert "tyro" in modules
    assert not modules & HEAVY


def test_the_stages_are_functions_of_the_package() -> None:
    for name in STAGES:
        stage = getattr(epipose, name)
        assert stage.__module__ == f"epipose.pipeline.{name}"
        assert name in dir(epipose)
    with pytest.raises(AttributeError, match="no attribute 'reconstrukt'"):
        _ = epipose.reconstrukt
    assert set(epipose.__all__) == {*STAGES, "InputError", "__version__"}


def test_the_version_is_in_one_place() -> None:
    assert metadata.version("epipose") == epipose.__version__


def test_an_import_against_the_arrows_is_found(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "epipose", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    program = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with (tmp_path / "epipose" / "geometry" / "rigid.py").open("a") as file:
        file.write("\nimport epipose.io.files\n")
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "epipose.geometry is not allowed to import epipose.io" in run.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
            assert len(node.args.posonlyargs) + len(node.args.args) <= 8, node.name
