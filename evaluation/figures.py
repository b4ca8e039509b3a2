"""What the tables say: sums, ratios and rules over the rows of ``results``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from codemode.estimate.accounting import REGIMES, WARM, Cost, Latency, Regime

from .tables import Row, read
from .ways import WAYS

SUITES: Final = ("workspace", "travel", "banking", "slack")
DEARER: Final = 1.1
CHEAPER: Final = 0.9
LATENCIES: Final = (
    Latency(),
    Latency(0.5, 100, 0.05),
    Latency(2, 50, 0.3),
    Latency(1, 60, 2),
)
CLASSES: Final = (
    ("under 0.3 kB", 0, 300),
    ("0.3 to 1 kB", 300, 1_000),
    ("1 kB and more", 1_000, 10**9),
)

Key = tuple[str, str]


def cost(row: Row) -> Cost:
    """The cost of a row as it was counted."""
    names = (
        "requests",
        "input_tokens",
        "fresh_tokens",
        "fixed_tokens",
        "output_tokens",
        "result_bytes",
        "waves",
    )
    return Cost(*(row[name] for name in names))


def with_catalogue(row: Row, tokens: int) -> Cost:
    """The same with a catalogue of another size: every request carries it."""
    other = tokens - row["catalogue_tokens"]
    found = cost(row)
    return found + Cost(input_tokens=other * found.requests, cold_tokens=other)


@dataclass
class Tasks:
    """The rows of the tasks, and the catalogues of their suites."""

    rows: dict[tuple[str, str, str], Row]
    sizes: dict[str, Row]

    @classmethod
    def load(cls) -> Tasks:
        """As they were written last."""
        rows = {(row["suite"], row["task"], row["way"]): row for row in read("tasks.csv")}
        return cls(rows, {row["suite"]: row for row in read("suites.csv")})

    @property
    def keys(self) -> list[Key]:
        """All tasks, in the order in which they were run."""
        return list(dict.fromkeys((suite, task) for suite, task, _ in self.rows))

    def of(self, suite: str) -> list[Key]:
        """The tasks of a suite, or of ``all``."""
        return [key for key in self.keys if suite in ("all", key[0])]

    def total(self, keys: Sequence[Key], way: str) -> Cost:
        """The cost of some tasks in one way."""
        found = Cost()
        for key in keys:
            found += cost(self.rows[(*key, way)])
        return found

    def price(self, key: Key, way: str, catalogue: str | None, regime: Regime = WARM) -> float:
        """The price of a task with a catalogue of some form; None leaves catalogues out."""
        tokens = self.sizes[key[0]][catalogue] if catalogue else 0
        return with_catalogue(self.rows[(*key, way)], tokens).price(regime)

    def ratio(
        self, keys: Sequence[Key], way: str, catalogue: str | None, regime: Regime = WARM
    ) -> float:
        """The price of a way as a part of that of parallel calls."""
        base = "direct" if catalogue else None
        own = catalogue if way not in ("direct", "parallel") else base
        paid = sum(self.price(key, way, own, regime) for key in keys)
        return paid / sum(self.price(key, "parallel", base, regime) for key in keys)

    def kept(self, key: Key) -> int:
        """Bytes of results that the program keeps from the model."""
        rows = self.rows
        return int(rows[(*key, "parallel")]["result_bytes"] - rows[(*key, "blind")]["result_bytes"])

    def saved(self, key: Key) -> int:
        """Requests that the program saves against parallel calls."""
        return int(
            self.rows[(*key, "parallel")]["requests"] - self.rows[(*key, "blind")]["requests"]
        )


def totals(tasks: Tasks) -> list[list[Any]]:
    """All tasks: each measure in each way, and what programs make of parallel calls."""
    keys = tasks.keys
    sums = {way: tasks.total(keys, way) for way in WAYS}
    bare = {
        way: sum(with_catalogue(tasks.rows[(*k, way)], 0).input_tokens for k in keys)
        for way in WAYS
    }
    measures = {
        "requests": {way: sums[way].requests for way in WAYS},
        "input tokens": {way: sums[way].input_tokens for way in WAYS},
        "input tokens without catalogues": bare,
        "of these not cached": {way: sums[way].fresh_tokens for way in WAYS},
        "output tokens": {way: sums[way].output_tokens for way in WAYS},
        "bytes of results through the model": {way: sums[way].result_bytes for way in WAYS},
        "seconds (model)": {way: round(sums[way].seconds()) for way in WAYS},
    }
    return [
        [name, *values.values(), f"**{values['blind'] / values['parallel']:.2f}**"]
        for name, values in measures.items()
    ]


def prices(tasks: Tasks) -> list[list[Any]]:
    """Prices by suite and regime, parallel calls being 1."""
    rows: list[list[Any]] = []
    for regime in REGIMES:
        for suite in (*SUITES, "all"):
            keys = tasks.of(suite)
            rows.append(
                [
                    regime.name,
                    suite,
                    tasks.ratio(keys, "direct", "direct", regime),
                    *(
                        tasks.ratio(keys, "blind", form, regime)
                        for form in ("published", "shared", "untyped", None)
                    ),
                ]
            )
    dear = Regime("warm cache, output 8", output=8.0)
    keys = tasks.keys
    forms = [
        tasks.ratio(keys, "blind", form, dear) for form in ("published", "shared", "untyped", None)
    ]
    return [*rows, [dear.name, "all", tasks.ratio(keys, "direct", "direct", dear), *forms]]


def by_price(tasks: Tasks) -> list[list[Any]]:
    """Every task by its price against parallel calls, the dearest first."""
    rows = []
    for key in tasks.keys:
        blind, parallel = tasks.rows[(*key, "blind")], tasks.rows[(*key, "parallel")]
        rows.append(
            [
                f"{key[0]} {key[1].removeprefix('user_task_')}",
                blind["shapes"],
                parallel["calls"],
                f"{parallel['requests']} → {blind['requests']}",
                f"{parallel['result_bytes']:,} → {blind['result_bytes']:,}",
                tasks.ratio([key], "blind", "shared"),
                tasks.ratio([key], "blind", None),
            ]
        )
    return sorted(rows, key=lambda row: -row[-2])


def rules(tasks: Tasks) -> list[list[Any]]:
    """What can be known of a task beforehand, and how often it says who is cheaper and who is faster."""
    rows: list[list[Any]] = []
    for name, least, most in CLASSES:
        keys = [key for key in tasks.keys if least <= max(0, tasks.kept(key)) < most]
        cheaper = {
            form: sum(tasks.ratio([key], "blind", form) < 1 for key in keys)
            for form in ("shared", None)
        }
        faster = sum(
            _seconds(tasks, key, "blind") < _seconds(tasks, key, "parallel") for key in keys
        )
        rows.append(
            [f"{name} of results kept away", len(keys), cheaper["shared"], cheaper[None], faster]
        )
    for saved, name in ((0, "no request saved"), (1, "one saved"), (2, "two or more saved")):
        keys = [
            k for k in tasks.keys if tasks.saved(k) == saved or (saved == 2 and tasks.saved(k) > 2)
        ]
        cheaper = {
            form: sum(tasks.ratio([key], "blind", form) < 1 for key in keys)
            for form in ("shared", None)
        }
        faster = sum(
            _seconds(tasks, key, "blind") < _seconds(tasks, key, "parallel") for key in keys
        )
        rows.append([name, len(keys), cheaper["shared"], cheaper[None], faster])
    return rows


def spread(tasks: Tasks) -> list[list[Any]]:
    """How prices of single tasks lie around those of parallel calls."""
    rows: list[list[Any]] = []
    for name, form in (
        ("published", "published"),
        ("types named once", "shared"),
        ("catalogues left out", None),
    ):
        found = sorted(tasks.ratio([key], "blind", form) for key in tasks.keys)
        cheaper = sum(each < CHEAPER for each in found)
        dearer = sum(each > DEARER for each in found)
        rows.append(
            [
                name,
                statistics.median(found),
                found[0],
                found[-1],
                cheaper,
                len(found) - cheaper - dearer,
                dearer,
            ]
        )
    return rows


def latencies(tasks: Tasks) -> list[list[Any]]:
    """Modelled time under other assumptions."""
    rows: list[list[Any]] = []
    for model in LATENCIES:
        seconds = {way: tasks.total(tasks.keys, way).seconds(model) for way in WAYS}
        name = f"{model.request:g} s a request, {model.output_rate:g} tokens/s, {model.tool:g} s a tool"
        rows.append(
            [
                name,
                *(round(each) for each in seconds.values()),
                seconds["blind"] / seconds["parallel"],
            ]
        )
    return rows


def _seconds(tasks: Tasks, key: Key, way: str) -> float:
    return cost(tasks.rows[(*key, way)]).seconds()


def typed_prices(tasks: Tasks) -> list[list[Any]]:
    """Travel as it is, and with three typed tools."""
    keys = tasks.of("travel")
    typed = [
        Cost(
            r["requests"],
            r["input_tokens"],
            r["fresh_tokens"],
            r["fixed_tokens"],
            r["output_tokens"],
        )
        for r in read("typed.csv")
    ]
    total = Cost()
    for each in typed:
        total += each
    parallel, blind = tasks.total(keys, "parallel"), tasks.total(keys, "blind")
    base = sum(tasks.price(key, "parallel", "direct") for key in keys)
    return [
        ["parallel", parallel.requests, parallel.output_tokens, 1.0],
        [
            "programs, as it is",
            blind.requests,
            blind.output_tokens,
            tasks.ratio(keys, "blind", "shared"),
        ],
        ["programs, three tools typed", total.requests, total.output_tokens, total.price() / base],
    ]


def attacks() -> list[list[Any]]:
    """By suite: whom injected text reaches, and which goals are reached under which policy."""
    tasks, pairs = read("attacks.csv"), read("pairs.csv")
    rows: list[list[Any]] = []
    for suite in (*SUITES, "all"):
        mine = [row for row in tasks if suite in ("all", row["suite"])]
        some = [row for row in pairs if suite in ("all", row["suite"])]
        count = len(mine)
        rows.append(
            [
                suite,
                f"{sum(r['direct_reads_it'] for r in mine)}/{count}",
                f"{sum(r['code_reads_it'] for r in mine)}/{count}",
                *(
                    sum(r[k] for r in some)
                    for k in (
                        "direct",
                        "code",
                        "direct_needed",
                        "code_needed",
                        "direct_named",
                        "code_named",
                    )
                ),
                f"{sum(r['named_passed'] for r in mine)}/{count}",
            ]
        )
    return rows


def bfcl() -> list[list[Any]]:
    """BFCL's totals by way."""
    rows = read("bfcl.csv")
    (parallel,) = (row for row in rows if row["way"] == "parallel")
    return [
        [
            row["way"],
            row["requests"],
            row["output_tokens"],
            row["result_bytes"],
            cost(row).price() / cost(parallel).price(),
            _bare(row).price() / _bare(parallel).price(),
        ]
        for row in rows
    ]


def _bare(row: Row) -> Cost:
    """The cost of a way where catalogues cost nothing."""
    return cost(row) + Cost(input_tokens=-row["catalogue_input_tokens"])
