"""A real browser for the tests of pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
          "--disable-sync", "--no-first-run")  # fmt: skip


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start Chromium with more flags than those that keep it quiet."""
    if _CHROMIUM is None:
        pytest.fail("Chromium is missing; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=[*_QUIET, *flags])
        yield browser
        browser.close()


class Visit:
    """A page in a browser, what the browser had to say of it, and what it asked for."""

    def __init__(self, page: Page, url: str, *, heard: tuple[str, ...] = ("error", "warning")) -> None:
        self._heard = heard
        self.page, self.complaints, self.asked = page, list[str](), list[str]()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(url)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in self._heard:
            self.complaints.append(message.text)
