"""Docstrings in Google, NumPy and Sphinx style: the description, and what each part is.

The only module that imports griffe; import it late.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import griffe

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Description:
    """What a docstring says.

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
    try:
        sections = griffe.parse_auto(
            griffe.Docstring(clean),
            per_style_options={
                "google": {"warnings": False},
                "numpy": {"warnings": False},
                "sphinx": {"warnings": False},
            },
        )
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
                parameters[entry.name.lstrip("*")] = on_one_line(entry.description)
        elif isinstance(section, griffe.DocstringSectionAttributes):
            attributes |= {each.name: on_one_line(each.description) for each in section.value}
    return Description(text, parameters, attributes)


def on_one_line(text: str) -> str:
    """``text`` with a blank for each run of white space."""
    return " ".join(text.split())
