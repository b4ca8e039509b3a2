"""``docs/cli.md`` says what the commands say."""

import click

from codemode.cli.outcome import EXIT_CODES

from .documentation import PAGE, blocks, command_paths, renewed

WORDS = PAGE.read_text(encoding="utf-8")


def test_the_generated_parts_are_up_to_date() -> None:
    # Renew them with: python -m tests.cli.documentation
    assert renewed(WORDS).split() == WORDS.split()


def test_every_command_and_option_is_documented() -> None:
    commands = command_paths()
    options = [
        flag
        for command in commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for flag in parameter.opts
    ]

    assert set(commands) | {"limits"} == set(blocks(WORDS))
    assert [flag for flag in options if flag not in WORDS] == []


def test_every_option_has_help() -> None:
    silent = [
        parameter.name
        for command in command_paths().values()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]

    assert silent == []


def test_every_exit_code_is_documented() -> None:
    assert [code for code in (*EXIT_CODES.values(), 2, 141) if f"\n| {code} | " not in WORDS] == []
