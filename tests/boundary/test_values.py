"""What crosses into a cell and out of it is what JSON says, or is refused in words.

Every route gets the same examples, each a cell of one session: the next example finds it working.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from codemode.errors import ToolError
from codemode.protocol.types import ToolDefinition, ToolName

from .crossing import ROUTES, Crossing, quoted
from .values import LITERALS, RESULTS, SCHEMAS, SHOW, TEXTS, mended, parsed, said, shown

MANY = settings(max_examples=max(60, settings().max_examples // 2))


@pytest.fixture(scope="module", params=list(ROUTES))
def crossing(request: pytest.FixtureRequest) -> Iterator[Crossing]:
    with Crossing(request.param) as opened:
        yield opened


@MANY
@given(literal=LITERALS)
def test_an_argument_is_what_json_says_of_it(crossing: Crossing, literal: str) -> None:
    crossing.text(f"await tools.take(JSON.parse({quoted(literal)}))")

    expected = said(parsed(literal))
    if expected is None and crossing.route == "host":  # whose frames say null for no argument
        assert crossing.taken == [UNSET]
    else:
        assert [shown(value) for value in crossing.taken] == [shown(expected)]


@MANY
@given(value=RESULTS)
def test_a_result_is_what_json_says_of_it(crossing: Crossing, value: object) -> None:
    crossing.gift = value
    # A host reads UTF-8, which cannot say half a pair.
    expected = shown(_mended(value) if crossing.route == "host" else value)

    assert crossing.text(f"{SHOW}; text(show(await tools.give()))") == expected


@MANY
@given(key=TEXTS, literal=LITERALS)
def test_what_one_cell_stores_another_loads(crossing: Crossing, key: str, literal: str) -> None:
    crossing.text(f"store({quoted(key)}, JSON.parse({quoted(literal)}))")

    loaded = crossing.text(f"{SHOW}; text(show(load({quoted(key)})))")

    assert loaded == shown(said(parsed(literal)))


@MANY
@given(text=TEXTS)
def test_text_and_notifications_are_the_words_of_the_script(crossing: Crossing, text: str) -> None:
    written = crossing.text(f"text({quoted(text)}); notify('.' + {quoted(text)})")

    assert (written, crossing.notes) == (mended(text), ["." + mended(text)])


@MANY
@given(text=TEXTS)
def test_the_failure_of_a_tool_is_what_the_script_catches(crossing: Crossing, text: str) -> None:
    crossing.gift = ToolError(text)

    caught = crossing.text(f"{SHOW}; await tools.give().catch(e => text(show(e)))")

    assert caught == shown(mended(text))


@MANY
@given(text=TEXTS)
def test_what_is_thrown_is_what_the_error_says(crossing: Crossing, text: str) -> None:
    result = crossing.run(f"throw '.' + {quoted(text)}")

    assert result.error_text == "." + mended(text)


@MANY
@given(text=TEXTS.filter(lambda text: not set(text) & set("\r\n`\\$")))
def test_a_source_is_run_as_it_was_written(crossing: Crossing, text: str) -> None:
    assert crossing.text(f"{SHOW}; text(show(`{text}`))") == shown(mended(text))


@MANY
@given(texts=st.lists(TEXTS, max_size=4, unique_by=mended), schema=SCHEMAS)
def test_a_catalogue_is_what_was_defined(
    crossing: Crossing, texts: list[str], schema: object
) -> None:
    tools = tuple(
        ToolDefinition(
            name=f"t{number}",
            tool_name=ToolName(mended(text)),
            description=mended(text),
            input_schema=_mended(schema),
            output_schema=_mended(schema),
        )
        for number, text in enumerate(texts)
    )

    told = crossing.text(f"{SHOW}; text(show(ALL_TOOLS))", tools)

    assert told == shown([{"name": t.name, "description": t.description} for t in tools])


@pytest.mark.parametrize("helper", ["tools.take", "store.bind(null, 'k')"])
def test_nesting_is_passed_up_to_a_bound_and_then_refused(crossing: Crossing, helper: str) -> None:
    def nested(depth: int) -> str | None:
        source = f"let v = 0; for (let i = 0; i < {depth}; i++) v = [v]; await ({helper})(v)"
        return crossing.run(source).error_text

    refusal = "failed to serialize JavaScript value: recursion limit exceeded at line 1 column 128"

    assert [nested(depth) for depth in (127, 128, 1_000)] == [None, refusal, refusal]
    assert (nested(100_000) or "").startswith("RangeError: Maximum call stack size exceeded")


@pytest.mark.parametrize("depth", [100, 2_000, 200_000])
def test_a_result_without_end_is_a_value_or_an_error_of_the_call(
    crossing: Crossing, depth: int
) -> None:
    crossing.gift = 0
    for _ in range(depth):
        crossing.gift = [crossing.gift]
    source = "let v = await tools.give(), n = 0; for (; v; v = v[0]) n++; text(n)"

    result = crossing.run(source)
    while crossing.gift:  # one by one: Python takes such a list apart in C, as deep
        crossing.gift = crossing.gift[0]

    assert (result.error_text is None) == (depth == 100)
    assert crossing.text("text('next')") == "next"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"\xff", {"a": lambda: 0}, float("nan")])
def test_a_result_that_json_cannot_say_is_null_or_an_error_of_the_call(
    crossing: Crossing, value: object
) -> None:
    crossing.gift = value

    result = crossing.run("text(await tools.give())")

    assert result.error_text is None or "give" in result.error_text


def _mended(value: object) -> object:
    match value:
        case str():
            return mended(value)
        case list():
            return [_mended(member) for member in value]
        case dict():
            return {mended(key): _mended(member) for key, member in value.items()}
        case _:
            return value
