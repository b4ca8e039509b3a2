"""Run a command beside busy loops: ``python -m tests.load 2 -- COMMAND…``; its exit code.

The loops compute without a pause for as long as the command runs, one process each. A test whose verdict
depends on them depends on the clock.
"""

from __future__ import annotations

import os
import subprocess
import sys

BUSY = "import os\nwhile os.getppid() == {parent}: sum(range(100_000))"
"""It ends with whoever has started it, however that ends."""


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    number, _, *command = arguments
    if not number.isdecimal() or arguments[1:2] != ["--"] or not command:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    loops = [
        subprocess.Popen([sys.executable, "-c", BUSY.format(parent=os.getpid())])
        for _ in range(int(number))
    ]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        for each in loops:
            each.kill()
        for each in loops:
            each.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
