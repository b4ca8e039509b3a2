"""A model's call of ``exec`` or ``wait``, in the form of whichever interface it came through.

Objects of the vendors' packages and plain dictionaries are read alike: by the names of their
members. What is wrong with the form is the application's mistake and an error; what is wrong with
the arguments is the model's, and for the result that belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from ..errors import UsageError
from .text import shortened

CallKind: TypeAlias = Literal["custom_tool_call", "function_call", "function", "custom", "tool_use"]
"""The ``type`` of a call: two of OpenAI's Responses, two of Chat Completions, Anthropic's."""

SHOWN: Final = 60
"""Characters of a wrong ``type`` that an error quotes."""

KINDS: Final[tuple[CallKind, ...]] = get_args(CallKind)

_ID: Final[dict[CallKind, str]] = {
    "custom_tool_call": "call_id",
    "function_call": "call_id",
    "function": "id",
    "custom": "id",
    "tool_use": "id",
}
_PAYLOAD: Final[dict[CallKind, str]] = {
    "custom_tool_call": "input",
    "function_call": "arguments",
    "function": "arguments",
    "custom": "input",
    "tool_use": "input",
}
_HINT: Final = (
    "\nHint: pass an item of response.output, of message.tool_calls or of message.content, as the"
    " package of OpenAI or Anthropic gives it or as a dictionary."
)


class ModelCall(Struct, frozen=True, kw_only=True):
    """A call that was read.

    Attributes:
        kind: its form, which the answer follows.
        call_id: what the answer names.
        name: of the tool.
        payload: raw text, JSON text, or an object.
    """

    kind: CallKind
    call_id: str
    name: str
    payload: str | Mapping[str, Any]

    @property
    def is_json(self) -> bool:
        """Whether a text as payload is JSON, and not a program."""
        return self.kind in ("function_call", "function")


def read_call(call: object) -> ModelCall:
    """Read a call.

    Raises:
        UsageError: it has not the form of one; the text tells what is wrong.

    >>> block = {"type": "tool_use", "id": "t1", "name": "exec", "input": {"code": "text(1)"}}
    >>> read_call(block)
    ModelCall(kind='tool_use', call_id='t1', name='exec', payload={'code': 'text(1)'})
    """
    kind = call_kind(call)
    inner = _member(call, kind) if kind in ("function", "custom") else call
    name, payload = _member(inner, "name"), _member(inner, _PAYLOAD[kind])
    if not isinstance(name, str):
        raise _malformed(kind, "`name`", "a text", name)
    takes_object = kind not in ("custom_tool_call", "custom")
    if kind != "tool_use" and isinstance(payload, str):
        return ModelCall(kind=kind, call_id=call_id_of(call, kind), name=name, payload=payload)
    if takes_object and isinstance(payload, Mapping):
        return ModelCall(kind=kind, call_id=call_id_of(call, kind), name=name, payload=payload)
    wanted = "an object" if kind == "tool_use" else "a text"
    raise _malformed(kind, f"`{_PAYLOAD[kind]}`", wanted, payload)


def read_calls(calls: Iterable[object]) -> list[ModelCall]:
    """Read the calls among the items of a turn; messages, reasoning and their like are passed over.

    Raises:
        UsageError: an item has no type, or one of a call and not its form.
    """
    return [read_call(item) for item in calls if not _is_something_else(item)]


def call_kind(call: object, kinds: tuple[CallKind, ...] = KINDS) -> CallKind:
    """The form of a call, one of ``kinds``.

    Raises:
        UsageError: it is none.
    """
    said = _member(call, "type")
    if said is None and _member(call, "function") is not None:
        said = "function"  # many that follow OpenAI leave it out
    for kind in kinds:
        if said == kind:
            return kind
    known = f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]
    what = (
        f"a {type(call).__name__}"
        if said is None
        else f"one of type {shortened(repr(said), SHOWN)}"
    )
    raise UsageError(f"expected a model's call of type {known}; got {what}{_HINT}")


def call_id_of(call: object, kind: CallKind) -> str:
    """What the answer of ``call`` names.

    Raises:
        UsageError: it has none.
    """
    call_id = _member(call, _ID[kind])
    if not isinstance(call_id, str):
        raise _malformed(kind, f"`{_ID[kind]}`", "a text", call_id)
    return call_id


def _is_something_else(item: object) -> bool:
    said = _member(item, "type")
    return isinstance(said, str) and said not in KINDS


def _member(call: object, name: str) -> object:
    if isinstance(call, Mapping):
        return call.get(name)
    return None if isinstance(call, type) else getattr(call, name, None)


def _malformed(kind: CallKind, member: str, wanted: str, got: object) -> UsageError:
    given = "nothing" if got is None else f"a {type(got).__name__}"
    return UsageError(f"a call of type {kind} needs {member}, {wanted}; got {given}{_HINT}")
