"""What is told of a JSON text without decoding it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode import json_text
from codemode.json_text import has_more_members, is_deeper


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("1", 0),
        ("[]", 0),
        ("{}", 0),
        ("[1]", 1),
        ("[1,2]", 2),
        ('["a"]', 1),
        ('{"a":{"b":[]}}', 2),
        ("[[],{},[[]]]", 4),
        ('",,,[[[{{{"', 0),
        ('["a,b","[]","\\",[","\\\\",1]', 5),
        (json.dumps({",": ["\\", '"', '\\",{', {}, [[]]]}), 7),
        ("[" + '"",' * 100 + '""]', 101),
    ],
)
def test_the_members_of_json_are_told_before_it_is_decoded(text: str, members: int) -> None:
    json.loads(text)
    asked = range(members + 2)
    assert [has_more_members(text, most) for most in asked] == [most < members for most in asked]


@pytest.mark.parametrize(
    "text", ["[[],[[]]]", '["[,",{"a":"\\",","b":"\\\\"}]', '{"a":{},"b":[{}]}']
)
@pytest.mark.parametrize("beginning", range(1, 12))
def test_the_beginning_of_a_text_says_nothing_that_the_whole_would_not(
    monkeypatch: pytest.MonkeyPatch, text: str, beginning: int
) -> None:
    asked = range(8)
    whole = [has_more_members(text, most) for most in asked]
    monkeypatch.setattr(json_text, "BEGINNING", beginning)

    assert [has_more_members(text, most) for most in asked] == whole


def _depth(value: object) -> int:
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


_BRACKETS = st.recursive(
    st.none() | st.text('[]{}"\\a', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('["\\', max_size=2), inner),
    max_leaves=12,
)


@given(_BRACKETS, st.integers(0, 4))
def test_a_text_is_as_deep_as_the_value_that_it_says(value: object, levels: int) -> None:
    assert is_deeper(json.dumps(value).encode(), levels) == (_depth(value) > levels)
