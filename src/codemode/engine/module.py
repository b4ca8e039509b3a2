"""A module's text as the body of a function: V8 is reached without a module API.

The program is evaluated as ``"use strict";(async function(){`` + source + ``})``. What a module
allows and a function body does not, or the other way round, is settled here by a parser, and
only for sources that contain such a word:

* static ``import`` and ``export … from`` are refused with the text of the reference host;
* ``export`` and ``export default`` are blanked out, so that every column stays where it was;
* ``import()`` and ``import.meta`` become parameters of the function;
* top-level ``return``, legal in a function, and HTML-like comments, legal in a script, are
  refused; a hashbang line becomes a comment.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import tree_sitter_javascript
from tree_sitter import Language, Parser, Query, QueryCursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree

STRICT: Final = '"use strict";'

_LANGUAGE: Final = Language(tree_sitter_javascript.language())
_QUERY: Final = Query(
    _LANGUAGE,
    "(import_statement) @import (export_statement) @export (html_comment) @comment"
    " (call_expression function: (import) @dynamic) (meta_property) @meta",
)
_WORDS: Final = re.compile(r"\b(?:import|export|return)\b|<!--|-->")
_FUNCTIONS: Final = frozenset(
    "function_declaration function_expression generator_function generator_function_declaration"
    " arrow_function method_definition class_static_block".split()
)
_KEPT: Final = re.compile(r"[^\r\n\u2028\u2029]")


class Module(NamedTuple):
    """A source ready to be wrapped.

    ``open`` is the wrapper's beginning behind ``"use strict";``; ``refusal`` is the error text
    of a program that must not run although V8 would accept it.
    """

    source: str
    open: str
    refusal: str | None

    def head(self) -> str:
        """The members that the prelude needs, as JSON without the braces."""
        shift = len(STRICT + self.open)
        return (
            f'"open":{json.dumps(self.open)},"shift":{shift},"refusal":{json.dumps(self.refusal)}'
        )


def needs_parsing(source: str) -> bool:
    """Whether ``source`` contains a word that only a parser can judge."""
    return _WORDS.search(source) is not None


def read_module(source: str) -> Module:
    """Turn a module's source into a function body."""
    if source.startswith("#!"):
        source = "//" + source[2:]
    # An arrow has no `arguments`, like a module; a function has no `this`, like a module.
    opening = "(async({})=>{{" if re.search(r"\barguments\b", source) else "(async function({}){{"
    if not needs_parsing(source):
        return Module(source, opening.format(""), None)
    return _Rewrite(source).module(opening)


class _Rewrite:
    """The edits that make one source a function body."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bytes = source.encode("utf-8", "replace")
        self._edits: list[tuple[int, int, str]] = []
        self._refusal: tuple[int, str] | None = None
        self._meta = self._unused("$meta")
        self._import = self._unused("$impo")

    def module(self, opening: str) -> Module:
        tree = Parser(_LANGUAGE).parse(self._bytes)
        found = QueryCursor(_QUERY).captures(tree.root_node)
        for node in found.get("import", ()):
            self._refuse_import(node)
        for node in found.get("export", ()):
            self._unexport(node)
        for node in found.get("comment", ()):
            self._refuse(node, "SyntaxError: HTML comments are not allowed in modules")
        for node in found.get("dynamic", ()):
            self._replace(node, self._import)
        for node in found.get("meta", ()):
            if self._text(node).startswith("import"):
                self._replace(node, self._meta)
        for node in _top_level_returns(tree):
            self._refuse(node, "SyntaxError: Illegal return statement")
        parameters = ""
        if "dynamic" in found or "meta" in found:
            parameters = f"{self._meta},{self._import}"
        refusal = None if self._refusal is None else self._refusal[1]
        return Module(self._edited(), opening.format(parameters), refusal)

    def _unused(self, name: str) -> str:
        number = 0
        while name in self._source:
            name = f"${number:04d}"
            number += 1
        return name

    def _text(self, node: Node) -> str:
        return self._bytes[node.start_byte : node.end_byte].decode()

    def _refuse(self, node: Node, reason: str) -> None:
        if self._refusal is None or node.start_byte < self._refusal[0]:
            self._refusal = (node.start_byte, reason)

    def _refuse_import(self, node: Node) -> None:
        module = node.child_by_field_name("source")
        if module is not None:
            self._refuse(node, f"Unsupported import in exec: {_string_value(self._text(module))}")
            self._blank(node.start_byte, node.end_byte)

    def _unexport(self, node: Node) -> None:
        declaration = node.child_by_field_name("declaration")
        value = node.child_by_field_name("value")
        if declaration is None and value is None:
            self._refuse_import(node)
            self._blank(node.start_byte, node.end_byte)
            return
        inner = declaration or value
        assert inner is not None
        is_default = any(child.type == "default" for child in node.children)
        if is_default and (declaration is None or declaration.child_by_field_name("name") is None):
            # An expression of its own: `0, value` cannot be read as a block or a declaration.
            self._edit(node.start_byte, inner.start_byte, "0,")
        else:
            self._blank(node.start_byte, inner.start_byte)

    def _replace(self, node: Node, name: str) -> None:
        self._edit(node.start_byte, node.end_byte, name)

    def _blank(self, start: int, end: int) -> None:
        self._edit(start, end, "")

    def _edit(self, start: int, end: int, text: str) -> None:
        old = self._bytes[start:end].decode()
        self._edits.append((start, end, text + _KEPT.sub(" ", old)[len(text) :]))

    def _edited(self) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, text in sorted(self._edits):
            if start >= at:
                pieces += (self._bytes[at:start].decode(), text)
                at = end
        pieces.append(self._bytes[at:].decode())
        return "".join(pieces)


def _top_level_returns(tree: Tree) -> Iterator[Node]:
    """Return statements outside every function, in order."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        assert node is not None
        if node.type == "return_statement":
            yield node
        if node.type not in _FUNCTIONS and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _string_value(literal: str) -> str:
    """The value of a JavaScript string literal, near enough for an error text."""
    return literal[1:-1]
