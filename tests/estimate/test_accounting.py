"""What a conversation costs, request by request."""

from __future__ import annotations

from codemode.estimate.accounting import COLD, UNCACHED, WARM, Cost, Latency, Turn, cost_of

TURNS = [Turn(("call",), ("result",), 2), Turn(("done",), is_answer=True)]


def one(text: str) -> int:
    return 1 if text else 0


def test_every_request_sends_all_before_it_and_what_was_sent_is_cached() -> None:
    assert cost_of(100, TURNS, one) == Cost(
        requests=2,
        input_tokens=100 + (100 + 9 + 9),
        fresh_tokens=18,
        cold_tokens=100,
        output_tokens=9 + 5,
        result_bytes=6,
        waves=2,
    )


def test_a_regime_says_what_is_cached_and_what_output_costs() -> None:
    cost = cost_of(100, TURNS, one)
    assert cost.price(WARM) == 18 + 0.1 * 200 + 5 * 14
    assert cost.price(COLD) == 118 + 0.1 * 100 + 5 * 14
    assert cost.price(UNCACHED) == 218 + 5 * 14


def test_time_is_a_stated_model() -> None:
    cost = cost_of(100, TURNS, one)
    assert cost.seconds(Latency(request=1, output_rate=7, tool=0.5)) == 2 + 2 + 1


def test_costs_add_up() -> None:
    cost = cost_of(100, TURNS, one)
    assert cost + cost == Cost(4, 436, 36, 200, 28, 12, 4)
    assert cost_of(100, [], one) == Cost()
