"""Numbers as people read them, and as JSON holds them."""

from typing import Any

import numpy as np
from numpy import ndarray

_SOURCES = {
    "given": "given by a file",
    "board": "from a calibration board",
    "people": "from the person alone",
    "shared": "estimated, one focal length for all cameras",
    "per view": "estimated for each camera",
}


def source_words(source: str) -> str:
    """Return a source's short name in words; what is no short name is already in words."""
    return _SOURCES.get(source, source)


def in_unit(value: float | None, unit: str, factor: float = 1.0, digits: int = 1) -> str:
    """Return `value * factor` with its unit, or "unknown" for None and NaN."""
    if value is None or not np.isfinite(value):
        return "unknown"
    return f"{value * factor:.{digits}f} {unit}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share (0 to 1) in percent."""
    return in_unit(share, "%", 100.0, digits)


def millimetres(metres: float | None) -> str:
    """Return a small length: whole millimetres from 10 on, tenths below."""
    small = metres is not None and abs(metres) < 0.01
    return in_unit(metres, "mm", 1000.0, 1 if small else 0)


def plural(count: int, noun: str, many: str = "") -> str:
    """Return "1 camera", "4 cameras"; `many` is the plural of a noun that does not take an s."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def ranges(runs: tuple[tuple[int, int], ...], most: int = 4) -> str:
    """Return runs of frames as "41-73, 90", and how many more there are beyond `most`."""
    words = [str(first) if first == last else f"{first}\u2013{last}" for first, last in runs[:most]]
    return ", ".join(words) + (f" and {len(runs) - most} more" if len(runs) > most else "")


def rounded(value: float | None, digits: int) -> float | None:
    """Return a JSON number; None for what is not known or not finite."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits) + 0.0


def rounded_list(values: ndarray, digits: int) -> list[Any]:
    """Return an array of any shape as nested lists of JSON numbers, None where it is not finite."""
    if values.ndim > 1:
        return [rounded_list(row, digits) for row in values]
    near = np.round(np.asarray(values, float), digits) + 0.0
    return [number if finite else None for number, finite in zip(near.tolist(), np.isfinite(near), strict=True)]
