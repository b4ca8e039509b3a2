"""A store in memory, for tests: as plain as a store can be."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from codemode.durable.store import (
    CallBegun,
    CallRequested,
    CellBegun,
    CellForgotten,
    CellRefused,
    Change,
    EndReached,
    EntryWritten,
    OutputDelivered,
    OutputMark,
    RecordsKept,
    SessionHeldError,
    StoredCall,
    StoredCell,
    StoredJournal,
    StoredRecord,
    StoredSession,
    StoreError,
    ValuesCommitted,
)


@dataclass
class Cell:
    begun: CellBegun
    entries: bytes
    began_at: float = field(default_factory=time.time)
    delivered: int = 0
    committed: bool = False
    refused: str = ""
    mark: OutputMark = field(default_factory=OutputMark)
    calls: dict[int, tuple[StoredCall, OutputMark]] = field(default_factory=dict)

    def marked(self, mark: OutputMark | None) -> None:
        if mark is not None and mark.count > self.mark.count:
            self.mark = mark

    def stored(self, session: str) -> StoredCell:
        return StoredCell(
            session=session,
            cell_id=self.begun.cell_id,
            request=self.begun.request,
            tools=self.begun.tools,
            began_at=self.began_at,
            delivered=self.delivered,
            calls=tuple(call for call, _ in self.calls.values()),
            journal_bytes=len(self.entries),
            committed=self.committed,
            refused=self.refused,
        )


@dataclass
class Session:
    owner: object = None
    last_cell: int = 0
    values: dict[str, bytes] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    records: dict[tuple[str, str, str], StoredRecord] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        match change:
            case CellBegun(cell_id, number):
                self.cells[cell_id] = Cell(change, change.head)
                self.last_cell = max(self.last_cell, number)
            case ValuesCommitted(cell_id, values):
                self.values.update(values)
                self.cells[cell_id].committed = True
            case RecordsKept(_, records):
                self._keep(records)
            case CellForgotten(cell_id):
                del self.cells[cell_id]
                for key in [key for key in self.records if key[0] == cell_id]:
                    del self.records[key]
            case _:
                self._apply_to(self.cells[change.cell_id], change)

    def _apply_to(self, cell: Cell, change: Change) -> None:
        match change:
            case EntryWritten(_, entry, settled):
                cell.entries += entry
                cell.calls.pop(settled, None)
            case CallRequested(_, number, tool, mark):
                cell.calls.setdefault(number, (StoredCall(number, tool, "requested"), mark))
            case CallBegun(_, number, records):
                call, mark = cell.calls[number]
                again = msgspec.structs.replace(call, state="running", attempts=call.attempts + 1)
                cell.calls[number] = (again, mark)
                self._keep(records)
            case OutputDelivered(_, items, mark_or_none):
                cell.delivered += items
                cell.marked(mark_or_none)
            case EndReached(_, mark):
                cell.marked(mark)
            case CellRefused(_, reason):
                cell.refused = reason
            case _:
                raise AssertionError(change)

    def _keep(self, records: tuple[StoredRecord, ...]) -> None:
        for each in records:
            self.records[each.cell_id, each.kind, each.key] = each


class Memory(defaultdict[str, Session]):
    """What stores share."""

    def __init__(self) -> None:
        super().__init__(Session)


class MemoryStore:
    """A ``CellStore``; a change is written when it is asked for."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def open_session(self, session: str) -> StoredSession:
        found = self._memory[session]
        if found.owner not in (None, self):
            raise SessionHeldError(f"session {session!r} is open in process {os.getpid()} of tests")
        found.owner = self
        return StoredSession(
            values=dict(found.values),
            last_cell=found.last_cell,
            cells=await self.cells(session),
            records=tuple(found.records.values()),
        )

    async def close_session(self, session: str) -> None:
        if self._memory[session].owner is self:
            self._memory[session].owner = None

    def write(self, session: str, change: Change, *, waits: bool = False) -> asyncio.Future[None]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._memory[session].owner is not self:
            done.set_exception(StoreError(f"session {session!r} is not open here"))
            return done
        self._memory[session].apply(change)
        done.set_result(None)
        return done

    async def journal(self, session: str, cell_id: str) -> StoredJournal:
        cell = self._memory[session].cells.get(cell_id)
        if cell is None:
            raise StoreError(f"session {session!r} has no cell {cell_id!r} in the store")
        marks = {mark for _, mark in cell.calls.values()} | {cell.mark}
        return StoredJournal(cell.entries, tuple(each for each in marks if each.count))

    async def cells(self, session: str | None = None) -> tuple[StoredCell, ...]:
        return tuple(
            cell.stored(name)
            for name in sorted(self._memory)
            if session in (None, name)
            for cell in sorted(self._memory[name].cells.values(), key=lambda it: it.begun.number)
        )

    async def drop(self, session: str, cell_id: str) -> bool:
        found = self._memory[session]
        if found.owner not in (None, self):
            raise SessionHeldError(f"session {session!r} is open in process {os.getpid()} of tests")
        if cell_id not in found.cells:
            return False
        found.apply(CellForgotten(cell_id))
        return True

    async def vacuum(self) -> int:
        return 0

    async def aclose(self) -> None:
        for session in self._memory:
            await self.close_session(session)
