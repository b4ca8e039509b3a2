"""Records to events: a table, every split at a record border, and hostile bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.engine import events as ev
from codemode.engine.events import Feed, Kind, Records
from codemode.errors import EngineError
from codemode.protocol.types import AudioItem, ImageItem, TextItem

MAX_UNITS = 10_000


def record(kind: int, payload: str | bytes = "") -> bytes:
    """One record as the prelude writes it."""
    data = payload.encode("utf-16-le", "surrogatepass") if isinstance(payload, str) else payload
    units = len(data) // 2
    return struct.pack("<3H", kind, units & 0xFFFF, units >> 16) + data


TABLE: list[tuple[bytes, ev.Event]] = [
    (record(Kind.TEXT, "a\n€😀"), TextItem("a\n€😀")),
    (record(Kind.TEXT, ""), TextItem("")),
    (record(Kind.TEXT, "\ud800x"), TextItem("�x")),
    (record(Kind.IMAGE, "low\ndata:,x"), ImageItem("data:,x", "low")),
    (record(Kind.AUDIO, "data:,y"), AudioItem("data:,y")),
    (record(Kind.CALL, '1\n0\n{"a":1}'), ev.ToolCalled(1, 0, '{"a":1}')),
    (record(Kind.CALL, "2\n7\n"), ev.ToolCalled(2, 7, None)),
    (record(Kind.CALL, '3\n7\n["a",\n1e400]'), ev.ToolCalled(3, 7, '["a",\n1e400]')),
    (record(Kind.NOTIFY, "n"), ev.Notified("n")),
    (record(Kind.YIELD), ev.YieldAsked()),
    (record(Kind.TIMER, "4\n250"), ev.TimerSet(4, 250.0)),
    (record(Kind.TIMER, "5\n1e+21"), ev.TimerSet(5, 1e21)),
    (record(Kind.CLEAR, "4"), ev.TimerCleared(4)),
    (record(Kind.STORE, "1\nk[1]"), ev.ValueStored("k", "[1]")),
    (record(Kind.STORE, '4\n😀\nk"v"'), ev.ValueStored("😀\nk", '"v"')),
    (record(Kind.KEY, "k"), ev.ValueAsked("k")),
    (record(Kind.DONE), ev.Finished(None)),
    (record(Kind.FAILED, "boom"), ev.Finished("boom")),
    (record(Kind.LIMITED, "timers\ntoo\nmany"), ev.Finished("too\nmany", "timers")),
    (record(Kind.IDLE), ev.Idle()),
]


@pytest.mark.parametrize(("data", "event"), TABLE)
def test_a_record_becomes_its_event(data: bytes, event: ev.Event) -> None:
    assert Records(MAX_UNITS).feed(data) == [event]


def test_records_may_come_together_or_one_by_one() -> None:
    records = Records(MAX_UNITS)

    assert Records(MAX_UNITS).feed(b"".join(data for data, _ in TABLE)) == [e for _, e in TABLE]
    assert [records.feed(data) for data, _ in TABLE] == [[event] for _, event in TABLE]


def test_a_record_may_be_continued_also_within_a_character() -> None:
    records = Records(MAX_UNITS)
    high, low = "😀".encode("utf-16-le")[:2], "😀".encode("utf-16-le")[2:]

    assert records.feed(record(Kind.TEXT | 0x8000, "ab")) == []
    assert records.feed(record(Kind.TEXT | 0x8000, high) + record(Kind.TEXT, low)) == [
        TextItem("ab😀")
    ]
    assert records.feed(record(Kind.TEXT, "c")) == [TextItem("c")]


def test_half_a_character_in_one_piece_spoils_no_other() -> None:
    records = Records(MAX_UNITS)

    assert records.feed(record(Kind.TEXT | 0x8000, "a\ud800")) == []
    assert records.feed(record(Kind.TEXT, "b")) == [TextItem("a\ufffdb")]


@pytest.mark.parametrize(
    "data",
    [
        record(0),
        record(99, "x"),
        record(Kind.TEXT, "abc")[:-2],
        record(Kind.TEXT)[:5],
        record(Kind.CALL, "1\n2"),
        record(Kind.CALL, "x\n2\n"),
        record(Kind.TIMER, "1"),
        record(Kind.TIMER, "1\nsoon"),
        record(Kind.CLEAR, "9" * 5000),
        record(Kind.CALL, "1\n2\n{'a': 1}"),
        record(Kind.CALL, "1\n2\n[],[]"),
        record(Kind.CALL, "1\n2\n" + "[" * 4_000 + "]" * 4_000),
        record(Kind.STORE, "k"),
        record(Kind.STORE, "1\nk"),
        record(Kind.STORE, '1\nk{"a":NaN}'),
        record(Kind.STORE, "1\nk1],[2"),
        record(Kind.IMAGE, "huge\ndata:,x"),
        record(Kind.IDLE) + record(Kind.TEXT, "x"),
        record(Kind.IDLE) + record(Kind.TEXT, "\ud800"),
        record(Kind.TEXT | 0x8000, "x" * MAX_UNITS) + record(Kind.TEXT, "x"),
        record(Kind.TEXT | 0x8000),
        record(Kind.TEXT | 0x8000, "") + record(Kind.TEXT, "\ud800"),
        record(Kind.TEXT | 0x8000, "x") * MAX_UNITS,
        record(Kind.TEXT | 0x8000, "\ud800") * MAX_UNITS,
    ],
)
def test_what_is_no_record_is_an_engine_error(data: bytes) -> None:
    with pytest.raises(EngineError, match=r"^a cell sent unreadable records: "):
        Records(MAX_UNITS).feed(data)


@given(
    st.lists(st.binary(max_size=40) | st.builds(record, st.integers(0, 20), st.text()), max_size=5)
)
def test_garbage_is_events_or_an_engine_error_and_nothing_else(pieces: list[bytes]) -> None:
    records = Records(MAX_UNITS)
    try:
        for piece in pieces:
            records.feed(piece)
    except EngineError:
        pass


@given(st.integers(0, 2**15 - 1), st.text(max_size=30))
def test_a_payload_of_any_text_is_an_event_or_an_engine_error(kind: int, payload: str) -> None:
    try:
        events = Records(MAX_UNITS).feed(record(kind, payload))
    except EngineError:
        return
    assert len(events) == 1


class Listener:
    """A sink that may pause its feed after each event."""

    def __init__(self, *, pauses: bool = False) -> None:
        self.events: list[ev.Event] = []
        self.credits: list[int] = []
        self.unfinished: list[int] = []
        self.pauses = pauses
        self.feed = Feed(self, MAX_UNITS, 10_000, self.credits.append)

    def on_events(self, events: list[ev.Event]) -> None:
        self.events += events
        if self.pauses:
            self.feed.pause()

    def on_unfinished(self, size: int) -> None:
        self.unfinished.append(size)

    def on_flushed(self) -> None:
        raise AssertionError

    def on_lost(self, reason: str, limit: str | None) -> None:
        raise AssertionError


def test_a_paused_feed_keeps_what_comes_and_gives_it_when_resumed() -> None:
    listener = Listener(pauses=True)
    for text in ("a", "b", "c"):
        listener.feed.data(record(Kind.TEXT, text))

    assert listener.events == [TextItem("a")]
    listener.feed.resume()
    assert listener.events == [TextItem("a"), TextItem("b")]
    listener.feed.resume()
    assert listener.events == [TextItem("a"), TextItem("b"), TextItem("c")]


def test_the_sink_knows_how_much_has_come_of_a_record() -> None:
    listener = Listener()
    for data in ("abc", "de", "f"):
        listener.feed.data(record(Kind.TEXT | (0 if data == "f" else 0x8000), data))
    listener.feed.data(record(Kind.TEXT, "g"))

    assert listener.unfinished == [6, 10, 0]
    assert listener.events == [TextItem("abcdef"), TextItem("g")]


def test_credit_is_given_back_in_portions_and_for_all_of_it() -> None:
    listener = Listener()
    data = record(Kind.TEXT, "x" * 900)
    for _ in range(150):
        listener.feed.data(data)

    assert listener.credits == [73 * len(data)] * 2


def test_who_sends_beyond_its_credit_is_refused() -> None:
    listener = Listener()
    listener.feed.pause()
    data = record(Kind.TEXT, "x" * 30_000)

    for _ in range(8):
        listener.feed.data(data)
    with pytest.raises(EngineError, match=r"^a cell sent more than it had credit for$"):
        listener.feed.data(data)


def test_a_feed_knows_when_the_program_has_finished() -> None:
    listener = Listener()
    listener.feed.data(record(Kind.TEXT, "x"))
    assert not listener.feed.finished
    listener.feed.data(record(Kind.TEXT, "x") + record(Kind.DONE))
    assert listener.feed.finished


def test_each_turn_ends_once() -> None:
    listener = Listener()
    listener.feed.data(record(Kind.IDLE))
    listener.feed.expect_turn()
    listener.feed.data(record(Kind.TEXT, "x") + record(Kind.IDLE))
    with pytest.raises(EngineError, match=r"^a cell ended a turn that it did not have$"):
        listener.feed.data(record(Kind.IDLE))

    assert listener.events == [ev.Idle(), TextItem("x"), ev.Idle()]
