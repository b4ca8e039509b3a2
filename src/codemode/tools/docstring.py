"""Docstrings in Google, NumPy and Sphinx style: the description, and what each part is.

The only module that imports griffe, and only for a docstring that may have more than text.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    import griffe


_FIELD = lazy_pattern(
    r"^:(?:param|parameter|arg|argument|key|keyword|type|raises?|except|exception|returns?|rtype"
    r"|var|ivar|cvar|vartype)\b[^:\n]*:",
    re.MULTILINE,
)
"""A field of Sphinx at the beginning of a line."""
_SECTION = lazy_pattern(
    r"^(?:(?:Args|Arguments|Parameters|Params|Attributes|Returns|Raises|Yields|Keyword Args|Keyword"
    r" Arguments|Other Parameters):\s*$|-{3,}\s*$)",
    re.MULTILINE | re.IGNORECASE,
)
"""A heading of Google's style, or a line below one of NumPy's."""


@dataclass(frozen=True, slots=True)
class Description:
    """The contents of a docstring.

    Attributes:
        text: what stands before the first section, paragraphs kept, lines joined as written.
        parameters: the description of each parameter, on one line.
        attributes: the same of each attribute of a class.
    """

    text: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_docstring(doc: str | None) -> Description:
    """Read ``doc``, whatever its style; an unreadable one is all text.

    Example:
        >>> read_docstring("Add.\\n\\nArgs:\\n    a: The first.").parameters
        {'a': 'The first.'}
    """
    if not doc or not doc.strip():
        return Description()
    clean = inspect.cleandoc(doc)
    if ":" not in clean and "--" not in clean:  # no style has a section without
        return Description(inspect.cleandoc(clean).strip())  # as griffe does
    import griffe  # noqa: PLC0415 - takes as long to load as half of all else

    try:
        sections = _sections(clean)
    except Exception:  # noqa: BLE001 - a docstring never keeps a tool from being one
        return Description(clean)
    text = ""
    parameters: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for index, section in enumerate(sections):
        if index == 0 and isinstance(section, griffe.DocstringSectionText):
            text = section.value.strip()
        elif isinstance(
            section, griffe.DocstringSectionParameters | griffe.DocstringSectionOtherParameters
        ):
            for entry in section.value:
                parameters[entry.name.lstrip("*")] = collapsed(entry.description)
        elif isinstance(section, griffe.DocstringSectionAttributes):
            attributes |= {each.name: collapsed(each.description) for each in section.value}
    return Description(text, parameters, attributes)


def _sections(clean: str) -> list[griffe.DocstringSection]:
    """The parts of a docstring, in the style that it is in.

    Left to guess, griffe takes a single field of Sphinx for text of no style.
    """
    import griffe  # noqa: PLC0415 - as above

    options: griffe.PerStyleOptions = {
        "google": {"warnings": False},
        "numpy": {"warnings": False},
        "sphinx": {"warnings": False},
    }
    if _FIELD.search(clean) and not _SECTION.search(clean):
        return griffe.parse(griffe.Docstring(clean), "sphinx", warnings=False)
    return griffe.parse_auto(griffe.Docstring(clean), per_style_options=options)


def collapsed(text: str) -> str:
    """``text`` with a blank for each run of white space."""
    return " ".join(text.split())
