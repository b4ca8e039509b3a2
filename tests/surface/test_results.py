"""Results in the form of each interface: whole values, images and sounds included."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from anthropic.types import ToolUseBlock
from openai.types.chat import ChatCompletionMessageCustomToolCall
from openai.types.responses import ResponseCustomToolCall

from codemode.errors import UsageError
from codemode.protocol.types import AudioItem, CellId, ImageItem, Item, Result, TextItem
from codemode.surface.data_url import Media, media
from codemode.surface.result import ExecResult, Status

PNG = "data:image/png;base64,aGk="
WAV = "data:audio/wav;base64,aGk="
ITEMS: tuple[Item, ...] = (
    TextItem("Script completed\n"),
    ImageItem(PNG, "low"),
    TextItem(""),
    ImageItem(PNG),
    AudioItem(WAV),
)


def result(*items: Item, status: Status = "completed") -> ExecResult:
    cell_id = CellId("1")
    return ExecResult(status, items, cell_id, Result(cell_id=cell_id, items=items))


@pytest.mark.parametrize("kind", ["custom_tool_call", "function_call"])
def test_openai_gets_an_item_of_text_and_images_and_is_told_of_sounds(kind: str) -> None:
    assert result(*ITEMS).openai_output({"type": kind, "call_id": "c1", "name": "exec"}) == {
        "type": f"{kind}_output",
        "call_id": "c1",
        "output": [
            {"type": "input_text", "text": "Script completed\n"},
            {"type": "input_image", "image_url": PNG, "detail": "low"},
            {"type": "input_text", "text": ""},
            {"type": "input_image", "image_url": PNG},
            {
                "type": "input_text",
                "text": "[sound left out (audio/wav, 2 bytes): sounds cannot be passed on here]",
            },
        ],
    }


def test_openai_gets_sounds_for_a_model_that_hears() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1"}
    assert result(AudioItem(WAV)).openai_output(call, audio=True)["output"] == [
        {"type": "input_audio", "audio_url": WAV}
    ]


@pytest.mark.parametrize(
    "call", [{}, {"type": "message", "call_id": "c"}, {"type": "function_call"}, {"type": []}]
)
def test_an_item_that_is_no_call_is_the_callers_mistake(call: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"custom_tool_call or function_call; got|needs `call_id`"):
        result().openai_output(call)


def test_a_chat_message_is_text_and_tells_of_what_it_leaves_out() -> None:
    assert result(*ITEMS).chat_message("c1") == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": (
            "Script completed"
            "\n[image left out (image/png, 2 bytes): only text can be passed on here]"
            "\n"
            "\n[image left out (image/png, 2 bytes): only text can be passed on here]"
            "\n[sound left out (audio/wav, 2 bytes): only text can be passed on here]"
        ),
    }


def test_a_chat_message_of_text_is_the_text_of_the_result() -> None:
    found = result(TextItem("Script completed\nOutput:\n"), TextItem("a\n"), TextItem("b"))
    assert found.text == "Script completed\nOutput:\na\n\nb"
    assert found.chat_message("c1")["content"] == found.text


def test_the_output_is_what_the_program_wrote_and_nothing_else() -> None:
    cell_id = CellId("1")
    response = Result(
        cell_id=cell_id, items=(TextItem("a\n"), ImageItem(PNG), TextItem("b")), error_text="no"
    )
    shown = (TextItem("Script failed\nOutput:\n"), TextItem("…"))
    assert ExecResult("failed", shown, cell_id, response).output == "a\n\nb"
    assert ExecResult("refused", (TextItem("no source"),)).output == ""


def test_anthropic_gets_blocks_without_blank_texts_and_is_told_of_sounds() -> None:
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
    }
    assert result(*ITEMS).anthropic_result("t1") == {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [
            {"type": "text", "text": "Script completed\n"},
            image,
            image,
            {
                "type": "text",
                "text": "[sound left out (audio/wav, 2 bytes): sounds cannot be passed on here]",
            },
        ],
        "is_error": False,
    }


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (
            "data:image/svg+xml;base64,aGk=",
            "[image left out (image/svg+xml, 2 bytes): only JPEG, PNG, GIF and WebP can be passed"
            " on here]",
        ),
        ("data:image/png;base64,a", "[image left out: it is not a base64 data URL]"),
        ("https://example.com/a.png", "[image left out: it is not a base64 data URL]"),
    ],
)
def test_anthropic_is_told_of_images_that_it_does_not_take(url: str, text: str) -> None:
    content = result(ImageItem(url)).anthropic_result("t")["content"]
    assert content == [{"type": "text", "text": text}]


def test_mcp_gets_text_images_with_their_detail_and_sounds() -> None:
    assert result(*ITEMS, AudioItem("x")).mcp_result() == {
        "content": [
            {"type": "text", "text": "Script completed\n"},
            {
                "type": "image",
                "data": "aGk=",
                "mimeType": "image/png",
                "_meta": {"codex/imageDetail": "low"},
            },
            {"type": "text", "text": ""},
            {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
            {"type": "text", "text": "[sound left out: it is not a base64 data URL]"},
        ],
        "isError": False,
    }


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ("running", False),
        ("completed", False),
        ("terminated", False),
        ("failed", True),
        ("refused", True),
    ],
)
def test_a_failure_is_an_error_where_the_interface_has_a_word_for_it(
    status: Status, failed: bool
) -> None:
    found = result(TextItem("x"), status=status)
    assert (found.anthropic_result("t")["is_error"], found.mcp_result()["isError"]) == (
        failed,
        failed,
    )


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (PNG, Media("image/png", "aGk=", 2)),
        ("DATA:Image/JPG;charset=x;BASE64,aGk=", Media("image/jpeg", "aGk=", 2)),
        ("data:;base64,", Media("application/octet-stream", "", 0)),
        ("data:text/plain,a%20b", Media("text/plain", "YSBi", 3)),
        ("data:image/png;base64,aGk", None),
        ("data:image/png;base64,é", None),
        ("data:image/png", None),
        ("", None),
    ],
)
def test_a_data_url_is_read_or_refused(url: str, found: Media | None) -> None:
    assert media(url) == found


@pytest.mark.parametrize(
    "url", ["data:image/png" + ";" * 10**6, "data:" + "a" * 10**6, "data:a/" + "b" * 10**6]
)
def test_a_data_url_that_never_begins_takes_no_memory(url: str) -> None:
    tracemalloc.start()
    try:
        assert media(url) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 100_000


CUSTOM = {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "input": "1"}
CHAT = {"type": "custom", "id": "c1", "custom": {"name": "exec", "input": "1"}}
USE = {"type": "tool_use", "id": "c1", "name": "exec", "input": {}}


def test_the_vendors_objects_are_answered_as_dictionaries_are() -> None:
    found = result(TextItem("x"))
    assert found.openai_output(ResponseCustomToolCall.model_validate(CUSTOM)) == (
        found.openai_output(CUSTOM)
    )
    assert found.chat_message(ChatCompletionMessageCustomToolCall.model_validate(CHAT)) == (
        found.chat_message("c1")
    )
    assert found.anthropic_result(ToolUseBlock.model_validate(USE)) == found.anthropic_result("c1")


@pytest.mark.parametrize(
    ("form", "calls", "expected"),
    [
        ("openai_output", [CHAT, USE, "c1"], "custom_tool_call or function_call"),
        ("chat_message", [CUSTOM, USE, None], "function or custom"),
        ("anthropic_result", [CUSTOM, CHAT, None], "tool_use"),
    ],
)
def test_a_call_of_another_interface_is_the_callers_mistake(
    form: str, calls: list[Any], expected: str
) -> None:
    for call in calls:
        with pytest.raises(UsageError) as caught:
            getattr(result(), form)(call)
        what = f"one of type '{call['type']}'" if isinstance(call, dict) else "a "
        assert str(caught.value).startswith(
            f"expected a model's call of type {expected}; got {what}"
        )
