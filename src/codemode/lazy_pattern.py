"""Regular expressions that are compiled when they are first used.

Compiling those of a module takes milliseconds at each start, and most are for errors that seldom happen.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class _LazyPattern(Generic[AnyStr]):
    """Stands in for a pattern: each method and attribute is that of the pattern, which is compiled for it."""

    def __init__(self, text: AnyStr, flags: int) -> None:
        self._source: tuple[AnyStr, int] = (text, flags)

    def __repr__(self) -> str:
        return f"lazy_pattern{self._source}"

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._source), name)  # re keeps what it has compiled
        setattr(self, name, value)  # from now on found without this
        return value


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """``re.compile(text, flags)``, at first use. It has the methods of a pattern; `re`'s functions do not take it.

    >>> lazy_pattern("a+").sub("b", "caat")
    'cbt'
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(text, flags))
