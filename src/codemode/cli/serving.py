"""``codemode serve``: the process from its start to its exit code."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import click
from msgspec import Struct

from ..code_mode import CodeMode
from ..errors import CodeModeError
from ..host.pipes import take_standard_streams
from ..metrics import missing_module
from ..runtime.local import LocalSessionProvider
from ..tokens import HOW_TO_MAKE_ONE, LEAST_TOKEN, TokenError, TokenFile, parse_tokens
from ..tools.mcp.handlers import McpHandlers
from ..tools.toolset import CATALOGUE_TOKENS
from .loading import load_middleware, load_servers, load_tools
from .process_end import exit_at_once, handled_signals
from .rules import make_policy, without_tools
from .terminal import is_terminal, log_on_stderr
from .values import make_limits

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path
    from typing import BinaryIO, Literal

    from ..adapters.mcp_server import McpServer, ServedClient
    from ..limits import Limits
    from ..metrics.reporting import Reporting
    from ..protocol.session import SessionProvider
    from ..tokens import Source
    from ..tools.chain import Middleware
    from ..tools.mcp.handlers import McpStatus
    from ..tools.policy.policy import Policy

TOKEN_VARIABLE: Final = "CODEMODE_TOKEN"
HTTP_IDLE_SECONDS: Final = 1_800.0
SHUTDOWN_SECONDS: Final = 10.0
"""From a signal to the end of everything; then the process ends, whatever still holds it.

Ending an MCP server takes 5 s if it is stubborn; one that is not gone by now is killed.
"""

_WILDCARDS: Final = ("", "0.0.0.0", "::")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Options(Struct, frozen=True, kw_only=True):
    """The command line, each option under its own name."""

    tools: tuple[str, ...]
    mcp: tuple[str, ...]
    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    asked: tuple[str, ...]
    policy_file: Path | None
    middleware: tuple[str, ...]
    http: tuple[str, int] | None
    token_file: Path | None
    metrics: tuple[str, int] | None
    allow_hosts: tuple[str, ...]
    allow_origins: tuple[str, ...]
    description: Literal["full", "short"]
    idle_seconds: float | None
    max_sessions: int
    max_wait_seconds: float
    limits: tuple[tuple[str, int | None], ...]


def run_server(options: Options) -> int:
    """Serve; the exit code.

    Raises:
        click.UsageError: the options or the tools are wrong; nothing was served.
        click.ClickException: the address or the standard streams cannot be had.
    """
    if find_spec("mcp") is None:
        raise click.ClickException(
            "the MCP SDK is not installed\nhint: pip install 'codemode[mcp]'"
        )
    missing = None if options.metrics is None else missing_module()
    if missing is not None:
        raise click.UsageError(
            f"--metrics needs the module `{missing}`\nhint: pip install 'codemode[metrics]'"
        )
    tokens = _tokens(options)
    limits = make_limits(options.limits)
    policy = make_policy(
        allowed=options.allowed,
        denied=options.denied,
        asked=options.asked,
        policy_file=options.policy_file,
    )
    try:
        # Before a tool module prints anything: standard output is the protocol.
        place: _Place = _listen(*options.http) if options.http else _standard_streams()
        with log_on_stderr("codemode: %(message)s"):
            chain = _Chain(load_tools(options.tools), load_middleware(options.middleware), policy)
            serving = _Serving(options, place, tokens, limits, chain)
            return asyncio.run(serving.to_its_end())
    except CodeModeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot serve: {error}") from error


_Place = socket.socket | tuple["BinaryIO", "BinaryIO"]


class _Chain(Struct, frozen=True):
    """The tools, and what every call of one passes."""

    tools: Sequence[Any]
    middleware: Sequence[Middleware]
    policy: Policy | None


class _Serving:
    """The process while it serves. Belongs to one event loop."""

    def __init__(
        self,
        options: Options,
        place: _Place,
        tokens: Source | None,
        limits: Limits,
        chain: _Chain,
    ) -> None:
        self._options = options
        self._place = place
        self._tokens = tokens
        self._limits = limits
        self._chain = chain
        self._stop = asyncio.Event()
        self._signal: int | None = None
        self._local = LocalSessionProvider(limits=limits)
        self._provider: SessionProvider = self._local
        self._reporting: Reporting | None = None
        handlers = McpHandlers(
            on_status=self._on_status, elicitation=self._elicitation, sampling=self._sampling
        )
        self._servers = load_servers(options.mcp, handlers=handlers)
        self._server: McpServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def to_its_end(self) -> int:
        """Serve until a signal, or the end of the client; the exit code."""
        with handled_signals(self._end, _SIGNALS):
            async with self._local:
                self._local.warm_up()
                try:
                    await self._report()
                    async with self._made() as self._server:
                        self._beside(self._look_at_rules(self._server))
                        await self._serve(self._server)
                        last_resort = threading.Timer(
                            SHUTDOWN_SECONDS, exit_at_once, [self._exit_code, self._servers]
                        )
                        last_resort.daemon = True
                        last_resort.start()
                finally:
                    if self._servers is not None:
                        await self._servers.aclose()
                    if self._reporting is not None:
                        await self._reporting.aclose()
            last_resort.cancel()
        return self._exit_code

    async def _report(self) -> None:
        """Answer for health and figures from now on, if that is asked for.

        Raises:
            click.ClickException: the address cannot be used.
        """
        if self._options.metrics is None:
            return
        from ..metrics.reporting import Reporting  # noqa: PLC0415 - an extra

        host, port = self._options.metrics
        self._reporting = Reporting(self._local, max_sessions=self._options.max_sessions)
        try:
            bound = await self._reporting.listen(host, port)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise click.ClickException(
                f"cannot listen on {host}:{port} for --metrics: {why}\n"
                "hint: choose another port, or 0 for any that is free."
            ) from error
        self._provider = self._reporting.sessions
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"metrics on http://{shown}:{bound}/metrics", err=True)

    @property
    def _exit_code(self) -> int:
        return 0 if self._signal is None else 128 + self._signal

    def _made(self) -> McpServer:
        from ..adapters.mcp_server import McpServer  # noqa: PLC0415 - the SDK, for this command

        idle = self._options.idle_seconds
        if idle is None and self._options.http is not None:
            idle = HTTP_IDLE_SECONDS
        return McpServer(
            self._make,
            description=self._options.description,
            idle_seconds=idle or None,
            max_sessions=self._options.max_sessions,
            observation_seconds=self._options.max_wait_seconds,
        )

    def _make(self, client: ServedClient) -> CodeMode:
        return CodeMode(
            tools=self._chain.tools,
            mcp=self._servers,
            middleware=[client.watch, *self._chain.middleware],
            policy=self._chain.policy,
            on_approval=client.on_approval,
            provider=self._provider,
            limits=self._limits,
            on_notify=client,
            # With nothing described there is a tool that finds the others.
            catalogue_tokens=0 if self._options.description == "short" else CATALOGUE_TOKENS,
        )

    async def _look_at_rules(self, server: McpServer) -> None:
        """Tell of patterns that name no tool: a restriction that is misspelt restricts nothing."""
        if self._chain.policy is not None:
            tools = await server.tools()
            for pattern in without_tools(self._chain.policy, tools):
                click.echo(f"codemode: no tool is called {pattern!r} so far", err=True)

    async def _elicitation(self, server: str, params: Any) -> Any:
        assert self._server is not None, "servers are called by its sessions"
        return await self._server.relay.elicitation(server, params)

    async def _sampling(self, server: str, params: Any) -> Any:
        assert self._server is not None, "servers are called by its sessions"
        return await self._server.relay.sampling(server, params)

    def _on_status(self, _: McpStatus) -> None:
        """A server came or went, or has other tools; toolsets know that by now."""
        if self._server is not None:
            self._beside(self._server.tools_changed())

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that ends by itself, or with the event loop."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, server: McpServer) -> None:
        from ..adapters.mcp_server import serve_http, serve_stdio  # noqa: PLC0415 - see _made

        # What is loaded stays: a full collection that looks through all modules holds up every session for 60 ms.
        gc.freeze()
        if not isinstance(self._place, socket.socket):
            await serve_stdio(server, streams=self._place, stop=self._stop)
            return
        click.echo(f"listening on {_url(self._place)}", err=True)
        await serve_http(
            server,
            self._place,
            token=self._tokens,
            hosts=self._hosts(),
            origins=self._options.allow_origins,
            stop=self._stop,
        )

    def _hosts(self) -> list[str]:
        assert self._options.http is not None
        host = self._options.http[0]
        own = [] if host in _WILDCARDS else [f"[{host}]" if ":" in host else host]
        return [*own, *self._options.allow_hosts]

    def _end(self, number: int) -> None:
        """The first signal ends everything in order, the second one at once."""
        if self._signal is not None:
            exit_at_once(128 + number, self._servers)
        self._signal = number
        self._stop.set()


def _tokens(options: Options) -> Source | None:
    """The bearer tokens, from a file or the environment, out of which theirs is taken."""
    text = os.environ.pop(TOKEN_VARIABLE, None)
    if options.http is None:
        if options.token_file or options.allow_hosts or options.allow_origins:
            raise click.UsageError(
                "--token-file, --allow-host and --allow-origin have no meaning without --http"
            )
        return None
    host, found = options.http[0], _read_tokens(options.token_file, text)
    if found is not None and options.max_sessions < len(found.current().principals):
        raise click.UsageError(
            f"--max-sessions {options.max_sessions}: there are {len(found.current().principals)} tokens,"
            " and each has a share\nhint: give one session for each token at least."
        )
    if host in _LOOPBACK:
        return found
    if found is None:
        raise click.UsageError(
            f"--http {host}: other machines can reach this; a token is needed\n"
            f"hint: give one with --token-file, or in {TOKEN_VARIABLE}."
        )
    if host in _WILDCARDS and not options.allow_hosts:
        raise click.UsageError(
            f"--http {host or '(all addresses)'}: say under which name clients reach it\n"
            "hint: --allow-host mcp.example.com; requests for other names are refused."
        )
    return found


def _read_tokens(path: Path | None, text: str | None) -> Source | None:
    where = f"the variable {TOKEN_VARIABLE}" if path is None else str(path)
    found: Source | None = None
    try:
        if path is not None:
            found = TokenFile(path, least=LEAST_TOKEN)
        elif text is not None:
            found = parse_tokens(text)
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error}", param_hint="--token-file") from error
    except TokenError as error:
        why = f": {error}" if str(error).startswith("line") else ""
        raise click.UsageError(_no_token(where, why)) from error
    if found is not None and not found.current().are_long_enough:
        raise click.UsageError(_no_token(where))
    if found is not None and found.current().have_blanks:
        raise click.UsageError(f"{where} holds more than one word\nhint: a token is one.")
    return found


def _no_token(where: str, why: str = "") -> str:
    return (
        f"{where} holds no token of at least {LEAST_TOKEN} printable ASCII characters{why}\n"
        f"hint: {HOW_TO_MAKE_ONE}"
    )


def _standard_streams() -> tuple[BinaryIO, BinaryIO]:
    if is_terminal(sys.stdin):
        click.echo(
            "this serves MCP to the program that starts it, and waits for its messages; "
            "Ctrl-C ends it, --http serves others",
            err=True,
        )
    return take_standard_streams()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror or error}\n"
            "hint: choose another port, or 0 for any that is free."
        ) from error


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/mcp"
