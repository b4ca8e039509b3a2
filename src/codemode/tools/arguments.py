"""The arguments of a Python tool: from a program's JSON to what the function is called with.

They are made once, before the chain, and what the middleware is shown is what the function gets: by the
names of its parameters, converted, aliases resolved, defaults filled in. Digits of a big integer become
the integer here, too, in the JSON as well. A middleware that changes arguments gives values of the
parameters' types; only those that it changed are validated again, so that a validator that is not
idempotent is run once.

Arguments are a program's, and are checked in the event loop. Pydantic goes on after a problem and
keeps the whole path of each, so the number of problems is asked before they are looked at, and what
their paths could take before anything is checked. Import this late: it imports pydantic.
"""

from __future__ import annotations

import collections.abc
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_origin

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from ..errors import ToolError
from .big_integers import DIGITS_IN_JSON, unshaped, with_big_integers
from .copies import same
from .problems import MAX_PROBLEMS, crowd_text, problem_text
from .schema import REST, input_schema, is_lazy, is_open, model_of
from .signature import EMPTY, OMITTED
from .type_hints import without_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from ..protocol.types import JsonValue
    from .signature import CallableSignature, Parameter, Source

MAX_PATHS = 128 * 2**20
"""Characters that the paths of all members may take together: pydantic copies one for each problem."""
_LEVEL = 32
"""What a level of a path takes besides its key."""
_LEVELS = 200
"""Pydantic refuses what is deeper before it checks anything."""
_CONTAINERS = (list, dict)


@dataclass(frozen=True, slots=True)
class Read:
    """Arguments that fit.

    Attributes:
        input: the JSON object, with integers in place of the digits of big ones.
        values: what the function gets, by the names of its parameters.
    """

    input: JsonValue
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BoundArguments:
    """What to call a function with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class FunctionArguments:
    """The arguments of a function: their JSON Schema, and how JSON becomes them.

    Args:
        name: the tool, for errors.
        descriptions: of parameters, from the docstring; a ``Field`` has precedence.
        strict: refuse values of another type, at every depth.

    Raises:
        ToolDefinitionError: a hint has no JSON form, or names something unknown.
    """

    def __init__(
        self,
        name: str,
        signature: CallableSignature,
        descriptions: Mapping[str, str],
        *,
        strict: bool,
    ) -> None:
        self._signature = signature
        self._strict = strict
        self._model = model_of(name, signature, descriptions)
        self.schema = input_schema(name, self._model)
        self._extra: Literal["forbid"] | None = None if is_open(self._model) else "forbid"
        self._is_lazy = is_lazy(self._model)
        self._fields = {f"p{at}": p for at, p in enumerate(signature.parameters) if _is_given(p)}

    # ── a program's JSON ─────────────────────────────────────────────────────────────────────

    def read(self, name: str, value: JsonValue) -> Read:
        """The arguments in the JSON object ``value``; ``name`` is the tool, for errors.

        Raises:
            ToolError: ``value`` does not fit; names each problem and what is expected.
        """
        if _paths(value) > MAX_PATHS:
            raise _too_long(name)
        try:
            model, value = self._validated(value)
        except ValidationError as error:
            raise self._unfit(name, error, value) from _printable(error)
        except RecursionError as error:
            raise _too_deep(name) from error
        found = {own: self._drained(name, own, each) for own, each in self._values(model)}
        extra = getattr(model, "rest", {})
        known = {p.name for p in self._signature.parameters}
        if clash := sorted(known.intersection(extra)):
            raise self._unknown(name, clash, value)
        return Read(value, {**found, **extra})

    def _values(self, model: BaseModel) -> Iterator[tuple[str, Any]]:
        for key, parameter in self._fields.items():
            if key in model.model_fields_set or not _has_default(parameter):
                yield parameter.name, getattr(model, key)
            elif parameter.default is not OMITTED:
                yield parameter.name, parameter.default

    def _drained(self, name: str, parameter: str, value: Any) -> Any:
        """``value`` without iterators over what pydantic has yet to validate.

        Raises:
            ToolError: an element does not fit.
        """
        if not self._is_lazy:
            return value
        try:
            return _drained(value)
        except ValidationError as error:
            errors = [
                {**each, "loc": (parameter, *each["loc"])}
                for each in error.errors(include_url=False)[:MAX_PROBLEMS]
            ]
            shown = {parameter: [None] * MAX_PROBLEMS}  # so that a place in it leads on
            raise ToolError(problem_text(name, errors, shown, self.schema)) from error

    def _validated(self, value: JsonValue) -> tuple[BaseModel, JsonValue]:
        """The model of ``value``, and ``value`` with its big integers repaired."""
        text = json.dumps(self._shaped(value))
        try:
            if not self._strict and DIGITS_IN_JSON.search(text):
                self._validate(text, strict=True)  # which of the digits are those of integers
            return self._validate(text, strict=self._strict), value
        except ValidationError as error:
            repaired = with_big_integers(value, error)
            if repaired is value and self._strict:
                raise
        return self._validate(json.dumps(self._shaped(repaired)), strict=self._strict), repaired

    def _validate(self, text: str, *, strict: bool) -> BaseModel:
        return self._model.model_validate_json(text, strict=strict, extra=self._extra)

    def _shaped(self, value: JsonValue) -> JsonValue:
        """``value`` with what ``**kwargs`` takes under a key of its own."""
        if self._signature.extra is EMPTY:
            return value
        known = self.schema["properties"]
        rest = {key: member for key, member in value.items() if key not in known}
        return {**{key: value[key] for key in known if key in value}, REST: rest}

    # ── what a middleware changes ────────────────────────────────────────────────────────────

    def changed(
        self,
        name: str,
        value: JsonValue,
        before: Mapping[str, Any],
        wanted: Mapping[str, Any],
    ) -> Read:
        """The arguments of ``wanted`` instead of those of ``before``, which were read of ``value``.

        Only what differs is validated, as Python values: a date, not its text.

        Raises:
            ToolError: they do not fit; names each problem and what is expected.
        """
        by_name = {parameter.name: key for key, parameter in self._fields.items()}
        extra = {key: value for key, value in wanted.items() if key not in by_name}
        if extra and self._signature.extra is EMPTY:
            raise self._unknown(name, sorted(extra), dict(wanted))
        model = self._holding(before)
        found: dict[str, Any] = {}
        for key, parameter in self._fields.items():
            own = parameter.name
            if own not in wanted:
                self._filled(name, parameter, found, wanted)
            elif own in before and same(before[own], wanted[own]):
                found[own] = before[own]
            else:
                found[own] = self._assigned(name, model, key, parameter, wanted)
        rest = {key: value for key, value in before.items() if key not in by_name}
        if extra and not same(rest, extra):
            extra = self._assigned(name, model, "rest", None, extra)
        values = {**found, **extra}
        return Read(self._said(value, before, values), values)

    def _holding(self, values: Mapping[str, Any]) -> BaseModel:
        """A model with these values, none of them validated again."""
        held = {key: values.get(p.name) for key, p in self._fields.items()}
        model = self._model.__new__(self._model)  # model_construct() takes names for aliases
        model.__dict__.update(held, rest={})
        object.__setattr__(model, "__pydantic_fields_set__", set(held))
        object.__setattr__(model, "__pydantic_extra__", None)
        object.__setattr__(model, "__pydantic_private__", None)
        return model

    def _filled(
        self, name: str, parameter: Parameter, found: dict[str, Any], wanted: Mapping[str, Any]
    ) -> None:
        """Put the default of ``parameter`` into ``found``, if it has one."""
        if not _has_default(parameter):
            errors = [{"type": "missing", "loc": (parameter.name,)}]
            raise ToolError(problem_text(name, errors, dict(wanted), self.schema))
        if parameter.default is not OMITTED:
            found[parameter.name] = parameter.default

    def _assigned(
        self,
        name: str,
        model: BaseModel,
        key: str,
        parameter: Parameter | None,
        wanted: Mapping[str, Any],
    ) -> Any:
        value = wanted if parameter is None else wanted[parameter.name]
        try:
            self._model.__pydantic_validator__.validate_assignment(
                model, key, value, strict=self._strict
            )
        except ValidationError as error:
            where = () if parameter is None else (parameter.name,)
            errors = [
                {**each, "loc": (*where, *each["loc"][1:])}
                for each in error.errors(include_url=False)[:MAX_PROBLEMS]
            ]
            raise ToolError(problem_text(name, errors, dict(wanted), self.schema)) from error
        found = getattr(model, key)
        return found if parameter is None else self._drained(name, parameter.name, found)

    def _said(
        self, value: JsonValue, before: Mapping[str, Any], now: Mapping[str, Any]
    ) -> JsonValue:
        """``value`` with what is different now, as the program would have said it."""
        said = dict(value)
        keys = {p.name: self._keys(key) for key, p in self._fields.items()}
        for name in {**before, **now}:
            if name in before and name in now and same(before[name], now[name]):
                continue
            for key in keys.get(name, (name,)):
                said.pop(key, None)
            if name in now:
                own = keys.get(name, (name,))[0]
                said[own] = to_jsonable_python(
                    now[name], bytes_mode="base64", serialize_unknown=True
                )
        return said

    def _keys(self, field: str) -> tuple[str, ...]:
        """The members of the input that give the field; the first is the one to write."""
        info = self._model.model_fields[field]
        alias = info.validation_alias or info.alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        found = tuple(each for each in choices if isinstance(each, str))
        return found or (self._fields[field].name,)

    # ── the call ─────────────────────────────────────────────────────────────────────────────

    def bound(self, values: Mapping[str, Any], injected: Mapping[Source, Any]) -> BoundArguments:
        """What to call the function with."""
        args: list[Any] = []
        kwargs = dict(values)
        for parameter in self._signature.parameters:
            if parameter.source != "argument":
                found = injected[parameter.source]
            elif parameter.name in kwargs:
                found = kwargs.pop(parameter.name)
                if self._is_lazy and get_origin(without_none(parameter.hint)) is _GENERATOR:
                    found = (each for each in found)
            else:
                continue
            if parameter.positional_only:
                args.append(found)
            else:
                kwargs[parameter.name] = found
        return BoundArguments(tuple(args), kwargs)

    # ── refusals ─────────────────────────────────────────────────────────────────────────────

    def _unfit(self, name: str, error: ValidationError, value: JsonValue) -> ToolError:
        count = error.error_count()
        if count > MAX_PROBLEMS:  # pydantic gives all or none; nor is the cause to be printed
            return ToolError(crowd_text(name, count, self.schema))
        found = [unshaped(each) for each in error.errors(include_url=False)]
        if "recursion limit" in found[0]["msg"]:
            return _too_deep(name)
        return ToolError(problem_text(name, found, value, self.schema))

    def _unknown(self, name: str, keys: Sequence[str], value: JsonValue) -> ToolError:
        errors = [{"type": "extra_forbidden", "loc": (key,)} for key in keys]
        return ToolError(problem_text(name, errors, value, self.schema))


_GENERATOR = collections.abc.Generator
_LAZY = "ValidatorIterator"


def _is_given(parameter: Parameter) -> bool:
    return parameter.source == "argument"


def _has_default(parameter: Parameter) -> bool:
    """Whether the function itself has a default for the parameter."""
    return parameter.default is not EMPTY and not isinstance(parameter.default, FieldInfo)


def _drained(value: Any) -> Any:
    """``value`` with a list for each iterator over what pydantic has yet to validate.

    Raises:
        ValidationError: an element does not fit.
    """
    if type(value).__name__ == _LAZY:
        return [_drained(each) for each in value]
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(_drained, value))
    if type(value) is dict:
        return {key: _drained(each) for key, each in value.items()}
    return value


def _printable(error: ValidationError) -> ValidationError | None:
    """``error`` as a cause, unless it has so many problems that printing it takes for ever."""
    return error if error.error_count() <= MAX_PROBLEMS else None


def _too_deep(name: str) -> ToolError:
    return ToolError(
        f"tool `{name}`: the arguments are nested too deeply\nHint: pass flatter data."
    )


def _too_long(name: str) -> ToolError:
    return ToolError(
        f"tool `{name}`: the arguments have too long keys, or too many levels, for so many values"
        "\nHint: pass shorter keys, flatter data or fewer values at once."
    )


def _paths(value: JsonValue) -> int:
    """What the paths of everything in ``value`` take together; more than the bound is enough."""
    total = 0
    parts: list[tuple[JsonValue, int]] = [(value, 0)]
    for _ in range(_LEVELS):
        inner: list[tuple[JsonValue, int]] = []
        for part, its_path in parts:
            path = its_path + _LEVEL
            total += path * len(part)
            if total > MAX_PATHS:
                return total
            if isinstance(part, list):
                inner += [(each, path) for each in part if each and isinstance(each, _CONTAINERS)]
                continue
            for key, each in part.items():
                total += len(key)
                if each and isinstance(each, _CONTAINERS):
                    inner.append((each, path + len(key)))
        parts = inner
    return total
