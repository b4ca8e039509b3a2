import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.errors import ToolDefinitionError
from codemode.protocol.types import ToolName
from codemode.surface.identifiers import normalize
from codemode.tools.names import Clash, PublicNames, identifier, nearest


def tool_names(*names: str) -> list[ToolName]:
    return [ToolName(name) for name in names]


@pytest.mark.parametrize(
    ("names", "given_"),
    [
        (["a", "b"], {"a": "a", "b": "b"}),
        (["a-b", "a.b"], {"a-b": "a_b", "a.b": "a_b_2"}),
        (["a-b", "a.b", "a b"], {"a-b": "a_b", "a.b": "a_b_2", "a b": "a_b_3"}),
        (["a-b", "a_b"], {"a-b": "a_b_2", "a_b": "a_b"}),
        (["a-b", "a.b", "a_b_2"], {"a-b": "a_b", "a.b": "a_b_3", "a_b_2": "a_b_2"}),
        (["9x", "日本"], {"9x": "_x", "日本": "__"}),
        (
            ["__proto__", "then", "constructor", "class", "toString"],
            {each: each for each in ("__proto__", "then", "constructor", "class", "toString")},
        ),
        (["Exec", "WAIT"], {"Exec": "Exec", "WAIT": "WAIT"}),
    ],
    ids=str,
)
def test_public_names(names: list[str], given_: dict[str, str]) -> None:
    found = PublicNames().give(tool_names(*names))
    assert {tool_name.name: name for tool_name, name in found.items()} == given_


def test_a_name_reads_as_it_is_written_with_its_namespace() -> None:
    assert [str(ToolName("go-on")), f"{ToolName('go-on', 'a b')}"] == ["go-on", "a b__go-on"]


def test_namespaces_are_joined_with_two_underscores() -> None:
    wanted = [ToolName("b__c", "a"), ToolName("c", "a__b"), ToolName("exec", "x")]
    names = PublicNames()
    assert list(names.give(wanted).values()) == ["a__b__c", "a__b__c_2", "x__exec"]
    assert names.clashes == (Clash(wanted[1], "a__b__c", "a__b__c_2", wanted[0]),)


def test_later_tools_do_not_take_names_that_were_given() -> None:
    names = PublicNames()
    names.give(tool_names("a-b"))
    assert names.give(tool_names("a_b")) == {ToolName("a_b"): "a_b_2"}


def test_a_name_taken_back_is_free_again() -> None:
    names = PublicNames()
    names.give(tool_names("a-b", "a.b"))
    names.take_back(ToolName("a.b"))
    assert names.clashes == ()
    names.take_back(ToolName("a-b"))
    assert names.give(tool_names("a.b")) == {ToolName("a.b"): "a_b"}


@pytest.mark.parametrize("name", ["a.b", "a_b_2"])
def test_a_number_taken_back_is_free_again(name: str) -> None:
    names = PublicNames()
    names.give([ToolName("a-b"), ToolName(name)])
    assert names.give(tool_names("a+b")) == {ToolName("a+b"): "a_b_3"}
    names.take_back(ToolName(name))
    assert names.give(tool_names("a b", "a/b")) == {
        ToolName("a b"): "a_b_2",
        ToolName("a/b"): "a_b_4",
    }


def test_what_a_copy_gives_is_free_in_the_original() -> None:
    names = PublicNames()
    names.give(tool_names("a-b", "a.b"))
    assert names.copy().give(tool_names("a b")) == {ToolName("a b"): "a_b_3"}
    assert names.give(tool_names("a/b")) == {ToolName("a/b"): "a_b_3"}


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (
            ["a", "a"],
            "two tools are called `a`\nHint: give one of them another name or a namespace.",
        ),
        (
            ["exec"],
            "tool `exec` has the name of one of the model's own tools"
            "\nHint: give it another name or a namespace.",
        ),
        (
            ["wait"],
            "tool `wait` has the name of one of the model's own tools"
            "\nHint: give it another name or a namespace.",
        ),
        ([""], "a tool has an empty name\nHint: give it a name."),
    ],
    ids=["twice", "exec", "wait", "empty"],
)
def test_refused_names(names: list[str], text: str) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        PublicNames().give(tool_names(*names))
    assert str(caught.value) == text


@given(st.lists(st.text("ab_.-2", min_size=1, max_size=4), unique=True, max_size=12))
def test_no_tool_vanishes_and_every_name_is_an_identifier_of_its_own(names: list[str]) -> None:
    registry = PublicNames()
    found = registry.give(tool_names(*names))
    assert {tool_name.name for tool_name in found} == set(names)
    assert len(set(found.values())) == len(names)
    assert all(normalize(name) == name for name in found.values())
    changed = {each.tool_name: each.name for each in registry.clashes}
    assert changed == {key: name for key, name in found.items() if name != identifier(key)}
    assert all(found[key] == str(key) for key in found if identifier(key) == str(key))


@given(st.lists(st.tuples(st.booleans(), st.text("ab_.-23", min_size=1, max_size=4)), max_size=30))
def test_the_lowest_number_that_is_free_is_given(steps: list[tuple[bool, str]]) -> None:
    registry, found = PublicNames(), dict[ToolName, str]()
    for is_given, name in steps:
        tool_name = ToolName(name)
        if not is_given:
            registry.take_back(tool_name)
            found.pop(tool_name, None)
        elif tool_name not in found:
            wanted, taken = identifier(tool_name), set(found.values())
            numbered = (f"{wanted}_{number}" for number in range(2, 40))
            free = next(each for each in (wanted, *numbered) if each not in taken)
            registry = registry.copy()
            assert registry.give([tool_name]) == {tool_name: free}
            found[tool_name] = free


class Counted(dict[str, ToolName]):
    """Who has which name, and how often that was asked."""

    asked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += 1
        return super().__contains__(name)


def test_numbers_that_were_given_are_not_tried_again() -> None:
    registry = PublicNames()
    registry._holders = holders = Counted()
    alike = [ToolName(chr(0x4E00 + number)) for number in range(1_000)]
    assert registry.give(alike)[alike[-1]] == "__1000"
    assert holders.asked < 3 * len(alike)


@pytest.mark.parametrize(
    ("tool_name", "expected"),
    [
        (ToolName("go"), "go"),
        (ToolName("go", "mcp__probe"), "mcp__probe__go"),
        (ToolName("hidden-tool", "codex_app"), "codex_app__hidden_tool"),
        (ToolName("go", ""), "go"),
    ],
)
def test_a_namespace_and_a_name_become_one_identifier(tool_name: ToolName, expected: str) -> None:
    assert identifier(tool_name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("getWeather", ("get_weather",)),
        ("get_wether", ("get_weather",)),
        ("issues", ("list_issues", "gh__issues")),
        ("zzz", ()),
        ("g", ()),
    ],
)
def test_nearest_names(name: str, expected: tuple[str, ...]) -> None:
    names = ["get_weather", "list_issues", "gh__issues"]
    assert sorted(nearest(name, names)) == sorted(expected)
