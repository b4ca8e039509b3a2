"""Ready-made rules: each refuses a call where it is broken, and leaves the decision to later rules otherwise.

They count what was let through: a call that was refused costs nothing, one that failed counts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ...errors import UsageError
from ...limits import amount
from .rules import Rule, hint, made

if TYPE_CHECKING:
    from ...protocol.types import CellId, ToolCall
    from .history import CallHistory

MINUTE: Final = 60.0
Per: TypeAlias = Literal["session", "cell"]
Key: TypeAlias = str | Callable[["ToolCall"], Hashable]
"""The name of an argument, or a function that gives what may come once."""


class Guard(Rule, frozen=True, kw_only=True):
    """A rule that decides only where it is broken; the base of the ready-made ones."""

    @property
    def is_guard(self) -> bool:
        """True: where it is kept, later rules decide."""
        return True


class CountingGuard(Guard, frozen=True, kw_only=True):
    """One that counts; a call that is made again after its process died was counted before."""

    @property
    def counts(self) -> bool:
        return True


class ReadOnly(Guard, frozen=True, kw_only=True):
    """See :func:`read_only`."""

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        if hint(call, "readOnlyHint"):
            return None
        return (
            self.text
            or f"only tools that change nothing may be called, and `{name}` does not say so"
        )


class Budget(CountingGuard, frozen=True, kw_only=True):
    """See :func:`budget`."""

    calls: int | None = None
    bytes: int | None = None
    per: Per = "session"

    @property
    def counts_bytes(self) -> bool:
        return self.bytes is not None

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        count = history.count(self, self._cell(call))
        if self.calls is not None and count.calls >= self.calls:
            return self.text or f"its budget of {_calls(self.calls)} a {self.per} is spent"
        if self.bytes is not None and count.bytes >= self.bytes:
            return self.text or f"its budget of {amount(self.bytes, 'bytes')} a {self.per} is spent"
        return None

    def passed(self, call: ToolCall, history: CallHistory) -> None:
        history.add(self, self._cell(call), calls=1)

    def returned(self, call: ToolCall, size: int, history: CallHistory) -> None:
        history.add(self, self._cell(call), size=size)

    def _cell(self, call: ToolCall) -> CellId | None:
        return call.cell_id if self.per == "cell" else None


class Rate(CountingGuard, frozen=True, kw_only=True):
    """See :func:`rate`."""

    per_minute: int

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        times = history.count(self).times
        if len(times) < self.per_minute or (left := times[0] + MINUTE - history.clock()) <= 0:
            return None
        said = self.text or f"there may be {_calls(self.per_minute)} a minute"
        return f"{said}; the next one may come in {math.ceil(left)} s"

    def passed(self, call: ToolCall, history: CallHistory) -> None:
        history.add_time(self, most=self.per_minute)


class Once(CountingGuard, frozen=True, kw_only=True):
    """See :func:`once`."""

    key: Key | None = None

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        if self._text(call) not in history.count(self).keys:
            return None
        what = "this call" if self.key is None else "a call with the same key"
        return self.text or f"{what} was made before, and it may be made once"

    def passed(self, call: ToolCall, history: CallHistory) -> None:
        history.add_key(self, self._text(call))

    def _text(self, call: ToolCall) -> str:
        """The key of a call in a bounded number of characters."""
        if self.key is None:
            found: Any = [str(call.tool_name), call.input]
        elif isinstance(self.key, str):
            found = call.arguments[self.key]
        else:
            found = self.key(call)
        text = json.dumps(found, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()


def read_only(pattern: str = "*", *, reason: str | None = None, **about: Any) -> Rule:
    """Refuse tools without ``readOnlyHint``.

    Args:
        pattern: a glob over names of tools.
        reason: what the program catches, instead of our own words.
        about: as for :func:`codemode.allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    return made(ReadOnly, "refuse", pattern, about, text=reason)


def budget(
    pattern: str = "*",
    *,
    calls: int | None = None,
    bytes: int | None = None,
    per: Per = "session",
    reason: str | None = None,
    **about: Any,
) -> Rule:
    """Let so much through, and refuse what comes then.

    Args:
        pattern: a glob over names of tools; all that fit share the budget.
        calls: how many calls.
        bytes: of arguments and results together, as JSON in UTF-8. The call that reaches it is
            the last one, and still gets its result.
        per: whether each session or each cell has this budget.
        reason: what the program catches, instead of our own words.
        about: as for :func:`codemode.allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    if calls is None and bytes is None:
        raise UsageError("a budget is of calls or of bytes\nHint: budget(calls=100)")
    for key, value in (("calls", calls), ("bytes", bytes)):
        if value is not None and (type(value) is not int or value < 0):
            raise UsageError(f"{key} must be a non-negative integer, got {value!r}")
    if per not in ("session", "cell"):
        raise UsageError(f"a budget is per 'session' or per 'cell', got {per!r}")
    return made(Budget, "refuse", pattern, about, text=reason, calls=calls, bytes=bytes, per=per)


def rate(pattern: str = "*", *, per_minute: int, reason: str | None = None, **about: Any) -> Rule:
    """Let so many calls through within any 60 seconds.

    Args:
        pattern: a glob over names of tools; all that fit share the rate.
        per_minute: how many.
        reason: what the program catches before the time to wait, instead of our own words.
        about: as for :func:`codemode.allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    if type(per_minute) is not int or per_minute < 1:
        raise UsageError(f"per_minute must be a positive integer, got {per_minute!r}")
    return made(Rate, "refuse", pattern, about, text=reason, per_minute=per_minute)


def once(
    pattern: str = "*", *, key: Key | None = None, reason: str | None = None, **about: Any
) -> Rule:
    """Refuse a call that was let through before, though it failed: it may have had its effect.

    Args:
        pattern: a glob over names of tools.
        key: what makes two calls the same: the name of an argument, or a function of the call.
            None: the tool and the whole input.
        reason: what the program catches, instead of our own words.
        about: as for :func:`codemode.allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    if key is not None and not isinstance(key, str) and not callable(key):
        raise UsageError(
            f"a key is the name of an argument or a function, got {key!r}"
            '\nHint: once("transfer", key="invoice")'
        )
    return made(Once, "refuse", pattern, about, text=reason, key=key)


def _calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"
