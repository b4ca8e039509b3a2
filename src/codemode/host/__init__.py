"""A code-mode host: serves sessions to another process, over V1 frames or gRPC.

Nothing is imported before the arguments are known to be right. Then its zygote is launched, which loads V8 while this
process loads the rest of itself.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..quick_import import quick_import
from .arguments import USAGE, ArgumentError, Arguments, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .capacity import Capacity
    from .ceiling import Ceiling
    from .listen import Access, Address

__all__ = ["main"]


def main(argv: Sequence[str] | None = None, *, program: str = "codemode-host") -> int:
    """Run a host; return its exit status: 0, 1 if the connection broke, 2 for wrong arguments.

    Args:
        argv: the arguments; those of this process if left out.
        program: what was called.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["-h"], ["--help"]):
        sys.stdout.write(USAGE.format(program=program))
        return 0
    try:
        arguments = parse(words)
        if not arguments.limits:  # they may bound it
            from ..engine.launching import launch_ahead  # noqa: PLC0415 - nothing before it that can wait

            launch_ahead()
        if arguments.are_for_plain_pipes:
            with quick_import(), _without_tls():
                from .stdio import serve_stdio  # noqa: PLC0415 - only once the arguments are right
            return serve_stdio(_ceiling(arguments))
        address, access = _checked(arguments)
        status = _status(arguments)
        ceiling = _ceiling(arguments)
        capacity = _capacity(arguments)
    except ArgumentError as error:
        hint = "" if "\nhint: " in str(error) else f"\nhint: {program} --help lists what there is."
        sys.stderr.write(f"error: {error}{hint}\n")
        return 2
    return _serve_grpc(address, access, ceiling, capacity, status)


@contextmanager
def _without_tls() -> Iterator[None]:
    """Load ``asyncio`` without TLS, which pipes do not need and which takes 5 ms: it does so where there is none."""
    if "ssl" in sys.modules:
        yield
        return
    sys.modules["ssl"] = None  # type: ignore[assignment] # as if Python had been built without it
    try:
        yield
    finally:
        del sys.modules["ssl"]


def _serve_grpc(
    address: Address,
    access: Access,
    ceiling: Ceiling,
    capacity: Capacity,
    status: Address | None,
) -> int:
    from ..grpc.quiet import load_quietly  # noqa: PLC0415 - not for a host over plain pipes

    try:
        load_quietly()
        from .rpc.serve import serve_grpc  # noqa: PLC0415 - gRPC is an extra, and slow to load
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"Error: a gRPC host needs the module `{error.name}`: pip install 'codemode[grpc]'\n"
        )
        return 1
    return serve_grpc(address, access, ceiling, capacity, status)


def _status(arguments: Arguments) -> Address | None:
    if arguments.status is None:
        return None
    from ..metrics import missing_module  # noqa: PLC0415 - only for who asks for it
    from . import listen  # noqa: PLC0415 - the same

    missing = missing_module()
    if missing is not None:
        raise ArgumentError(
            f"--status needs the module `{missing}`\nhint: pip install 'codemode[metrics]'"
        )
    try:
        return listen.parse_status(arguments.status)
    except listen.ListenError as error:
        raise ArgumentError(str(error)) from None


def _capacity(arguments: Arguments) -> Capacity:
    from .capacity import Capacity  # noqa: PLC0415 - not for a host over plain pipes

    return Capacity.of(arguments.numbers)


def _ceiling(arguments: Arguments) -> Ceiling:
    from ..errors import UsageError  # noqa: PLC0415 - only once the arguments are right
    from .ceiling import Ceiling  # noqa: PLC0415 - the same

    try:
        return Ceiling.of(arguments.limits)
    except UsageError as error:
        raise ArgumentError(f"--limit: {error}") from None


def _checked(arguments: Arguments) -> tuple[Address, Access]:
    from ..tokens import LEAST_TOKEN  # noqa: PLC0415 - not for a host over plain pipes
    from . import listen  # noqa: PLC0415 - the same

    try:
        address = listen.parse_address(arguments.listen)
        listen.check_grpc(address)
        least = 1 if address.is_local else LEAST_TOKEN
        access = listen.read_access(arguments.files, os.environ, least=least)
        listen.check_certificates(arguments.files)
        if access.tokens is not None and address.kind == "grpc+stdio":
            access = listen.Access()  # the pipes are the proof
        listen.check_access(address, access, insecure=arguments.insecure)
    except listen.ListenError as error:
        raise ArgumentError(str(error)) from None
    dangers = listen.dangers(address, access)
    if dangers:
        sys.stderr.write(f"WARNING: --insecure: {dangers}\n")
    return address, access
