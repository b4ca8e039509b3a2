"""What counts as a difference between two hosts, and how one is printed."""

from __future__ import annotations

import shlex

from codemode_conformance.compare import compare, without_hints
from codemode_conformance.report import OUR_HOST, explanation


def test_our_host_is_started_by_this_interpreter() -> None:
    assert shlex.join(OUR_HOST).endswith(" -m codemode.host")


def test_hints_are_no_difference_and_numbers_are() -> None:
    hinted = [{"error_text": "TypeError: x\nHint: do y", "n": 1}]

    assert without_hints(hinted) == [{"error_text": "TypeError: x", "n": 1}]
    assert compare("a", hinted, without_hints(hinted), {}).verdict == "equal"
    assert compare("a", 1, True, {}).verdict == "different"
    assert compare("a", 1, 2, {"a": "two is better"}).verdict == "improved"


def test_a_difference_between_transcripts_is_told_frame_by_frame() -> None:
    published = {"frames": [{"id": 1}, {"id": 2}], "status": 0, "last_words": ""}
    ours = {"frames": [{"id": 1}, {"id": 3}], "status": 0, "last_words": ""}

    assert explanation(compare("a", published, ours, {})) == [
        "@@ -1,3 +1,3 @@",
        ' {"id": 1}',
        '-{"id": 2}',
        '+{"id": 3}',
        ' {"status": 0, "last_words": ""}',
    ]
