"""Everything that compares our host with the published one: ``make conformance``.

    python -m tests.conformance [RELEASE ...]

For each release: programs, scenarios over V1 and gRPC, and conversations of the real ``codex exec``; what differs is
printed as it is found, then a line for each part, and the total last. A run with every release writes its counts into
``docs/compatibility.md``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from codemode_conformance.compare import Comparison, Verdict, counts
from codemode_conformance.report import OUR_HOST, explanation, run, summaries

from .codex import Transport, compare_conversation, with_host
from .compatibility import write_matrix
from .conversations import CONVERSATIONS
from .package import NAME, RELEASES, Package, Unavailable, find_or_fetch, newest_published


def main(arguments: Sequence[str]) -> int:
    """Compare with each release, and return 1 if something differs that is no documented improvement."""
    unknown = [release for release in arguments if release not in RELEASES]
    if unknown:
        print(f"no such release: {unknown[0]}; there are {', '.join(RELEASES)}", file=sys.stderr)
        return 2
    matrix: dict[str, dict[str, dict[Verdict, int]]] = {}
    for release in arguments or RELEASES:
        try:
            package = find_or_fetch(release)
        except Unavailable as reason:
            print(reason, file=sys.stderr)
            return 1
        matrix[release] = compare_with(release, package)
    if matrix.keys() == RELEASES.keys():
        write_matrix(matrix)
    newest = newest_published()
    if newest is not None and newest not in RELEASES:
        print(f"npm has {NAME} {newest}, which nothing here has been compared with yet")
    return 1 if any(n["different"] for parts in matrix.values() for n in parts.values()) else 0


def compare_with(release: str, package: Package) -> dict[str, dict[Verdict, int]]:
    """Compare with one release; return the counts of each part."""
    print(f"{NAME} {release}", flush=True)
    parts = run(([str(package.host)], OUR_HOST), release=release)
    parts["codex exec over gRPC, its default"] = conversations(package, "grpc")
    parts["codex exec over V1"] = conversations(package, "V1")
    counted = {part: counts(comparisons) for part, comparisons in parts.items()}
    print(*summaries(counted), sep="\n", flush=True)
    return counted


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
    sys.exit(main(sys.argv[1:]))
