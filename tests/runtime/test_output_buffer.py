"""What a cell has written: a run of texts is kept as its texts are, one by one."""

from __future__ import annotations

from typing import Final

import pytest

from codemode.protocol.types import TextItem
from codemode.runtime.output_buffer import OutputBuffer
from codemode.sessions.items import ITEM_BYTES

ROOM: Final = 3 * (ITEM_BYTES + 4)


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b"],
        ["", ""],
        ["\u00e9", "\U0001f600"],
        ["a\ud800"],
        ["abcd"] * 3,
        ["abcd"] * 4,
        ["x" * 999, ""],
    ],
    ids=["ascii", "empty", "wide", "a lone surrogate", "just enough", "one too many", "too long"],
)
def test_a_run_of_texts_is_kept_like_its_texts(texts: list[str]) -> None:
    items = [TextItem(text) for text in texts]
    one_by_one, at_once = OutputBuffer(ROOM), OutputBuffer(ROOM)

    kept = [one_by_one.add(item) for item in items]
    run = at_once.extend(items)

    assert (run, at_once.memory) == (all(kept), one_by_one.memory)
    assert at_once.take() == one_by_one.take()
    assert at_once.add(TextItem("")) == one_by_one.add(TextItem(""))
