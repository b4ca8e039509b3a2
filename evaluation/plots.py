"""The plots, as SVG that is the same for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from .figures import SUITES, Tasks
from .tables import read

FOLDER: Final = Path(__file__).parents[1] / "docs" / "evaluation"


def draw() -> None:
    """Draw all of them."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "codemode", "svg.fonttype": "none", "font.size": 10})
    FOLDER.mkdir(parents=True, exist_ok=True)
    tasks = Tasks.load()
    _prices(tasks)
    _kept(tasks)
    _catalogues()


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    figure.savefig(
        FOLDER / f"{name}.svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight"
    )
    pyplot.close(figure)


def _prices(tasks: Tasks) -> None:
    from matplotlib import pyplot

    forms = (
        ("one call a request", "direct", "direct"),
        ("programs, published form", "blind", "published"),
        ("programs, types named once", "blind", "shared"),
        ("programs, no catalogues", "blind", None),
    )
    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    groups = (*SUITES, "all")
    width = 0.2
    for at, (label, way, form) in enumerate(forms):
        values = [tasks.ratio(tasks.of(suite), way, form) for suite in groups]
        axes.bar([n + (at - 1.5) * width for n in range(len(groups))], values, width, label=label)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel("price, calls at once = 1")
    axes.legend(frameon=False, ncols=2, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, "price")


def _kept(tasks: Tasks) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    for suite in SUITES:
        keys = tasks.of(suite)
        kept = [max(1, tasks.kept(key)) for key in keys]
        ratios = [tasks.ratio([key], "blind", "shared") for key in keys]
        axes.scatter(kept, ratios, s=18, label=suite)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("bytes of results kept from the model")
    axes.set_ylabel("price of a task, calls at once = 1")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, "kept")


def _catalogues() -> None:
    from matplotlib import pyplot

    rows = [row for row in read("servers.csv") if str(row["what"]).endswith("of all")]
    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    for key, label in (
        ("direct", "JSON definitions"),
        ("shared", "text of exec, all tools"),
        ("budget", "text of exec, 20,000 tokens"),
        ("deferred", "text of exec, all deferred"),
    ):
        axes.plot(
            [row["tools"] for row in rows], [row[key] for row in rows], marker="o", label=label
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tools of 40 MCP servers")
    axes.set_ylabel("tokens in every request")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, "catalogue")
