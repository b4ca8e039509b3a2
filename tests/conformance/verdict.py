"""How a test states that a comparison must not be ``different``."""

from __future__ import annotations

from codemode_conformance.compare import Comparison


def accept(comparison: Comparison) -> None:
    """Fail with what is wrong, if the comparison is neither equal nor an improvement."""
    if comparison.verdict == "different":
        assert comparison.reason is None, comparison.reason
        assert comparison.ours == comparison.published
    assert comparison.verdict != "different"  # 1 and True are equal in Python, and not in JSON
