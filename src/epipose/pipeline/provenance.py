"""Which camera files this program wrote: they are written anew when something changed, those of users never."""

import tomllib
from pathlib import Path
from typing import Any

MADE_BY = "epipose"
"""Value of `made_by` in the metadata of camera files that this program wrote."""


def is_ours(file: Path) -> bool:
    """Return whether this program wrote the camera file."""
    return metadata_of(file).get("made_by") == MADE_BY


def metadata_of(file: Path) -> dict[str, Any]:
    """Return the [metadata] of a camera file; empty when it has none, or cannot be read."""
    if file.suffix != ".toml" or not file.is_file():
        return {}
    try:
        metadata = tomllib.loads(file.read_text(encoding="utf-8")).get("metadata", {})
    except (OSError, ValueError, RecursionError):
        return {}  # whoever reads the cameras of the file says what is wrong with it
    return metadata if isinstance(metadata, dict) else {}
