"""The web server behind the viewer, for this computer's own browser only."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import Any

import viser
import websockets.asyncio.server

HOST = "127.0.0.1"
OWN_PAGES = (re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"), None)
"""Who may connect: pages of this computer, whatever port a tunnel gives them, and programs, which name no origin."""

LONGEST_S = 60.0
"""Seconds in which a browser has to have the page."""


class ViewerServer(viser.ViserServer):
    """viser's server, listening to this computer alone, closed to pages from elsewhere and to sharing.

    By itself it listens to the whole network, shows its pictures to any page that the user's browser has open, and
    sends them through a server of its makers when a page asks for that.
    """

    def __init__(self, port: int, title: str) -> None:
        with _only_own_pages(), redirect_stdout(io.StringIO()):
            super().__init__(host=HOST, port=port, label=title, verbose=False)
        self.gui.configure_theme(show_logo=False, show_share_button=False)
        self.gui.main_panel.dock_right()
        # As bright as viser has it, colours would be nearly white.
        self.scene.configure_environment_map(environment_intensity=0.4)

    def request_share_url(self, verbose: bool = True) -> None:
        """Return no address: nothing is shared."""

    def stop(self) -> None:
        """End without a word."""
        with redirect_stdout(io.StringIO()):
            super().stop()


@contextmanager
def _only_own_pages() -> Iterator[None]:
    """Have the server that viser starts look at where connections come from, for which viser has no setting.

    Nor has it one for how long a page may take, through a slow tunnel.
    """
    module: Any = websockets.asyncio.server
    serve = module.serve
    module.serve = partial(serve, origins=list(OWN_PAGES), open_timeout=LONGEST_S, close_timeout=LONGEST_S)
    try:
        yield
    finally:
        module.serve = serve
