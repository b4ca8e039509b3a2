"""A page of the inspector, in the system's Chromium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

WAIT_MS = 30_000
"""How long a page may take for anything, on a machine that does much else."""

Opened = Callable[..., "Page"]
Inspect = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module."""
    if BROWSER is None:
        pytest.skip("there is no Chromium; on Debian: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        launched = driver.chromium.launch(executable_path=BROWSER, args=options)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def inspect() -> Iterator[Inspect]:
    """Starts ``codemode inspect``, once for the same arguments; gives the page's address."""
    children: list[subprocess.Popen[bytes]] = []

    @cache
    def start(*arguments: str) -> str:
        command = [sys.executable, "-m", "codemode", "inspect", *arguments, "--json"]
        environment = {**os.environ, "CODEMODE_TRACE": ""}
        child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        children.append(child)
        assert child.stdout is not None
        return str(json.loads(child.stdout.readline())["url"])

    yield start
    for child in children:
        child.terminate()
    codes = [child.wait(20) for child in children]
    for child in children:
        assert child.stdout is not None
        child.stdout.close()
    assert codes == [0] * len(children)


@pytest.fixture
def opened(browser: Browser, inspect: Inspect) -> Iterator[Opened]:
    """Opens a page over what the arguments of ``codemode inspect`` name; it may ask for nothing elsewhere."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_page(*arguments: str, url: str = "") -> Page:
        address = url or inspect(*arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.set_default_timeout(WAIT_MS)
        pages.append(page)
        own = address.partition("#")[0]

        def asked(request: object) -> None:
            asks_for = getattr(request, "url", "")
            if not asks_for.startswith((own, "data:")):
                wrong.append(asks_for)

        page.on("request", asked)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert wrong == []
