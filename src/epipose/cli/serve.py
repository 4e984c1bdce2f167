"""`epipose serve`."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.cli._arguments import DETECTORS
from epipose.pipeline.progress import Report

TOKEN = "EPIPOSE_TOKEN"
"""Of the environment: other users of a computer can read command lines."""


@dataclass(frozen=True, kw_only=True)
class Serve(Command):
    """Show people in 3D on a web page, from a webcam or a file, and to other programs over HTTP."""

    models: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="NAME [NAME ...]",
            help="Models that come with epipose, or the files of models; the first is taken where nobody names one.",
        ),
    ] = ("small",)
    host: Annotated[
        str,
        tyro.conf.arg(
            metavar="ADDRESS", help="Where to listen; anything but this computer's own addresses takes a token."
        ),
    ] = "127.0.0.1"
    port: Annotated[int, tyro.conf.arg(metavar="NUMBER", help="0: any that is free.")] = 8000
    token: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="TEXT",
            help="What clients have to know: 16 characters or more.",
            help_behavior_hint=f"(default: that of {TOKEN} in the environment)",
        ),
    ] = None
    detector: Annotated[
        str, tyro.conf.arg(metavar="NAME", help=f"Shows the networks where people are: one of {DETECTORS}.")
    ] = "builtin"
    height_m: Annotated[
        float | None,
        tyro.conf.arg(
            name="height",
            metavar="METRES",
            help="How tall the people are.",
            help_behavior_hint="(default: as those that each model was taught on, else as average adults)",
        ),
    ] = None

    def run(self, _: Report, /) -> Outcome:
        """Serve until Ctrl-C."""
        try:
            from epipose.server.access import check_access, page_address
            from epipose.server.app import make_app
            from epipose.server.limits import Limits
            from epipose.server.models import Models
            from epipose.server.serving import Server, listening
        except ModuleNotFoundError as error:
            raise plugins.missing_extra("serving", "serve") from error
        token = self.token if self.token is not None else os.environ.get(TOKEN)
        check_access(self.host, token)
        limits = Limits()
        app = make_app(Models.opened(self.models, self.detector, self.height_m, limits.waiting), limits, token)
        listener = listening(self.host, self.port)
        place = f"http://{self.host if ':' not in self.host else f'[{self.host}]'}:{listener.getsockname()[1]}/"

        def ready() -> None:
            # Not in the last line: who waits for the address cannot wait for the end.
            print(f"open {page_address(place, token)} in a browser; stop with Ctrl-C", file=sys.stderr, flush=True)

        with suppress(KeyboardInterrupt):
            Server(app, listener, limits, ready).serve_until_stopped()
        return Outcome(f"served {', '.join(self.models)} at {place}", {"url": place, "models": list(self.models)})


PLUGIN = Serve
