"""Schemas of arguments and results, and the checking of arguments, through pydantic.

The only module that imports pydantic at its top; import it late.

Arguments are a program's, and are checked in the event loop. Pydantic goes on after a problem and
keeps the whole path of each, so the number of problems is asked before they are looked at, and what
their paths could take before anything is checked.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from ..errors import ToolDefinitionError, ToolError
from .members import member_texts
from .problems import MAX_PROBLEMS, crowd_text, leads_on, problem_text
from .result import SAFE_INTEGER
from .signature import EMPTY, OMITTED, unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..protocol.types import JsonValue
    from .hints import Scope
    from .signature import Parameter, Signature, Source

_MODEL = "arguments of a tool"
"""The name of the model of the arguments: no class that somebody has written is called so."""
_REST = "**"
"""The key under which the model of the arguments has what ``**kwargs`` takes."""
MAX_BIG_INTEGERS = 10_000
"""More values of another type than this are not looked at for digits of big integers."""
MAX_PATHS = 128 * 2**20
"""Characters that the paths of all members may take together: pydantic copies one for each problem."""
_LEVEL = 32
"""What a level of a path takes besides its key."""
_LEVELS = 200
"""Pydantic refuses what is deeper before it checks anything."""
_CONTAINERS = (list, dict)

_UNSAFE_DIGITS = re.compile(r"-?[0-9]{16,40}")


class _Schemas(GenerateJsonSchema):
    """What members are, said; no titles that only repeat names; no warnings of what is left out."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def bytes_schema(self, schema: Any) -> dict[str, Any]:
        found = super().bytes_schema(schema)
        if found.get("format") == "base64url":
            found.pop("format")
            found["contentEncoding"] = "base64"
        return found

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().dataclass_schema(schema), schema["cls"])

    def model_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().model_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        return _described(super().typed_dict_schema(schema), schema.get("cls"))


def _described(schema: dict[str, Any], cls: type | None) -> dict[str, Any]:
    """``schema`` with what the author of ``cls`` says of members that no ``Field`` describes."""
    silent = [key for key, each in schema.get("properties", {}).items() if not _says(each)]
    if cls is None or cls.__qualname__ == _MODEL or not silent:
        return schema
    texts = member_texts(cls)
    told = {
        key: {**schema["properties"][key], "description": texts[key]}
        for key in silent
        if texts.get(key)
    }
    return {**schema, "properties": {**schema["properties"], **told}} if told else schema


def _says(schema: Any) -> bool:
    return bool(schema.get("description"))


@dataclass(frozen=True, slots=True)
class Bound:
    """What to call a function with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Arguments:
    """The arguments of a function: their JSON Schema, and how JSON becomes them.

    Args:
        name: the tool, for errors.
        descriptions: of parameters, from the docstring; a ``Field`` has precedence.
        strict: refuse values of another type, at every depth.

    Raises:
        ToolDefinitionError: a hint has no JSON form, or names something unknown.
    """

    def __init__(
        self, name: str, signature: Signature, descriptions: Mapping[str, str], *, strict: bool
    ) -> None:
        self._signature = signature
        self._strict = strict
        self._model = _model(name, signature, descriptions)
        self.schema = _input_schema(name, self._model)
        self._closed = not _is_open(self._model)

    def bind(self, name: str, value: JsonValue, injected: Mapping[Source, Any]) -> Bound:
        """What to call the function with for the JSON object ``value``.

        Raises:
            ToolError: ``value`` does not fit; names each problem and what is expected.
        """
        if _paths(value) > MAX_PATHS:
            raise _too_long(name)
        try:
            model = self._validated(self._shaped(value))
        except ValidationError as error:
            count = error.error_count()
            if count > MAX_PROBLEMS:  # pydantic gives all or none; nor is the cause to be printed
                raise ToolError(crowd_text(name, count, self.schema)) from None
            found = [_unshaped(each) for each in error.errors(include_url=False)]
            if "recursion limit" in found[0]["msg"]:
                raise _too_deep(name) from error
            raise self._refused(name, found, value) from error
        except RecursionError as error:
            raise _too_deep(name) from error
        extra = getattr(model, "rest", {})
        known = {p.name for p in self._signature.parameters}
        if clash := sorted(known.intersection(extra)):
            errors = [{"type": "extra_forbidden", "loc": (key,)} for key in clash]
            raise self._refused(name, errors, value)
        return self._bound(model, extra, injected)

    def _shaped(self, value: JsonValue) -> JsonValue:
        """``value`` with what ``**kwargs`` takes under a key of its own."""
        if self._signature.extra is EMPTY:
            return value
        known = self.schema["properties"]
        rest = {key: member for key, member in value.items() if key not in known}
        return {**{key: value[key] for key in known if key in value}, _REST: rest}

    def _refused(self, name: str, errors: Sequence[Any], value: JsonValue) -> ToolError:
        return ToolError(problem_text(name, errors, value, self.schema))

    def _validated(self, value: JsonValue) -> BaseModel:
        try:
            return self._validate(value)
        except ValidationError as error:
            repaired = _with_big_integers(value, error)
            if repaired is value:
                raise
        return self._validate(repaired)

    def _validate(self, value: JsonValue) -> BaseModel:
        extra: Literal["forbid"] | None = "forbid" if self._closed else None
        return self._model.model_validate_json(json.dumps(value), strict=self._strict, extra=extra)

    def _bound(
        self, model: BaseModel, extra: Mapping[str, Any], injected: Mapping[Source, Any]
    ) -> Bound:
        args: list[Any] = []
        kwargs: dict[str, Any] = dict(extra)
        for index, parameter in enumerate(self._signature.parameters):
            key = f"p{index}"
            if parameter.source != "argument":
                found = injected[parameter.source]
            elif key in model.model_fields_set or not _has_default(parameter):
                found = getattr(model, key)
            elif parameter.positional_only:
                found = parameter.default
            else:
                continue
            if parameter.positional_only:
                args.append(found)
            else:
                kwargs[parameter.name] = found
        return Bound(tuple(args), kwargs)


def output_schema(name: str, signature: Signature) -> JsonValue:
    """The JSON Schema of the result; None where the hint says nothing about it.

    Raises:
        ToolDefinitionError: the hint names something unknown.
    """
    hint = signature.returns
    if hint in (EMPTY, Any, None, type(None)):
        return None
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.rebuild(force=True, _types_namespace=_namespace(signature.scope))
        found = adapter.json_schema(mode="serialization", schema_generator=_Schemas)
    except NameError as error:
        raise unresolved(name, "the return annotation", error) from error
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        return None  # no JSON Schema for it; its values may still have a JSON form
    return found or None


def _model(name: str, signature: Signature, descriptions: Mapping[str, str]) -> type[BaseModel]:
    """A model with a field ``p<index>`` for each argument, by alias what the script says."""
    fields: dict[str, Any] = {
        f"p{index}": _field(parameter, descriptions.get(parameter.name))
        for index, parameter in enumerate(signature.parameters)
        if parameter.source == "argument"
    }
    extra: Any = signature.extra
    if extra is not EMPTY:
        fields["rest"] = (dict[str, extra], Field(alias=_REST))
    # Dataclasses and TypedDicts inside have no configuration and so follow this one.
    config = ConfigDict(extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")
    try:
        model: type[BaseModel] = create_model(
            _MODEL, __config__=config, __module__=signature.scope.module, **fields
        )
        model.model_rebuild(force=True, _types_namespace=_namespace(signature.scope))
    except NameError as error:
        raise unresolved(name, "a parameter", error) from error
    except Exception as error:
        raise _no_schema(name, error) from error
    return model


def _field(parameter: Parameter, description: str | None) -> tuple[Any, Any]:
    """The annotation and default of a parameter; what the author wrote wins."""
    metadata = get_args(parameter.hint)[1:] if get_origin(parameter.hint) is Annotated else ()
    options: dict[str, Any] = {}
    written = [*metadata, parameter.default]
    infos = [item for item in written if isinstance(item, FieldInfo)]
    if not any(info.alias or info.validation_alias for info in infos):
        options["alias"] = parameter.name
    if not any(info.description for info in infos):
        told = next(filter(None, map(_told, metadata)), description)
        if told:
            options["description"] = told
    hint = Annotated[parameter.hint, Field(**options)] if options else parameter.hint
    if parameter.default is EMPTY:
        has_own = any(not info.is_required() for info in infos)
        return (hint, next(i for i in infos if not i.is_required())) if has_own else (hint, ...)
    if parameter.default is OMITTED:
        return hint, Field(default=None, json_schema_extra=_without_default)
    return hint, parameter.default


def _told(item: object) -> str | None:
    """The description in ``Annotated[int, "…"]`` or ``Annotated[int, Doc("…")]``."""
    text = item if isinstance(item, str) else getattr(item, "documentation", None)
    return text if isinstance(text, str) else None


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _has_default(parameter: Parameter) -> bool:
    """Whether the function fills the parameter in by itself."""
    return parameter.default is not EMPTY and not isinstance(parameter.default, FieldInfo)


def _input_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    try:
        schema = model.model_json_schema(schema_generator=_Schemas)
    except Exception as error:
        raise _no_schema(name, error) from error
    rest = schema["properties"].pop(_REST, None)
    if rest is not None:
        schema["additionalProperties"] = rest["additionalProperties"]
        schema["required"] = [key for key in schema["required"] if key != _REST]
        if not schema["required"]:
            del schema["required"]
    schema.pop("title", None)
    return schema


def _no_schema(name: str, error: Exception) -> ToolDefinitionError:
    reason = str(error).partition("\n")[0].partition(" Set `arbitrary")[0]
    return ToolDefinitionError(
        f"tool `{name}`: a parameter has no JSON form: {reason}"
        "\nHint: use JSON-like types, dataclasses, TypedDicts or pydantic models as hints."
    )


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


def _namespace(scope: Scope) -> dict[str, Any]:
    return {**scope.globals, **scope.locals}


def _is_open(model: type[BaseModel]) -> bool:
    """Whether a type in it says by itself that unknown members are welcome."""
    pending: list[Any] = [model.__pydantic_core_schema__]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            extras = {part.get("extra_fields_behavior"), part.get("extra_behavior")}
            if extras & {"allow", "ignore"}:
                return True
            pending.extend(v for k, v in part.items() if k != "default")
        elif isinstance(part, list | tuple):
            pending.extend(part)
    return False


def _unshaped(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """``error`` as if ``_shaped`` had not been."""
    return {**error, "loc": error["loc"][1:]} if error["loc"][:1] == (_REST,) else error


def _with_big_integers(value: JsonValue, error: ValidationError) -> JsonValue:
    """``value`` with integers where the script passed back the digits of a big one.

    JavaScript cannot hold integers beyond 2**53, so results carry them as strings
    (:mod:`codemode.tools.result`); an ``int`` parameter takes such a string.
    """
    if error.error_count() > MAX_BIG_INTEGERS:
        return value
    found = [
        (entry["loc"], entry["input"])
        for entry in error.errors(include_url=False, include_context=False)
        if entry["type"] == "int_type" and _is_big(entry["input"])
    ]
    return _replaced(value, found) if found else value


def _is_big(given: object) -> bool:
    if not isinstance(given, str) or not _UNSAFE_DIGITS.fullmatch(given):
        return False
    return abs(int(given)) > SAFE_INTEGER


def _replaced(value: JsonValue, found: Sequence[tuple[tuple[int | str, ...], str]]) -> JsonValue:
    """``value`` with the integers in place of their digits; what contains them is copied once."""
    top = [value]
    copies: dict[int, JsonValue] = {id(top): top}
    for loc, digits in found:
        holder: JsonValue = top
        key: int | str = 0
        for part in loc:
            inner = holder[key]
            if not leads_on(inner, part):
                continue  # the name of a union's branch
            if id(inner) not in copies:
                inner = holder[key] = copy.copy(inner)
                copies[id(inner)] = inner
            holder, key = inner, part
        if holder[key] == digits:
            holder[key] = int(digits)
    return top[0]
