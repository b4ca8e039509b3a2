"""What the pages for newcomers show runs as it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT, programs_of

PAGES = ("start", "tutorial", "faq", "errors", "migration")
PROGRAMS = {
    f"{page}-{at}": program
    for page in PAGES
    for at, program in enumerate(programs_of(ROOT / "docs" / f"{page}.md"))
}
CHILD_SECONDS = 60


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name]],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_each_page_shows_some() -> None:
    assert {name.partition("-")[0] for name in PROGRAMS} == set(PAGES)
