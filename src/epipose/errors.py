"""The one error that a user's input can cause, and how programs tell it."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """Input that epipose cannot use: one sentence that names the file or value and the remedy.

    Commands print it without a traceback and exit with code 2.
    """


def exit_code(command: Callable[[], None]) -> int:
    """Run a program of `python -m` and return its exit code; an InputError becomes a sentence."""
    try:
        command()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
