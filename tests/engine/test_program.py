"""What a cell is started with, as the prelude reads it."""

import json
from typing import Any

from codemode.engine.program import (
    EXPLAINED_CHARS,
    LAZY_NAMES,
    QUICK_CHARS,
    Catalogue,
    Program,
    compose,
    is_quick,
    settings_of,
)
from codemode.limits import Limits


def composed(source: str, catalogue: Catalogue) -> tuple[dict[str, Any], list[str], Program]:
    """The settings and names of a program, and all of it."""
    program = compose(source, catalogue, settings_of(Limits()))
    head, names, descriptions = program.head.split(b"\n")
    assert head.startswith(b"S")
    settings = json.loads(head[1:])
    assert descriptions == (b"" if settings["lazy"] else catalogue.descriptions)
    return settings, json.loads(names), program


def test_a_program_is_settings_names_and_a_script_around_the_source() -> None:
    source = "text(1)\ntext(2)"
    head, names, program = composed(source, Catalogue.of([("a\nb", "A"), ("c", "C")]))

    assert names == ["a\nb", "c"]
    assert program.check() == b"C" + source.encode()
    assert program.script == (
        f'"use strict";{head["open"]}{source}{head["close"]}\n//# sourceURL=exec_main.mjs'.encode()
    )
    assert head["shift"] == program.script.index(source.encode())
    assert (head["lazy"], head["refusal"]) == (False, None)
    assert head["valueBytes"] == 16 * 1024 * 1024
    assert head["timersError"] == Limits().message("timers")


def test_a_program_that_is_refused_has_no_script() -> None:
    head, _, program = composed("import 'm'", Catalogue.of(()))

    assert head["refusal"] == "Unsupported import in exec: m"
    assert (program.script, program.check()) == (None, b"C;         ")


def test_a_limit_that_is_off_is_no_number_of_calls() -> None:
    members = json.loads("{" + settings_of(Limits(tool_calls=None)) + "}")

    assert (members["toolCalls"], members["toolCallsError"]) == (-1, "")


def test_a_large_catalogue_is_made_when_it_is_looked_at() -> None:
    many = Catalogue.of([(f"t{i}", "") for i in range(LAZY_NAMES + 1)])
    long = Catalogue.of([("t", "x" * 20_000)])

    assert [composed("", each)[0]["lazy"] for each in (many, long)] == [True, True]


def test_a_lone_surrogate_in_a_source_does_not_stop_it() -> None:
    assert composed("text('\ud800')", Catalogue.of(()))[2].check().decode() == "Ctext('\ufffd')"


def test_a_catalogue_survives_the_wire() -> None:
    catalogue = Catalogue.of([("a", "one\ntwo"), ("ü", "\ud800")])

    assert Catalogue.unpack(catalogue.pack()) == catalogue
    assert json.loads(catalogue.descriptions)[0] == {"name": "a", "description": "one\ntwo"}


def test_catalogues_are_told_apart_by_number() -> None:
    assert Catalogue.of(()).number != Catalogue.of(()).number


def test_only_a_long_source_with_a_word_for_the_parser_is_slow() -> None:
    long = "x;" * QUICK_CHARS

    assert [is_quick(source) for source in ("return 1", long, long + "return")] == [
        True,
        True,
        False,
    ]


def test_a_refusal_is_explained_where_the_source_is_not_too_long() -> None:
    source = "function f() { await tools.echo(1); }\n"
    found = []
    for length in (0, EXPLAINED_CHARS):
        program = composed(source + " " * length, Catalogue.of(()))[2]
        found.append(program.check().decode().rstrip())

    assert found == [
        "Cfunction f() { enum  tools.echo(1); }",
        "Cfunction f() { await tools.echo(1); }",
    ]
