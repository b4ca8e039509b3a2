"""The programs that README and the pages show."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def programs_of(page: Path) -> list[str]:
    """The Python programs of a page, in order."""
    return _PROGRAM.findall(page.read_text(encoding="utf-8"))
