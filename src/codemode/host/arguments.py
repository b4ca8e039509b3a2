"""The arguments of a host, as words: nothing is loaded for them, since the quickest way to start is wanted."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE: Final = """\
Usage: {program} [--listen URL] [OPTIONS]

Serves code-mode sessions to another process.

Options:
  --listen URL          stdio:// for V1 frames, grpc+stdio:// for HTTP/2, both over standard input
                        and output; grpc://IP:PORT or unix:PATH for gRPC [default: stdio]
  --limit NAME=VALUE    a limit of sessions, and the most that clients may ask for: heap_bytes=64MiB;
                        repeatable
  --max-sessions N      open sessions at once [default: 4096]
  --max-cells N         live cells at once, of all sessions [default: 1024]
  --drain-seconds N     at SIGTERM a host that listens takes no session more and lets cells end for
                        so long [default: 25]; a second signal ends it at once
  --status URL          http://IP:PORT, where the host answers /livez, /readyz and /metrics without a
                        token; needs codemode[metrics]
  --token-file PATH     ask gRPC clients for this bearer token, or for one of several: lines
                        `NAME: TOKEN` [default: the token in $CODEMODE_HOST_TOKEN]
  --tls-cert PATH       certificate of the host, PEM
  --tls-key PATH        its key, PEM
  --tls-client-ca PATH  let in only clients with a certificate of this authority, PEM
  --insecure            do without a token or TLS where other machines can reach the host
  -h, --help            print this
"""

FILES: Final = ("token-file", "tls-cert", "tls-key", "tls-client-ca")
NUMBERS: Final = ("max-sessions", "max-cells", "drain-seconds")
_KINDS: Final = {
    "listen": "URL",
    "status": "URL",
    "limit": "NAME=VALUE",
    **dict.fromkeys(NUMBERS, "N"),
}
_VALUED: Final = ("listen", "status", "limit", *NUMBERS, *FILES)
DIGITS: Final = 9
_REPEATABLE: Final = ("limit",)
_STDIO: Final = ("stdio", "stdio://")


class ArgumentError(Exception):
    """The arguments are wrong."""


class Arguments(NamedTuple):
    """What was asked for, not yet checked.

    Attributes:
        listen: where to serve.
        status: where to answer for the host's health and figures, if anywhere.
        limits: each as ``NAME=VALUE``.
        files: paths by option, without its dashes.
        numbers: counts and seconds by option, without its dashes.
        insecure: whether other machines may come in without a token or TLS.
    """

    listen: str = "stdio"
    status: str | None = None
    limits: tuple[str, ...] = ()
    files: Mapping[str, str] = MappingProxyType({})
    numbers: Mapping[str, int] = MappingProxyType({})
    insecure: bool = False

    @property
    def are_for_plain_pipes(self) -> bool:
        """Whether V1 frames are wanted, and nothing that only gRPC has."""
        return self.listen in _STDIO and not (
            self.files or self.numbers or self.insecure or self.status
        )


def parse(words: Sequence[str]) -> Arguments:
    """The arguments in a command line.

    Raises:
        ArgumentError: a word is none, or has no value, or is there twice.
    """
    values: dict[str, list[str]] = {}
    insecure = False
    rest = iter(words)
    for word in rest:
        if word == "--insecure":
            insecure = True
            continue
        option, equals, value = word.partition("=")
        name = option.removeprefix("--")
        if option == name or name not in _VALUED:
            raise ArgumentError(f"unexpected argument '{word}' found")
        shown = f"--{name} <{_KINDS.get(name, 'PATH')}>"
        if not equals:
            following = next(rest, None)
            if following is None:
                raise ArgumentError(f"a value is required for '{shown}' but none was supplied")
            value = following
        if name in NUMBERS and not (value.isascii() and value.isdecimal() and len(value) <= DIGITS):
            raise ArgumentError(f"invalid value '{value}' for '{shown}': it must be a whole number")
        if name in values and name not in _REPEATABLE:
            raise ArgumentError(f"the argument '{shown}' cannot be used multiple times")
        values.setdefault(name, []).append(value)
    return Arguments(
        listen=values.get("listen", ["stdio"])[0],
        status=values.get("status", [None])[0],
        limits=tuple(values.get("limit", ())),
        numbers={name: int(values[name][0]) for name in NUMBERS if name in values},
        files={name: values[name][0] for name in FILES if name in values},
        insecure=insecure,
    )
