"""Text that a cell writes: many items, and a large one."""

from __future__ import annotations

from functools import partial

from codemode.protocol.types import TextItem

from .client import open_client, repeated
from .scenario import BenchError, Conditions, Figure, Samples, Scenario

GROUP = "output"
_LARGE = 10_000_000


def all_scenarios() -> tuple[Scenario, ...]:
    """All scenarios of this file."""
    return (
        Scenario(
            name="10,000 text items",
            figures=(Figure("exec", decimals=1),),
            measure=partial(
                text,
                source="for (let i = 0; i < 10000; i++) text(`line ${i} of what a cell says`);",
                items=10_000,
            ),
            samples=20,
            warm_ups=2,
        ),
        Scenario(
            name="one text item of 10 MB",
            figures=(Figure("exec", decimals=1),),
            measure=partial(text, source=f"text('x'.repeat({_LARGE}));", items=1),
            samples=20,
            warm_ups=2,
        ),
    )


async def text(conditions: Conditions, *, source: str, items: int) -> Samples:
    """An exec, from its start until its whole output is here."""
    async with open_client() as client:
        response = await client.exec(source)
        if len(response.items) != items or not isinstance(response.items[0], TextItem):
            raise BenchError(f"{len(response.items)} items came instead of {items}")
        return {
            "exec": await repeated(
                lambda: client.exec(source),
                samples=conditions.samples,
                warm_ups=conditions.warm_ups,
            )
        }
