"""``python -m codemode``, and the command ``codemode``."""

import sys


def main() -> None:
    """Run the command line of this process and exit. Ctrl-C is an exit code from the beginning on."""
    try:
        from .cli import main as run  # noqa: PLC0415 - it takes 0.1 s, in which Ctrl-C may come

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
