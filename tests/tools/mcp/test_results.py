"""A result that is there reaches the program, whatever stands beside it and however it is written."""

from typing import Any

import pytest

from codemode.errors import ToolError

from .conftest import Stage

DEEP = '{"a":' * 300 + "1" + "}" * 300
TEXT = {"type": "text", "text": "hi"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("{}", {"content": []}),
        ('{"content":null}', {"content": []}),
        ('{"content":"hi"}', {"content": [TEXT]}),
        ('{"content":{"type":"text","text":"hi"}}', {"content": [TEXT]}),
        ('{"content":["hi",7,null]}', {"content": [TEXT, 7, None]}),
        (
            '{"content":[{"type":"video","uri":"x"},{"text":"no type"},{"type":"image"}]}',
            {"content": [{"type": "video", "uri": "x"}, {"text": "no type"}, {"type": "image"}]},
        ),
        ('{"content":[],"structuredContent":[1]}', {"content": [], "structuredContent": [1]}),
        ('{"content":[],"structuredContent":"x"}', {"content": [], "structuredContent": "x"}),
        ('{"content":[],"structuredContent":null}', {"content": [], "structuredContent": None}),
        ('{"structuredContent":{"a":1}}', {"content": [], "structuredContent": {"a": 1}}),
        ('{"toolResult":{"a":1}}', {"content": [], "structuredContent": {"a": 1}}),
        ('{"rows":[1],"_meta":{},"ttlMs":-1}', {"content": [], "rows": [1]}),
        ('{"content":[],"isError":"true"}', {"content": [], "isError": True}),
        ('{"content":[],"isError":null}', {"content": [], "isError": False}),
        ('{"content":[],"_meta":3,"resultType":"odd"}', {"content": []}),
        (f'{{"content":["hi"],"x":{DEEP}}}', {"content": [TEXT]}),
        # what JavaScript would read otherwise, or JSON does not have
        (
            '{"structuredContent":[2047948614742839297,-9007199254740992,9007199254740991]}',
            {
                "content": [],
                "structuredContent": ["2047948614742839297", "-9007199254740992", 2**53 - 1],
            },
        ),
        (
            f'{{"structuredContent":{"1" * 5000}}}',
            {"content": [], "structuredContent": "1" * 5000},
        ),
        (
            '{"structuredContent":[NaN,Infinity,1e999,-0.0]}',
            {"content": [], "structuredContent": [None, None, None, -0.0]},
        ),
        (
            r'{"content":["cut \ud83d","\ude00 cut","whole \ud83d\ude00","\ud83d\ud83d\ude00","\\ud83d"]}',
            {
                "content": [
                    {"type": "text", "text": text}
                    for text in ("cut \ufffd", "\ufffd cut", "whole 😀", "\ufffd😀", r"\ud83d")
                ]
            },
        ),
        ('{"content":["a\tb"]}', {"content": [{"type": "text", "text": "a\tb"}]}),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_a_result_reaches_the_program(
    stage: Stage, result: str, expected: dict[str, Any]
) -> None:
    await stage.start()

    assert await stage.call("says", result=result) == expected


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("[1]", "its answer is no object"),
        ('"done"', "its answer is no object"),
        ("null", "its answer is no object"),
        ("7", "its answer is no object"),
        (
            '{"structuredContent":' + "[" * 5_000 + "]" * 5_000 + "}",
            "its answer cannot be read: it is malformed or nested too deep",
        ),
    ],
)
async def test_only_what_is_no_object_is_no_result(stage: Stage, result: str, told: str) -> None:
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("says", result=result)

    assert str(caught.value) == f"MCP server `puppet` gave no result for `says`: {told}"


async def test_what_is_nested_too_deep_is_told_at_its_place(stage: Stage) -> None:
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("says", result=f'{{"structuredContent":{"[" * 130 + "]" * 130}}}')

    assert str(caught.value).startswith(
        "tool `mcp__puppet__says` returned something nested more than 120 deep at"
        " `result.structuredContent[0]"
    )


async def test_bytes_that_are_no_utf_8_cost_only_themselves(stage: Stage) -> None:
    await stage.start()

    assert await stage.call("surrogate") == {"content": [{"type": "text", "text": "\ufffd"}]}
    assert await stage.call("latin") == {"content": [{"type": "text", "text": "gr\ufffd\ufffde"}]}


async def test_an_error_with_a_code_of_the_sdk_is_the_servers_own(stage: Stage) -> None:
    await stage.start()

    with pytest.raises(ToolError) as caught:
        await stage.call("limits")

    assert str(caught.value) == (
        "MCP server `puppet` refused `limits`: quota used up\n"
        '  Hint: call me\n  data: {"seconds": 30}'
    )
    assert await stage.call("echo")
    assert len(stage.lines("started ")) == 1
