"""How a host starts: its zygote is launched before the rest is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from codemode.engine import launching


@pytest.mark.parametrize("arguments", [[], ["--listen", "grpc+stdio://"]])
def test_what_a_host_has_loaded_is_not_looked_through_by_the_collector(
    arguments: list[str],
) -> None:
    program = (
        f"import gc, sys, codemode.host as host; host.main({arguments});"
        " print(gc.get_freeze_count(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert int(done.stderr.split()[-1]) > 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has zygotes")
def test_a_zygote_that_was_launched_ahead_is_the_next_one() -> None:
    launching.launch_ahead()
    ((_, ahead),) = launching._AHEAD
    taken = launching.launch("zygote")
    assert taken == ahead
    assert not launching._AHEAD
    launching.end(os.getpid(), *taken)
    assert taken.process.poll() is not None
