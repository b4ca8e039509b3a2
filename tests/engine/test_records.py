"""Records to events: a table, every split at a record border, and hostile bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.engine import events as ev
from codemode.engine.records import STEP_RECORDS, Feed, Kind, Records
from codemode.errors import EngineError
from codemode.loop_share import LoopShare
from codemode.protocol.types import AudioItem, ImageItem, TextItem

MAX_BYTES = 30_000
CONTINUED = 0x80


def record(kind: int, payload: str | bytes = "") -> bytes:
    """One record as a worker writes it."""
    data = payload.encode() if isinstance(payload, str) else payload
    return struct.pack("<BI", kind, len(data)) + data


def call(number: int, index: int, json: str, line: int = 0, column: int = 0) -> bytes:
    """A record of a tool call."""
    return record(Kind.CALL, struct.pack("<4I", number, index, line, column) + json.encode())


def timer(number: int, delay_ms: float) -> bytes:
    """A record of a timer that is set."""
    return record(Kind.TIMER, struct.pack("<Id", number, delay_ms))


def store(key: str, json: str) -> bytes:
    """A record of a value that is stored."""
    name = key.encode()
    return record(Kind.STORE, struct.pack("<I", len(name)) + name + json.encode())


TABLE: list[tuple[bytes, ev.Event]] = [
    (record(Kind.TEXT, "a\n€😀"), TextItem("a\n€😀")),
    (record(Kind.TEXT, ""), TextItem("")),
    (record(Kind.IMAGE, "low\ndata:,x"), ImageItem("data:,x", "low")),
    (record(Kind.AUDIO, "data:,y"), AudioItem("data:,y")),
    (call(1, 0, '{"a":1}', 2, 7), ev.ToolCalled(1, 0, '{"a":1}', 2, 7)),
    (call(2, 7, ""), ev.ToolCalled(2, 7, None)),
    (call(3, 7, '["a",\n1e400]'), ev.ToolCalled(3, 7, '["a",\n1e400]')),
    (record(Kind.NOTIFY, "n"), ev.Notified("n")),
    (record(Kind.YIELD), ev.YieldAsked()),
    (timer(4, 250), ev.TimerSet(4, 250.0)),
    (timer(5, 1e21), ev.TimerSet(5, 1e21)),
    (record(Kind.CLEAR, struct.pack("<I", 4)), ev.TimerCleared(4)),
    (store("k", "[1]"), ev.ValueStored("k", "[1]")),
    (store("😀\nk", '"v"'), ev.ValueStored("😀\nk", '"v"')),
    (record(Kind.KEY, "k"), ev.ValueAsked("k")),
    (record(Kind.DONE), ev.Finished(None)),
    (record(Kind.FAILED, "boom"), ev.Finished("boom")),
    (record(Kind.LIMITED, "timers\ntoo\nmany"), ev.Finished("too\nmany", "timers")),
    (record(Kind.CLOCK, b"\x02\x01"), ev.ClockRead(b"\x02\x01")),
    (record(Kind.IDLE), ev.Idle()),
]


def events_of(records: Records, data: bytes) -> list[ev.Event]:
    """All the events in ``data``."""
    events, at = records.feed(data)
    assert at == len(data)
    return events


@pytest.mark.parametrize(("data", "event"), TABLE)
def test_a_record_becomes_its_event(data: bytes, event: ev.Event) -> None:
    assert events_of(Records(MAX_BYTES), data) == [event]


def test_records_may_come_together_or_one_by_one() -> None:
    records = Records(MAX_BYTES)

    whole = b"".join(data for data, _ in TABLE)

    assert events_of(Records(MAX_BYTES), whole) == [e for _, e in TABLE]
    assert [events_of(records, data) for data, _ in TABLE] == [[event] for _, event in TABLE]


def test_a_record_may_be_continued_also_within_a_character() -> None:
    records = Records(MAX_BYTES)
    high, low = "😀".encode()[:2], "😀".encode()[2:]

    assert events_of(records, record(Kind.TEXT | CONTINUED, "ab")) == []
    assert events_of(records, record(Kind.TEXT | CONTINUED, high) + record(Kind.TEXT, low)) == [
        TextItem("ab😀")
    ]
    assert events_of(records, record(Kind.TEXT, "c")) == [TextItem("c")]


@pytest.mark.parametrize(
    "data",
    [
        record(0),
        record(99, "x"),
        record(Kind.TEXT, "abc")[:-2],
        record(Kind.TEXT)[:4],
        record(Kind.TEXT, b"\xff"),
        record(Kind.TEXT, "\ud800".encode("utf-8", "surrogatepass")),
        record(Kind.CALL, b"123"),
        record(Kind.TIMER, b"1"),
        record(Kind.CLEAR, b"12345"),
        call(1, 2, "{'a': 1}"),
        call(1, 2, "[],[]"),
        call(1, 2, "[" * 4_000 + "]" * 4_000),
        record(Kind.STORE, b"k"),
        record(Kind.STORE, b"\xff\xff\xff\xffk1"),
        store("k", ""),
        store("k", '{"a":NaN}'),
        store("k", "1],[2"),
        record(Kind.IMAGE, "huge\ndata:,x"),
        record(Kind.IDLE) + record(Kind.TEXT, "x"),
        record(Kind.TEXT | CONTINUED, "x" * MAX_BYTES) + record(Kind.TEXT, "x"),
        record(Kind.TEXT | CONTINUED),
        record(Kind.TEXT | CONTINUED, "x") * MAX_BYTES,
    ],
)
def test_what_is_no_record_is_an_engine_error(data: bytes) -> None:
    with pytest.raises(EngineError, match=r"^a cell sent unreadable records: "):
        Records(MAX_BYTES).feed(data)


@given(
    st.lists(st.binary(max_size=40) | st.builds(record, st.integers(0, 20), st.text()), max_size=5)
)
def test_garbage_is_events_or_an_engine_error_and_nothing_else(pieces: list[bytes]) -> None:
    records = Records(MAX_BYTES)
    try:
        for piece in pieces:
            records.feed(piece)
    except EngineError:
        pass


@given(st.integers(0, 127), st.text(max_size=30))
def test_a_payload_of_any_text_is_an_event_or_an_engine_error(kind: int, payload: str) -> None:
    try:
        events = events_of(Records(MAX_BYTES), record(kind, payload))
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
        self.share = LoopShare()
        self.feed = Feed(self, MAX_BYTES, 10_000, self.credits.append)

    def hear(self, data: bytes) -> None:
        """Records come, and all that can be is decoded."""
        self.feed.data(data)
        self.feed.drain()

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
        listener.hear(record(Kind.TEXT, text))

    assert listener.events == [TextItem("a")]
    listener.feed.resume()
    listener.feed.drain()
    assert listener.events == [TextItem("a"), TextItem("b")]
    listener.feed.resume()
    listener.feed.drain()
    assert listener.events == [TextItem("a"), TextItem("b"), TextItem("c")]


def test_the_sink_knows_how_much_has_come_of_a_record() -> None:
    listener = Listener()
    for data in ("abc", "de", "f"):
        listener.hear(record(Kind.TEXT | (0 if data == "f" else CONTINUED), data))
    listener.hear(record(Kind.TEXT, "g"))

    assert listener.unfinished == [3, 5, 0]
    assert listener.events == [TextItem("abcdef"), TextItem("g")]


def test_credit_is_given_back_in_portions_and_for_all_of_it() -> None:
    listener = Listener()
    data = record(Kind.TEXT, "x" * 3_000)
    for _ in range(180):
        listener.hear(data)

    assert listener.credits == [88 * len(data)] * 2


def test_who_sends_beyond_its_credit_is_refused() -> None:
    listener = Listener()
    listener.feed.pause()
    data = record(Kind.TEXT, "x" * 60_000)

    for _ in range(8):
        listener.hear(data)
    with pytest.raises(EngineError, match=r"^a cell sent more than it had credit for$"):
        listener.hear(data)


def test_a_feed_knows_when_the_program_has_finished() -> None:
    listener = Listener()
    listener.hear(record(Kind.TEXT, "x"))
    assert not listener.feed.finished
    listener.hear(record(Kind.TEXT, "x") + record(Kind.DONE))
    assert listener.feed.finished


def test_each_turn_ends_once() -> None:
    listener = Listener()
    listener.hear(record(Kind.IDLE))
    listener.feed.expect_turn()
    listener.hear(record(Kind.TEXT, "x") + record(Kind.IDLE))
    with pytest.raises(EngineError, match=r"^a cell ended a turn that it did not have$"):
        listener.hear(record(Kind.IDLE))

    assert listener.events == [ev.Idle(), TextItem("x"), ev.Idle()]


def test_a_step_decodes_some_records_and_says_whether_there_are_more() -> None:
    listener = Listener()
    listener.feed.data(b"".join(record(Kind.TEXT, str(n)) for n in range(STEP_RECORDS + 10)))
    listener.feed.data(record(Kind.TEXT, "last"))

    seen = [(listener.feed.step(), len(listener.events)) for _ in range(3)]

    assert seen == [(True, STEP_RECORDS), (True, STEP_RECORDS + 10), (False, STEP_RECORDS + 11)]
    assert listener.events[-1] == TextItem("last")


def test_a_feed_that_is_paused_in_the_middle_of_what_came_goes_on_there() -> None:
    listener = Listener(pauses=True)
    texts = [str(n) for n in range(2 * STEP_RECORDS)]
    listener.hear(b"".join(record(Kind.TEXT, text) for text in texts))

    assert len(listener.events) == STEP_RECORDS
    listener.feed.resume()
    listener.feed.drain()
    assert listener.events == [TextItem(text) for text in texts]
