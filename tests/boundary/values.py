"""Values that cross the boundary, and what JavaScript makes of them.

A *literal* is JSON text. ``parsed`` says what ``JSON.parse`` makes of one, ``said`` what
``JSON.stringify`` says of that, and ``shown`` is a text in which two values differ if they differ
at all; SHOW is the same in JavaScript.
"""

import json
import math
import struct
from typing import Any, Final

from hypothesis import strategies as st

SHOW: Final = """
function units(s) { let t = ""; for (let i = 0; i < s.length; i++) t += s.charCodeAt(i).toString(16) + " "; return '"' + t; }
function show(v) {
  if (v === undefined || v === null || typeof v === "boolean") return `${v}`;
  if (typeof v === "number") return new BigUint64Array(new Float64Array([v]).buffer)[0].toString(16);
  if (typeof v === "string") return units(v);
  if (Array.isArray(v)) return "[" + v.map(show).join() + "]";
  if (Object.getPrototypeOf(v) !== Object.prototype) return "no plain object";
  return "{" + Object.keys(v).map(k => units(k) + ":" + show(v[k])).sort().join() + "}";
}
"""

ODD: Final = (
    "\0",
    "\u2028\u2029",
    "\ufeffa",
    "\ud800",
    "x\udfff",
    "\U0010ffff😀",
    "\ufffe\uffff",
    "\x7f\x85\r\n\t",
    "'\"`\\${}</script>*/",
    "e\u0301\u202e\u200d",
    "__proto__",
    "constructor",
    "toJSON",
    "then",
    "0",
    "-1",
    "",
)
"""Texts that have broken somebody's boundary."""

NUMBERS: Final = (
    "-0 0 1e400 -1e400 5e-324 1e-400 1.7976931348623157e308 9007199254740991 9007199254740993"
    " -9007199254740993 18446744073709551616 123456789012345678901234567890 0.1 1e21 1.0 1E+2"
).split()


def joined(text: str) -> str:
    """``text`` as UTF-16 has it: halves of a pair that stand side by side are one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def mended(text: str) -> str:
    """``text`` with U+FFFD for each half of a pair that stands alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parsed(literal: str) -> Any:
    """What ``JSON.parse`` makes of it: every number a double, of equal keys the last."""
    return json.loads(literal, parse_int=float)


def said(value: Any) -> Any:
    """What ``JSON.stringify`` says of a value, well-formed, as a value again."""
    match value:
        case float():
            return value + 0.0 if math.isfinite(value) else None  # and -0 is 0
        case str():
            return mended(value)
        case list():
            return [said(member) for member in value]
        case dict():
            return {mended(key): said(member) for key, member in value.items()}
        case _:
            return value


def shown(value: Any) -> str:
    """All of a value in ASCII."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{struct.unpack('<Q', struct.pack('<d', _double(value)))[0]:x}"
        case str():
            return _units(value)
        case list():
            return f"[{','.join(map(shown, value))}]"
        case _:
            members = (f"{_units(key)}:{shown(member)}" for key, member in value.items())
            return f"{{{','.join(sorted(members))}}}"


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _units(text: str) -> str:
    data = text.encode("utf-16-le", "surrogatepass")
    return '"' + "".join(f"{unit:x} " for (unit,) in struct.iter_unpack("<H", data))


TEXTS: Final = (st.sampled_from(ODD) | st.text(st.characters(), max_size=12)).map(joined)
"""Any text, halves of pairs too."""


def _literal(text: str, *, escaped: bool) -> str:
    return json.dumps(text, ensure_ascii=escaped)


_STRINGS: Final = st.builds(_literal, TEXTS, escaped=st.booleans())
_NUMBERS: Final = (
    st.sampled_from(NUMBERS)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers().map(str)
)


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}: {value}" for key, value in members) + "}"


LITERALS: Final = st.recursive(
    st.sampled_from(["null", "true", "false"]) | _NUMBERS | _STRINGS,
    lambda inner: (
        st.lists(inner, max_size=5).map(lambda each: f"[{' , '.join(each)}]")
        | st.lists(st.tuples(_STRINGS, inner), max_size=5).map(_object)
    ),
    max_leaves=20,
)
"""JSON text with equal keys, numbers beyond every bound, and any text."""

RESULTS: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**2000), 2**2000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
"""What a tool may return, and JSON can say."""

SCHEMAS: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            TEXTS
            | st.sampled_from(
                "type properties items anyOf $ref $defs enum required additionalProperties".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
"""Something like a JSON Schema."""
