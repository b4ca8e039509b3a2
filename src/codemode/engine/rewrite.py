"""The edits that make a module's text a function's body: what its parser's tree says of each word.

See ``module`` for what becomes of which word.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

import tree_sitter_javascript
from tree_sitter import Language, Parser

from .clauses import next_token, read_export, read_import, unexpected
from .places import find

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

    from .places import Found, Scope

PARSE_SECONDS: Final = 0.5
"""Parsing a MiB of ordinary code takes 0.2 s."""

WORDS: Final = 30_000
"""So many words are judged, at some microseconds each; those behind are left to V8."""

CLAUSE_BYTES: Final = 4_096
"""An import, and what follows the list of an export, is read as far."""

LIST_BYTES: Final = 64 * 1024
"""The closing brace of an export is looked for as far."""

_LANGUAGE: Final = Language(tree_sitter_javascript.language())
ARGUMENTS: Final = r"\barguments\b|\bnew\s*\.\s*target\b"
_WORD: Final = re.compile(rf"\b(?:import|export|return|await)\b|<!--|-->|{ARGUMENTS}".encode())
_NEEDS_ARROW: Final = re.compile(ARGUMENTS)
_NOT_CALLED: Final = re.compile(rb"\s*\(\s*\)")
_ASSIGNED: Final = re.compile(rb"\s*=(?![=>])")
_ANONYMOUS: Final = re.compile(r"(async\s+function\b|function\b|class\b)(?:\s*\*)?")
_AT_TOP: Final = frozenset(("program", "import_statement", "export_statement", "ERROR"))
# The parser ends a statement behind `export` at the end of a line. A comment there is short, or
# each of many that never end would be read to the end of the source.
_EXPORT_LINE: Final = re.compile(
    rb"^[ \t]*export(?=\s|/[/*])(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/)){0,200}+\*/)++", re.MULTILINE
)


class Rewrite:
    """The edits that make one source a function body, and the reason to refuse it.

    Attributes:
        result: the source with its edits, each line as long as it was.
        parameters: those that the function needs for what stands in place of ``import``.
        arrow: the function is to have no ``arguments``.
        refusal: the error text of a program that V8 accepts and a module host does not.
    """

    def __init__(self, source: str, *, refused: bool) -> None:
        self._source = source
        self._refused = refused
        self._bytes = source.encode()
        self._edits: list[tuple[int, int, str]] = []
        self._rank: tuple[bool, int] | None = None
        self._exported: set[str] = set()
        self._has_default = False
        self._statement = (-1, -1)
        self._call: Node | None = None
        self._read = 0
        self._mentions: Counter[str] = Counter()
        self._taken = set(re.findall(r"\$[\w$]*", source))
        self._meta = self._unused("$meta")
        self._import = self._unused("$impo")
        # What is in a string may be evaluated at the top level.
        self.arrow = "eval" in source and _NEEDS_ARROW.search(source) is not None
        self.refusal: str | None = None
        self._judge()
        self.result = self._edited()
        used = self._meta in self.result or self._import in self.result
        self.parameters = f"{self._meta},{self._import}" if used else ""

    def _judge(self) -> None:
        tree = self._parse()
        if tree is None:
            self.arrow = _NEEDS_ARROW.search(self._source) is not None
            return
        broken = tree.root_node.has_error
        words = islice(_WORD.finditer(self._bytes), WORDS)
        places = [word.start() for word in words]
        for found in find(tree, places):
            self._visit(found, broken=broken)

    def _parse(self) -> Tree | None:
        end = time.monotonic() + PARSE_SECONDS
        text = _EXPORT_LINE.sub(_on_one_line, self._bytes)
        try:
            return Parser(_LANGUAGE).parse(
                lambda offset, _point: text[offset : offset + 65_536],
                progress_callback=lambda _offset, _has_error: time.monotonic() > end,
            )
        except ValueError:  # interrupted
            return None

    def _visit(self, found: Found, *, broken: bool) -> None:
        node, parents, scope = found
        if node.start_byte < self._read:
            return
        match node.type:
            case "call_expression":
                self._call = node
            case "import" if node.is_named:
                self._import_call(node, parents)
            case "import" if parents[0] not in ("import", "meta_property"):
                self._static_import(node, at_top=_AT_TOP.issuperset(parents))
            case "import_statement":
                self._statement = (node.start_byte, node.end_byte)
            case "meta_property" if self._text(node).startswith("import"):
                self._import_meta(node)
            case "meta_property" if not scope.has_arguments:
                self.arrow = True
            case "export" if _AT_TOP.issuperset(parents):
                self._export_clause(node)
            case "export_statement" if parents == ("program",):
                self._export(node)
            case "html_comment":
                self._refuse(node, "SyntaxError: HTML comments are not allowed in modules")
            case "return_statement" if not scope.in_function and not broken:
                self._refuse(node, "SyntaxError: Illegal return statement")
            case _ if node.child_count == 0:
                self._word(node, scope, broken=broken)

    def _word(self, node: Node, scope: Scope, *, broken: bool) -> None:
        if node.end_byte - node.start_byte > len("arguments") or node.type == "property_identifier":
            return
        text = self._text(node)
        if text == "arguments" and node.type == "identifier" and not scope.has_arguments:
            self.arrow = True
        # In a tree with errors the scope is a guess, good enough only to explain a refusal.
        elif text == "await" and not scope.awaits and (self._refused or not broken):
            self._edit(node.start_byte, node.end_byte, "enum")

    def _import_call(self, node: Node, parents: tuple[str, ...]) -> None:
        clause = self._clause(node.end_byte)
        token = next_token(clause)
        if token not in ("(", "."):
            self._static_import(node, at_top=True)
            return
        # Without an argument, and behind `new`, V8 says itself what is wrong.
        if "new_expression" in parents[:2] or _NOT_CALLED.match(self._bytes, node.end_byte):
            return
        self._edit(node.start_byte, node.end_byte, self._import)
        behind = clause[clause.index(token) + 1 :]
        if token == "." or next_token(behind) == "...":
            self._refuse(node, unexpected(behind))
        elif self._call is not None:
            if (extra := _third_argument(self._call)) is not None:
                self._refuse(extra, unexpected(self._clause(extra.start_byte)))
            self._refuse_assignment(self._call)

    def _import_meta(self, node: Node) -> None:
        self._edit(node.start_byte, node.end_byte, self._meta)
        self._refuse_assignment(node)

    def _refuse_assignment(self, target: Node) -> None:
        """What stands for ``import`` can be assigned to, and ``import`` cannot."""
        if _ASSIGNED.match(self._bytes, target.end_byte):
            self._refuse(target, "SyntaxError: Invalid left-hand side in assignment")

    def _static_import(self, token: Node, *, at_top: bool) -> None:
        if self._has_syntax_error():
            return
        clause = self._clause(token.end_byte)
        specifier, error = read_import(clause) if at_top else ("", unexpected(clause))
        self._refuse(token, error or f"Unsupported import in exec: {specifier}")
        if not error and self._statement[0] == token.start_byte:
            self._edit(*self._statement, ";")

    def _export_clause(self, token: Node) -> None:
        start = token.end_byte
        brace = self._bytes.find(b"}", start, start + LIST_BYTES)
        clause = self._clause(start, max(start, brace))
        if self._has_syntax_error() or next_token(clause) not in ("{", "*"):
            return
        export = read_export(clause)
        if export.error:
            self._refuse(token, export.error)
            return
        if export.specifier is not None:
            self._refuse(token, f"Unsupported import in exec: {export.specifier}")
        for local, name in export.names:
            self._note_export(token, name)
            if not self._is_declared(local):
                self._refuse(token, f"SyntaxError: Export '{local}' is not defined in module")
        self._read = start + len(clause[: export.end].encode())
        self._edit(token.start_byte, self._read, ";")

    def _export(self, node: Node) -> None:
        """A declaration or a default: lists are read where their ``export`` stands."""
        declaration = node.child_by_field_name("declaration")
        inner = declaration or node.child_by_field_name("value")
        if inner is None:
            return
        if not any(child.type == "default" for child in node.children):
            self._note_exports(inner)
            self._edit(node.start_byte, inner.start_byte, "")
        elif inner.type in ("lexical_declaration", "variable_declaration"):
            keyword = self._text(inner.children[0])
            word = f"token '{keyword}'" if keyword != "let" else "strict mode reserved word"
            self._refuse(node, f"SyntaxError: Unexpected {word}")
            self._edit(node.start_byte, inner.start_byte, "")
        else:
            self._export_default(node, inner, named=declaration is not None)

    def _export_default(self, node: Node, inner: Node, *, named: bool) -> None:
        if self._has_default:
            self._refuse(node, "SyntaxError: Identifier '.default' has already been declared")
            self._edit(node.start_byte, node.end_byte, ";")
            return
        self._has_default = True
        self._note_export(node, "default")
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
        rank = (not reason.startswith("SyntaxError"), node.start_byte)
        if self._rank is None or rank < self._rank:
            self._rank, self.refusal = rank, reason

    def _has_syntax_error(self) -> bool:
        """Whether one was found, which stands before whatever is found from now on."""
        return self._rank is not None and not self._rank[0]

    def _clause(self, start: int, end: int = 0) -> str:
        """What stands behind ``start``, until some way behind ``end``."""
        return self._bytes[start : max(start, end) + CLAUSE_BYTES].decode(errors="ignore")

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


def _third_argument(call: Node) -> Node | None:
    """The argument of ``import()`` that stands behind its two, if ``call`` has one."""
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.named_child_count <= 2:
        return None
    given = [child for child in arguments.named_children if child.type != "comment"]
    return given[2] if len(given) > 2 else None


def _on_one_line(match: re.Match[bytes]) -> bytes:
    """``export`` and blanks, as long as what stood there."""
    before, _, after = match[0].partition(b"export")
    return before + b"export" + b" " * len(after)


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
