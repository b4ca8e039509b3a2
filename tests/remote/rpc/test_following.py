"""Commits that a host tells of, or does not."""

from __future__ import annotations

from typing import Any

import pytest

from codemode.grpc import stored_values_pb2 as pb
from codemode.grpc.values import COMMIT
from codemode.protocol import messages as m
from codemode.remote.rpc.following import Following
from codemode.remote.rpc.service import END


class _Stream:
    """Says what it is given, and ends."""

    def __init__(self, *commits: pb.Commit) -> None:
        self._said = [*commits, END]

    async def read(self) -> Any:
        return self._said.pop(0)

    def cancel(self) -> None:
        pass


class _Link:
    session_id = "s"

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def call(self, *_: object) -> _Stream:
        return self._stream


@pytest.mark.parametrize(("named", "is_on"), [("1", True), ("2", False), ("x", True)])
async def test_a_commit_that_an_outcome_names_and_nobody_told_of_is_the_end_of_following(
    named: str, is_on: bool
) -> None:
    told: list[m.SessionStored] = []
    link: Any = _Link(_Stream(pb.Commit(), pb.Commit(number=1)))
    following = Following(link, told.append)
    await following.begin()
    await following.run()
    await following.reach(((COMMIT, named),))

    assert told == [m.SessionStored("s", {}, more=False)]
    assert following.is_on == is_on
