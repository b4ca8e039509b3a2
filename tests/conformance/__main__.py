"""Everything that compares our host with the published one: ``make conformance``.

Programs, scenarios over V1 and gRPC, and conversations of the real ``codex exec``; what differs is printed as
it is found, then a line for each part, and the total last.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from codemode.conformance.compare import Comparison, counts
from codemode.conformance.report import OUR_HOST, explanation, run, summaries

from .codex import Transport, compare_conversation, with_host
from .conversations import CONVERSATIONS
from .package import Package, Unavailable, find_or_fetch


def main() -> int:
    """Compare, and return 1 if something differs that is no documented improvement."""
    try:
        package = find_or_fetch()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    parts = run(([str(package.host)], OUR_HOST))
    parts["codex exec over gRPC, its default"] = conversations(package, "grpc")
    parts["codex exec over V1"] = conversations(package, "V1")
    counted = {part: counts(comparisons) for part, comparisons in parts.items()}
    print(*summaries(counted), sep="\n")
    return 1 if any(count["different"] for count in counted.values()) else 0


def conversations(package: Package, transport: Transport) -> list[Comparison]:
    """Run every conversation with the published host, and with ours in its place."""
    comparisons = []
    with tempfile.TemporaryDirectory() as folder:
        with_ours = with_host(package, OUR_HOST, Path(folder))
        for conversation in CONVERSATIONS:
            comparison = compare_conversation(conversation, package.codex, with_ours, transport)
            comparisons.append(comparison)
            if comparison.verdict == "different":
                print(f"different: {comparison.name}", *explanation(comparison), sep="\n  ")
    return comparisons


if __name__ == "__main__":
    sys.exit(main())
