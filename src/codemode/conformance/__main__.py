"""``python -m codemode.conformance``: the command without the rest of the command line."""

from .command import conformance

if __name__ == "__main__":
    conformance(prog_name="codemode conformance")
