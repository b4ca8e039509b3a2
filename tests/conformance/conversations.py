"""What a model does in each end-to-end run: calls of ``exec`` and ``wait``, and nothing else."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Final

from .codex import Conversation, call_exec, call_wait


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


PICTURE: Final = b"".join(
    (
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(2 * (b"\0" + 2 * b"\xff\x80\x00"))),
        _chunk(b"IEND", b""),
    )
)
"""Two by two orange pixels."""

_DATA_URL: Final = f"data:image/png;base64,{b64encode(PICTURE).decode()}"

_SLEEP: Final = "await new Promise(done => setTimeout(done, 300))"

CONVERSATIONS: Final = (
    Conversation("text", (call_exec("text('hello'); text({a: [1, null]}); text(42)"),)),
    Conversation("nothing", (call_exec("const x = 1"),)),
    Conversation(
        "tools that there are",
        (call_exec("text(ALL_TOOLS.map(tool => tool.name)); text(Object.keys(tools))"),),
    ),
    Conversation(
        "descriptions of tools",
        (
            call_exec(
                "for (const {name, description} of ALL_TOOLS) text(name + ': ' + description)"
            ),
        ),
    ),
    Conversation(
        "nested shell call",
        (
            call_exec(
                "const r = await tools.exec_command({cmd: 'echo hi'}); text(r.output); text(r)"
            ),
        ),
    ),
    Conversation(
        "nested shell calls one after another",
        (
            call_exec(
                "for (const word of ['one', 'two', 'three']) {"
                " const r = await tools.exec_command({cmd: `echo ${word} >> log; wc -l < log`});"
                " text(r.output.trim()) }"
            ),
            call_exec("text((await tools.exec_command({cmd: 'cat log'})).output)"),
        ),
    ),
    Conversation(
        "nested shell calls at once",
        (
            call_exec(
                "const found = await Promise.all([1, 2, 3, 4].map(n =>"
                " tools.exec_command({cmd: `echo ${n}`})));"
                " text(found.map(r => r.output.trim()))"
            ),
        ),
    ),
    Conversation(
        "command that fails",
        (
            call_exec("const r = await tools.exec_command({cmd: 'exit 3'}); text(r.exit_code)"),
            call_exec("const r = await tools.exec_command({cmd: 'echo bad >&2; false'}); text(r)"),
        ),
    ),
    Conversation(
        "tool called wrongly",
        (
            call_exec("await tools.exec_command('echo hi')"),
            call_exec("try { await tools.exec_command({}) } catch (e) { text(typeof e); text(e) }"),
            call_exec("await tools.exec_command()"),
        ),
    ),
    Conversation("unknown tool", (call_exec("await tools.no_such_tool({})"),)),
    Conversation(
        "notify",
        (
            # One after the other: codex hands on what comes at once in no fixed order.
            call_exec(f"notify('first'); {_SLEEP}; notify({{second: 2}}); text('after')"),
            call_exec("text('next')"),
        ),
    ),
    Conversation(
        "notify while a cell runs on",
        (
            call_exec(f"text('a'); yield_control(); {_SLEEP}; notify('news'); text('b')"),
            call_wait("1"),
        ),
    ),
    Conversation("image", (call_exec(f"text('see'); image('{_DATA_URL}'); text('seen')"),)),
    Conversation("image in detail", (call_exec(f"image('{_DATA_URL}', 'original')"),)),
    Conversation("image that is none", (call_exec("image('data:image/png;base64,iVBORw0KGgo=')"),)),
    Conversation("image by address", (call_exec("image('https://example.com/x.png')"),)),
    Conversation(
        "image from a file",
        (call_exec("image(await tools.view_image({path: 'picture.png'}))"),),
        {"picture.png": PICTURE},
    ),
    Conversation("audio", (call_exec("audio('data:audio/mp3;base64,AAAA'); text('heard')"),)),
    Conversation(
        "error",
        (
            call_exec("text('before'); throw new Error('boom')"),
            call_exec("function f() { null.x }\nf()"),
            call_exec("throw {code: 1}"),
        ),
    ),
    Conversation("syntax error", (call_exec("text('a'); let = ;"), call_exec("text('}"))),
    Conversation("import", (call_exec("import fs from 'left-pad'; text(1)"),)),
    Conversation("exit", (call_exec("text('a'); exit(); text('b')"),)),
    Conversation(
        "store and load",
        (
            call_exec("store('k', {n: 1}); text(load('k'))"),
            call_exec("const v = load('k'); text(v); store('k', {n: v.n + 1})"),
            call_exec("text(load('k')); text(String(load('nothing')))"),
            call_exec("store('f', 1); throw new Error('stored all the same')"),
            call_exec("text(load('f'))"),
        ),
    ),
    Conversation(
        "yield and resume",
        (
            call_exec(f"text('a'); yield_control(); {_SLEEP}; text('b')"),
            call_wait("1"),
            call_wait("1"),
        ),
    ),
    Conversation(
        "time runs out",
        (
            call_exec(f'// @exec: {{"yield_time_ms": 50}}\ntext("a"); {_SLEEP}; text("b")'),
            call_wait("1", yield_time_ms=5000),
        ),
    ),
    Conversation(
        "shell call that outlasts its observation",
        (
            call_exec(
                '// @exec: {"yield_time_ms": 100}\n'
                "const r = await tools.exec_command({cmd: 'sleep 1; echo late'}); text(r.output)"
            ),
            call_wait("1", yield_time_ms=10_000),
        ),
    ),
    Conversation(
        "terminate",
        (
            call_exec("text('a'); yield_control(); text('b'); await new Promise(() => {})"),
            call_wait("1", yield_time_ms=200),
            call_wait("1", terminate=True),
            call_wait("1"),
            call_wait("1", terminate=True),
        ),
    ),
    Conversation(
        "terminate a busy cell",
        (
            call_exec("store('k', 1); text('a'); yield_control(); for (;;);"),
            call_wait("1", terminate=True),
            call_exec("text(String(load('k')))"),
        ),
    ),
    Conversation("wait for no cell", (call_wait("7"), call_wait("7", terminate=True))),
    Conversation(
        "two cells",
        (
            call_exec(f"yield_control(); {_SLEEP}; text('first')"),
            call_exec(f"yield_control(); {_SLEEP}; text('second')"),
            call_wait("2"),
            call_wait("1"),
        ),
    ),
    Conversation(
        "truncation that was asked for",
        (
            call_exec('// @exec: {"max_output_tokens": 20}\ntext("line\\n".repeat(100))'),
            call_exec(
                '// @exec: {"max_output_tokens": 20}\n'
                f'text("a".repeat(1000)); image("{_DATA_URL}"); text("b".repeat(1000)); text("c")'
            ),
            call_exec(
                '// @exec: {"max_output_tokens": 20}\ntext("é".repeat(500)); throw new Error("x")'
            ),
        ),
    ),
    Conversation(
        "truncation of a wait",
        (
            call_exec(f"yield_control(); {_SLEEP}; text('b'.repeat(1000))"),
            call_wait("1", max_tokens=10),
        ),
    ),
    Conversation(
        "long output",
        (
            call_exec("text('x'.repeat(39_000))"),
            call_exec("for (let n = 0; n < 20_000; n++) text(`line ${n}`)"),
        ),
    ),
    Conversation(
        "pragma that is wrong",
        (
            call_exec('// @exec: {"yield_time_ms": "soon"}\ntext(1)'),
            call_exec("// @exec: not json\ntext(1)"),
            call_exec('// @exec: {"yield_time_ms": 1}'),
        ),
    ),
    Conversation("no source", (call_exec(""),)),
    Conversation(
        "host that is killed",
        (
            call_exec("store('k', 1); text('a')"),
            # The shell is a child of codex, as the host is.
            call_exec(
                "text('b'); await tools.exec_command({cmd: 'pkill -KILL -P $PPID -f code-?mode[-.]host'})"
            ),
            call_exec("text(String(load('k')))"),
            call_exec("text('works again')"),
        ),
    ),
    Conversation(
        "names of the world",
        (
            call_exec("text(Object.keys(globalThis).sort()); text(typeof fetch + typeof require)"),
            call_exec("console.log('x')"),
        ),
    ),
)
"""Every end-to-end run, by what it shows."""
