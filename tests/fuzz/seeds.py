"""Where fuzzing begins: the data of the tests, as bytes for each target."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from codemode.engine.catalogue import Catalogue
from codemode.engine.wire import START_HEAD, FromWorker, ToWorker, frame, numbered
from codemode.engine.worker_connection import settings_of
from codemode.limits import Limits
from codemode.protocol.frames import frame_of
from tests.engine.test_records import CONTINUED, TABLE, record

TESTS: Final = Path(__file__).parents[1]

JSON: Final = [
    b"null",
    b'{"a":[1,-0,1.5e3,true,"\\u00e9\\ud83d\\ude00\\n"],"__proto__":{},"a":2}',
    b'[1e400,9007199254740993,123456789012345678901234567890,"\\ud800"]',
    b"[" * 130 + b"]" * 130,
]


FAILURES: Final = [
    ("ReferenceError: console is not defined\n    at exec_main.mjs:1:1", "console.log(1)"),
    ("TypeError: tools.wether is not a function", "await tools.wether({})"),
    ("TypeError: x.map is not a function", "const x = tools.weather(); x.map(y => y)"),
    ("SyntaxError: Unexpected token ':'", "const a: string = 'b'\ninterface A {}"),
    ('TypeError: "" is not a function', "```js\ntext(1)\n```"),
]
"""Errors and the programs that raised them."""


@cache
def seeds(target: str) -> list[bytes]:
    """Inputs with which ``target`` begins."""
    return {
        "frames": [b"".join(map(frame_of, _said_by("client")[:3]))],
        "client_messages": _said_by("client"),
        "host_messages": _said_by("host"),
        "worker_frames": [frame(kind, 1, b"payload") for kind in FromWorker],
        "records": [*(data for data, _ in TABLE), _all_records()],
        "typescript": [_bytes(case["input_schema"]) for case in _published("declarations")],
        "pragma": [case["text"].encode() for case in _published("pragma")],
        "strict_json": JSON,
        "json_text": JSON,
        "results": JSON,
        "worker_input": [_worker_input()],
        "hints": [f"{error}\0{source}".encode() for error, source in FAILURES],
        "mcp_answers": [
            b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\\ud83d"}]}}',
            b'{"id":"1","error":{"code":-32000,"message":"no","data":[NaN,1e999]}}',
            b'[{"id":1,"result":{"a":123456789012345678901}},{"method":"ping","id":2}]',
            *(b'{"id":1.0,"result":{"structuredContent":' + each + b"}}" for each in JSON),
        ],
        "mcp_config": [
            b'\xef\xbb\xbf{"mcpServers": {"a": {"command": "x", "env": {"T": "${T:-1}"}}}, // b\n}',
            b'{"servers": {"a": {"type": "http", "url": "http://h/", "tools": {"t": {"enabled": false}}}}}',
            b'{"mcp": {"allowed": ["a"], "a": {"enabled": true}}, "mcpServers": {"a": {}, "a": []}}',
        ],
        "strangers_text": [
            (TESTS / "tools" / "mcp" / "crashes" / "node-module.txt").read_bytes(),
            b"\x1b[31mPGPASSWORD=hunter2\x1b]0;t\x07 postgres://u:p@h token: x\r\n\xe2\x80\xae\xed\xa0\xbd",
        ],
        "wav": [b"data:audio/wav;base64," + base64.b64encode(_CLIP)],
    }[target]


def _said_by(side: str) -> list[bytes]:
    """The messages of one side in the recorded conversations, each once."""
    lines = (TESTS / "protocol" / "transcripts.jsonl").read_text("utf-8").splitlines()
    said = [
        _bytes(message)
        for line in lines
        for speaker, message in json.loads(line)["frames"]
        if speaker == side
    ]
    return list(dict.fromkeys(said))


def _published(name: str) -> Any:
    return json.loads((TESTS / "surface" / "published" / f"{name}.json").read_text("utf-8"))


def _all_records() -> bytes:
    return (
        b"".join(data for data, _ in TABLE) + record(1 | CONTINUED, "con") + record(1, "tinued 😀")
    )


def _worker_input() -> bytes:
    """A cell's whole life, as the application would have it."""
    catalogue = Catalogue.of([("echo", "Echo.")])
    source = b"text(await tools.echo(1)); setTimeout(text, 1); await new Promise(() => {})"
    return b"".join(
        [
            frame(ToWorker.SETTINGS, 0, settings_of(Limits())),
            frame(ToWorker.CATALOGUE, catalogue.number, catalogue.pack()),
            frame(
                ToWorker.START, 1, START_HEAD.pack(catalogue.number, 1, 7, 2) + b"\x02\x01" + source
            ),
            numbered(ToWorker.RESOLVE, 1, 1, b"[1]"),
            numbered(ToWorker.REJECT, 1, 2, b"no"),
            numbered(ToWorker.FIRE, 1, 1),
            numbered(ToWorker.CREDIT, 1, 100),
            frame(ToWorker.VALUE, 1, b"=1"),
            frame(ToWorker.FLUSH, 1),
            frame(ToWorker.CLOSE, 1),
        ]
    )


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


_CLIP: Final = (
    b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"
    b"data\x08\0\0\0\0\0\0\0\0\0\0\0"
)
