"""A unix socket, and files beside it, that only their user can reach."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path


def own_folder(folder: Path) -> Path:
    """``folder``, made where it is not there.

    Raises:
        OSError: it cannot be made.
        UsageError: it is somebody else's, or others can enter it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(
            f"{folder} is open to other users, and a socket in it would be, too"
            f"\nHint: chmod 700 {folder}, or name another folder in CODEMODE_INSPECT."
        )
    return folder


def listening_at(path: Path, clients: int) -> socket.socket:
    """A socket that listens at ``path``, for this user alone.

    Raises:
        OSError: it cannot be made there.
    """
    path.unlink(missing_ok=True)  # of a process that had our number before
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(clients)
    except OSError:
        listening.close()
        raise
    listening.settimeout(0)
    return listening


def write_private(path: Path, text: str) -> None:
    """A file that this user alone can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def is_own(writer: asyncio.StreamWriter) -> bool:
    """Whether the client runs as our user, where the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    connection = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return bool(user == os.getuid())
