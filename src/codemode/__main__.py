"""``python -m codemode``, and the commands ``codemode`` and ``codemode-host``."""

import sys

from . import interrupts


def main() -> None:
    """Run the command line of this process and exit."""
    interrupts.end_at_once()
    from .quick_import import quick_import  # noqa: PLC0415 - Ctrl-C may come while it loads

    with quick_import():
        from .cli import main as run  # noqa: PLC0415 - the same

    try:
        run()
    except KeyboardInterrupt:
        sys.exit(interrupts.INTERRUPTED)


def host() -> None:
    """Run a code-mode host as this process and exit."""
    interrupts.end_at_once()
    from .host import main as serve  # noqa: PLC0415 - Ctrl-C may come while it loads

    sys.exit(serve())


if __name__ == "__main__":
    main()
