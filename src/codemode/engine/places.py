"""Where a word stands in a program: the path to it through the parser's tree, and in whose scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree, TreeCursor

MOVES: Final = 200_000
"""Steps through the tree; each is about a microsecond. What lies behind them is left to V8."""


class Scope(NamedTuple):
    """What some words mean in a place."""

    awaits: bool
    """``await`` is a keyword: the body of the program, and of an async function."""

    in_function: bool
    """There is something to return from."""

    has_arguments: bool
    """``arguments`` and ``new.target`` are those of a function, which is no arrow."""


TOP: Final = Scope(awaits=True, in_function=False, has_arguments=False)
_CLASS_CODE: Final = Scope(awaits=False, in_function=True, has_arguments=True)

_OPENS: Final = {
    "arrow_function": {"body"},  # its parameters are read as an expression of the scope around it
    "function_declaration": {"parameters", "body"},
    "generator_function_declaration": {"parameters", "body"},
    "function_expression": {"name", "parameters", "body"},
    "generator_function": {"name", "parameters", "body"},
    "method_definition": {"parameters", "body"},
    "field_definition": {"value"},
    "class_static_block": {"body"},
}
"""The fields of a node that lie in a scope of its own."""


class Found(NamedTuple):
    """A node that holds one of the words, and where it stands."""

    node: Node
    parents: tuple[str, ...]
    """Types of the three nearest ancestors, nearest first."""

    scope: Scope


class _Level(NamedTuple):
    """A node on the path, the scope that it stands in and the one that it opens."""

    kind: str
    outer: Scope
    inner: Scope

    def scope_of_child(self, cursor: TreeCursor) -> Scope:
        fields = _OPENS.get(self.kind)
        return self.inner if fields and cursor.field_name in fields else self.outer


def find(tree: Tree, places: list[int]) -> Iterator[Found]:
    """The nodes above and at ``places``, in the order of the text."""
    cursor = tree.walk()
    path: list[_Level] = []
    at = 0
    for _ in range(MOVES):
        node = cursor.node
        assert node is not None
        while at < len(places) and places[at] < node.start_byte:
            at += 1
        if at == len(places):
            return
        if places[at] < node.end_byte:
            scope = path[-1].scope_of_child(cursor) if path else TOP
            yield Found(node, tuple(level.kind for level in path[:-4:-1]), scope)
            if cursor.goto_first_child():
                path.append(_Level(node.type, scope, _opened(node, scope)))
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            path.pop()


def _opened(node: Node, outer: Scope) -> Scope:
    """The scope of the function that ``node`` is, if it is one."""
    if node.type not in _OPENS:
        return outer
    if node.type in ("field_definition", "class_static_block"):
        return _CLASS_CODE
    # `async` stands before the parameters, behind `static` at most.
    is_async = any(child.type == "async" for child in node.children[:3])
    has_arguments = outer.has_arguments or node.type != "arrow_function"
    return Scope(awaits=is_async, in_function=True, has_arguments=has_arguments)
