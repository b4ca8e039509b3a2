"""How a host starts: what it loads, and what has begun before that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from codemode.engine import launching

LOADED = """
import sys
from codemode.host import stdio
print(*[name for name in %r if name in sys.modules])
"""
SELDOM = ("difflib", "pathlib", "hashlib", "codemode.surface.hints", "click", "codemode.cli")


def test_a_host_loads_nothing_that_only_errors_and_other_hosts_need() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}{LOADED % (SELDOM,)}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has zygotes")
def test_a_zygote_that_was_launched_ahead_is_the_next_one() -> None:
    launching.launch_ahead()
    ((_, ahead),) = launching._AHEAD
    taken = launching.launch("zygote")
    assert taken == ahead
    assert not launching._AHEAD
    launching.end(os.getpid(), *taken)
    assert taken.process.poll() is not None
