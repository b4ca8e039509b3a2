"""What README and the pages show passes a type checker, as an application's own code would."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT, programs_of

CHILD_SECONDS = 300
"""The bound on a run of mypy over a few files: without a cache it reads all that they import."""

MISSPELT = "from codemode import CodeMode, Toolbox\n\nprint(CodeMode, Toolbox)\n"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each program."""
    folder = tmp_path_factory.mktemp("programs")
    programs = {
        f"{page.stem.replace('-', '_')}_{at}.py": text
        for page in PAGES
        for at, text in enumerate(programs_of(page))
    }
    for name, text in {**programs, "misspelt.py": MISSPELT}.items():
        (folder / name).write_text(text, encoding="utf-8")
    # With the options of the project, which are stricter than --strict, its cache can be used.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(folder)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line.split(":", 1) for line in done.stdout.splitlines()]
    return {
        name: [rest for file, rest in lines if Path(file).name == name]
        for name in (*programs, "misspelt.py")
    }


def test_programs_of_the_pages_have_no_errors(complaints: dict[str, list[str]]) -> None:
    assert {name: found for name, found in complaints.items() if found} == {
        "misspelt.py": complaints["misspelt.py"]
    }
    assert len(complaints) > len(PAGES) / 2


def test_a_name_that_the_package_does_not_have_is_an_error(
    complaints: dict[str, list[str]],
) -> None:
    assert len(complaints["misspelt.py"]) == 1
    assert 'Module "codemode" has no attribute "Toolbox"' in complaints["misspelt.py"][0]


def test_the_pages_are_found() -> None:
    assert {Path("README.md"), Path("docs/tools.md")} <= {page.relative_to(ROOT) for page in PAGES}
