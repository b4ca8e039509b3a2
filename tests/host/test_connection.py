"""The handshake and the ids of requests, without a loop."""

import pytest

from codemode.host.connection import ConnectionState, ProtocolViolationError, Recent
from codemode.protocol import messages as m


def hello(
    *versions: int, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
) -> m.Hello:
    return m.Hello(versions, required, optional)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (hello(1), m.Ready(1, ())),
        (hello(2, 1), m.Ready(1, ())),
        (hello(1, optional=m.CAPABILITIES[::-1]), m.Ready(1, m.CAPABILITIES)),
        (hello(1, required=m.CAPABILITIES), m.Ready(1, m.CAPABILITIES)),
        (
            hello(1, required=("yield-observation",), optional=("zz", "bounded-output-v1")),
            m.Ready(1, ("bounded-output-v1", "yield-observation")),
        ),
        (hello(2), m.Rejected(m.NoCompatibleVersion((1,)))),
        (hello(2, required=("zz",)), m.Rejected(m.NoCompatibleVersion((1,)))),
        (
            hello(1, required=("zz", "yield-observation", "aa")),
            m.Rejected(m.MissingRequiredCapability("aa")),
        ),
        (m.Cancel(1), m.Rejected(m.InvalidHello("first message must be connection/hello"))),
    ],
)
def test_the_first_message_decides(message: m.ClientMessage, reply: m.Ready | m.Rejected) -> None:
    connection = ConnectionState()

    assert connection.greet(message) == reply
    assert connection.is_open is isinstance(reply, m.Ready)


def test_what_was_agreed_on_is_kept() -> None:
    connection = ConnectionState()

    connection.greet(hello(1, optional=("yield-observation", "zz")))

    assert connection.capabilities == {"yield-observation"}


def test_an_id_in_use_breaks_the_connection() -> None:
    connection = ConnectionState()
    connection.admit(7)

    with pytest.raises(ProtocolViolationError) as caught:
        connection.admit(7)

    assert str(caught.value) == "duplicate code-mode request ID RequestId(7)"


def test_an_id_used_lately_breaks_the_connection_and_an_older_one_is_free() -> None:
    connection = ConnectionState(recent=2)
    for number in (1, 2, 3):
        connection.admit(number)
        connection.finish(number)

    assert connection.admit(1)
    with pytest.raises(ProtocolViolationError):
        connection.admit(3)


def test_the_request_over_the_limit_is_refused_until_another_has_ended() -> None:
    connection = ConnectionState(in_flight=2)

    admitted = [connection.admit(number) for number in (1, 2, 3)]
    connection.finish(1)

    assert (admitted, connection.admit(4)) == ([True, True, False], True)


def test_a_refused_id_is_used_up() -> None:
    connection = ConnectionState(in_flight=0)
    connection.admit(1)

    with pytest.raises(ProtocolViolationError):
        connection.admit(1)


def test_by_default_2048_requests_are_in_flight() -> None:
    connection = ConnectionState()

    assert [connection.admit(number) for number in range(2049)] == [True] * 2048 + [False]


def test_recent_keys_are_forgotten_in_the_order_in_which_they_came() -> None:
    recent = Recent[str](2)
    for key in ("a", "b", "a", "c"):
        recent.add(key)

    assert [key in recent for key in ("a", "b", "c")] == [False, True, True]


def test_a_connection_shows_its_state() -> None:
    connection = ConnectionState()
    connection.greet(hello(1))
    connection.admit(1)

    assert repr(connection) == "<connection open, 1 requests>"
