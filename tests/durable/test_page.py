"""What ``docs/durable.md`` shows runs as it stands there."""

from __future__ import annotations

import subprocess
import sys

from tests.pages import ROOT, programs_of

CHILD_SECONDS = 60


def test_a_session_goes_on_where_another_code_mode_has_left_off() -> None:
    (program,) = programs_of(ROOT / "docs" / "durable.md")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "transfers 100 to ann",
        "transfers 300 to eve",
        "transfers 90000 to bob",
        '["100 went to ann","90000 went to bob","300 went to eve"]',
    ]
