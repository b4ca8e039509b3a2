"""What is told of a JSON text without decoding it."""

import json

import pytest

from codemode.surface import json_members
from codemode.surface.json_members import has_more_members


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
    monkeypatch.setattr(json_members, "BEGINNING", beginning)

    assert [has_more_members(text, most) for most in asked] == whole
