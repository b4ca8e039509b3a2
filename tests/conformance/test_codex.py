"""The real ``codex exec`` shows its model the same on our host as on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemode.conformance.report import OUR_HOST

from .codex import Conversation, compare_conversation, shown, with_host
from .conversations import CONVERSATIONS
from .package import Package
from .verdict import accept


@pytest.fixture(scope="module")
def codex_with_our_host(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_host(package, OUR_HOST, tmp_path_factory.mktemp("codex"))


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda each: each.name)
def test_codex_shows_its_model_the_same_on_our_host(
    conversation: Conversation, package: Package, codex_with_our_host: Path
) -> None:
    accept(compare_conversation(conversation, package.codex, codex_with_our_host))


def test_codex_does_run_the_host_in_the_place_of_its_own(package: Package, tmp_path: Path) -> None:
    conversation = CONVERSATIONS[0]

    [on_its_own, *_] = shown(conversation, package.codex)
    [without_one, *_] = shown(conversation, with_host(package, ["false"], tmp_path))

    assert "Script completed" in str(on_its_own)
    assert "Script completed" not in str(without_one)
