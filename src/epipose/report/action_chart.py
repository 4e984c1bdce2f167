"""A picture of errors by action: bars for what was found, marks for what others published."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.report.palette import rgb, view_colour
from epipose.report.sheet import INK, RULE, SOFT, TEXT, Sheet, lighter, words_width

EDGE, AXIS, GROUP, TALL = 24.0, 48.0, 62.0, 300.0
"""Pixels around the picture, left of the bars for their scale, for each column, and for the longest bar."""
BAR = 0.38
"""Share of a column that a bar takes."""
SMALL = 12.0
"""Height of the letters that say values."""
STEPS = (1, 2, 5, 10)
"""Rules stand at these, times a power of ten."""
FEW_RULES = 5


@dataclass(frozen=True)
class Bars:
    """A bar for each column."""

    name: str
    values: tuple[float | None, ...]
    """None, or NaN, where there is none."""


@dataclass(frozen=True)
class Mark:
    """A line across each column that has a value."""

    name: str
    values: tuple[float | None, ...]


def action_chart(
    title: str, headings: Sequence[str], bars: Sequence[Bars], marks: Sequence[Mark]
) -> UInt8[ndarray, "height width 3"]:
    """Return columns of one or two bars each, with the values of the first written on top, and a legend."""
    drawn: list[Bars | Mark] = [*bars, *marks]
    highest = max([1.0, *(value for one in drawn for value in _known(one.values))])
    step = _step(highest)
    top = step * np.ceil(1.05 * highest / step)
    names = [one.name for one in drawn]
    legend = max(map(words_width, names), default=0.0) + 3 * TEXT
    width = 2 * EDGE + max(AXIS + GROUP * len(headings), words_width(title), legend)
    floor = EDGE + 2.5 * TEXT + TALL
    sheet = Sheet(width, floor + 2.2 * TEXT + 1.7 * TEXT * len(names) + EDGE)
    sheet.words(title, (EDGE, EDGE + TEXT))
    for value in np.arange(0, top + step / 2, step):
        height = floor - TALL * value / top
        sheet.line(np.array([[EDGE + AXIS, height], [sheet.width - EDGE, height]]), RULE, 1.0)
        sheet.words(f"{value:g}", (EDGE + AXIS - 8, height + 0.3 * TEXT), colour=SOFT, align="right")
    for column, heading in enumerate(headings):
        left = EDGE + AXIS + GROUP * column
        middle = left + GROUP / 2
        _draw_bars(sheet, [one.values[column] for one in bars], left, floor, TALL / top)
        for number, mark in enumerate(marks):
            for value in _known([mark.values[column]]):
                height = floor - TALL * value / top
                ends = np.array([[left + 3, height], [left + GROUP - 3, height]])
                sheet.line(ends, _mark_colour(number), 2.5)
        sheet.words(heading, (middle, floor + 1.3 * TEXT), align="middle", size=SMALL + 1)
    _draw_legend(sheet, bars, marks, floor + 3.2 * TEXT)
    return sheet.picture()


def _draw_bars(sheet: Sheet, values: Sequence[float | None], left: float, floor: float, scale: float) -> None:
    begin = left + GROUP * (1 - BAR * len(values)) / 2
    for number, value in enumerate(values):
        for known in _known([value]):
            x, height = begin + number * BAR * GROUP, floor - scale * known
            sheet.rectangle((x, height), (x + BAR * GROUP - 1, floor), _bar_colour(number))
            if number == 0:
                sheet.words(f"{known:.0f}", (x + BAR * GROUP / 2, height - 4), align="middle", size=SMALL)


def _draw_legend(sheet: Sheet, bars: Sequence[Bars], marks: Sequence[Mark], begin: float) -> None:
    rows = [(one.name, _bar_colour(number), 0.8) for number, one in enumerate(bars)]
    rows += [(one.name, _mark_colour(number), 0.2) for number, one in enumerate(marks)]
    for row, (name, colour, tall) in enumerate(rows):
        foot = begin + 1.7 * TEXT * row
        middle = foot - 0.35 * TEXT
        box = (EDGE, middle - tall * TEXT / 2), (EDGE + 1.5 * TEXT, middle + tall * TEXT / 2)
        sheet.rectangle(*box, colour)
        sheet.words(name, (EDGE + 2.2 * TEXT, foot), colour=SOFT)


def _bar_colour(number: int) -> tuple[int, int, int]:
    return lighter(rgb(view_colour(0)), 0.55 * number)


def _mark_colour(number: int) -> tuple[int, int, int]:
    return rgb(view_colour(1 + number)) if number else INK


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and np.isfinite(value)]


def _step(highest: float) -> float:
    """Return how far apart rules stand: at least FEW_RULES of them, at round numbers."""
    power = 10.0 ** np.floor(np.log10(highest / FEW_RULES))
    fitting = [step * power for step in STEPS if step * power <= highest / FEW_RULES * (1 + 1e-9)]
    return float(fitting[-1])
