"""What a conversation of a model with tools costs: requests, tokens, bytes, price and modelled time.

Every request sends the whole conversation before it: that is how chat interfaces bill. What the request
before sent already is *cached*, where a cache is assumed; the rest is *fresh*. Nothing here runs anything,
and the same turns give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..surface.output import token_count

Tokeniser: TypeAlias = Callable[[str], int]

MESSAGE_TOKENS: Final = 4
"""What frames a message."""
CALL_TOKENS: Final = 8
"""What frames a call or a result: names, ids, separators."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request: what the model writes in it, and what comes back before the next.

    Attributes:
        says: arguments of calls, programs, or the answer.
        gets: results.
        waves: tool calls one after another on the longest way.
        is_answer: it is the last one, and calls nothing.
    """

    says: tuple[str, ...]
    gets: tuple[str, ...] = ()
    waves: int = 0
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class Regime:
    """How requests are billed, in prices of one fresh input token.

    Attributes:
        cached: the price of a cached input token; None where nothing is cached.
        output: the price of an output token.
        is_warm: the fixed part of the first request is in the cache already.
    """

    name: str
    cached: float | None = 0.1
    output: float = 5.0
    is_warm: bool = True


WARM: Final = Regime("warm cache")
COLD: Final = Regime("cold first request", is_warm=False)
UNCACHED: Final = Regime("no caching", cached=None)
REGIMES: Final = (WARM, COLD, UNCACHED)


@dataclass(frozen=True, slots=True)
class Latency:
    """A stated model of time, not a measurement; in seconds and tokens per second."""

    request: float = 1.0
    output_rate: float = 60.0
    tool: float = 0.3


@dataclass(frozen=True, slots=True)
class Cost:
    """What a conversation costs. Costs of several add up."""

    requests: int = 0
    input_tokens: int = 0
    fresh_tokens: int = 0
    cold_tokens: int = 0
    """Of the fixed part of first requests: fresh where no cache has it yet, cached where one does."""
    output_tokens: int = 0
    result_bytes: int = 0
    waves: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.fresh_tokens + other.fresh_tokens,
            self.cold_tokens + other.cold_tokens,
            self.output_tokens + other.output_tokens,
            self.result_bytes + other.result_bytes,
            self.waves + other.waves,
        )

    def price(self, regime: Regime = WARM) -> float:
        """The price in units of one fresh input token."""
        output = regime.output * self.output_tokens
        if regime.cached is None:
            return self.input_tokens + output
        fresh = self.fresh_tokens + (0 if regime.is_warm else self.cold_tokens)
        return fresh + regime.cached * (self.input_tokens - fresh) + output

    def seconds(self, latency: Latency | None = None) -> float:
        """The time that the model of latency gives."""
        model = latency or Latency()
        saying = self.output_tokens / model.output_rate
        return self.requests * model.request + saying + self.waves * model.tool


def cost_of(fixed: int, turns: Sequence[Turn], tokens: Tokeniser = token_count) -> Cost:
    """The cost of a conversation whose first request begins with ``fixed`` tokens.

    Args:
        fixed: system text, tools and the user's request, in tokens.
        turns: the requests in order.
        tokens: counts the tokens of a text.

    >>> cost_of(100, [Turn(("a" * 40,), ("b" * 80,), 1), Turn(("done",), is_answer=True)])
    Cost(requests=2, input_tokens=246, fresh_tokens=46, cold_tokens=100, output_tokens=23, result_bytes=80, waves=1)
    """
    total, context, known = Cost(), fixed, fixed
    for turn in turns:
        frame = MESSAGE_TOKENS if turn.is_answer else CALL_TOKENS
        said = sum(tokens(text) + frame for text in turn.says)
        total += Cost(
            1,
            context,
            context - known,
            0,
            said,
            sum(len(text.encode(errors="replace")) for text in turn.gets),
            turn.waves,
        )
        known = context
        context += said + sum(tokens(text) + CALL_TOKENS for text in turn.gets)
    return total + Cost(cold_tokens=fixed if turns else 0)
