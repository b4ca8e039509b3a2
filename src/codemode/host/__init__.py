"""A code-mode host: serves sessions to another process, over V1 frames or gRPC.

Nothing is imported before the arguments are known to be right; then the quickest way first.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .listen import Access, Address

__all__ = ["main"]

USAGE: Final = """\
Usage: {program} [--listen URL] [OPTIONS]

Serves code-mode sessions to another process.

Options:
  --listen URL          stdio:// for V1 frames, grpc+stdio:// for HTTP/2, both over standard input
                        and output; grpc://IP:PORT or unix:PATH for gRPC [default: stdio]
  --token-file PATH     ask gRPC clients for this bearer token [default: $CODEMODE_HOST_TOKEN]
  --tls-cert PATH       certificate of the host, PEM
  --tls-key PATH        its key, PEM
  --tls-client-ca PATH  let in only clients with a certificate of this authority, PEM
  --insecure            do without a token or TLS where other machines can reach the host
  -h, --help            print this
"""

_VALUED: Final = ("listen", "token-file", "tls-cert", "tls-key", "tls-client-ca")
_STDIO: Final = ("stdio", "stdio://")


class _UsageError(Exception):
    """The arguments are wrong."""


def main(argv: Sequence[str] | None = None, *, program: str = "codemode-host") -> int:
    """Run a host; return its exit status: 0, 1 if the connection broke, 2 for wrong arguments.

    Args:
        argv: the arguments; those of this process if left out.
        program: what was called.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["-h"], ["--help"]):
        sys.stdout.write(USAGE.format(program=program))
        return 0
    try:
        values, insecure = _parsed(arguments)
        url = values.pop("listen", "stdio")
        if url in _STDIO and not values and not insecure:
            from .stdio import serve_stdio  # noqa: PLC0415 - only once the arguments are right

            return serve_stdio()
        address, access = _checked(url, values, insecure=insecure)
    except _UsageError as error:
        hint = "" if "\nhint: " in str(error) else f"\nhint: {program} --help lists what there is."
        sys.stderr.write(f"error: {error}{hint}\n")
        return 2
    return _serve_grpc(address, access)


def _serve_grpc(address: Address, access: Access) -> int:
    from ..grpc.quiet import load_quietly  # noqa: PLC0415 - not for a host over plain pipes

    try:
        load_quietly()
        from .rpc.serve import serve_grpc  # noqa: PLC0415 - gRPC is an extra, and slow to load
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"Error: a gRPC host needs the module `{error.name}`: pip install 'codemode[grpc]'\n"
        )
        return 1
    return serve_grpc(address, access)


def _checked(url: str, files: dict[str, str], *, insecure: bool) -> tuple[Address, Access]:
    from ..tokens import LEAST_TOKEN  # noqa: PLC0415 - not for a host over plain pipes
    from . import listen  # noqa: PLC0415 - the same

    try:
        address = listen.parse_address(url)
        listen.check_grpc(address)
        least = 1 if address.is_local else LEAST_TOKEN
        access = listen.read_access(files, os.environ, least=least)
        listen.check_certificates(files)
        if access.tokens is not None and address.kind == "grpc+stdio":
            access = listen.Access()  # the pipes are the proof
        listen.check_access(address, access, insecure=insecure)
    except listen.ListenError as error:
        raise _UsageError(str(error)) from None
    return address, access


def _parsed(arguments: list[str]) -> tuple[dict[str, str], bool]:
    values: dict[str, str] = {}
    insecure = False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--insecure":
            insecure = True
            continue
        option, equals, value = argument.partition("=")
        name = option.removeprefix("--")
        if option == name or name not in _VALUED:
            raise _UsageError(f"unexpected argument '{argument}' found")
        shown = f"--{name} <{'URL' if name == 'listen' else 'PATH'}>"
        if not equals:
            following = next(rest, None)
            if following is None:
                raise _UsageError(f"a value is required for '{shown}' but none was supplied")
            value = following
        if name in values:
            raise _UsageError(f"the argument '{shown}' cannot be used multiple times")
        values[name] = value
    return values, insecure
