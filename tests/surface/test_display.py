"""Results as people see them: in a notebook, and drawn by rich; and as texts and bytes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from codemode.protocol.types import AudioItem, ImageItem, Item, TextItem
from codemode.surface.nested_call import NestedCall
from codemode.surface.parts import MediaPart, Part, TextPart
from codemode.surface.result import ExecResult

HEADER = TextItem("Script completed\nWall time 0.1 seconds\nOutput:\n")
PNG = "data:image/png;base64,aGk="


def call(number: int, **more: object) -> NestedCall:
    fields: dict[str, object] = {"status": "ok", "milliseconds": 12.4, **more}
    return NestedCall(id=f"tool-{number}", tool="find", **fields)  # type: ignore[arg-type]  # a table's


def drawn(result: ExecResult) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (TextItem("a"), TextPart("a")),
        (ImageItem(PNG, "low"), MediaPart(b"hi", "image/png", "low")),
        (ImageItem("data:IMAGE/JPG,%68i"), MediaPart(b"hi", "image/jpeg")),
        (AudioItem("data:audio/wav;base64,aGk="), MediaPart(b"hi", "audio/wav")),
        (AudioItem("data:audio/wav;base64,a"), TextPart("[sound left out: it is not a base64 data URL]")),
        (ImageItem("https://a.b/c.png"), TextPart("[image left out: it is not a base64 data URL]")),
    ],
)  # fmt: skip
def test_parts_are_texts_and_bytes(item: Item, part: Part) -> None:
    assert ExecResult("completed", (HEADER, item)).parts() == (TextPart(HEADER.text), part)


def test_a_notebook_gets_text_and_html_with_images_and_sounds() -> None:
    items = (
        HEADER,
        TextItem("a < b\x1b[2J"),
        ImageItem(PNG),
        AudioItem("data:audio/wav;base64,aGk="),
    )

    assert ExecResult("completed", items)._repr_mimebundle_(include=None, exclude=None) == {
        "text/plain": (
            "Script completed\nWall time 0.1 seconds\nOutput:\na < b\n"
            "[image left out (image/png, 2 bytes): result.parts() has its bytes]\n"
            "[sound left out (audio/wav, 2 bytes): result.parts() has its bytes]"
        ),
        "text/html": (
            "<pre>Script completed\nWall time 0.1 seconds\nOutput:\n</pre>\n"
            "<pre>a &lt; b\x1b[2J</pre>\n"
            '<img src="data:image/png;base64,aGk=">\n'
            '<audio controls src="data:audio/wav;base64,aGk="></audio>'
        ),
    }


@pytest.mark.parametrize(
    "url",
    [
        "data:image/svg+xml;base64,PHN2Zy8+",
        'data:image/png"onerror="alert(1);base64,aGk=',
        "javascript:alert(1)",
        'x" onerror="alert(1)',
    ],
)
def test_no_program_writes_html_into_a_notebook(url: str) -> None:
    bundle = ExecResult("completed", (ImageItem(url), TextItem("</pre><script>")))
    shown = bundle._repr_mimebundle_()["text/html"]

    assert [shown.count(part) for part in ("<img", "onerror", "<script", "svg+xml;")] == [0] * 4
    assert shown.splitlines()[-1] == "<pre>&lt;/pre&gt;&lt;script&gt;</pre>"


def test_a_terminal_shows_the_output_and_the_calls_and_obeys_no_program() -> None:
    calls = (
        call(1),
        call(2, status="failed", error="no\x1b[31m\nreally"),
        call(3, status="cancelled"),
    )
    result = ExecResult(
        "running",
        (HEADER, TextItem("[bold]a[/]\x1b]0;title\x07")),
        calls=calls,
        waiting_for=(call(4, status="running", milliseconds=1_000),),
    )

    assert drawn(result).splitlines() == [
        "Script completed",
        "Wall time 0.1 seconds",
        "Output:",
        "[bold]a[/]",
        "  ✓ find  12 ms",
        "  ✗ find  12 ms  no",
        "  – find  12 ms",
        "  … find  1,000 ms",
    ]


def test_many_calls_are_counted() -> None:
    calls = tuple(call(number) for number in range(1_030))

    assert drawn(ExecResult("completed", (HEADER,), calls=calls)).splitlines()[-2:] == [
        "  ✓ find  12 ms",
        "… and 1,010 calls more",
    ]
