"""Synthetic people on camera rigs, with exact truth.

A recording follows from one seed: `bodies` take shape, `motion` moves them, `rigs` film them, `scenes` puts furniture
and a room around them, `render` makes the pictures and `recording` writes the capture folder with its truth.
Geometry is NumPy in float64, so that truth is the same on every machine; pictures are torch and Warp in float32.
"""

from importlib.util import find_spec

from epipose import plugins


def require_extra() -> None:
    """Raise InputError, naming the extra, unless all that the studio needs is installed."""
    if any(find_spec(package) is None for package in ("anny", "warp", "torch")):
        raise plugins.missing_extra("making synthetic recordings", "studio")
