"""BFCL's multi-turn conversations: 734 turns of reference calls over Python classes. A bound, not a run of a model.

Each turn is run directly by the classes, and as one program in a cell; the final states are compared.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import importlib
import inspect
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from codemode import CodeMode, LocalSessionProvider, SessionProvider, tool
from codemode.estimate.accounting import Turn, cost_of
from codemode.estimate.dependence import DirectCall, as_text, batches_of

from .catalogues import exec_tokens
from .tables import Row, write
from .tokens import tokens
from .ways import requests_of, staged_program

CLASSES: Final = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
}
WAYS: Final = ("direct", "parallel", "staged", "oracle")
PROMPT_TOKENS: Final = 60
AT_ONCE: Final = 4
_TIME = re.compile(r"Wall time \S+ seconds")
_PRIVATE: Final = frozenset(("parent", "_random", "_api_description"))


@dataclass
class Conversation:
    """What a conversation gives, way by way."""

    turns: dict[str, list[Turn]] = field(default_factory=lambda: {way: [] for way in WAYS})
    count: int = 0
    calls: int = 0
    is_same: bool = True


async def run_bfcl(most: int | None = None) -> list[Row]:
    """Every conversation, or the first so many: a row of costs for each way."""
    entries = _lines("BFCL_v4_multi_turn_base.json")[:most]
    truth = {
        each["id"]: each["ground_truth"]
        for each in _lines("possible_answer/BFCL_v4_multi_turn_base.json")
    }
    docs = {name: _lines(f"multi_turn_func_doc/{file}.json") for name, file in CLASSES.items()}
    gate = asyncio.Semaphore(AT_ONCE)
    async with LocalSessionProvider() as provider:

        async def one(entry: dict[str, Any]) -> list[Row]:
            async with gate:
                return await _conversation(entry, truth[entry["id"]], docs, provider)

        found = await asyncio.gather(*map(one, entries))
    return [row for rows in found for row in rows]


async def _conversation(
    entry: dict[str, Any], answers: list[list[str]], docs: dict[str, Any], provider: SessionProvider
) -> list[Row]:
    here, there = _objects(entry), _objects(entry)
    said = Conversation()
    known = ""
    async with CodeMode(tools=_tools(there), provider=provider) as cm:
        code_tokens = exec_tokens(cm.exec_tool)
        for question, texts in zip(entry["question"], answers, strict=True):
            prompt = question[0]["content"] if question else ""
            known += prompt + json.dumps(entry["involved_classes"])
            calls = [_called(text, here) for text in texts]
            batches = batches_of(calls, known)
            known += "".join(f" {call.result}" for call in calls)
            said.count += 1
            said.calls += len(calls)
            said.turns["direct"] += requests_of([[each] for each in calls])
            said.turns["parallel"] += requests_of(batches)
            said.turns["staged"] += [_shown(staged_program(batch), batch) for batch in batches]
            if calls:
                code = "\n".join(
                    f"text(await tools.{c.name}({json.dumps(c.arguments)}));" for c in calls
                )
                result = await cm.run(code)
                shown = _TIME.sub("Wall time 0.1 seconds", result.text)
                said.turns["oracle"].append(Turn((code,), (shown,), len(calls)))
            for way in WAYS:
                said.turns[way].append(Turn(("Done.",), (prompt,), is_answer=True))
    said.is_same = _state(here) == _state(there)
    direct = "\n".join(
        json.dumps(
            {"type": "function", **{key: doc[key] for key in ("name", "description", "parameters")}}
        )
        for name in entry["involved_classes"]
        for doc in docs[name]
    )
    fixed = {"direct": tokens(direct), "code": code_tokens}
    return [_row(entry["id"], way, said, fixed) for way in WAYS]


def _row(name: str, way: str, said: Conversation, fixed: dict[str, int]) -> Row:
    catalogue = fixed["direct" if way in ("direct", "parallel") else "code"]
    cost = cost_of(catalogue + PROMPT_TOKENS, said.turns[way], tokens)
    return {
        "conversation": name,
        "way": way,
        "same_state": int(said.is_same),
        "turns": said.count,
        "calls": said.calls,
        "requests": cost.requests,
        "input_tokens": cost.input_tokens,
        "fresh_tokens": cost.fresh_tokens,
        "fixed_tokens": cost.cold_tokens,
        "catalogue_input_tokens": catalogue * cost.requests,
        "output_tokens": cost.output_tokens,
        "result_bytes": cost.result_bytes,
        "waves": cost.waves,
    }


def _shown(code: str, batch: list[DirectCall]) -> Turn:
    results = "\n".join(call.result for call in batch)
    return Turn(
        (code,), (f"Script completed\nWall time 0.1 seconds\nOutput:\n{results}",), len(batch)
    )


def _data() -> Path:
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("bfcl-eval is not installed\nhint: make evaluation installs it")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _lines(name: str) -> list[dict[str, Any]]:
    text = (_data() / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _objects(entry: dict[str, Any]) -> dict[str, Any]:
    """The objects of a conversation, in the state in which it begins."""
    found: dict[str, Any] = {}
    for name in entry["involved_classes"]:
        place = f"bfcl_eval.eval_checker.multi_turn_eval.func_source_code.{CLASSES[name]}"
        made = getattr(importlib.import_module(place), name)()
        if name != "MathAPI":
            made._load_scenario(
                copy.deepcopy(entry["initial_config"].get(name, {})), long_context=False
            )
        found[name] = made
    return found


def _tools(objects: dict[str, Any]) -> list[Any]:
    return [
        tool(thread=False, strict=False)(method)
        for made in objects.values()
        for name, method in inspect.getmembers(made, inspect.ismethod)
        if not name.startswith("_")
    ]


def _called(text: str, objects: dict[str, Any]) -> DirectCall:
    """Run a call that is written as Python."""
    parsed: Any = ast.parse(text, mode="eval").body
    name = parsed.func.id if isinstance(parsed.func, ast.Name) else parsed.func.attr
    function = next(getattr(made, name) for made in objects.values() if hasattr(made, name))
    parameters = list(inspect.signature(function).parameters)
    arguments = {parameters[at]: ast.literal_eval(each) for at, each in enumerate(parsed.args)}
    arguments |= {each.arg: ast.literal_eval(each.value) for each in parsed.keywords}
    try:
        result = function(**arguments)
    except Exception as error:  # noqa: BLE001 - the reference calls of some turns fail
        result = f"Error during execution: {error}"
    return DirectCall(name, arguments, as_text(result))


def _state(objects: dict[str, Any]) -> str:
    """The state of all objects as text; numbers that are equal read alike."""
    return json.dumps({name: _plain(made) for name, made in objects.items()}, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, set):
        return sorted(map(str, value))
    if hasattr(value, "__dict__"):
        return {key: _plain(each) for key, each in vars(value).items() if key not in _PRIVATE}
    return str(type(value))


def save(rows: list[Row]) -> None:
    """Write a total for each way: conversations are many."""
    totals: list[Row] = []
    for way in WAYS:
        mine = [row for row in rows if row["way"] == way]
        keys = [key for key in mine[0] if key not in ("conversation", "way")]
        totals.append(
            {"way": way, "conversations": len(mine)} | {k: sum(r[k] for r in mine) for k in keys}
        )
    write("bfcl.csv", totals)
