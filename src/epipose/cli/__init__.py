"""Commands: one module each, whose file name is the command and whose `PLUGIN` is the class of its arguments.

Modules of this folder import the work only when it is asked for, so that `--help` answers at once.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from epipose import __version__, plugins
from epipose.errors import InputError
from epipose.pipeline.progress import Report, progress_bars

DESCRIPTION = f"""3D human pose from ordinary cameras (epipose {__version__}).

Lengths are metres, times seconds. Each command says what it wrote in its last line; with --json it says it to programs.
Exit codes: 0 done, 2 something in the input is wrong (one sentence says what), 130 interrupted."""


@dataclass(frozen=True)
class Outcome:
    """What a command has done."""

    line: str
    """What was written and the numbers that matter, for people."""
    table: dict[str, Any]
    """The same for programs: values that JSON knows, units in the keys."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """The arguments of one command. Its docstring and those of its fields are its help."""

    json: bool = False
    """Print a summary for programs (JSON) and nothing else."""

    @abstractmethod
    def run(self, progress: Report, /) -> Outcome:
        """Do it; raises InputError, with the remedy, for input that cannot be used."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (of the process by default) and return the exit code.

    Raises SystemExit, as argument parsers do, after --help (0) and for arguments that are wrong (2).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"epipose {__version__}")
        return 0
    try:
        command = _parsed(arguments or ["--help"])
        with progress_bars(silent=command.json) as progress:
            outcome = command.run(progress)
    except InputError as error:
        print(f"epipose: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place = "a file" if error.filename is None else error.filename
        print(f"epipose: {place} cannot be used ({error.strerror or error}); check its permissions", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "epipose: interrupted; what was finished is kept, and the same command goes on from there", file=sys.stderr
        )
        return 130
    _tell(outcome, as_json=command.json)
    return 0


def _parsed(arguments: list[str]) -> Command:
    import tyro

    commands: dict[str, Callable[..., Command]] = {
        name: plugins.load(sys.modules[__name__], name) for name in plugins.names(sys.modules[__name__])
    }
    parsed: Command = tyro.extras.subcommand_cli_from_dict(
        commands, prog="epipose", description=DESCRIPTION, args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    return parsed


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        table = {"warnings": list(outcome.warnings), **outcome.table}
        print(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False))
        return
    for warning in outcome.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(outcome.line)
