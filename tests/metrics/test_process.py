"""What this process and its children use, as the system says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from codemode.metrics.process import process_use

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells by /proc")

HOLD = "import sys; held = bytearray(40 * 2**20); print(flush=True); sys.stdin.read()"


def test_a_process_is_counted_with_its_children() -> None:
    before = process_use()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        during = process_use()
        child.stdin.close()
        child.wait()
    after = process_use()

    assert before is not None and during is not None and after is not None
    assert during.processes == before.processes + 1
    assert during.worker_bytes - before.worker_bytes > 40 * 2**20
    assert after.processes == before.processes
    assert (
        after.cpu_seconds >= during.cpu_seconds
    )  # a child that has ended has used what it has used
    assert 0 < time.time() - during.started_at < 86_400


def test_a_system_that_hides_its_processes_is_told_as_such(tmp_path: Path) -> None:
    assert process_use(tmp_path) is None
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text("1 (x) S 0")
    assert process_use(tmp_path) is None
