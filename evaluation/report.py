"""The page: tables of ``docs/evaluation.md``, and the programs that a reader can follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from . import figures, programs
from .figures import Tasks
from .tables import markdown, read
from .ways import WAYS

PAGE: Final = Path(__file__).parents[1] / "docs" / "evaluation.md"
PROGRAMS: Final = Path(__file__).parent / "PROGRAMS.md"
_BLOCK = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
LOSING: Final = 20
WINNING: Final = 10
_FORMS: Final = ("published form", "types named once", "no result types", "no catalogues")


def page(text: str) -> str:
    """The page with every table as the results have it."""
    made = tables()
    return _BLOCK.sub(lambda block: f"{block[1]}{made[block[2]]()}\n{block[3]}", text)


def tables() -> dict[str, Callable[[], str]]:
    """What makes each table, by its name on the page."""
    tasks = Tasks.load()
    return {
        "verdicts": lambda: _verdicts(tasks),
        "totals": lambda: markdown(
            ["all 97 tasks", *WAYS, "blind : parallel"], figures.totals(tasks)
        ),
        "losing": lambda: _ranked(figures.by_price(tasks)[:LOSING]),
        "winning": lambda: _ranked(figures.by_price(tasks)[-WINNING:]),
        "spread": lambda: markdown(
            [
                "per task, parallel = 1",
                "median",
                "best",
                "worst",
                "cheaper by > 10 %",
                "within",
                "dearer by > 10 %",
            ],
            figures.spread(tasks),
        ),
        "prices": lambda: markdown(
            ["billing", "suite", "one call a request", *_FORMS], figures.prices(tasks)
        ),
        "rules": lambda: markdown(
            ["if", "tasks", "cheaper", "cheaper without catalogues", "faster"], figures.rules(tasks)
        ),
        "latencies": lambda: markdown(
            ["model", *WAYS, "blind : parallel"], figures.latencies(tasks)
        ),
        "typed": lambda: markdown(
            ["travel, 20 tasks", "requests", "output tokens", "price"], figures.typed_prices(tasks)
        ),
        "suites": lambda: _plain("suites.csv"),
        "servers": _servers,
        "search": _search,
        "attacks": lambda: markdown(
            [
                "suite",
                "text reaches the model: direct",
                "code",
                "goals: direct",
                "code",
                "direct, only needed writes",
                "code, only needed writes",
                "direct, only named places",
                "code, only named places",
                "tasks that pass under it",
            ],
            figures.attacks(),
        ),
        "reached": _reached,
        "bfcl": lambda: markdown(
            [
                "way",
                "requests",
                "output tokens",
                "bytes of results",
                "price",
                "price without catalogues",
            ],
            figures.bfcl(),
        ),
        "leaks": _leaks,
    }


def write() -> None:
    """Renew the page and the list of programs."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    PROGRAMS.write_text(listing(), encoding="utf-8")


def listing() -> str:
    """Every task with its program, as a page to read."""
    from . import dojo

    tasks = Tasks.load()
    suites = dojo.suites()
    parts = [
        "# The programs\n\nEvery user task of AgentDojo (MIT, ETH Zurich and Invariant Labs) with the program that was written for it from prompt"
        " and declarations. `// the model reads` is where a model must see what was printed before it can go on. Made by `make evaluation`.\n"
    ]
    for (suite, name), program in programs.load().items():
        parallel, blind = (tasks.rows[suite, name, way] for way in ("parallel", "blind"))
        prompt = " ".join(suites[suite].user_tasks[name].PROMPT.split())
        code = "\n\n// the model reads\n\n".join(program.turns)
        ratio = tasks.ratio([(suite, name)], "blind", "shared")
        parts.append(
            f"## {suite} {name.removeprefix('user_task_')}\n\n> {prompt}\n\n"
            f"{', '.join(program.shapes)} · requests {parallel['requests']} → {blind['requests']} ·"
            f" bytes {parallel['result_bytes']:,} → {blind['result_bytes']:,} · price {ratio:.2f}\n\n"
            f"```js\n{code}\n```\n"
        )
    return "\n".join(parts)


def _ranked(rows: list[list[Any]]) -> str:
    head = [
        "task",
        "shapes",
        "calls",
        "requests",
        "bytes of results",
        "price",
        "price without catalogues",
    ]
    return markdown(head, rows)


def _verdicts(tasks: Tasks) -> str:
    rows = []
    for way in WAYS:
        mine = [row for (_, _, each), row in tasks.rows.items() if each == way]
        own = sum(1 for row in mine if row["answered_itself"] == 1)
        rows.append(
            [
                way,
                f"{sum(row['passed'] for row in mine)} of {len(mine)}",
                own if way == "blind" else "–",
            ]
        )
    return markdown(
        ["way", "passed the task's own judge", "answer computed by the program itself"], rows
    )


def _plain(name: str) -> str:
    rows = read(name)
    return markdown(list(rows[0]), [list(row.values()) for row in rows])


def _servers() -> str:
    rows = [row for row in read("servers.csv") if str(row["what"]).endswith("of all")]
    head = [
        "tools of 40 servers",
        "JSON definitions",
        "exec, published form",
        "exec, types named once",
        "exec, 20,000 tokens",
        "exec, all deferred",
    ]
    return markdown(
        head,
        [
            [r["tools"], r["direct"], r["published"], r["shared"], r["budget"], r["deferred"]]
            for r in rows
        ],
    )


def _search() -> str:
    rows = [
        [
            r["what"],
            r["needed"],
            *(f"{100 * r[f'found_in_{n}'] / r['needed']:.0f} %" for n in (5, 10, 20)),
            r["tokens_of_a_hit"],
            r["most_tokens_of_a_hit"],
        ]
        for r in read("search.csv")
    ]
    return markdown(
        ["asked", "tools needed", "in 5 hits", "in 10", "in 20", "tokens of a hit", "at most"], rows
    )


def _reached() -> str:
    rows = read("reached.csv")
    goals = [row for row in rows if row["what"] == "goal"]
    worse = [row for row in rows if row["what"] == "redirected"]
    return markdown(
        ["run for real", "count"],
        [
            ["goals of attackers", len(goals)],
            ["reached by one who obeys, without a policy", sum(row["none"] for row in goals)],
            [
                "reached where writes go only where the user named",
                sum(row["named"] for row in goals),
            ],
            [
                "**worse**: programs that act on text nobody has read",
                f"{sum(row['none'] > 0 for row in worse)} of {len(worse)}",
            ],
        ],
    )


def _leaks() -> str:
    rows = read("leaks.csv")
    return markdown(
        ["task", "turn", "word"],
        [
            [f"{r['suite']} {str(r['task']).removeprefix('user_task_')}", r["turn"], r["word"]]
            for r in rows
        ],
    )
