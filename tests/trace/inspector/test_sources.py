"""What the page's server reads of recordings, whoever has written them."""

from __future__ import annotations

from pathlib import Path

from codemode.surface.canonical_json import canonical_hash
from codemode.trace.inspector.details import call_details
from codemode.trace.inspector.sources import Sources

from .test_page import history, record


async def test_the_newest_recording_is_read_before_a_page_asks_for_it(tmp_path: Path) -> None:
    path = record(tmp_path, history())
    sources = Sources(tmp_path, None)
    await sources.read_newest()
    found = sources.find(path.name)

    assert await found.read(lambda view: view.version) == len(history().events)
    call = await found.read(lambda view: call_details(view, "s", "1", "tool-1"))
    assert call is not None
    assert call["arguments_hash"] == canonical_hash('{"city":"Oslo"}')


async def test_a_recording_that_cannot_be_read_stops_no_server(tmp_path: Path) -> None:
    (tmp_path / "trace-1").mkdir()
    (tmp_path / "trace-1" / "manifest.json").write_text("[]")
    sources = Sources(tmp_path, None)
    await sources.read_newest()

    [told] = await sources.all()
    assert (told["id"], told["kind"]) == ("trace-1", "broken")
