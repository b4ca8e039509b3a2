"""What a cell is started with: a source, a catalogue of tools, settings. As text for the prelude."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from .module import needs_parsing, read_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..limits import Limits
    from .module import Module

LAZY_NAMES: Final = 64
LAZY_BYTES: Final = 16 * 1024
"""From this size on ``tools`` and ``ALL_TOOLS`` are made when a script first looks at them."""

QUICK_CHARS: Final = 8 * 1024
"""Up to this length a source is parsed in less than a millisecond, where it arrives."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tools that a cell sees. Encoded once, however many cells share it.

    Attributes:
        names: JSON array of the members of ``tools``, by index.
        descriptions: JSON array of ``{name, description}``: ``ALL_TOOLS``.
        count: how many there are.
        number: tells catalogues apart without comparing them.
    """

    names: bytes
    descriptions: bytes
    count: int
    number: int = field(default_factory=lambda: next(_numbers), compare=False)

    @classmethod
    def of(cls, tools: Iterable[tuple[str, str]]) -> Catalogue:
        """From pairs of global name and description, in order."""
        entries = [{"name": name, "description": text} for name, text in tools]
        names = json.dumps([entry["name"] for entry in entries]).encode()
        return cls(names, json.dumps(entries).encode(), len(entries))

    def pack(self) -> bytes:
        """For the wire; JSON has no raw newline."""
        return b"%d\n%b\n%b" % (self.count, self.names, self.descriptions)

    @classmethod
    def unpack(cls, data: bytes) -> Catalogue:
        count, names, descriptions = data.split(b"\n", 2)
        return cls(names, descriptions, int(count))


def settings_of(limits: Limits) -> str:
    """The limits that the prelude enforces by itself, as JSON members."""
    members = {
        "valueBytes": limits.value_bytes,
        "valueError": limits.message("value_bytes", what="a value"),
        "timers": limits.timers,
        "timersError": limits.message("timers"),
        "toolCalls": -1 if limits.tool_calls is None else limits.tool_calls,
        "toolCallsError": "" if limits.tool_calls is None else limits.message("tool_calls"),
    }
    return json.dumps(members)[1:-1]


def is_quick(source: str) -> bool:
    """Whether ``compose`` takes so little time that nobody has to make way for it."""
    return len(source) <= QUICK_CHARS or not needs_parsing(source)


EXPLAINED_CHARS: Final = 128 * 1024
"""A longer source is not parsed once more, to word its refusal as a module's: other cells of the
process would wait for that."""


class Program(NamedTuple):
    """What makes an isolate run a program.

    Attributes:
        head: the message with the settings and the names of the tools, a line each, and with
            their descriptions, unless these are to be fetched.
        script: evaluates to the program's function; None for a program that is refused.
        check: makes the message that asks why a source cannot be run. It may parse the source.
    """

    head: bytes
    script: bytes | None
    check: Callable[[], bytes]


def compose(source: str, catalogue: Catalogue, settings: str) -> Program:
    """The program with this source."""
    module = read_module(source)
    wrapped = module.wrapped()
    lazy = catalogue.count > LAZY_NAMES or len(catalogue.descriptions) > LAZY_BYTES
    wrapper = {
        "open": wrapped.open,
        "close": wrapped.close,
        "shift": wrapped.shift,
        "refusal": module.refusal,
        "lazy": lazy,
    }
    head = f"S{json.dumps(wrapper)[:-1]},{settings}}}\n".encode()
    return Program(
        b"%b%b\n%b" % (head, catalogue.names, b"" if lazy else catalogue.descriptions),
        None if module.refusal is not None else wrapped.script().encode("utf-8", "replace"),
        lambda: b"C" + _explained(source, module).encode("utf-8", "replace"),
    )


def _explained(source: str, module: Module) -> str:
    """What V8 is to say why it has refused ``module``, the reading of ``source``."""
    if len(source) <= EXPLAINED_CHARS:
        module = read_module(source, refused=True)
    return module.source
