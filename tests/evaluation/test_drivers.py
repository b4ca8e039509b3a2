"""Models behind three interfaces, against endpoints that follow a script."""

from __future__ import annotations

from typing import Any

import pytest

from codemode import CodeMode
from evaluation.drivers import (
    ChatCompletions,
    Driver,
    Endpoint,
    EndpointError,
    Messages,
    Responses,
    Said,
    Use,
)

from .scripted import Scripted, calling, saying

APIS = ("responses", "chat", "messages")
KINDS: dict[str, Any] = {"responses": Responses, "chat": ChatCompletions, "messages": Messages}
USAGE = {"input": 10, "cached": 4, "output": 3}


def driver_at(api: str, url: str, **options: Any) -> Driver:
    driver: Driver = KINDS[api](Endpoint(url, {"authorization": "Bearer k"}, **options), "m")
    return driver


async def conversed(api: str, url: str) -> list[Said]:
    """A conversation about one program, in a real session."""
    said: list[Said] = []
    async with CodeMode() as cm:
        driver = driver_at(api, url)
        said.append(
            await driver.begin("Be short.", "Six times seven?", [cm.exec_tool, cm.wait_tool])
        )
        while said[-1].uses:
            results = [(u, (await cm.call(u.name, u.arguments)).output) for u in said[-1].uses]
            said.append(await driver.go_on(results))
    return said


@pytest.mark.parametrize("api", APIS)
async def test_a_program_of_a_model_runs_and_its_output_goes_back(api: str) -> None:
    with Scripted([calling(api, "1", "text(6 * 7)"), saying(api, "42")]) as server:
        said = await conversed(api, server.url)
    arguments: Any = "text(6 * 7)" if api == "responses" else {"code": "text(6 * 7)"}
    assert said == [Said((Use("1", "exec", arguments),), "", USAGE), Said((), "42", USAGE)]
    first, second = server.requests
    back = {
        "responses": [{"type": "custom_tool_call_output", "call_id": "1", "output": "42"}],
        "chat": [{"role": "tool", "tool_call_id": "1", "content": "42"}],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "1", "content": "42"}],
            }
        ],
    }[api]
    key = "input" if api == "responses" else "messages"
    assert second[key][-1:] == back
    assert second[key][: len(first[key])] == first[key]
    assert (first["model"], len(first["tools"])) == ("m", 2)
    assert server.headers[0]["authorization"] == "Bearer k"


@pytest.mark.parametrize("api", APIS)
async def test_an_endpoint_that_is_busy_is_asked_again(api: str) -> None:
    with Scripted([429, 503, saying(api, "hi")]) as server:
        said = await driver_at(api, server.url, wait_seconds=0).begin("", "hi", [])
    assert (said.text, len(server.requests)) == ("hi", 3)


async def test_what_an_endpoint_refuses_is_told_with_its_words() -> None:
    with Scripted([401]) as server:
        with pytest.raises(EndpointError, match="401: refused"):
            await driver_at("chat", server.url).begin("", "hi", [])
    assert len(server.requests) == 1


async def test_an_endpoint_that_is_not_there_is_told() -> None:
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9"):
        await driver_at("chat", "http://127.0.0.1:9/", wait_seconds=0).begin("", "hi", [])
