"""``codemode run`` as a process: what goes where, and how it ends."""

import base64
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from codemode.cli import app, media
from codemode.protocol.types import ImageItem

from .conftest import CHILD_SECONDS, Codemode, Start, command, environment

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WAV = base64.b64encode(b"RIFF\x00\x00\x00\x00WAVE").decode()
FOREVER = "await new Promise(() => {});"


def test_prints_what_the_program_writes_and_nothing_else(run_process: Codemode) -> None:
    done = run_process("text(1+1)")

    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_each_text_ends_its_line_and_none_gets_a_second_newline(run: Codemode) -> None:
    done = run(r"text('a'); text('b\n'); text(''); text({c: 'ü€'})")

    assert done.stdout == 'a\nb\n\n{"c":"ü€"}\n'


def test_a_program_is_run(run: Codemode) -> None:
    assert run("text(6*7)").stdout == "42\n"


def test_a_program_can_stand_on_the_command_line(run: Codemode) -> None:
    done = CliRunner().invoke(app, ["run", "-e", "text(1 + 1)"])
    twice = run("text(1)", "-e", "text(1 + 1)")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "2\n", "")
    assert (twice.returncode, twice.stdout) == (2, "")
    assert twice.stderr == "error: FILE and -e are two programs\nhint: give one of them.\n"


def test_a_failed_program_gives_1_and_its_stack_and_hint_on_standard_error(run: Codemode) -> None:
    done = run("text('before');\nconsole.log(1)")

    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr == (
        "error: ReferenceError: console is not defined\n"
        "    at exec_main.mjs:2:1\n"
        "hint: there is no `console` here; write output with text(value).\n"
    )


def test_what_does_not_compile_is_shown_with_its_line(run: Codemode) -> None:
    done = run("text('never');\n  const x = 1 2;")

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "error: SyntaxError: Unexpected number\nhint: line 2, column 15: `const x = 1 2;`\n",
    )


def test_lines_in_errors_count_the_pragma(run: Codemode) -> None:
    done = run('// @exec: {"yield_time_ms": 50}\nthrow new Error("second line")')

    assert done.stderr == "error: Error: second line\n    at exec_main.mjs:2:7\n"


def test_max_seconds_ends_a_program_that_only_computes(run: Codemode) -> None:
    done = run("for(;;);", "--max-seconds", "1")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "error: Limit reached (max_seconds): the program ran for more than 1 s.\n"
        "hint: give it longer with --max-seconds, or let it do less.\n"
    )


@pytest.mark.parametrize(
    ("limit", "program"),
    [
        ("compute_ms=200ms", "for(;;);"),
        ("source_bytes=3", "text(1)"),
        ("output_bytes=1KiB", "text('x'.repeat(2000))"),
        ("timers=2", "for (let i = 0; i < 9; i++) setTimeout(() => {}, 1000)"),
        (
            "value_bytes=1KiB",
            "let e; try { text('x'.repeat(2000)) } catch (error) { e = error } throw e",
        ),
        ("heap_bytes=16MiB", "const a = []; for(;;) a.push(new Array(1000).fill(a.length))"),
    ],
)
def test_a_limit_gives_4_and_its_name(run: Codemode, limit: str, program: str) -> None:
    done = run(program, "--limit", limit)

    first = done.stderr.splitlines()[0]
    name = limit.partition("=")[0]
    assert (done.returncode, first.partition("): ")[0]) == (4, f"error: Limit reached ({name}")


@pytest.mark.parametrize(
    "text",
    [
        "Limit reached (heap_bytes): not really.",
        "Limit reached (value_bytes): a value is too large, more than 16 MiB.",
        "The worker process of this session was lost (killed by SIGKILL).",
    ],
)
def test_a_program_cannot_forge_the_end_by_a_limit_or_a_lost_worker(
    run: Codemode, text: str
) -> None:
    done = run(f"throw {text!r}")

    assert (done.returncode, done.stderr.splitlines()[0]) == (1, f"error: {text}")


def test_a_lost_worker_gives_3(run: Codemode, tools: Callable[[str], str]) -> None:
    module = tools(KILL_WORKER)
    done = run(f"text('here'); await tools.kill_worker(); {FOREVER}", "--tools", module)

    assert (done.returncode, done.stdout) == (3, "here\n")
    assert done.stderr.splitlines()[0] == (
        "error: The worker process of this session was lost (killed by SIGKILL)."
    )


def test_output_appears_while_the_program_runs(
    start: Start, folder: Path, tools: Callable[[str], str]
) -> None:
    module = tools(
        "import asyncio, pathlib\n@tool\nasync def gate() -> None:\n"
        "    while not pathlib.Path('open').exists(): await asyncio.sleep(0.01)"
    )
    child = start("text('first'); await tools.gate(); text('second')", "--tools", module)
    assert child.stdout
    first = child.stdout.readline()
    (folder / "open").touch()
    rest, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (first, rest, talk, child.returncode) == (b"first\n", b"second\n", b"", 0)


def test_what_tools_print_goes_to_standard_error(
    run_process: Codemode, tools: Callable[[str], str]
) -> None:
    module = tools(
        "import subprocess\nprint('at import')\n@tool\ndef loud() -> int:\n"
        "    print('from a tool'); subprocess.run(['echo', 'from its child']); return 1"
    )
    done = run_process("text(await tools.loud())", "--tools", module)

    assert done.stdout == "1\n"
    assert sorted(done.stderr.splitlines()) == ["at import", "from a tool", "from its child"]


def test_notifications_go_to_standard_error(run: Codemode) -> None:
    done = run("notify('half way'); text('x')")

    assert (done.stdout, done.stderr) == ("x\n", "notify: half way\n")


def test_a_program_is_followed_through_its_yields(run: Codemode) -> None:
    done = run(
        '// @exec: {"yield_time_ms": 0}\ntext(1); yield_control(); text(2);\n'
        "await new Promise(r => setTimeout(r, 50)); yield_control(); text(3)"
    )

    assert (done.returncode, done.stdout) == (0, "1\n2\n3\n")


@pytest.mark.parametrize(
    ("pragma", "options"),
    [
        ('// @exec: {"max_output_tokens": 4}\n', []),
        ("", ["--max-output-tokens", "4"]),
        ("", ["--limit", "output_tokens=4"]),
        ('// @exec: {"max_output_tokens": 9999}\n', ["--max-output-tokens", "4"]),
    ],
)
def test_a_token_budget_cuts_as_for_a_model(run: Codemode, pragma: str, options: list[str]) -> None:
    done = run(f"{pragma}text('0123456789'.repeat(10))", *options)

    assert done.stdout == (
        "Warning: truncated output (original token count: 25)\nTotal output lines: 1\n\n"
        "01234567…21 tokens truncated…23456789\n"
    )


def test_images_and_sounds_become_files_that_are_named_where_they_occur(
    run: Codemode, folder: Path
) -> None:
    (folder / "codemode-1.png").write_bytes(b"mine")
    done = run(
        f"text('above'); image('data:image/png;base64,{PNG}'); text('below');"
        f" audio('data:audio/wav;base64,{WAV}')",
        *("--images", "."),
    )

    assert (done.returncode, done.stdout) == (0, "above\nbelow\n")
    assert done.stderr == (
        "image: codemode-2.png (image/png, 8 bytes), after line 1 of the output\n"
        "sound: codemode-3.wav (audio/wav, 12 bytes), after line 2 of the output\n"
    )
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {
        "codemode-1.png": b"mine",
        "codemode-2.png": base64.b64decode(PNG),
        "codemode-3.wav": base64.b64decode(WAV),
    }


def test_without_a_place_for_them_they_go_into_a_temporary_folder_that_is_named(
    run: Codemode,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    image = f"image('data:image/png;base64,{PNG}');"
    quiet, talkative = run("text(1)"), run(f"{image} {image}")

    assert (quiet.stderr, list(folder.iterdir())) == ("", [])
    (made,) = temporary.iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert talkative.stderr == "".join(
        f"image: {made}/codemode-{number}.png (image/png, 8 bytes), after line 0 of the output\n"
        for number in (1, 2)
    )
    assert sorted(path.name for path in made.iterdir()) == ["codemode-1.png", "codemode-2.png"]


def test_a_terminal_is_not_commanded_by_what_a_program_writes(start: Start) -> None:
    ours, theirs = pty.openpty()
    child = start(r"text('\x1b]0;title\x07 a\tb\r\x9b2J é')", stdout=theirs)
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while not shown.endswith(b"\n"):
            shown += terminal.read(1000)
    child.wait(CHILD_SECONDS)

    assert shown.decode() == "�]0;title� a\tb��2J é\r\n"


def test_what_is_piped_stays_as_it_is(run: Codemode) -> None:
    assert run(r"text('\x1b[31m a\tb\x07')").stdout == "\x1b[31m a\tb\x07\n"


def test_a_program_that_is_much_too_large_is_not_read(run: Codemode, folder: Path) -> None:
    (folder / "endless").symlink_to("/dev/zero")
    endless = subprocess.run(
        command("run", "--limit", "source_bytes=10", "endless"),
        capture_output=True,
        check=False,
        cwd=folder,
        encoding="utf-8",
        env=environment(),
        timeout=CHILD_SECONDS,
    )
    piped = run("/" * 2**20 + " " * 2**17)

    assert (endless.returncode, endless.stderr.splitlines()[0]) == (
        4,
        "error: Limit reached (source_bytes): the source is too large, more than 10 bytes.",
    )
    assert (piped.returncode, piped.stderr.splitlines()[0]) == (
        4,
        "error: Limit reached (source_bytes): the source is too large, more than 1 MiB.",
    )


def test_files_are_written_within_a_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "WRITTEN_BYTES", 20)
    into = media.MediaFolder(folder)
    image = ImageItem(f"data:image/png;base64,{PNG}")
    saved = [into.save(image), into.save(image)]

    assert [each and each.size for each in saved] == [8, 8]
    with pytest.raises(OSError, match=r"^this run has written 16 bytes to files already$"):
        into.save(image)
    assert len(list(folder.iterdir())) == 2


def test_json_is_one_object_that_says_everything(
    run: Codemode, folder: Path, tools: Callable[[str], str]
) -> None:
    module = tools(
        "@tool\ndef double(x: int) -> int:\n    return 2 * x\n"
        "@tool\ndef fail() -> None:\n    raise ToolError('no')"
    )
    done = run(
        "text('a'); text(await tools.double({x: 4})); await tools.fail().catch(() => {});"
        f" image('data:image/png;base64,{PNG}', 'low'); notify('n'); throw new Error('end')",
        *("--json", "--images", "pictures", "--tools", module),
    )
    report = json.loads(done.stdout)

    times = [report.pop("duration_ms"), report.pop("observations")]
    times += [call.pop(key) for call in report["calls"] for key in ("started_ms", "duration_ms")]
    assert [time for time in times if time < 0] == []
    error = report.pop("error")
    assert error.splitlines()[0] == "Error: end"
    assert report == {
        "status": "failed",
        "exit_code": 1,
        "limit": None,
        "cell_id": "1",
        "items": [
            {"type": "input_text", "text": "a"},
            {"type": "input_text", "text": "8"},
            {
                "type": "input_image",
                "detail": "low",
                "file": "pictures/codemode-1.png",
                "mime_type": "image/png",
                "bytes": 8,
            },
        ],
        "notifications": ["n"],
        "calls": [
            {"id": "tool-1", "name": "double", "status": "ok", "error": None, "bytes": 1},
            {"id": "tool-2", "name": "fail", "status": "failed", "error": "no", "bytes": 0},
        ],
    }
    assert done.returncode == 1


def test_json_names_a_limit(run: Codemode) -> None:
    report = json.loads(run("for(;;);", "--json", "--max-seconds", "0.5").stdout)

    assert [report[key] for key in ("status", "exit_code", "limit", "items")] == [
        "limit",
        4,
        "max_seconds",
        [],
    ]


def test_json_keeps_no_output_without_end(run: Codemode) -> None:
    program = (
        "const line = 'x'.repeat(4e6); for (;;) { text(line);"
        " await new Promise((resolve) => setTimeout(resolve, 1)); }"
    )
    report = json.loads(run(program, "--json").stdout)

    kept = sum(len(item["text"]) for item in report["items"])
    assert (report["status"], report["limit"], report["exit_code"]) == ("limit", "output_bytes", 4)
    assert 0 < kept < 400_000_000


def test_ctrl_c_ends_the_program_and_keeps_its_output(start: Start) -> None:
    child = start(f"text('up'); {FOREVER}")
    assert child.stdout and child.stdout.readline() == b"up\n"
    child.send_signal(signal.SIGINT)
    rest, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (child.returncode, rest, talk[:18]) == (130, b"", b"interrupted after ")


def test_ctrl_c_is_an_exit_code_from_the_first_import_on(tmp_path: Path) -> None:
    """It comes while the command line is being imported."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "codemode", "--help"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_again_and_again_is_the_same_exit_code(start: Start) -> None:
    child = start(f"text('up'); {FOREVER}")
    assert child.stdout and child.stdout.readline() == b"up\n"
    for _ in range(5):
        child.send_signal(signal.SIGINT)
    child.communicate(timeout=CHILD_SECONDS)

    assert child.returncode == 130


def test_ctrl_c_cancels_tool_calls(start: Start, folder: Path, tools: Callable[[str], str]) -> None:
    module = tools(
        "import asyncio, pathlib\n@tool\nasync def never() -> None:\n"
        "    try: await asyncio.Event().wait()\n"
        "    except asyncio.CancelledError: pathlib.Path('cancelled').touch(); raise"
    )
    child = start("text('up'); await tools.never()", "--tools", module)
    assert child.stdout and child.stdout.readline() == b"up\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=CHILD_SECONDS)

    assert (child.returncode, (folder / "cancelled").exists()) == (130, True)


def test_a_second_ctrl_c_quits_at_once_whatever_hangs(start: Start) -> None:
    # Nobody reads more than the first line: the output hangs, and with it the program's end.
    child = start("for(;;) { text('x'.repeat(100000)); await new Promise(r => setTimeout(r, 1)) }")
    assert child.stdout and child.stderr and child.stdout.readline()
    child.send_signal(signal.SIGINT)
    told = child.stderr.readline()
    child.send_signal(signal.SIGINT)

    assert child.wait(timeout=CHILD_SECONDS) == 130
    assert (told, child.stderr.read()) == (
        b"stopping: press Ctrl-C again to quit at once\n",
        b"\nquit\n",
    )


def test_max_seconds_holds_though_nobody_reads_the_output(start: Start) -> None:
    child = start(
        "for(;;) { text('x'.repeat(100000)); await new Promise(r => setTimeout(r, 1)) }",
        *("--max-seconds", "1"),
    )

    assert child.wait(timeout=CHILD_SECONDS) == 4


def test_a_reader_that_has_gone_ends_the_program_quietly(start: Start) -> None:
    child = start("for(;;) { text('x'); await new Promise(r => setTimeout(r, 1)) }")
    assert child.stdout and child.stderr and child.stdout.readline() == b"x\n"
    child.stdout.close()

    assert (child.wait(timeout=CHILD_SECONDS), child.stderr.read()) == (141, b"")


def test_output_that_cannot_be_written_is_an_error(start: Start) -> None:
    with Path("/dev/full").open("wb") as full:
        child = start("text(1)", stdout=full)
        _, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (child.returncode, talk) == (1, b"error: standard output: No space left on device\n")


def test_a_tool_that_ignores_its_cancellation_does_not_hold_the_end(
    start: Start, tools: Callable[[str], str]
) -> None:
    module = tools(
        "import asyncio\n@tool\nasync def stubborn() -> None:\n    while True:\n"
        "        try: await asyncio.sleep(100)\n        except asyncio.CancelledError: pass"
    )
    child = start("text('up'); await tools.stubborn()", "--tools", module)
    assert child.stdout and child.stdout.readline() == b"up\n"
    child.send_signal(signal.SIGINT)

    assert child.wait(timeout=CHILD_SECONDS) == 130


@pytest.mark.parametrize(
    ("program", "options", "expected"),
    [
        (b"", [], "error: exec expects raw JavaScript source text (non-empty)."),
        (b"text('\xff')", [], "error: standard input is not UTF-8: byte 0xff in line 1"),
        (b"text(1)", ["--limit", "heap=1"], "error: Invalid value for '--limit' / '-l': there is no limit 'heap'"),
        (b"text(1)", ["--limit", "heap_bytes=none"], "error: Invalid value for --limit: limit heap_bytes must be a non-negative integer (bytes), got None"),
        (b"text(1)", ["--tools", "absent.py"], "error: Invalid value for --tools absent.py: there is no file absent.py"),
    ],
)  # fmt: skip
def test_what_is_wrong_before_anything_runs_gives_2_and_says_what(
    folder: Path, program: bytes, options: list[str], expected: str
) -> None:
    done = subprocess.run(
        command("run", *options, "-"),
        input=program,
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment(),
        timeout=CHILD_SECONDS,
    )

    first = done.stderr.decode().splitlines()[0]
    assert (done.returncode, done.stdout, first[: len(expected)]) == (2, b"", expected)


KILL_WORKER = """
import os, pathlib, signal

def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]

@tool
def kill_worker() -> None:
    for zygote in children(os.getpid()):
        for worker in children(zygote):
            os.kill(worker, signal.SIGKILL)
"""


def servers_file(folder: Path, command: str, *arguments: str) -> str:
    server = {"command": command, "args": arguments}
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"it": server}}))
    return str(folder / "mcp.json")


def test_a_server_that_is_not_there_is_told_and_the_program_runs(
    run: Codemode, folder: Path
) -> None:
    config = servers_file(folder, "no-such-program")

    done = run("text(typeof tools.mcp__it__x)", "--mcp", config)

    assert (done.returncode, done.stdout) == (0, "undefined\n")
    assert done.stderr == (
        "warning: MCP server it is not available:"
        " cannot run `no-such-program`: No such file or directory\n"
    )


def test_ctrl_c_while_servers_start_ends_them(start: Start, folder: Path) -> None:
    os.mkfifo(folder / "started")
    config = servers_file(folder, "sh", "-c", "echo $$ > started; exec cat > /dev/null")
    child = start("text('never')", "--mcp", config)
    pid = int((folder / "started").read_text())  # waits until the server writes it

    child.send_signal(signal.SIGINT)
    output, talk = child.communicate(timeout=CHILD_SECONDS)

    assert (child.returncode, output, talk[:18]) == (130, b"", b"interrupted after ")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
