"""Print the environment for the Python that runs this: ``.venv``, unless another version is in there.

Fails if this Python is too old. It has to start on any Python 3.
"""

import os
import subprocess
import sys

MADE = os.path.join(".venv", "bin", "python")
SAY_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def main() -> int:
    """Print it; the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may be named
        return 1
    version = "{}.{}".format(*sys.version_info[:2])
    inside = version
    if os.path.exists(MADE):
        done = subprocess.run(
            [MADE, "-c", SAY_VERSION], stdout=subprocess.PIPE, check=False, text=True
        )
        inside = done.stdout.strip() or version
    print(".venv" if inside == version else ".venv-" + version)  # noqa: T201 - make reads it
    return 0


if __name__ == "__main__":
    sys.exit(main())
