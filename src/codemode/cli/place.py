"""Where a command runs its cells: on this machine, or in a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from ..errors import UsageError
from ..lazy_pattern import lazy_pattern
from ..runtime.local import LocalSessionProvider

if TYPE_CHECKING:
    from pathlib import Path

    from ..limits import Limits
    from ..remote.grpc import GrpcSessionProvider
    from ..remote.process import ProcessSessionProvider

    Provider: TypeAlias = LocalSessionProvider | ProcessSessionProvider | GrpcSessionProvider

_URL: Final = lazy_pattern(r"unix:|[A-Za-z][A-Za-z0-9+.-]*://")
"""How a host begins that is no command; the provider decides about URLs."""


@dataclass(frozen=True, slots=True)
class CellPlace:
    """The values of ``--host`` and its companions.

    Attributes:
        host: a command or a URL; None for this machine.
        token_file: holds the bearer token that a host at a URL asks for.
        ca: who signs the certificate of such a host, PEM.
    """

    host: str | None
    token_file: Path | None
    ca: Path | None

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            click.UsageError: a token or an authority without a URL.
        """
        if not _URL.match(self.host or "") and (self.token_file or self.ca):
            raise click.UsageError("--host-token-file and --host-ca are for a --host that is a URL")

    def provider(self, limits: Limits) -> Provider:
        """The sessions there.

        Raises:
            click.UsageError: the endpoint or a file cannot be used.
        """
        if self.host is None:
            return LocalSessionProvider(limits=limits)
        from ..remote.grpc import GrpcSessionProvider, GrpcTls  # noqa: PLC0415 - most cells run here
        from ..remote.process import ProcessSessionProvider  # noqa: PLC0415 - the same

        if not _URL.match(self.host):
            return ProcessSessionProvider(self.host, limits=limits)
        try:
            return GrpcSessionProvider(
                self.host,
                token=self._token(),
                tls=None if self.ca is None else GrpcTls(ca=self.ca),
                limits=limits,
            )
        except UsageError as error:
            raise click.UsageError(str(error)) from error

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        return self.token_file.read_text(encoding="ascii", errors="replace").strip()
