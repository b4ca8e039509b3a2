"""Foreign habits: what of another language or of a page a source has in it that does not compile.

Each habit is looked for in the code alone, not in strings, comments, templates and regular expressions; and only where
the error shows that the program has failed for it.
"""

from __future__ import annotations

import json
import re
from typing import Final

from ..lazy_pattern import lazy_pattern

_ENTITY: Final = lazy_pattern(r"&(?:lt|gt|amp|quot|apos|nbsp|#39|#x27|#34);")
_ENTITY_NAME: Final = lazy_pattern(r"ReferenceError: (?:lt|gt|amp|quot|apos|nbsp) is not defined")
_CURLY: Final = lazy_pattern("[\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb]")
_TAG: Final = lazy_pattern(
    r"\s*<(?:script|code|pre|javascript|js|exec)\b[^<>]{0,200}>", re.IGNORECASE
)
FENCE_LINE: Final = lazy_pattern(r"^[ \t]*```[ \t]*\w*[ \t]*$", re.MULTILINE)

_PYTHON: Final = lazy_pattern(
    r"^[ \t]*(?:"
    r"(?:async[ \t]+)?def[ \t]+\w+[ \t]*\("
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w*]"
    r"|import[ \t]+[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*$"
    r"|elif\b"
    r"|(?:if|while|for|with|try|else|except|class)\b[^\n{}]{0,200}:[ \t]*$"
    r")"
    r"|\b(?:is[ \t]+None|not[ \t]+in|lambda[ \t]+\w+[ \t]*:)"
    r"|(?<![\w$'\"`])f(?:'|\")",
    re.MULTILINE,
)
_PYTHON_NAMES: Final = lazy_pattern(
    r"ReferenceError: (?:None|True|False|len|str|int|float|dict|range|enumerate|isinstance|f) is not defined"
)

FENCE: Final = "send the JavaScript alone, without a Markdown fence (```) around it."
PYTHON: Final = "exec runs JavaScript, not Python: write const, functions and {} blocks, and text(value) to print."
ENTITIES: Final = (
    "this has HTML entities: write < > & and quotes themselves, not &lt; &gt; &amp; or &quot;."
)
CURLY: Final = "this has curly quotes: write \" or ' or ` around strings."
TAGS: Final = "send the JavaScript alone, without tags around it."
JSON_AROUND: Final = "send the JavaScript itself, not JSON with it as a member."

MEMBERS: Final = ("code", "source", "input", "script", "javascript", "program")


def habit_that_does_not_compile(source: str, code: str) -> str | None:
    """What to do instead, for a source that does not compile; None if no habit is seen.

    Args:
        source: the program.
        code: what of it is code, see :func:`.code_text.code_of`.
    """
    if FENCE_LINE.search(source):
        return FENCE
    if _TAG.match(source):
        return TAGS
    if _is_json_around(source):
        return JSON_AROUND
    if _CURLY.search(code):
        return CURLY
    if _ENTITY.search(code):
        return ENTITIES
    if _PYTHON.search(code):
        return PYTHON
    return None


def habit_that_fails(error_text: str, code: str) -> str | None:
    """What to do instead, for a source that compiles and fails at once; None if no habit is seen."""
    if _ENTITY_NAME.match(error_text) and _ENTITY.search(code):
        return ENTITIES
    return PYTHON if _PYTHON_NAMES.match(error_text) else None


def _is_json_around(source: str) -> bool:
    stripped = source.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return False
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and any(isinstance(value.get(name), str) for name in MEMBERS)
