"""The exception tree is the one its docstring draws."""

import inspect
import re

from codemode import errors


def test_the_docstring_draws_the_tree_that_there_is() -> None:
    drawn = dict(re.findall(r"(\w+Error)\s+(\w+)  +\S", errors.__doc__ or ""))
    classes = {
        name: member.code
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.CodeModeError)
    }

    assert drawn == classes


def test_codes_are_unique() -> None:
    codes = [
        member.code
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.CodeModeError)
    ]

    assert len(codes) == len(set(codes))


def test_refusals_of_a_session_read_as_the_reference_host_says_them() -> None:
    assert [
        str(errors.SessionClosedError()),
        str(errors.CellBusyError("7")),
        str(errors.CellTerminatingError("7")),
    ] == [
        "code mode session is shutting down",
        "exec cell 7 already has an active observer",
        "exec cell 7 is already terminating",
    ]
