"""One target for some seconds in this process, guided by coverage: ``python -m tests.fuzz.one``.

It ends as libFuzzer ends its process: at once, by itself, with a code that is not 0 and a file of
the offending input if there was one. ``campaign`` starts it.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]  # only for fuzzing

with atheris.instrument_imports(include=["codemode"]):
    from .targets import TARGETS

INPUT_BYTES = 4_096
INPUT_SECONDS = 10
MEMORY_MIB = 2_048


def main(name: str, seconds: str, corpus: str, seeds: str, crashes: str) -> None:
    """Fuzz target ``name``; does not return."""
    Path(corpus).mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={crashes}/{name}-",
        f"-max_len={INPUT_BYTES}",
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_MIB}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, corpus, seeds], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
