"""Commits on their way to a follower that the test plays."""

from __future__ import annotations

import asyncio

from codemode.grpc import stored_values_pb2 as pb
from codemode.host.rpc.stored import Commits
from tests.host.fakes import settle
from tests.runtime.doubles import bounded


async def test_following_ends_with_the_session_also_in_the_middle_of_a_write() -> None:
    commits = Commits()
    may_write = asyncio.Event()
    written: list[int] = []

    async def write(commit: pb.Commit) -> None:
        if commit.number:
            await may_write.wait()
        written.append(commit.number)

    following = asyncio.create_task(commits.follow(write))
    await settle()
    commits.tell({"a": b"1"})
    await settle()
    commits.tell({"a": b"2"})
    commits.close()
    may_write.set()
    await bounded(following)

    assert written == [0, 1, 2]
