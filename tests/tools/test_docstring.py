import pytest

from codemode.tools.docstring import Description, read_docstring

EXPECTED = Description(
    "Move the robot.\n\nIt moves at once.",
    {"speed": "How fast, in m/s.", "to": "Where to go."},
)


@pytest.mark.parametrize(
    "doc",
    [
        pytest.param(
            """Move the robot.

            It moves at once.

            Args:
                speed: How fast,
                    in m/s.
                to (str): Where to go.

            Returns:
                bool: Whether it arrived.

            Raises:
                ValueError: never.
            """,
            id="google",
        ),
        pytest.param(
            """Move the robot.

            It moves at once.

            Parameters
            ----------
            speed : float
                How fast,
                in m/s.
            to : str, optional
                Where to go.

            Returns
            -------
            bool
                Whether it arrived.
            """,
            id="numpy",
        ),
        pytest.param(
            """Move the robot.

            It moves at once.

            :param speed: How fast,
                in m/s.
            :param str to: Where to go.
            :returns: Whether it arrived.
            """,
            id="sphinx",
        ),
    ],
)
def test_three_styles_say_the_same(doc: str) -> None:
    assert read_docstring(doc) == EXPECTED


@pytest.mark.parametrize("doc", [None, "", "  \n "])
def test_no_docstring_says_nothing(doc: str | None) -> None:
    assert read_docstring(doc) == Description()


def test_names_of_variable_parameters_lose_their_stars() -> None:
    assert read_docstring("Do.\n\nArgs:\n    **rest: The rest.").parameters == {"rest": "The rest."}


def test_reading_writes_nothing_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    read_docstring("Do.\n\nArgs:\n    a: No such parameter.\n    nonsense\n\nReturns:\n    x")
    assert caplog.records == []


def test_text_without_a_style_is_the_description() -> None:
    assert read_docstring("One:\n  two\n---") == Description("One:\n  two\n---")


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        (
            "Delete a mail.\n\nFor good.\n\n:param email_id: The mail,\n    by its id.",
            Description("Delete a mail.\n\nFor good.", {"email_id": "The mail, by its id."}),
        ),
        (":param query: What to look for.", Description("", {"query": "What to look for."})),
        ("Now.\n\n:return: the time", Description("Now.")),
        ("Go.\n:param int n: How often.\n:type n: int", Description("Go.", {"n": "How often."})),
        (
            "Show.\n\nArgs:\n    a: In text\n\nA field of Sphinx:\n:param b: stays text.",
            Description("Show.", {"a": "In text"}),
        ),
        ("Write `:param x:` somewhere.", Description("Write `:param x:` somewhere.")),
    ],
    ids="one alone result typed google inline".split(),
)
def test_a_single_field_of_sphinx_is_read(doc: str, expected: Description) -> None:
    assert read_docstring(doc) == expected
