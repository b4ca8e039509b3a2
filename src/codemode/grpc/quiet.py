"""gRPC without its own log: what goes wrong is said by us, once, and in words."""

from __future__ import annotations

import os
from typing import Final

VERBOSITY: Final = "GRPC_VERBOSITY"
"""gRPC's variable for what it writes to standard error; it looks at it once, while it is loaded."""


def load_quietly() -> None:
    """Load gRPC, silent unless the environment sets its verbosity, or it was loaded before.

    The environment is as before afterwards: other programs inherit it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    is_ours = VERBOSITY not in os.environ
    if is_ours:
        os.environ[VERBOSITY] = "NONE"
    try:
        import grpc  # noqa: F401, PLC0415 - for its start; it takes long
    finally:
        if is_ours:
            del os.environ[VERBOSITY]
