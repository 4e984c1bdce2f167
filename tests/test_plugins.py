"""Every folder of plug-ins: found by file name, kept to its contract, and none needs another."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from epipose import cli, datasets, detectors, exporters, plugins
from epipose.errors import InputError
from epipose.io import camera_files, keypoint_files
from tests.sample import REPOSITORY

CONTRACTS: dict[ModuleType, type | tuple[type, ...]] = {
    camera_files: camera_files.CameraFormat,
    datasets: (datasets.Dataset, datasets.MarkedPictures),
    detectors: detectors.Detector,
    exporters: exporters.Exporter,
    keypoint_files: keypoint_files.KeypointFormat,
}
PLUGINS = [(folder, name) for folder in CONTRACTS for name in plugins.names(folder)]
OURS = {"epipose.io.camera_files.toml", "epipose.io.keypoint_files.npz"}
"""The formats that epipose itself writes are more than plug-ins."""
EXTRAS = ("mediapipe", "rtmlib", "ezc3d", "h5py", "cdflib", "torch", "onnxruntime", "pandas", "pyarrow", "fsspec")


def names_of(plugin: object) -> str:
    if isinstance(plugin, tuple):
        folder, name = plugin
        return f"{folder.__name__.rpartition('.')[2]}.{name}"
    return str(plugin)


@pytest.mark.parametrize("plugin", PLUGINS, ids=names_of)
def test_a_plugin_keeps_the_contract_of_its_folder(plugin: tuple[ModuleType, str]) -> None:
    folder, name = plugin
    loaded = plugins.load(folder, name)
    assert isinstance(loaded, CONTRACTS[folder])
    assert type(loaded).__module__ == f"{folder.__name__}.{name}"
    assert not inspect.isabstract(type(loaded))


@pytest.mark.parametrize("name", plugins.names(cli))
def test_a_command_is_a_class_of_documented_arguments(name: str) -> None:
    command = plugins.load(cli, name)
    assert issubclass(command, cli.Command)
    assert command.__name__.lower() == name
    assert command.__doc__.endswith(".")


def test_an_unknown_plugin_is_refused_with_the_choice() -> None:
    for folder in CONTRACTS:
        with pytest.raises(InputError, match=rf"no 'nothing' among .*{plugins.names(folder)[0]}"):
            plugins.load(folder, "nothing")


def test_names_are_found_without_importing_the_folder() -> None:
    for folder in (*CONTRACTS, cli):
        assert plugins.names_in(folder.__name__) == plugins.names(folder)
    program = "import sys; from epipose import plugins; plugins.names_in('epipose.detectors'); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "epipose.detectors" not in run.stdout.split()


def test_every_plugin_is_importable_without_the_extras() -> None:
    modules = [f"{folder.__name__}.{name}" for folder, name in PLUGINS] + [
        f"epipose.cli.{n}" for n in plugins.names(cli)
    ]
    program = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}))\nimport {', '.join(modules)}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_plugin_can_be_deleted_and_the_rest_still_works() -> None:
    removable = {f"{folder.__name__}.{name}" for folder, name in PLUGINS} - OURS
    for path in sorted((REPOSITORY / "src" / "epipose").rglob("*.py")):
        needed = removable & imports_of(path)
        assert not needed, f"{path} needs {needed}"


def test_a_contract_fits_on_a_screen_or_two() -> None:
    for folder in CONTRACTS:
        assert len(inspect.getsource(import_module(folder.__name__)).splitlines()) <= 90


def imports_of(path: Path) -> set[str]:
    """Return the modules, and what is taken from them, that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
