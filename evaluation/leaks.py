"""Programs that know too much: constants that only results could have told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_LITERAL = re.compile(
    r'"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`|/((?:[^/\n\\]|\\.)+)/[gimu]*[.)\],;]|\b(\d+(?:\.\d+)?)\b'
)
_HOLE = re.compile(r"\$\{[^}]*\}")
_WORD = re.compile(r"[\w@.\-]{3,}")


def leaks(
    suite: Any, before: Any, prompt: str, codes: Sequence[str], printed: Sequence[str]
) -> list[tuple[int, str]]:
    """Words of literals that are in the state, and that the model has not seen by then.

    Args:
        before: the state before the task.
        prompt: all that the model reads before its first program.
        codes: the programs in order.
        printed: what each of them printed.
    """
    declared = "\n".join(
        f.full_docstring + str(f.parameters.model_json_schema()) for f in suite.tools
    )
    seen = (prompt + declared).lower()
    state = {word.lower() for word in re.findall(r"[\w@.\-]+", before.model_dump_json())}
    state -= {"true", "false", "null"}
    found: set[tuple[int, str]] = set()
    for at, code in enumerate(codes):
        texts = {text for groups in _LITERAL.findall(code) for text in groups if text}
        for literal in texts:
            for word in _WORD.findall(_HOLE.sub(" ", literal)):
                plain = word.strip(".-").lower()
                if plain and plain in state and plain not in seen:
                    found.add((at, plain))
        seen += "\n" + (printed[at].lower() if at < len(printed) else "")
    return sorted(found)
