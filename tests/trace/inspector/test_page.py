"""The inspector's page over recordings: what it shows, and how one gets about in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codemode.trace import events as e
from codemode.trace.events import content
from codemode.trace.recorder import Recorder

from ..histories import Log

if TYPE_CHECKING:
    from .conftest import Inspect, Opened

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

pytestmark = pytest.mark.xdist_group("inspector page")

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
SOURCE = """\
const cities = ["Oslo", "Lima", "Atlantis"];
const all = await Promise.allSettled(cities.map((city) => tools.weather({ city })));
text(await tools.price({ item: "umbrella", colours: ["red", "blue"] }));"""


def history(session: str = "s", *, calls: int = 3) -> Log:
    """A closed session: ``calls`` calls side by side, the last of which fails, and one that follows."""
    log = Log(session)
    log.add(
        e.SessionOpenedEvent, provider="local", version="1", process=1, limits={"tool_calls": 5}
    )
    log.add(e.ModelCallStartedEvent, model_call="call_1", tool="exec")
    log.add(e.CellStartedEvent, cell_id="1", model_call="call_1", source=content(SOURCE), tools=2)
    cities = ["Oslo", "Lima", "Atlantis"]
    for n in range(1, calls + 1):
        city = cities[(n - 1) % 3]
        call = {"cell_id": "1", "call": f"tool-{n}"}
        arguments = content(f'{{"city":"{city}"}}')
        log.add(
            e.CallRequestedEvent, **call, tool="weather", line=2, column=60, arguments=arguments
        )
    for n in range(1, calls + 1):
        ended = (
            {"outcome": "failed", "error": content("ToolError: no such city")}
            if n == calls
            else {"outcome": "ok", "result": content('{"celsius":3.5,"wind":{"from":"NW"}}')}
        )
        log.add(e.CallEndedEvent, cell_id="1", call=f"tool-{n}", **ended)
    call = {"cell_id": "1", "call": f"tool-{calls + 1}"}
    arguments = content('{"item":"umbrella","colours":["red","blue"]}')
    log.add(e.CallRequestedEvent, **call, tool="price", line=3, column=18, arguments=arguments)
    log.add(e.CallEndedEvent, **call, outcome="ok", result=content("4.5"))
    log.add(e.CellOutputEvent, cell_id="1", kind="text", item=content("4.5"))
    log.add(e.CellOutputEvent, cell_id="1", kind="image", item=content(PIXEL))
    log.add(e.ValueStoredEvent, cell_id="1", key="cost", size=3)
    log.add(e.CellRespondedEvent, cell_id="1", status="completed", is_first=True)
    log.add(e.CellEndedEvent, cell_id="1", status="completed")
    log.add(e.ModelCallEndedEvent, model_call="call_1", status="completed", cell_id="1")
    log.add(e.SessionClosedEvent)
    return log


def record(folder: Path, *logs: Log) -> Path:
    recorder = Recorder(folder)
    for log in logs:
        for event in log.events:
            recorder(event)
    recorder.close()
    return recorder.path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("recording")
    record(folder, history())
    return str(folder)


def rows(page: object, box: str) -> list[list[str]]:
    script = f"""() => [...document.querySelectorAll('#{box} .row:not([hidden])')]
        .map((row) => [...row.children].map((each) => each.textContent))"""
    found: list[list[str]] = page.evaluate(script)  # type: ignore[attr-defined]  # a page of Playwright
    return found


def test_a_recording_is_shown_with_its_cell_its_calls_in_lanes_and_its_program(
    opened: Opened, recording: str
) -> None:
    page = opened(recording)
    page.wait_for_selector("#detail .output")

    assert rows(page, "cells") == [
        ["", "call_1", "4 calls", 'const cities = ["Oslo", "Lima", "Atlantis"];']
    ]
    assert [(row[0], row[1], row[2], row[3]) for row in rows(page, "calls")] == [
        ("tool-1", "weather", ":2", "ok"),
        ("tool-2", "weather", ":2", "ok"),
        ("tool-3", "weather", ":2", "failed"),
        ("tool-4", "price", ":3", "ok"),
    ]
    assert rows(page, "calls")[2][5] == "ToolError: no such city"
    assert page.get_attribute("#canvas", "data-lanes") == "3"
    marks = page.eval_on_selector_all(
        ".program .marked",
        "lines => lines.map((line) => [line.dataset.line, line.children[1].className])",
    )
    assert marks == [["2", "failed"], ["3", "ok"]]
    assert page.inner_text("#recording") == "complete, 18 events"
    assert page.inner_text("[data-limit=tool_calls]").split("\n")[0] == "tool_calls"


def test_outputs_are_shown_images_as_images_and_what_was_stored(
    opened: Opened, recording: str
) -> None:
    page = opened(recording)
    page.wait_for_selector(".output img")

    assert (
        page.eval_on_selector(".output img", "image => image.complete && image.naturalWidth") == 1
    )
    assert page.inner_text("#stored") == "cost"
    assert page.inner_text("#detail details summary").split()[:3] == ["exec", "call_1", "completed"]


def test_a_call_is_chosen_with_its_arguments_and_result_folded(
    opened: Opened, recording: str
) -> None:
    page = opened(recording)
    page.click("#calls .row:visible >> text=price")
    page.wait_for_selector("#detail h2 code >> text=price")

    folded = page.locator("#detail details", has_text="colours").last
    assert "2" in folded.locator("summary").first.inner_text()
    assert folded.get_attribute("open") is None
    folded.locator("summary").first.click()
    assert '"red"' in folded.inner_text()
    assert page.get_attribute(".program .here", "data-line") == "3"


def test_an_address_leads_to_the_same_call_again(opened: Opened, recording: str) -> None:
    page = opened(recording)
    page.select_option("#filter", "failed")
    expect(page.locator("#calls .row:visible")).to_have_count(1)
    page.click("#calls .row:visible >> text=tool-3")
    page.wait_for_selector("#detail h2 code >> text=weather")
    again = opened(url=page.url)
    again.wait_for_selector("#detail h2 code >> text=weather")

    assert "token=" in page.url and "call=tool-3" in page.url
    assert [row[0] for row in rows(again, "calls")] == ["tool-3"]
    assert again.inner_text("#detail h2 .failed") == "failed"


def test_filter_and_search_leave_what_is_meant(opened: Opened, recording: str) -> None:
    page = opened(recording)
    page.keyboard.press("/")
    page.keyboard.type("ATLANTIS")
    expect(page.locator("#calls .row:visible")).to_have_count(1)
    assert [row[0] for row in rows(page, "calls")] == ["tool-3"]
    page.fill("#search", "nowhere")
    expect(page.locator("#cells .row:visible")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#calls .row:visible")).to_have_count(4)
    page.keyboard.press("f")
    page.select_option("#filter", "ok")
    expect(page.locator("#calls .row:visible")).to_have_count(3)


def test_keys_go_through_calls_and_cells(opened: Opened, tmp_path: Path) -> None:
    record(tmp_path, history("s"), history("other"))
    page = opened(str(tmp_path))
    page.wait_for_selector("#detail .program")
    chosen = page.locator("#calls .row:visible[aria-selected=true] > :first-child")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(chosen).to_have_text("tool-2")
    page.keyboard.press("k")
    expect(chosen).to_have_text("tool-1")
    page.keyboard.press("End")
    expect(chosen).to_have_text("tool-4")
    page.keyboard.press("c")
    expect(chosen).to_have_count(0)
    page.keyboard.press("h")
    expect(page).to_have_url(re.compile("session=s&"))
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    assert not page.is_visible("#keys")


def test_dark_and_light_are_chosen_and_kept(opened: Opened, recording: str) -> None:
    page = opened(recording)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.wait_for_selector("body[data-ready]")

    assert (before, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_ten_thousand_calls_are_a_few_rows_and_bars(opened: Opened, tmp_path: Path) -> None:
    record(tmp_path, history(calls=9_999))
    page = opened(str(tmp_path))
    page.wait_for_selector("#calls .row")
    page.keyboard.press("End")
    chosen = page.locator("#calls .row:visible[aria-selected=true] > :first-child")
    expect(chosen).to_have_text("tool-10000")

    assert "10,000 shown of 10,000" in page.inner_text("#counts")
    assert page.locator("#calls .row").count() < 100
    assert int(page.get_attribute("#canvas", "data-drawn") or 0) > 0


def test_a_recording_is_drawn_as_it_grows(opened: Opened, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    events = history().events
    for event in events[:6]:
        recorder(event)
    page = opened(str(tmp_path))
    expect(page.locator("#calls .row:visible")).to_have_count(3)
    page.wait_for_selector("#waits >> text=tool-3")
    for event in events[6:]:
        recorder(event)
    recorder.close()
    expect(page.locator("#calls .row:visible")).to_have_count(4)
    page.wait_for_selector("#detail h2 .completed")

    assert page.inner_text("#recording") == "complete, 18 events"


def test_what_a_stranger_recorded_is_shown_as_text_and_asks_nobody(
    opened: Opened, tmp_path: Path
) -> None:
    attack = "<img src=x onerror='window.owned=1'><script>window.owned=1</script>"
    log = Log(attack)
    log.add(e.SessionOpenedEvent, provider=attack, version="1", process=1)
    log.add(e.CellStartedEvent, cell_id="1", model_call=attack, source=content(attack))
    call = {"cell_id": "1", "call": attack}
    log.add(e.CallRequestedEvent, **call, tool=attack, line=1, arguments=content(f'["{attack}"]'))
    log.add(e.CallEndedEvent, **call, outcome="failed", error=content(attack))
    for item in (
        "data:text/html,<script>window.owned=1</script>",
        "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+",
        "https://127.0.0.1:9/pixel.png",
        "javascript:window.owned=1",
    ):
        log.add(e.CellOutputEvent, cell_id="1", kind="image", item=content(item))
    log.add(e.ValueStoredEvent, cell_id="1", key=attack, size=1)
    record(tmp_path, log)
    page = opened(str(tmp_path))
    page.wait_for_selector("#detail .output")

    page.locator("#calls .row").first.click()
    page.wait_for_selector("#detail .failed")
    # The fixture has looked for requests to others, and for scripts that failed.
    assert page.evaluate("window.owned") is None
    assert page.locator("body img").count() == page.locator("body script").count() == 0
    assert rows(page, "calls")[0][1] == attack


def test_a_call_that_waits_for_room_is_shown_as_queued(opened: Opened, tmp_path: Path) -> None:
    log = history()
    del log.events[6:]
    log.add(e.CallQueuedEvent, cell_id="1", call="tool-4", tool="price")
    record(tmp_path, log)
    page = opened(str(tmp_path))
    page.wait_for_selector("#waits >> text=queued")

    assert [row[3] for row in rows(page, "calls")] == ["running", "running", "running", "queued"]
    page.select_option("#filter", "queued")
    assert [row[:2] for row in rows(page, "calls")] == [["tool-4", "price"]]


def test_what_is_wrong_with_a_recording_is_told(opened: Opened, tmp_path: Path) -> None:
    path = record(tmp_path, history())
    log = path / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:2], *lines[3:]]))  # the start of the cell
    page = opened(str(tmp_path))
    page.wait_for_selector("#calls .row")

    assert page.inner_text("#recording").startswith("damaged")
    problems = page.get_attribute("#recording", "title") or ""
    assert "event 4 follows event 2" in problems
    assert "the start of cell s/cell:1 is missing" in problems
    assert len(rows(page, "calls")) == 4


def test_an_old_address_is_told_so(browser: object, inspect: Inspect, recording: str) -> None:
    address = inspect(recording).partition("#")[0]
    page = browser.new_page()  # type: ignore[attr-defined]  # a browser of Playwright
    page.goto(f"{address}#token=old")
    page.wait_for_selector("#error:not([hidden])")

    assert page.inner_text("#error") == "the token in the address of this page is missing or old"
    page.close()
