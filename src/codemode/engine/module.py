"""A module's text as the body of a function: V8 is reached without a module API.

The program is evaluated as ``"use strict";(async function(){label:{`` + source + a newline +
``let name;break label}})``. Label and name are different each time: a source that closes the
wrapper's brace to open one of its own meets a ``break`` without its label, and one that ends in
the middle of a statement meets a declaration, which no statement can end with; both are errors of
syntax. What a module allows and a function body does not, or the other way round, is settled by a
parser, and only for sources that contain such a word:

* static ``import`` and ``export … from`` are refused with the text of the reference host;
* ``export`` and ``export default`` are taken out, so that every column stays where it was;
* ``import()`` and ``import.meta`` become parameters of the function;
* top-level ``return``, legal in a function, and HTML-like comments, legal in a script, are
  refused; a hashbang line becomes a comment;
* ``arguments`` and ``new.target`` at the top level make the function an arrow, which has neither,
  as a module; but an arrow has a ``this``;
* ``await`` where it is no keyword is a name in a function and an error in a module: it becomes
  ``enum``, of which V8 says in the same place what it says of it in a module.

V8 stays the judge of syntax: what the parser cannot make sense of goes to V8 as it is, and so does
an ``await`` that V8 takes for a name and then trips over: only when it has refused such a source
is it parsed, to find its words. A hostile source costs a bounded time: the parser is interrupted,
and the walk through its tree visits only what holds one of the first ``WORDS`` words, and not more
than ``MOVES`` nodes.
"""

from __future__ import annotations

import os
import re
from typing import Final, NamedTuple

from .clauses import well_formed
from .rewrite import ARGUMENTS, Rewrite

STRICT: Final = '"use strict";'
FILE_NAME: Final = "exec_main.mjs"
"""The name of the program in stacks, as in the reference."""

_MARKS: Final = ("import", "export", "return", "arguments", "target", "<!--", "-->")
_WORD: Final = re.compile(rf"\b(?:import|export|return)\b|<!--|-->|{ARGUMENTS}")
# Where `await` is a name, what follows it here on its line is an error for V8 already.
_AWAIT_AS_NAME: Final = re.compile(
    r"await(?<!for await)\b(?![ \t]+(?!(?:in|of|instanceof)\b)[\w$\"'{])"
)


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
    # Looking for each mark is several times quicker than one pattern.
    if any(mark in source for mark in _MARKS) and _WORD.search(source):
        return True
    return _AWAIT_AS_NAME.search(source) is not None


def read_module(source: str, *, refused: bool = False) -> Module:
    """Turn a module's source into a function body, each line as long as it was.

    ``refused``: V8 has done so, and is to say why with the words that it has for a module.

    >>> read_module("export const a = 1;").source
    '       const a = 1;'
    """
    source = well_formed(source)
    if source.startswith("#!"):
        source = "//" + source[2:]
    if not needs_parsing(source) and not (refused and "await" in source):
        return Module(source, _opening("", arrow=False), None)
    rewrite = Rewrite(source, refused=refused)
    opening = _opening(rewrite.parameters, arrow=rewrite.arrow)
    return Module(rewrite.result, opening, rewrite.refusal)


def _opening(parameters: str, *, arrow: bool) -> str:
    """The beginning of a function, which has no ``this`` at the top level, or of an arrow."""
    return f"(async({parameters})=>{{" if arrow else f"(async function({parameters}){{"
