"""Where the entries of ``codemode repl`` come from: a person at a terminal, or a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output.vt100 import Vt100_Output
from pygments.lexers.javascript import JavascriptLexer

from ..lazy_pattern import lazy_pattern
from .entry import has_code, is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyPressEvent

PROMPT: Final = "> "
CONTINUED: Final = ". "

HELPERS: Final = (
    "ALL_TOOLS", "audio", "exit", "image", "load", "notify", "setTimeout", "store", "text",
    "tools", "yield_control",
)  # fmt: skip

_MEMBER: Final = lazy_pattern(r"\btools\.([\w$]*)$")
_WORD: Final = lazy_pattern(r"(?<![\w$.])[\w$]+$")
_COMMAND: Final = lazy_pattern(r"^\.\w*$")


class Prompt(Protocol):
    """Gives one entry after the other."""

    async def entry(self) -> str:
        """The next one.

        Raises:
            EOFError: there is no other one.
            KeyboardInterrupt: it was given up with Ctrl-C.
        """


def history_file() -> Path:
    """Where entries are remembered: in the user's folder for the state of programs."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "codemode" / "repl_history"


def open_history(path: Path) -> History:
    """The history in a file that only its owner reads; in memory alone if that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


class TerminalPrompt:
    """A person's terminal: history, completion, colours, entries of several lines.

    Args:
        commands: what begins with a dot.
        tools: gives the names on ``tools``, as they are now.
    """

    def __init__(self, commands: Sequence[str], tools: Callable[[], Iterable[str]]) -> None:
        size = os.get_terminal_size
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            history=open_history(history_file()),
            completer=_Names(commands, tools),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            lexer=PygmentsLexer(JavascriptLexer),
            multiline=True,
            prompt_continuation=CONTINUED,
            key_bindings=_keys(),
            # Standard output is the programs'. Asking the terminal where the cursor is would take those by
            # surprise that only look like one.
            output=Vt100_Output(
                sys.stderr,
                lambda: _size(size(sys.stderr.fileno())),
                term=os.environ.get("TERM"),
                enable_cpr=False,
            ),
        )

    async def entry(self) -> str:
        return await self._session.prompt_async()


class PipePrompt:
    """A pipe or a file: lines, put together until they are whole."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in sys.stdin or ():
                loop.call_soon_threadsafe(self._lines.put_nowait, line)
            loop.call_soon_threadsafe(self._lines.put_nowait, "")

        # A daemon: a read that nothing ends must not hold up the end of the process.
        threading.Thread(target=read, name="standard input", daemon=True).start()

    async def entry(self) -> str:
        text = ""
        while line := await self._lines.get():
            text += line
            if text.startswith(".") or (has_code(text) and is_whole(text)):
                return text
        self._lines.put_nowait("")  # the end stays the end
        if not text.strip():
            raise EOFError
        return text


class _Names(Completer):
    """Completes helpers, tools and commands."""

    def __init__(self, commands: Sequence[str], tools: Callable[[], Iterable[str]]) -> None:
        self._commands = commands
        self._tools = tools

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        del complete_event
        before = document.text_before_cursor
        if member := _MEMBER.search(before):
            names, begun = self._tools(), member[1]
        elif command := _COMMAND.match(before):
            names, begun = self._commands, command[0]
        elif word := _WORD.search(before):
            names, begun = HELPERS, word[0]
        else:
            return
        for name in sorted(names):
            if name.startswith(begun):
                yield Completion(name, start_position=-len(begun))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text) or buffer.text.startswith("."):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=True)

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=True)

    return keys


def _size(size: os.terminal_size) -> Size:
    return Size(rows=size.lines or 24, columns=size.columns or 80)
