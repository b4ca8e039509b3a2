"""Where the hosts of a fleet are."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from codemode import (
    DnsPlaces,
    EngineError,
    FleetSessionProvider,
    HostPlace,
    StaticPlaces,
    UsageError,
)
from codemode.fleet.standing import REFUSED_SECONDS, SUSPECT_SECONDS, Standing, in_order

Addresses = list[tuple[Any, ...]]


def addresses(*hosts: str) -> Addresses:
    """What the system says of a name."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 50051)) for host in hosts]


class Resolver:
    """Answers for one name, as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Addresses | OSError) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int]] = []

        async def getaddrinfo(_: object, host: str, port: int, **__: object) -> Addresses:
            self.asked.append((host, port))
            if isinstance(self.answer, OSError):
                raise self.answer
            return self.answer

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def test_a_list_is_what_somebody_wrote() -> None:
    places = StaticPlaces("grpc://10.0.0.1:1", HostPlace("unix:/run/s", room=5))

    assert list(await places.places()) == [
        HostPlace("grpc://10.0.0.1:1"),
        HostPlace("unix:/run/s", room=5),
    ]


@pytest.mark.parametrize(
    ("endpoints", "why"),
    [
        ((), "a fleet needs one host at least\nHint: StaticPlaces('grpc://10.0.0.1:50051')"),
        (("grpc://a:1", "grpc://a:1"), "the host grpc://a:1 is named twice"),
        (("grpc://a",), "a grpc:// endpoint names its port: `grpc://HOST:PORT`"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(endpoints: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        StaticPlaces(*endpoints)

    assert str(refused.value) == why


async def test_a_name_is_one_host_for_each_of_its_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver(monkeypatch, addresses("10.0.0.2", "10.0.0.1", "10.0.0.2", "fd00::1"))
    places = DnsPlaces("hosts.example:50051", scheme="https")

    found = list(await places.places())

    assert found == [
        HostPlace("https://10.0.0.1:50051"),
        HostPlace("https://10.0.0.2:50051"),
        HostPlace("https://[fd00::1]:50051"),
    ]
    assert list(await places.places()) == found
    assert resolver.asked == [("hosts.example", 50051)]  # once, while the answer is fresh
    await places.aclose()


async def test_a_name_that_is_not_resolved_for_the_moment_keeps_its_addresses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resolver = Resolver(monkeypatch, addresses("10.0.0.1"))
    places = DnsPlaces("hosts.example:50051", refresh_seconds=0.0)
    before = list(await places.places())
    resolver.answer = OSError(-3, "Temporary failure in name resolution")
    for _ in range(4):
        assert list(await places.places()) == before
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    resolver.answer = addresses("10.0.0.9")
    for _ in range(2):
        await places.places()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    after = list(await places.places())
    await places.aclose()

    assert after == [HostPlace("grpc://10.0.0.9:50051")]
    assert [record.message for record in caplog.records] == [
        "hosts.example cannot be resolved: Temporary failure in name resolution"
    ]


async def test_a_name_that_was_never_resolved_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Resolver(monkeypatch, OSError(-2, "Name or service not known"))
    places = DnsPlaces("hosts.example:50051")
    with pytest.raises(EngineError) as unknown:
        await places.places()
    await places.aclose()

    assert str(unknown.value) == (
        "no host is known: hosts.example cannot be resolved: Name or service not known"
    )


@pytest.mark.parametrize("name", ["hosts.example", ":1", "hosts:x", ""])
def test_a_name_without_its_port_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="write HOST:PORT"):
        DnsPlaces(name)


def test_one_endpoint_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(UsageError) as refused:
        FleetSessionProvider("grpc://a:1")

    assert str(refused.value) == (
        "`places` is a list of endpoints"
        "\nHint: FleetSessionProvider(['grpc://a:1']), or DnsPlaces('HOST:PORT') for a name"
    )


def test_a_token_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(UsageError, match="everybody on the way can read it"):
        FleetSessionProvider(["grpc://10.0.0.1:1"], token="t" * 20)


# ── in which order they are asked ────────────────────────────────────────────────────────────────


def standing(name: str, sessions: int = 0, **facts: Any) -> Standing:
    return Standing(HostPlace(name, **facts), sessions=sessions)


def names(found: list[Standing]) -> list[str]:
    return [each.place.endpoint for each in found]


def test_who_has_fewest_sessions_is_asked_first_and_chance_decides_among_equals() -> None:
    all_of_them = [standing("a", 3), standing("b", 1), standing("c", 1), standing("d", 0)]

    assert names(in_order(all_of_them, 0.0, {"b": 0.9, "c": 0.1})) == ["d", "c", "b", "a"]


def test_suspects_are_asked_last_and_only_for_a_while() -> None:
    a, b = standing("a"), standing("b", 9)
    a.failed(100.0, "connection refused")

    assert names(in_order([a, b], 100.0 + SUSPECT_SECONDS - 1, {})) == ["b", "a"]
    assert names(in_order([a, b], 100.0 + SUSPECT_SECONDS, {})) == ["a", "b"]

    a.refused(200.0, "too many sessions")
    assert names(in_order([a, b], 200.0 + REFUSED_SECONDS - 0.1, {})) == ["b"]
    assert names(in_order([a, b], 200.0 + REFUSED_SECONDS, {})) == ["a", "b"]

    a.failed(300.0, "connection refused")
    a.answered(301.0)
    assert names(in_order([a, b], 301.0, {})) == ["a", "b"]


def test_who_is_full_drained_or_gone_is_not_asked() -> None:
    gone, drained = standing("gone"), standing("drained")
    gone.is_listed, drained.is_drained = False, True
    all_of_them = [
        gone,
        drained,
        standing("full", 2, room=2),
        standing("draining", is_draining=True),
        standing("fit", 2, room=3),
    ]

    assert names(in_order(all_of_them, 0.0, {})) == ["fit"]
    assert [each.why_not() for each in all_of_them] == [
        "it is not listed any more",
        "it is drained",
        "it has room for 2 sessions",
        "it is drained",
        "it was not asked",
    ]
