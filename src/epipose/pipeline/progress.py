"""How far a stage has come: a callback for programs, bars with the time left for people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

Report = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and of how many; from any thread."""


def no_report(what: str, done: int, total: int) -> None:
    """Report nothing."""


@contextmanager
def progress_bars(*, silent: bool = False) -> Iterator[Report]:
    """Yield a `Report` that draws a bar for each thing on standard error, or nothing where nobody looks.

    Nothing is drawn when `silent` (for --json) or when standard error is not a terminal.
    """
    console = Console(stderr=True)
    if silent or not console.is_terminal:
        yield no_report
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report
