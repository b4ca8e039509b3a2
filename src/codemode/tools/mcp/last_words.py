"""The line of a dead program's standard error that holds the cause.

It is seldom the last one. Node ends with its version, npm with the place of a log, a panic with a hint
about backtraces, and before the line that counts stand frames of a stack. So lines without information by
themselves are passed over; of the rest the last one counts that names an error, else the last one that
complains, else the last one.
"""

from __future__ import annotations

from typing import Final

from ...lazy_pattern import lazy_pattern

LINE_CHARACTERS: Final = 500
"""Characters of the line that are kept."""
LINES: Final = 1_000
"""Lines that are looked at, from the end."""

LINES_OF_MESSAGE: Final = 30
"""Lines of a message that is a list or an object."""

_FRAME: Final = lazy_pattern(r"^[\s|+-]*(?:\|\s)?")
"""What groups of exceptions and resolvers draw before a line."""
_NOTHING: Final = lazy_pattern(
    r"at .*|File \".*\", line \d+.*|[\^~\s]*|[\])},;\s]*|\d+: 0x.*|Traceback \(.*|During handling .*"
    r"|The above exception .*|Require stack:|- /.*|(?:code|errno|syscall|path|spawnargs|address|port|requireStack): .*|Node\.js v.*|Bun v.*"
    r"|\(Use `node .*|note: run with .*|note: Some details .*|stack backtrace:|goroutine \d+.*"
    r"|exit status \d+|-{3,}.*|npm (?:warn|notice|WARN)\b.*|.*A complete log of this run .*"
    r"|.*A new release of .*|(?:See|Try|Run) '.*' .*|For more information, try .*|(?i:usage:.*)"
)
_ERROR: Final = lazy_pattern(
    r"(?:Uncaught |Caused by: |\[?\w+\]?[:\s] ?)?"
    r"(?:[A-Za-z_$][\w$.]*)?(?:Error|Exception|Rejection|Exit|Fault)(?: \[\w+\])?: .*"
    r"|(?:[^\s:]{1,100}: )?(?i:fatal error|fatal|error|panic|critical)(?:\[\w+\])?[:!] ?.*"
    r"|\[?(?:ERROR|FATAL|CRITICAL)\]?[:\s].*|Exception in thread .*|thread '.*' panicked at .*"
)
_COMPLAINT: Final = lazy_pattern(
    r"(?i)\b(?:error|fail|cannot|can't|could not|unable|not found|no such|denied|refused|missing"
    r"|required|invalid|unknown|unexpected|must|unsatisfiable|abort|not set|does not exist)"
)
_NPM: Final = lazy_pattern(r"npm (?:error|ERR!) (?!code |errno |syscall |path )(.*\S.*)")


def last_words(text: str) -> str:
    """The line of ``text`` that holds the cause; empty, if there is none.

    >>> last_words("Error: Cannot find module 'x'\\n    at load (node:1)\\n\\nNode.js v22.1.0\\n")
    "Error: Cannot find module 'x'"
    """
    lines = [_FRAME.sub("", line).strip("╰─▶× \t\r") for line in text.splitlines()[-LINES:]]
    told = [line for line in lines if not _NOTHING.fullmatch(line[:LINE_CHARACTERS])]
    named = [line for line in told if _ERROR.match(line[:LINE_CHARACTERS])]
    if npm := next((found[1] for line in lines if (found := _NPM.match(line))), None):
        named = [line for line in named if not line.startswith("npm ")] or [npm.strip()]
    complaints = [line for line in told if _COMPLAINT.search(line[:LINE_CHARACTERS])]
    chosen = next((each[-1] for each in (named, complaints, told, lines) if each), "")
    if chosen.endswith(":") and " panicked at " in chosen:  # the message stands below
        below = told[told.index(chosen) + 1 :]
        chosen = f"{chosen} {below[0]}" if below else chosen
    if chosen.endswith((": [", ": {")):  # the message is a list or an object over several lines
        chosen = " ".join([chosen, *map(str.strip, _up_to_end(lines, chosen))])
    return chosen[:LINE_CHARACTERS]


def _up_to_end(lines: list[str], opening: str) -> list[str]:
    """The lines below ``opening`` up to the one that closes its bracket, without frames."""
    below = lines[len(lines) - lines[::-1].index(opening) :][:LINES_OF_MESSAGE]
    closing = "]" if opening.endswith("[") else "}"
    end = next((at for at, line in enumerate(below) if line == closing), len(below) - 1)
    return [line for line in below[: end + 1] if not line.strip().startswith("at ")]
