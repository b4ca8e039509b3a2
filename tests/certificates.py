"""Certificates for tests of TLS, made on the spot."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made with openssl"
)


@dataclass(frozen=True)
class Identity:
    """A certificate that signs itself, and its key."""

    certificate: Path
    key: Path


def identity(folder: Path, name: str, *, subject: str = "IP:127.0.0.1") -> Identity:
    """Make one for 127.0.0.1, or for another ``subject``."""
    found = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={subject}"),
            *("-keyout", str(found.key), "-out", str(found.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return found
