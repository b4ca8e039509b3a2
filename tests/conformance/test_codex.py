"""The real ``codex exec`` runs on our host; what it shows its model there ``make conformance`` compares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codemode_conformance.report import OUR_HOST

from .codex import Conversation, call_exec, shown, with_host
from .conversations import CONVERSATIONS
from .package import Package


@pytest.fixture(scope="module")
def codex_with_our_host(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_host(package, OUR_HOST, tmp_path_factory.mktemp("codex"))


def test_two_codex_processes_at_once_do_not_disturb_each_other(codex_with_our_host: Path) -> None:
    of_one, of_other = (_storing(word) for word in ("one", "other"))

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(shown, each, codex_with_our_host) for each in (of_one, of_other)]
        outputs = [run.result() for run in runs]

    assert ["one" in str(output[-1]) for output in outputs] == [True, False]
    assert ["other" in str(output[-1]) for output in outputs] == [False, True]


def _storing(word: str) -> Conversation:
    return Conversation(
        word,
        (
            call_exec(f"store('k', '{word}'); await new Promise(done => setTimeout(done, 300))"),
            call_exec("text(load('k'))"),
        ),
    )


def test_codex_does_run_the_host_in_the_place_of_its_own(package: Package, tmp_path: Path) -> None:
    conversation = CONVERSATIONS[0]

    [on_its_own, *_] = shown(conversation, package.codex)
    [without_one, *_] = shown(conversation, with_host(package, ["false"], tmp_path))

    assert "Script completed" in str(on_its_own)
    assert "Script completed" not in str(without_one)
