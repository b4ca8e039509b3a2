"""The tools that a client names by a revision: what the published host of 0.171 answers, as a table."""

import pytest

from codemode.host.refused import RefusedError
from codemode.host.tool_catalog import ToolCatalog
from tests.runtime.doubles import definitions

A, B, NONE = definitions("a"), definitions("b"), definitions()


def answers(*executes: tuple[int, object]) -> list[object]:
    """What becomes of executes with these revisions and tools, one after another: their tools, or the refusal."""
    catalog = ToolCatalog()
    found: list[object] = []
    for revision, tools in executes:
        assert isinstance(tools, tuple)
        try:
            found.append(catalog.resolve(revision, tools))
        except RefusedError as refused:
            found.append(str(refused))
    return found


UNKNOWN = "unknown code-mode catalog revision"
CONFLICTING = "conflicting code-mode catalog revision"
INVALID = "invalid code-mode catalog revision"


@pytest.mark.parametrize(
    ("executes", "expected"),
    [
        pytest.param(((1, A), (1, NONE), (1, A)), [A, A, A], id="a revision names its tools"),
        pytest.param(((1, A), (1, B), (1, NONE)), [A, CONFLICTING, A], id="other tools"),
        pytest.param(((1, NONE),), [UNKNOWN], id="a revision that was never sent"),
        pytest.param(((1, A), (2, B), (1, NONE)), [A, B, UNKNOWN], id="only the last is kept"),
        pytest.param(
            ((2, A), (1, B), (1, NONE), (2, NONE)),
            [A, B, UNKNOWN, A],
            id="an older one runs with its tools and is not kept",
        ),
        pytest.param(((0, A), (0, NONE)), [INVALID, INVALID], id="no revision is 0"),
        pytest.param(((2**64 - 1, A), (2**64 - 1, NONE)), [A, A], id="the largest"),
    ],
)
def test_tools_by_revision(
    executes: tuple[tuple[int, object], ...], expected: list[object]
) -> None:
    assert answers(*executes) == expected
