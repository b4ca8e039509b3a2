"""Questions to a client, with clients that only note what they are asked."""

import asyncio

import mcp_types as types
import pytest

from codemode.adapters.mcp_server.client import ServedClient, shown
from codemode.adapters.mcp_server.questions import (
    AT_ONCE,
    Question,
    Questions,
    UnansweredError,
    unsupported,
)

YES = types.ElicitResult(action="accept")
FORM = types.FormElicitationCapability()
URL = types.UrlElicitationCapability()
ASKS = types.ClientCapabilities(elicitation=types.ElicitationCapability(form=FORM))


def asked(message: str = "May I?") -> types.ElicitRequest:
    params = types.ElicitRequestFormParams(message=message, requested_schema={})
    return types.ElicitRequest(params=params)


def by_url() -> types.ElicitRequest:
    return types.ElicitRequest(
        params=types.ElicitRequestURLParams(message="", url="https://a.example")
    )


def sampled(*tools: types.Tool) -> types.CreateMessageRequest:
    params = types.CreateMessageRequestParams(messages=[], max_tokens=1, tools=list(tools) or None)
    return types.CreateMessageRequest(params=params)


class Noting:
    """A channel that keeps what it is given."""

    def __init__(self, capabilities: types.ClientCapabilities | None = ASKS) -> None:
        self.capabilities = capabilities
        self.taken: list[Question] = []

    def take(self, question: Question) -> None:
        self.taken.append(question)


async def under_way(*tasks: asyncio.Task[object]) -> None:
    """Until each has gone as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_question_is_asked_at_once_and_its_answer_comes_back() -> None:
    questions, channel = Questions(), Noting()
    with questions.asked_through(channel):
        asking = asyncio.create_task(questions.ask(asked(), "an approval"))
        await under_way()
        assert [(each.request, each.about) for each in channel.taken] == [(asked(), "an approval")]
        assert questions.open == channel.taken
        channel.taken[0].settle(YES)
        assert (await asking, questions.open) == (YES, [])


async def test_a_question_without_a_channel_waits_for_the_next_and_is_taken_by_each() -> None:
    questions, first, second = Questions(), Noting(), Noting()
    with questions.asked_through(Noting()):
        pass  # so that it is known what the client can do
    asking = asyncio.create_task(questions.ask(asked(), ""))
    await under_way()
    for channel in (first, second):
        with questions.asked_through(channel):
            assert len(channel.taken) == 1
    questions.answered({"q7": YES, second.taken[0].id: YES})
    assert await asking == YES


async def test_an_answer_of_another_kind_is_none() -> None:
    questions = Questions()
    with questions.asked_through(Noting()):
        asking = asyncio.create_task(questions.ask(asked(), ""))
        await under_way()
        questions.answered({"q1": types.ListRootsResult(roots=[])})
        with pytest.raises(UnansweredError, match="the client answered something else"):
            await asking


async def test_whoever_no_longer_asks_leaves_nothing_behind() -> None:
    questions, channel = Questions(), Noting()
    with questions.asked_through(channel):
        asking = asyncio.create_task(questions.ask(asked(), ""))
        await under_way()
        asking.cancel()
        await asyncio.wait({asking})
        questions.answered({"q1": YES})
    assert (questions.open, channel.taken[0].answer.cancelled()) == ([], True)


async def test_a_client_has_so_many_questions_at_once_and_the_next_when_one_is_answered() -> None:
    questions, channel = Questions(), Noting()
    with questions.asked_through(channel):
        asking = [asyncio.create_task(questions.ask(asked(str(n)), "")) for n in range(AT_ONCE + 1)]
        await under_way()
        assert len(channel.taken) == AT_ONCE
        channel.taken[0].settle(YES)
        await under_way()
        assert len(channel.taken) == AT_ONCE + 1
        for each in channel.taken:
            each.settle(YES)
        assert await asyncio.gather(*asking) == [YES] * (AT_ONCE + 1)


@pytest.mark.parametrize(
    ("request_", "capabilities", "problem"),
    [
        (asked(), None, "this MCP client cannot ask its user (it has not declared elicitation)"),
        (
            asked(),
            types.ClientCapabilities(),
            "this MCP client cannot ask its user (it has not declared elicitation)",
        ),
        (asked(), types.ClientCapabilities(elicitation=types.ElicitationCapability()), None),
        (asked(), ASKS, None),
        (
            asked(),
            types.ClientCapabilities(elicitation=types.ElicitationCapability(url=URL)),
            "this MCP client can send its user to a URL only (it has no elicitation.form)",
        ),
        (by_url(), ASKS, "this MCP client cannot send its user to a URL (elicitation.url)"),
        (
            by_url(),
            types.ClientCapabilities(elicitation=types.ElicitationCapability(url=URL)),
            None,
        ),
        (
            sampled(),
            ASKS,
            "this MCP client offers no model to servers (it has not declared sampling)",
        ),
        (sampled(), types.ClientCapabilities(sampling=types.SamplingCapability()), None),
        (
            sampled(types.Tool(name="t", input_schema={})),
            types.ClientCapabilities(sampling=types.SamplingCapability()),
            "this MCP client offers servers no model with tools (sampling.tools)",
        ),
    ],
)
async def test_a_client_is_asked_only_what_it_can_answer(
    request_: types.ElicitRequest | types.CreateMessageRequest,
    capabilities: types.ClientCapabilities | None,
    problem: str | None,
) -> None:
    assert unsupported(request_, capabilities) == problem
    if problem is not None:
        questions = Questions()
        with questions.asked_through(Noting(capabilities)):
            with pytest.raises(UnansweredError) as refused:
                await questions.ask(request_, "")
        assert str(refused.value) == problem


async def test_a_server_that_asks_is_named_to_the_user() -> None:
    client, channel = ServedClient(), Noting()
    with client.questions.asked_through(channel):
        asking = asyncio.create_task(client.elicitation("mail", asked("Which folder?").params))
        await under_way()
        assert channel.taken[0].request == asked("MCP server mail: Which folder?")
        channel.taken[0].settle(YES)
        assert await asking == YES


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"to": "bøb"}, '{"to": "bøb"}'),
        ({"to": "bob\n\u202eeve\u200b\x1b[2J"}, r'{"to": "bob\n\u202eeve\u200b\u001b[2J"}'),
        ("\ud800", r'"\ud800"'),
        ("x" * 2_000, '"' + "x" * 1_999 + " … and 2 more characters"),
    ],
)
def test_whoever_approves_sees_what_stands_in_the_arguments(arguments: object, text: str) -> None:
    assert shown(arguments) == text
