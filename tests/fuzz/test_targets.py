"""What fuzzing begins with, what it has found, and a little of it: see ``targets``."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_records import CONTINUED, record

from .__main__ import main
from .seeds import seeds
from .targets import TARGETS

FOUND: list[tuple[str, bytes]] = [
    (
        "client_messages",
        b'{"type":"delegate/response","id":1,"result":{"status":"error","message":": no such file"}}',
    ),
    ("records", record(1 | CONTINUED, b"half \xf0\x9f") + record(1, "and plain")),
]
"""Inputs that a decoder once could not stand."""

EVERY = pytest.mark.parametrize("name", TARGETS)


@EVERY
def test_what_the_search_begins_with_is_fine(name: str) -> None:
    begin = seeds(name)

    for seed in begin:
        TARGETS[name](seed)
    assert begin


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_stays_fixed(name: str, data: bytes) -> None:
    TARGETS[name](data)


@EVERY
@given(data=st.data())
def test_bytes_like_those_are_fine(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from([b"", *seeds(name)]))
    at = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 8))
    other = data.draw(st.binary(max_size=12) | st.text(max_size=12).map(str.encode))

    TARGETS[name](seed[:at] + other + seed[at + cut :])


def test_an_input_can_be_shown_again(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"text(1)")

    result = CliRunner().invoke(main, ["pragma", "--reproduce", str(path)])

    assert (result.exit_code, result.output) == (0, "pragma: this input is fine\n")
