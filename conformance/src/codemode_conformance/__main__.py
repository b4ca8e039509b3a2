"""``codemode-conformance``, also as ``python -m codemode_conformance``."""

from .command import conformance


def main() -> None:
    """Run the command of this process and exit."""
    conformance(prog_name="codemode-conformance")


if __name__ == "__main__":
    main()
