"""``python -m codemode.host``."""

import sys

from .. import interrupts
from . import main

if __name__ == "__main__":
    interrupts.end_at_once()
    sys.exit(main())
