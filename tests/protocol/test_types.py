"""Values whose meaning is more than their members: digests of definitions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from codemode.protocol.types import ToolDefinition, ToolName
from codemode.surface.declaration import described

PAY = ToolDefinition(
    name="bank__pay",
    tool_name=ToolName("pay", "bank"),
    description="Pay.",
    input_schema={"type": "object", "properties": {"a": {}, "b": {}}},
    output_schema={"type": "string"},
    annotations={"destructiveHint": True},
    source="mcp server bank",
)
OTHERS: dict[str, dict[str, Any]] = {
    "the public name": {"name": "pay"},
    "the own name": {"tool_name": ToolName("pay2", "bank")},
    "the namespace": {"tool_name": ToolName("pay", "bank2")},
    "the kind": {"kind": "freeform"},
    "the description": {"description": "Pay!"},
    "the schema of the arguments": {"input_schema": {"type": "object", "properties": {"a": {}}}},
    "the schema of the result": {"output_schema": {"type": "number"}},
    "an annotation": {"annotations": {"destructiveHint": False}},
    "idempotence": {"idempotent": True},
    "the source": {"source": "mcp server bank2"},
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_digest_changes_with(what: str) -> None:
    assert msgspec.structs.replace(PAY, **OTHERS[what]).digest != PAY.digest


def test_a_digest_does_not_change_with_the_order_of_members() -> None:
    schema = {"properties": {"b": {}, "a": {}}, "type": "object"}
    assert msgspec.structs.replace(PAY, input_schema=schema).digest == PAY.digest


def test_a_described_tool_has_the_digest_of_the_tool_as_it_was_given() -> None:
    (shown,) = described([PAY])
    assert (shown.digest, shown.description == PAY.description) == (PAY.digest, False)


def test_a_digest_is_the_same_in_every_process() -> None:
    program = f"""
from codemode import ToolDefinition, ToolName
print(ToolDefinition(name="t", tool_name=ToolName("t"), description="x", source={PAY.source!r}).digest)
"""
    digest = msgspec.structs.replace(
        PAY,
        name="t",
        tool_name=ToolName("t"),
        description="x",
        input_schema=None,
        output_schema=None,
        annotations={},
    ).digest
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == digest
