"""Of what a dead program wrote the line that says why; the files under ``crashes`` are such writings."""

from pathlib import Path

import pytest

from codemode.tools.mcp.last_words import LINE_CHARACTERS, last_words

CRASHES = Path(__file__).with_name("crashes")
RECORDED = {
    "argparse": "__main__.py: error: unrecognized arguments: --nosuch",
    "node-esm": "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'nosuch' imported from [eval1]",
    "node-memory": "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    "node-module": "Error: Cannot find module '/no/such/module'",
    "node-throw": "plain string",
    "npx": "404 Not Found - GET https://registry.npmjs.org/@nosuchscope%2fnosuchpackage-xyz",
    "pip": "ERROR: No matching distribution found for nosuch-xyz-1234",
    "python-cause": "RuntimeError: no config",
    "python-group": "ValueError: bad port",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in CRASHES.iterdir()))
def test_a_crash_is_told_by_the_line_that_says_what_was_wrong(name: str) -> None:
    assert last_words((CRASHES / f"{name}.txt").read_text("utf-8")) == RECORDED[name]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "thread 'main' panicked at src/main.rs:2:5:\ncalled `unwrap()` on a `None` value\n"
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            "thread 'main' panicked at src/main.rs:2:5: called `unwrap()` on a `None` value",
        ),
        (
            'Fatal error: ZodError: [\n  {\n    "path": [\n      "apiKey"\n    ],\n    "message": "Required"\n  }\n]\n'
            "    at get error (file:///x/zod.mjs:1:1)\n",
            'Fatal error: ZodError: [ { "path": [ "apiKey" ], "message": "Required" } ]',
        ),
        ("panic: no key\n\ngoroutine 1 [running]:\n\tmain.go:5\nexit status 2\n", "panic: no key"),
        (
            'Exception in thread "main" java.lang.IllegalStateException: no key\n\tat A.b(A.java:3)\n',
            'Exception in thread "main" java.lang.IllegalStateException: no key',
        ),
        ("docker: Error response from daemon: no x.\nSee 'docker run --help'.\n", None),
        ("Usage: x [OPTIONS]\nTry 'x --help' for help.\n\nError: No such option: --y\n", None),
        ("error: unexpected argument\n\nUsage: x\n\nFor more information, try '--help'.\n", None),
        ("  × No solution found:\n  ╰─▶ Because x was not found\n", "Because x was not found"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1, in main\n    @server.list()\n'
            "     ^^^^^^^^^^^^^\nAttributeError: 'Server' object has no attribute 'list'\n",
            "AttributeError: 'Server' object has no attribute 'list'",
        ),
        ("starting\ncannot open the database\nbye\n", "cannot open the database"),
        ("starting\nlistening\n", "listening"),
        ("set API_KEY first\n", "set API_KEY first"),
        ("\n  \n", ""),
        ("", ""),
    ],
)
def test_programs_of_other_languages_are_understood(text: str, line: str | None) -> None:
    told = [each for each in text.splitlines() if "rror" in each]

    assert last_words(text) == (told[0] if line is None else line)


def test_a_line_is_cut() -> None:
    assert len(last_words("Error: " + "x" * 10_000)) == LINE_CHARACTERS
