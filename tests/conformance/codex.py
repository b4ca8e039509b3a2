"""The real ``codex exec`` with a scripted model, on its own host or with another in its place."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from codemode_conformance.compare import Comparison, compare

from .package import BINARIES, Package
from .responses_api import Json, ScriptedModel

RUN_SECONDS: Final = 60

_CONFIG: Final = """\
model = "gpt-5.1-codex"
model_provider = "scripted"
approval_policy = "never"

[model_providers.scripted]
name = "scripted"
base_url = {base_url}
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[features]
code_mode = true
code_mode_host = true
"""

Transport: TypeAlias = Literal["grpc", "V1"]

_FEATURES: Final[dict[Transport, str]] = {"grpc": "", "V1": "code_mode_host_grpc = false\n"}
"""What a transport needs among the features: gRPC over the pipes is what codex does by itself."""

_OUTPUTS: Final = frozenset({"custom_tool_call_output", "function_call_output"})

_MASKS: Final = (
    (re.compile(r"Wall time:? \d+(\.\d+)? seconds"), "Wall time N seconds"),
    (re.compile(r"(wall_time_seconds\W+)\d+(\.\d+)?"), r"\1N"),
    (re.compile(r"(session_id\W+)\d+"), r"\1N"),
    (re.compile(r"(chunk_id\W+)[0-9a-f]+"), r"\1N"),
    # Of a host that dies, codex tells whatever it noticed first.
    (re.compile(r'(?:gRPC |code-mode host (?:closed|exited))(?:[^"\\]|\\.)*'), "the host was lost"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the model does, call after call; each sees the output of the one before."""

    name: str
    calls: tuple[Json, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    """What lies in the working folder."""


def call_exec(source: str) -> Json:
    """Return a call of ``exec``; its number is filled in when it is made."""
    return {"type": "custom_tool_call", "name": "exec", "input": source}


def call_wait(cell_id: str, **arguments: Any) -> Json:
    """Return a call of ``wait``."""
    text = json.dumps({"cell_id": cell_id, **arguments})
    return {"type": "function_call", "name": "wait", "arguments": text}


def shown(conversation: Conversation, codex: Path, transport: Transport = "grpc") -> list[Json]:
    """Run a conversation and return the outputs that the model was shown, masked.

    :raises RuntimeError: codex did not come to its end.
    """
    script = [{**each, "call_id": f"call-{n}"} for n, each in enumerate(conversation.calls)]
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(script) as model:
        done = _run(codex, Path(folder), model.base_url, conversation, transport)
        if done.returncode or len(model.requests) != len(script) + 1:
            said = (done.stdout + done.stderr)[-2000:]
            raise RuntimeError(
                f"codex exec: status {done.returncode}, {len(model.requests)} requests\n{said}"
            )
        last = model.requests[-1]["input"]
        outputs = [item for item in last if item["type"] in _OUTPUTS]
        return [_masked(item, folder) for item in outputs]


def compare_conversation(
    conversation: Conversation, published: Path, ours: Path, transport: Transport = "grpc"
) -> Comparison:
    """Run a conversation with both at once, and compare what the model was shown."""
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(shown, conversation, codex, transport) for codex in (published, ours)]
        return compare(conversation.name, runs[0].result(), runs[1].result(), {})


def _run(
    codex: Path, folder: Path, base_url: str, conversation: Conversation, transport: Transport
) -> subprocess.CompletedProcess[str]:
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    for name, content in conversation.files.items():
        (work / name).write_bytes(content)
    (home / "config.toml").write_text(
        _CONFIG.format(base_url=json.dumps(base_url)) + _FEATURES[transport]
    )
    options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    return subprocess.run(
        [str(codex), "exec", *options, "go"],
        env={
            "CODEX_HOME": str(home),
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
        },
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=RUN_SECONDS,
    )


def _masked(item: Json, folder: str) -> Json:
    text = json.dumps({key: value for key, value in item.items() if key != "id"})
    text = text.replace(folder, "FOLDER")
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    masked: Json = json.loads(text)
    return masked


def with_host(package: Package, command: Sequence[str], folder: Path) -> Path:
    """Make a copy of the package in ``folder`` whose host is ``command``; return its ``codex``.

    The binary looks for its host beside the file that it really is: a symbolic link would lead it
    back to the original.
    """
    binaries = folder / BINARIES
    binaries.mkdir(parents=True)
    for original in package.codex.parents[1].iterdir():
        if original != package.codex.parent:
            (binaries.parent / original.name).symlink_to(original)
    codex, host = binaries / package.codex.name, binaries / package.host.name
    try:
        os.link(package.codex, codex)
    except OSError:  # another file system
        shutil.copy2(package.codex, codex)
    host.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    host.chmod(0o755)
    return codex
