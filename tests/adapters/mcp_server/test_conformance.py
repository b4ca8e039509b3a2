"""The protocol's own tests against ``codemode serve``, as far as they are about such a server."""

from collections.abc import Callable

import pytest

from tests.conformance.package import Unavailable

from .conformance import Conformance
from .conftest import Serving

APPLY = [
    "server-initialize",
    "logging-set-level",
    "ping",
    "tools-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
]

_TOOL = "it calls a tool that a server has for the test alone; ours are exec and wait"
_PROMPTS = "there are no prompts, and nothing to complete"
_RESOURCES = "there are no resources"
DO_NOT_APPLY = {
    "completion-complete": _PROMPTS,
    "tools-call-simple-text": _TOOL,
    "tools-call-image": _TOOL,
    "tools-call-audio": _TOOL,
    "tools-call-embedded-resource": _TOOL,
    "tools-call-mixed-content": _TOOL,
    "tools-call-with-logging": _TOOL,
    "tools-call-error": _TOOL,
    "tools-call-with-progress": _TOOL,
    "tools-call-sampling": _TOOL,
    "tools-call-elicitation": _TOOL,
    "json-schema-2020-12": _TOOL,
    "elicitation-sep1034-defaults": _TOOL,
    "elicitation-sep1330-enums": _TOOL,
    "server-sse-polling": "streams are not resumed: a cell that yields is waited for",
    "resources-list": _RESOURCES,
    "resources-read-text": _RESOURCES,
    "resources-read-binary": _RESOURCES,
    "resources-templates-read": _RESOURCES,
    "resources-subscribe": _RESOURCES,
    "resources-unsubscribe": _RESOURCES,
    "prompts-list": _PROMPTS,
    "prompts-get-simple": _PROMPTS,
    "prompts-get-with-args": _PROMPTS,
    "prompts-get-embedded-resource": _PROMPTS,
    "prompts-get-with-image": _PROMPTS,
}


pytestmark = pytest.mark.published


@pytest.fixture(scope="module")
def conformance() -> Conformance:
    """The tests, or the reason why they are not to be had."""
    try:
        return Conformance()
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_every_scenario_applies_or_has_a_reason(conformance: Conformance) -> None:
    assert sorted(conformance.scenarios()) == sorted([*APPLY, *DO_NOT_APPLY])


def test_the_server_conforms(conformance: Conformance, serving: Callable[..., Serving]) -> None:
    url = serving().url
    failures = {
        scenario: said
        for scenario, (passed, said) in ((s, conformance.passes(s, url)) for s in APPLY)
        if not passed
    }
    assert failures == {}
