"""A module's text as the body of a function: V8 is reached without a module API.

The program is evaluated as ``"use strict";(async function(){label:{`` + source + a newline +
``let name;break label}})``. Label and name are different each time: a source that closes the
wrapper's brace to open one of its own meets a ``break`` without its label, and one that ends in
the middle of a statement meets a declaration, which no statement can end with; both are errors of
syntax. What a module allows and a
function body does not, or the other way round, is settled by a parser, and only for sources that
contain such a word:

* static ``import`` and ``export … from`` are refused with the text of the reference host;
* ``export`` and ``export default`` are taken out, so that every column stays where it was;
* ``import()`` and ``import.meta`` become parameters of the function;
* top-level ``return``, legal in a function, and HTML-like comments, legal in a script, are
  refused; a hashbang line becomes a comment.

V8 stays the judge of syntax: what the parser cannot make sense of goes to V8 as it is. A hostile
source costs a bounded time: the parser is interrupted, and the walk through its tree visits only
what holds one of the words, and not more than ``MOVES`` nodes.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import tree_sitter_javascript
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree

STRICT: Final = '"use strict";'
FILE_NAME: Final = "exec_main.mjs"
"""The name of the program in stacks, as in the reference."""

PARSE_SECONDS: Final = 0.5
"""Parsing a MiB of ordinary code takes 0.2 s."""

MOVES: Final = 300_000
"""Steps through the tree; each is about a microsecond."""

WORDS_SEEN: Final = 10_000
"""Words beyond this many are left to V8."""

_LANGUAGE: Final = Language(tree_sitter_javascript.language())
_WORDS: Final = r"\b(?:import|export|return)\b|<!--|-->"
_WORD: Final = re.compile(_WORDS)
_WORD_BYTES: Final = re.compile(_WORDS.encode())
_NEEDS_ARROW: Final = re.compile(r"\barguments\b|\bnew\s*\.\s*target\b")
_FUNCTIONS: Final = frozenset(
    "function_declaration function_expression generator_function generator_function_declaration"
    " arrow_function method_definition class_static_block".split()
)
_NO_ARGUMENTS: Final = re.compile(rb"\s*\(\s*\)")
_ANONYMOUS: Final = re.compile(r"(async\s+function\b|function\b|class\b)(?:\s*\*)?")


class Module(NamedTuple):
    """A source ready to be wrapped.

    ``open`` is the beginning of the wrapper's function. ``refusal`` is the error text of a
    program that V8 accepts and a module host does not, or whose static import V8 calls
    misplaced, because it knows no module.
    """

    source: str
    open: str
    refusal: str | None

    def wrapped(self) -> Wrapped:
        """The function around the source, with a label and a name that nobody knows."""
        name = f"${os.urandom(6).hex()}"
        # A block, not the function's own body: in it a function cannot be declared twice.
        return Wrapped(f"{self.open}{name}:{{", self.source, f"\nlet {name};break {name}}}}})")


class Wrapped(NamedTuple):
    """A source between the wrapper's halves."""

    open: str
    source: str
    close: str

    def script(self) -> str:
        """What evaluates to the program's function."""
        return f"{STRICT}{self.open}{self.source}{self.close}\n//# sourceURL={FILE_NAME}"

    @property
    def shift(self) -> int:
        """How many columns the wrapper puts before the first line."""
        return len(STRICT + self.open)


def needs_parsing(source: str) -> bool:
    """Whether ``source`` contains a word that only a parser can judge."""
    return _WORD.search(source) is not None


def read_module(source: str) -> Module:
    """Turn a module's source into a function body, each line as long as it was.

    >>> read_module("export const a = 1;").source
    '       const a = 1;'
    """
    source = _well_formed(source)
    if source.startswith("#!"):
        source = "//" + source[2:]
    # An arrow has no `arguments` and no `new.target`, like a module; a function has no `this`,
    # like a module.
    arrow = _NEEDS_ARROW.search(source) is not None
    opening = "(async({})=>{{" if arrow else "(async function({}){{"
    if not needs_parsing(source):
        return Module(source, opening.format(""), None)
    return _Rewrite(source).module(opening)


def _well_formed(source: str) -> str:
    """``source`` with lone surrogates replaced, one for one."""
    if source.isascii():
        return source
    return source.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Found(NamedTuple):
    """A node that holds one of the words, and where it stands."""

    node: Node
    parents: tuple[str, ...]
    """Types of the three nearest ancestors, nearest first."""

    in_function: bool


def _find(tree: Tree, places: list[int]) -> Iterator[_Found]:
    """The nodes above and at ``places``, in the order of the text."""
    cursor = tree.walk()
    ancestors: list[str] = []
    functions = at = 0
    for _ in range(MOVES):
        node = cursor.node
        assert node is not None
        kind, end = node.type, node.end_byte
        while at < len(places) and places[at] < node.start_byte:
            at += 1
        if at == len(places):
            return
        if places[at] < end:
            yield _Found(node, tuple(ancestors[:-4:-1]), functions > 0)
            if cursor.goto_first_child():
                ancestors.append(kind)
                functions += kind in _FUNCTIONS
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            functions -= ancestors.pop() in _FUNCTIONS


class _Rewrite:
    """The edits that make one source a function body, and the reason to refuse it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bytes = source.encode()
        self._edits: list[tuple[int, int, str]] = []
        self._refusal: tuple[bool, int, str] | None = None
        self._exported: set[str] = set()
        self._has_default = False
        self._statement = (-1, -1)
        self._mentions: Counter[str] = Counter()
        self._taken = set(re.findall(r"\$[\w$]*", source))
        self._meta = self._unused("$meta")
        self._import = self._unused("$impo")

    def module(self, opening: str) -> Module:
        tree = self._parse()
        if tree is not None:
            broken = tree.root_node.has_error
            words = islice(_WORD_BYTES.finditer(self._bytes), WORDS_SEEN)
            places = [word.start() for word in words]
            for found in _find(tree, places):
                self._visit(found, broken=broken)
        source = self._edited()
        used = self._meta in source or self._import in source
        parameters = f"{self._meta},{self._import}" if used else ""
        refusal = None if self._refusal is None else self._refusal[2]
        return Module(source, opening.format(parameters), refusal)

    def _parse(self) -> Tree | None:
        end = time.monotonic() + PARSE_SECONDS
        try:
            return Parser(_LANGUAGE).parse(
                lambda offset, _point: self._bytes[offset : offset + 65_536],
                progress_callback=lambda _offset, _has_error: time.monotonic() > end,
            )
        except ValueError:  # interrupted
            return None

    def _visit(self, found: _Found, *, broken: bool) -> None:
        node, parents = found.node, found.parents
        match node.type:
            case "import" if node.is_named:
                # Without an argument, and behind `new`, V8 says itself what is wrong.
                empty = _NO_ARGUMENTS.match(self._bytes, node.end_byte)
                if "new_expression" not in parents[:2] and not empty:
                    self._edit(node.start_byte, node.end_byte, self._import)
            case "import" if parents[0] not in ("import", "meta_property"):
                self._static_import(node, at_top=parents[1:2] == ("program",))
            case "import_statement":
                self._statement = (node.start_byte, node.end_byte)
            case "meta_property" if self._text(node).startswith("import"):
                self._edit(node.start_byte, node.end_byte, self._meta)
            case "export_statement" if parents == ("program",):
                self._export(node)
            case "html_comment":
                self._refuse(node, "SyntaxError: HTML comments are not allowed in modules")
            case "return_statement" if not found.in_function and not broken:
                self._refuse(node, "SyntaxError: Illegal return statement")

    def _static_import(self, token: Node, *, at_top: bool) -> None:
        clause = self._bytes[token.end_byte : token.end_byte + CLAUSE_BYTES].decode(errors="ignore")
        specifier, unexpected = read_import(clause) if at_top else ("", unexpected_first(clause))
        if unexpected:
            self._refuse(token, unexpected)
            return
        self._refuse(token, f"Unsupported import in exec: {specifier}")
        if self._statement[0] == token.start_byte:
            self._edit(*self._statement, ";")

    def _export(self, node: Node) -> None:
        declaration = node.child_by_field_name("declaration")
        inner = declaration or node.child_by_field_name("value")
        if node.child_by_field_name("source") is not None:
            source = node.child_by_field_name("source")
            assert source is not None
            self._refuse(node, f"Unsupported import in exec: {string_value(self._text(source))}")
            self._edit(node.start_byte, node.end_byte, ";")
        elif inner is None:
            self._export_names(node)
            self._edit(node.start_byte, node.end_byte, ";")
        elif not any(child.type == "default" for child in node.children):
            self._note_exports(inner)
            self._edit(node.start_byte, inner.start_byte, "")
        else:
            self._export_default(node, inner, named=declaration is not None)

    def _export_default(self, node: Node, inner: Node, *, named: bool) -> None:
        if self._has_default:
            self._refuse(node, "SyntaxError: Identifier '.default' has already been declared")
            self._edit(node.start_byte, node.end_byte, ";")
            return
        self._has_default = True
        keyword = _ANONYMOUS.match(self._text(inner)) if not named else None
        if named:
            self._edit(node.start_byte, inner.start_byte, "")
        elif keyword is None:
            # An expression of its own: `0, value` cannot be read as a block or a declaration.
            self._edit(node.start_byte, inner.start_byte, "0,")
        else:
            # A declaration needs a name here, and has the room of `export default` for it.
            end = inner.start_byte + len(keyword[0].encode())
            self._edit(node.start_byte, end, f"{keyword[0]} {self._unused('$')}")

    def _export_names(self, node: Node) -> None:
        for clause in node.named_children:
            for item in clause.named_children:
                name = item.child_by_field_name("name")
                if item.type != "export_specifier" or name is None:
                    continue
                self._note_export(item, self._text(item.child_by_field_name("alias") or name))
                if not self._is_declared(self._text(name)):
                    text = f"SyntaxError: Export '{self._text(name)}' is not defined in module"
                    self._refuse(item, text)

    def _note_exports(self, declaration: Node) -> None:
        for item in (declaration, *declaration.named_children):
            name = item.child_by_field_name("name")
            if name is not None and name.type == "identifier":
                self._note_export(item, self._text(name))

    def _note_export(self, node: Node, name: str) -> None:
        if name in self._exported:
            self._refuse(node, f"SyntaxError: Duplicate export of '{name}'")
        self._exported.add(name)

    def _is_declared(self, name: str) -> bool:
        """Whether the source mentions ``name`` outside of this one place: near enough."""
        if not self._mentions:
            self._mentions = Counter(re.findall(r"[\w$]+", self._source))
        return self._mentions[name] != 1

    def _unused(self, name: str) -> str:
        number = 0
        while name in self._taken:
            name = f"${number}"
            number += 1
        self._taken.add(name)
        return name

    def _text(self, node: Node) -> str:
        return self._bytes[node.start_byte : node.end_byte].decode()

    def _refuse(self, node: Node, reason: str) -> None:
        """Keep the first reason; errors of syntax are found before imports are resolved."""
        refusal = (not reason.startswith("SyntaxError"), node.start_byte, reason)
        if self._refusal is None or refusal < self._refusal:
            self._refusal = refusal

    def _edit(self, start: int, end: int, text: str) -> None:
        self._edits.append((start, end, text))

    def _edited(self) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, text in sorted(self._edits):
            if start >= at:
                pieces += (
                    self._bytes[at:start].decode(),
                    _fit(text, self._bytes[start:end].decode()),
                )
                at = end
        pieces.append(self._bytes[at:].decode())
        return "".join(pieces)


_LINE_END: Final = re.compile(r"([\r\n\u2028\u2029]+)")


def _fit(text: str, old: str) -> str:
    """``text`` laid over ``old``: as many lines, each as many UTF-16 units long.

    >>> _fit("0,", "export default ")
    '0,             '
    """
    lines = _LINE_END.split(old)
    for index in range(0, len(lines), 2):
        room = len(lines[index].encode("utf-16-le")) // 2
        part = text if len(text) <= room else ""
        if not part and text and " " in text and room >= text.index(" "):
            part = text[: text.index(" ")]  # the keyword here, its name on the next line
        lines[index] = part.ljust(room)
        text = text[len(part) :].lstrip(" ")
    return "".join(lines)


# ---------------------------------------------------------------- static imports

CLAUSE_BYTES: Final = 4_096
"""An import that is longer than this is read as far."""

_TOKEN: Final = re.compile(
    r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
    r"(?:(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|(?P<name>[^\W\d][\w$]*|\$[\w$]*)"
    r"|(?P<number>\d[\w.]*)|(?P<mark>\S))"
)
_GRAMMAR: Final = {
    "import": {"string": "end", "name": "default", "*": "star", "{": "list"},
    "default": {",": "more", "from": "from"},
    "more": {"*": "star", "{": "list"},
    "star": {"as": "namespace"},
    "namespace": {"name": "close"},
    "list": {"name": "item", "string": "item", "}": "close"},
    "item": {"as": "alias", ",": "list", "}": "close"},
    "alias": {"name": "aliased"},
    "aliased": {",": "list", "}": "close"},
    "close": {"from": "from"},
    "from": {"string": "end"},
}
"""What may follow what between ``import`` and the name of the module."""


def read_import(clause: str) -> tuple[str, str]:
    """The module that ``import`` + ``clause`` names, and the error if it is malformed.

    >>> read_import(' a, { b as c } from "m"')
    ('m', '')
    >>> read_import(" a b")
    ('', "SyntaxError: Unexpected identifier 'b'")
    """
    state, at = "import", 0
    while match := _TOKEN.match(clause, at):
        token, kind = match[match.lastgroup or 0], match.lastgroup
        following = _GRAMMAR[state]
        state = following.get(token) or following.get(kind or "") or ""
        if state == "end":
            return string_value(token), ""
        if not state:
            return "", _unexpected(match)
        at = match.end()
    return "", "SyntaxError: Unexpected end of input"


def unexpected_first(clause: str) -> str:
    """The error of an ``import`` that stands where none may."""
    match = _TOKEN.match(clause)
    return "SyntaxError: Unexpected end of input" if match is None else _unexpected(match)


def _unexpected(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "name":
        return f"SyntaxError: Unexpected identifier '{match[kind]}'"
    if kind == "mark":
        return f"SyntaxError: Unexpected token '{match[kind]}'"
    return f"SyntaxError: Unexpected {kind}"


_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))"
)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONTINUATIONS: Final = ("\n", "\r\n", "\r", "\u2028", "\u2029")


def string_value(literal: str) -> str:
    r"""The value of a JavaScript string literal, quotes included.

    >>> string_value(r"'a\x62\u{63}\n'")
    'abc\n'
    """

    def decoded(match: re.Match[str]) -> str:
        digits = match[1] or match[2] or match[3]
        if digits:
            code = int(digits, 16)
            return chr(code) if code <= 0x10FFFF else "\ufffd"
        return "" if match[4] in _CONTINUATIONS else _ESCAPED.get(match[4], match[4])

    return _well_formed(_ESCAPE.sub(decoded, literal[1:-1]))
