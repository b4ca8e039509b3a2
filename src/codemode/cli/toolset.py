"""The tools that the options name, for as long as a command looks at them."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import click

from ..errors import ToolDefinitionError, ToolError
from .loading import load_servers, load_tools, open_toolset
from .process_end import handled_signals
from .terminal import log_on_stderr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ..tools.toolset import Toolset


def with_toolset(
    tools: Sequence[str],
    mcp: Sequence[str],
    use: Callable[[Toolset], Awaitable[None] | None],
    **options: Any,
) -> None:
    """Load the tools, start the servers, call ``use``, and end what was started. Ctrl-C cancels.

    Args:
        tools: the values of ``--tools``.
        mcp: the values of ``--mcp``.
        use: gets a toolset of all of them; sync or async.
        options: of :class:`~codemode.tools.toolset.Toolset`.

    Raises:
        click.UsageError: there are none, or something cannot be loaded or be a tool.
        click.ClickException: ``use`` raised a ``ToolError``.
        click.Abort: Ctrl-C was pressed.
    """
    if not (tools or mcp):
        raise click.UsageError(
            "there are no tools\nhint: name some, --tools my_tools.py or --mcp mcp.json"
        )
    try:
        with log_on_stderr("%(message)s"):
            loaded, servers = load_tools(tools), load_servers(mcp)

            async def main() -> None:
                task = asyncio.current_task()
                assert task is not None
                with handled_signals(lambda _: task.cancel()):
                    async with open_toolset(loaded, servers, **options) as toolset:
                        used = use(toolset)
                        if inspect.isawaitable(used):
                            await used

            asyncio.run(main())
    except asyncio.CancelledError:
        raise click.Abort from None
    except ToolDefinitionError as error:
        raise click.BadParameter(str(error), param_hint="--tools") from error
    except ToolError as error:
        raise click.ClickException(str(error)) from error
