"""The inspector over a running process: what it holds, and what one may do to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Opened

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

pytestmark = pytest.mark.xdist_group("inspector page")

PROGRAM = Path(__file__).with_name("attached_app.py")


class Running:
    """The program, and the folder of its socket."""

    def __init__(self, folder: Path) -> None:
        self.sockets = folder
        environment = {**os.environ, "CODEMODE_INSPECT": str(folder), "CODEMODE_TRACE": ""}
        self.child = subprocess.Popen(
            [sys.executable, str(PROGRAM)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self.line() == "ready"

    def line(self) -> str:
        """The next line that it prints."""
        assert self.child.stdout is not None
        return self.child.stdout.readline().strip()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o700)
    made = Running(folder)
    with made.child:
        yield made
        made.child.kill()


def test_a_process_is_looked_at_and_acted_upon(opened: Opened, running: Running) -> None:
    page = opened("--attach", str(running.sockets))
    page.wait_for_selector("#memory")
    expect(page.locator("#cells .row:visible")).to_have_count(4)

    page.click("#cells .row:visible >> text=call_3")
    expect(page.locator("#waits")).to_contain_text("tool-1 forever at line 1, since")
    page.click("#cells .row:visible >> text=call_1")
    expect(page.locator("#waits")).to_contain_text("May this be paid?")
    expect(page.locator("#stored")).to_contain_text("kept 7 bytes")
    assert "workers" not in page.inner_text("#memory")
    assert "live_cells" in page.inner_text("#sessions")

    page.click("#calls .row:visible >> text=tool-1")
    page.click("#approve")
    assert running.line() == "completed paid 1"
    page.click("#cells .row:visible >> text=call_2")
    page.click("#calls .row:visible >> text=tool-1")
    page.click("#refuse")
    page.fill("#reason", "too much")
    page.click("#confirm button[value=yes]")
    assert running.line() == "completed the call of `pay` was refused: too much"
    page.click("#cells .row:visible >> text=call_3")
    page.keyboard.press("x")
    page.click("#confirm button[value=yes]")
    assert running.line().startswith("terminated")


def test_who_only_looks_can_do_nothing(opened: Opened, running: Running) -> None:
    page = opened("--attach", str(running.sockets), "--read-only")
    page.wait_for_selector("#memory")
    page.click("#cells .row:visible >> text=call_3")
    expect(page.locator("#waits")).to_contain_text("forever")

    assert page.locator("#terminate").count() == 0
    refused = page.evaluate(
        """async () => {
            const token = new URLSearchParams(location.hash.slice(1)).get("token");
            const source = new URLSearchParams(location.hash.slice(1)).get("source");
            const answer = await fetch(`/api/act?source=${source}`, {
                method: "POST", headers: { Authorization: `Bearer ${token}` },
                body: JSON.stringify({ ask: "terminate", session: "1", cell: "1" }) });
            return [answer.status, (await answer.json()).error];
        }"""
    )
    assert refused == [400, "this page only looks: it was started with --read-only"]
