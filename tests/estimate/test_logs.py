"""Logs of direct calls, in the forms of every interface."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.errors import UsageError
from codemode.estimate.bounds import bounds_of
from codemode.estimate.dependence import DirectCall, levels_of
from codemode.estimate.logs import read_log

PROMPT = "What did Ann write?"
LIST = DirectCall("list_mails", {"from": "Ann"}, '[{"id": "m17"}, {"id": "m18"}]')
READ = DirectCall("read_mail", {"id": "m17"}, "Lunch at noon in the Lark.")
ANSWER = "Lunch at noon."


def responses() -> list[Any]:
    def made(call: DirectCall, number: str) -> list[Any]:
        arguments = json.dumps(call.arguments)
        return [
            {"type": "function_call", "name": call.name, "arguments": arguments, "call_id": number},
            {"type": "function_call_output", "call_id": number, "output": call.result},
        ]

    said = {"role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]}
    return [{"role": "user", "content": PROMPT}, *made(LIST, "1"), *made(READ, "2"), said]


def chat() -> list[Any]:
    def made(call: DirectCall, number: str) -> list[Any]:
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        calls = [{"id": number, "type": "function", "function": function}]
        return [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": number, "content": call.result},
        ]

    said = {"role": "assistant", "content": ANSWER}
    return [{"role": "user", "content": PROMPT}, *made(LIST, "1"), *made(READ, "2"), said]


def messages() -> list[Any]:
    def made(call: DirectCall, number: str) -> list[Any]:
        use = {"type": "tool_use", "id": number, "name": call.name, "input": call.arguments}
        result = {
            "type": "tool_result",
            "tool_use_id": number,
            "content": [{"type": "text", "text": call.result}],
        }
        return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]

    said = {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
    return [{"role": "user", "content": PROMPT}, *made(LIST, "1"), *made(READ, "2"), said]


def spans() -> dict[str, Any]:
    def span(moment: int, **attributes: str) -> dict[str, Any]:
        named = [
            {"key": f"gen_ai.{key.replace('_', '.', 1)}", "value": {"stringValue": value}}
            for key, value in attributes.items()
        ]
        return {
            "traceId": "t",
            "spanId": str(moment),
            "startTimeUnixNano": str(moment),
            "attributes": named,
        }

    def tool(moment: int, call: DirectCall) -> dict[str, Any]:
        made = span(moment, operation_name="execute_tool", tool_name=call.name)
        made["attributes"] += [
            {
                "key": "gen_ai.tool.call.arguments",
                "value": {"stringValue": json.dumps(call.arguments)},
            },
            {"key": "gen_ai.tool.call.result", "value": {"stringValue": call.result}},
        ]
        return made

    ordered = [
        span(1, operation_name="chat"),
        tool(2, LIST),
        span(3, operation_name="chat"),
        tool(4, READ),
        span(5, operation_name="chat"),
    ]
    return {"resourceSpans": [{"scopeSpans": [{"spans": ordered[::-1]}]}]}


def recorded() -> dict[str, Any]:
    def turn(call: DirectCall) -> dict[str, Any]:
        return {
            "calls": [{"name": call.name, "arguments": call.arguments}],
            "results": [call.result],
        }

    return {"prompt": PROMPT, "turns": [turn(LIST), turn(READ)], "answer": ANSWER}


def lines(values: list[Any]) -> str:
    return "\n".join(map(json.dumps, values))


WHOLE = {
    "Responses": json.dumps(responses()),
    "Responses, an item a line": lines(responses()),
    "Responses, requests as sent": lines(
        [
            {
                "request": {"input": responses()[:at]},
                "response": {"output": responses()[at : at + 1]},
            }
            for at in (1, 3, 5)
        ]
    ),
    "Chat Completions": json.dumps({"messages": chat()}),
    "Chat Completions, requests as sent": lines(
        [{"messages": chat()[:at], "choices": [{"message": chat()[at]}]} for at in (1, 3, 5)]
    ),
    "Messages": json.dumps({"messages": messages()}),
    "recorded run": json.dumps(recorded()),
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE.keys())
def test_the_same_conversation_is_read_out_of_every_form(text: str) -> None:
    (found,) = read_log(text).conversations
    assert found.calls == [LIST, READ]
    assert [len(request.calls) for request in found.requests] == [1, 1, 0]
    assert (found.prompt, found.requests[-1].said) == (PROMPT, ANSWER)


def test_spans_are_a_conversation_in_the_order_of_their_beginnings() -> None:
    (found,) = read_log(json.dumps(spans())).conversations
    assert found.calls == [LIST, READ]
    assert [len(request.calls) for request in found.requests] == [1, 1, 0]


def test_calls_of_one_message_are_one_request() -> None:
    use = [{"type": "tool_use", "id": str(n), "name": "get", "input": {"n": n}} for n in (1, 2)]
    result = [{"type": "tool_result", "tool_use_id": str(n), "content": "x"} for n in (1, 2)]
    log = [{"role": "assistant", "content": use}, {"role": "user", "content": result}]
    (found,) = read_log(json.dumps(log)).conversations
    assert [len(request.calls) for request in found.requests] == [2]


def test_what_is_not_known_is_counted() -> None:
    log = read_log(lines([*responses(), 5, {"odd": 1}, {"type": "function_call", "name": "lost"}]))
    assert (log.skipped, log.unanswered, log.forms) == (2, 1, {"Responses": 3})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "there is no direct call of a tool in this log"),
        ("{}\nno json", "line 2 is no JSON"),
        (
            '[{"type": "custom_tool_call", "name": "exec", "input": "text(1)"}]',
            "there is no direct",
        ),
    ],
)
def test_a_log_without_a_call_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_log(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "role content tool_calls type call_id output input messages turns calls results request"
                " response choices name arguments function id attributes spanId resourceSpans".split()
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=40,
)


@given(st.lists(JSON, max_size=5))
def test_any_json_is_a_log_or_is_refused(values: list[Any]) -> None:
    try:
        bounds_of(read_log(lines(values)).conversations)
    except UsageError:
        pass


def test_a_call_can_be_made_when_its_words_have_been_read() -> None:
    write = DirectCall("send_mail", {"to": "bob@example.org"}, "sent")
    other = DirectCall("get_weather", {"city": "Oslo"}, "rain")
    assert levels_of([LIST, READ, other, write], PROMPT) == [0, 1, 0, 2]
    assert levels_of([LIST, READ], f"{PROMPT} It is m17.") == [0, 0]


def test_bounds_of_a_chain() -> None:
    found = bounds_of(read_log(WHOLE["Messages"]).conversations)
    assert (found.conversations, found.calls, found.chained_requests) == (1, 2, 1)
    assert [c.requests for c in (found.direct, found.parallel, found.least, found.most)] == [
        3,
        3,
        3,
        2,
    ]
    assert found.most.result_bytes < found.least.result_bytes
    assert found.verdict == "perhaps"


def test_prose_that_later_calls_take_words_from_should_have_a_type() -> None:
    prose = DirectCall("list_hotels", {"city": "Paris"}, "Hotels in Paris: Lutetia\nMeurice")
    rate = DirectCall("rate", {"hotels": ["Lutetia", "Meurice"]}, '{"Lutetia": 5}')
    log = {
        "turns": [
            {"calls": [{"name": c.name, "arguments": c.arguments}], "results": [c.result]}
            for c in (prose, rate)
        ]
    }
    (found,) = bounds_of(read_log(json.dumps(log)).conversations).untyped
    assert (found.name, found.calls, found.taken) == ("list_hotels", 1, 1)


@pytest.mark.parametrize(("size", "verdict"), [(20, "no"), (60, "perhaps"), (400, "yes")])
def test_a_verdict_goes_by_the_bytes_that_are_kept_from_the_model(size: int, verdict: str) -> None:
    result = json.dumps([f"value-{at}" for at in range(size)])
    log = {
        "turns": [{"calls": [{"name": "get", "arguments": {}}], "results": [result]}],
        "answer": "ok",
    }
    assert bounds_of(read_log(json.dumps(log)).conversations).verdict == verdict
