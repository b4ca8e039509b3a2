"""How a host starts: its zygote is launched before the rest is loaded."""

from __future__ import annotations

import os
import sys

import pytest

from codemode.engine import launching


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has zygotes")
def test_a_zygote_that_was_launched_ahead_is_the_next_one() -> None:
    launching.launch_ahead()
    ((_, ahead),) = launching._AHEAD
    taken = launching.launch("zygote")
    assert taken == ahead
    assert not launching._AHEAD
    launching.end(os.getpid(), *taken)
    assert taken.process.poll() is not None
