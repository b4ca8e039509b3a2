"""What the pages for newcomers show runs as it stands there, and prints what stands below it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.pages import ROOT, programs_of

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = ("start", "tutorial", "faq", "errors", "migration")
CHILD_SECONDS: Final = 60

_BLOCK = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


def _shown() -> dict[str, tuple[str, str | None]]:
    """Each program by page and number, with the text that the page shows below it, if it does."""
    shown: dict[str, tuple[str, str | None]] = {}
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        blocks = [(found[2], found[3]) for found in _BLOCK.finditer(text)]
        for at, (language, program) in enumerate(blocks):
            if language == "python":
                below = blocks[at + 1] if at + 1 < len(blocks) else ("", "")
                shown[f"{page}-{at}"] = (program, below[1] if below[0] == "text" else None)
    return shown


SHOWN: Final = _shown()


@pytest.mark.parametrize("name", SHOWN)
def test_a_program_runs_and_prints_what_stands_below_it(name: str, tmp_path: Path) -> None:
    program, below = SHOWN[name]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert below is None or done.stdout == below


def test_every_program_of_these_pages_is_found() -> None:
    everything = [program for page in PAGES for program in programs_of(ROOT / f"docs/{page}.md")]

    assert [program for program, _ in SHOWN.values()] == everything


def test_every_program_has_its_output_below() -> None:
    assert [name for name, (_, below) in SHOWN.items() if below is None] == []
