"""Synthetic people on camera rigs, with exact truth.

A recording follows from one seed: `bodies` take shape, `motion` moves them, `rigs` film them, `scenes` puts furniture
and a room around them, `render` makes the pictures and `recording` writes the capture folder with its truth.
Geometry is NumPy in float64, so that truth is the same on every machine; pictures are torch and Warp in float32.
"""

from functools import cache
from importlib.util import find_spec

from epipose import plugins
from epipose.native_output import native_stderr_muted


def require_extra() -> None:
    """Raise InputError, naming the extra, unless all that the studio needs is installed."""
    if any(find_spec(package) is None for package in ("anny", "warp", "torch")):
        raise plugins.missing_extra("making synthetic recordings", "studio")
    _start_warp()


@cache
def _start_warp() -> None:
    """Start Warp without what it has to say about itself, and about machines that have no GPU."""
    import warp

    warp.config.log_level = warp.LOG_WARNING
    with native_stderr_muted():
        warp.init()  # type: ignore[no-untyped-call]
