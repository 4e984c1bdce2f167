"""Plug-in folders: a module's file name is the plug-in's public name."""

import importlib
import pkgutil
from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from epipose.errors import InputError


def names(package: ModuleType) -> list[str]:
    """Return the public names of the plug-ins in `package`, sorted."""
    return _public(package.__path__)


def names_in(package_name: str) -> list[str]:
    """Return the same for a package that need not be imported, as --help must be quick."""
    spec = find_spec(package_name)
    return _public((spec.submodule_search_locations if spec else None) or [])


def load(package: ModuleType, name: str) -> Any:
    """Import the plug-in `name` of `package` and return its `PLUGIN`; raises InputError for an unknown name."""
    if name not in names(package):
        kind = package.__name__.rpartition(".")[2]
        raise InputError(f"there is no {name!r} among the {kind}; choose from {', '.join(names(package))}")
    return importlib.import_module(f"{package.__name__}.{name}").PLUGIN


def missing_extra(feature: str, extra: str) -> InputError:
    """Return the error for an optional dependency that is not installed."""
    return InputError(f"{feature} needs an optional package; install it with: pip install 'epipose[{extra}]'")


def _public(folders: Iterable[str]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_"))
