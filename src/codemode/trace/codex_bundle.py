"""The files of a rollout trace of Codex: schema 2 (release 0.169) and schema 3 (0.171).

FOLDER/
  manifest.json
  trace.jsonl           an event a line: seq from 1, an envelope, a payload with a type
  payloads/7.json       schema 2: a payload a file
  payloads/000001.zst   schema 3: all of them, packed: length of id, length of body, id, body
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ..errors import UsageError
from .payloads import zstd

if TYPE_CHECKING:
    from pathlib import Path

CodexSchema: TypeAlias = Literal[2, 3]

_RECORD: Final = struct.Struct("<HQ")


class CodexBundle:
    """Writes one bundle.

    Args:
        folder: is made, and must not be there.
        schema: of the bundle.
        rollout: the name of the rollout, and of its only thread.
        started_ms: when it began, Unix time.

    Raises:
        OSError: the folder is there, or cannot be made.
        UsageError: schema 3 needs the extra ``trace``.
    """

    def __init__(self, folder: Path, schema: CodexSchema, rollout: str, started_ms: float) -> None:
        self._zstd = zstd() if schema == 3 else None
        if schema == 3 and self._zstd is None:
            raise UsageError("schema 3 is packed with zstd: pip install 'codemode[trace]'")
        folder.mkdir(parents=True)
        (folder / "payloads").mkdir()
        manifest = {
            "schema_version": schema,
            "trace_id": f"trace-{rollout}",
            "rollout_id": rollout,
            "root_thread_id": rollout,
            "started_at_unix_ms": round(started_ms),
            "raw_event_log": "trace.jsonl",
            "payloads_dir": "payloads",
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        self.schema = schema
        self.rollout = rollout
        self._folder = folder
        self._lines = (folder / "trace.jsonl").open("w", encoding="utf-8")
        self._shard = bytearray()
        self._payloads = 0
        self._seq = 0

    def event(self, at_ms: float, payload: dict[str, Any], *, turn: str | None = None) -> None:
        """Write an event; ``turn`` is the one in which it happens, None: in none."""
        self._seq += 1
        envelope = {
            "schema_version": self.schema,
            "seq": self._seq,
            "wall_time_unix_ms": round(at_ms),
            "rollout_id": self.rollout,
            "thread_id": None if turn is None else self.rollout,
            "codex_turn_id": turn,
            "payload": payload,
        }
        self._lines.write(json.dumps(envelope) + "\n")

    def payload(self, kind: str, value: object) -> dict[str, Any]:
        """Write a payload, and return what refers to it."""
        self._payloads += 1
        name = f"raw_payload:{self._payloads}"
        reference: dict[str, Any] = {"raw_payload_id": name, "kind": {"type": kind}}
        body = json.dumps(value)
        if self.schema == 3:
            encoded = body.encode()
            self._shard += _RECORD.pack(len(name), len(encoded)) + name.encode() + encoded
            return {**reference, "shard": 1}
        path = f"payloads/{self._payloads}.json"
        (self._folder / path).write_text(body, encoding="utf-8")
        return {**reference, "path": path}

    def close(self) -> None:
        """Have everything on disk."""
        self._lines.close()
        if self._zstd is not None:
            packed = self._zstd.ZstdCompressor(level=3).compress(bytes(self._shard))
            (self._folder / "payloads" / "000001.zst").write_bytes(packed)
