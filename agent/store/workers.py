"""The store's three threads: one appends to the log, one keeps the database, one reads."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.points import PointTable
from agent.store.damage import begin_anew
from agent.store.faults import DamagedError, StoreRefused, told_as_store_error
from agent.store.keeper import Keeper
from agent.store.reader import Reader
from agent.store.tracks import State
from agent.store.writer import Writer

T = TypeVar("T")


class Workers:
    """Runs work on the thread that owns the file, opening it when needed. Work may raise StoreError.

    Steered event loops count executor work by themselves: simulated time stands still meanwhile.
    """

    def __init__(self, path: Path, table: PointTable, clock: Clock, *, sync_s: float) -> None:
        self._path = path
        self._table = table
        self._clock = clock
        self._sync_s = sync_s
        self._lock: int | None = None
        self._writer: Writer | None = None
        self._keeper: Keeper | None = None
        self._reader: Reader | None = None
        self._file = 0
        """Counts the databases begun or opened; a reader of an earlier one looks at what was set aside."""
        self._read_file = 0
        self._write_thread = ThreadPoolExecutor(1, "store-writer")
        self._keep_thread = ThreadPoolExecutor(1, "store-keeper")
        self._read_thread = ThreadPoolExecutor(1, "store-reader")
        self.notes: list[str] = []
        """Sentences for the journal, from the threads; the loop takes them."""
        self.is_whole = True
        """False once a database was lost, even in part."""

    async def write(self, work: Callable[[Writer], T]) -> T:
        """Only once `begin` has returned."""
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self._with_writer, work)

    async def keep(self, work: Callable[[Keeper], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._keep_thread, self._with_keeper, work)

    async def read(self, work: Callable[[Reader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, self._with_reader, work)

    async def begin(self) -> State:
        """Open all, count this life, begin its log. Tried again when it failed."""
        at = self._clock.read()
        # Connections of one process share the index of SQLite's log: a reader that found the disk read-only would hold
        # the keeper to that.
        await asyncio.get_running_loop().run_in_executor(self._read_thread, self._close_reader)
        state, compacted = await self.keep(lambda keeper: (keeper.begin_life(at), keeper.compacted()))

        def open_writer() -> None:
            writer = Writer(self._path, self._table, at, state=state, compacted=compacted, sync_s=self._sync_s)
            writer.begin()
            self._writer = writer

        await asyncio.get_running_loop().run_in_executor(self._write_thread, open_writer)
        return state

    async def close(self) -> None:
        """The log first, then the readers; the last one out folds the database's own log into it."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._write_thread, self._close_writer)
            await loop.run_in_executor(self._read_thread, self._close_reader)
            await loop.run_in_executor(self._keep_thread, self._close_keeper)
        finally:
            for thread in (self._write_thread, self._keep_thread, self._read_thread):
                thread.shutdown(wait=False)
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _with_writer(self, work: Callable[[Writer], T]) -> T:
        if self._writer is None:
            raise AssertionError("the store has not begun")
        return work(self._writer)

    def _with_keeper(self, work: Callable[[Keeper], T]) -> T:
        if self._keeper is None:
            self._keeper = self._open_keeper()
            self._file += 1
        try:
            with told_as_store_error(self._path):
                return work(self._keeper)
        except StoreError:
            # The next try opens it anew: SQLite may have opened it for reading only, or the disk was replaced; and what
            # is damaged is set aside then.
            with suppress(StoreError):
                self._close_keeper()
            raise

    def _open_keeper(self) -> Keeper:
        if self._lock is None:
            with told_as_store_error(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = lock(self._path)
        try:
            keeper = Keeper(self._path, self._table)
        except DamagedError as fault:
            keeper, text = begin_anew(self._path, self._table, self._clock.read(), fault)
            self.notes.append(text)
            self.is_whole = False
        if keeper.is_orphan and self.is_whole:
            self.notes.append("the database was empty or gone, but its log was there: a new one was begun from the log")
            self.is_whole = False
        self.notes += [
            f"{name}: the unit changed; the samples so far are kept under this name" for name in keeper.renamed
        ]
        return keeper

    def _with_reader(self, work: Callable[[Reader], T]) -> T:
        if self._read_file != self._file:
            self._close_reader()
            self._read_file = self._file
        if self._reader is None:
            self._reader = Reader(self._path)
        try:
            return work(self._reader)
        except StoreError:
            self._close_reader()
            raise

    def _close_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _close_keeper(self) -> None:
        if self._keeper is not None:
            keeper, self._keeper = self._keeper, None
            keeper.close()

    def _close_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()


def lock(path: Path) -> int:
    """Two agents on one file would take each other's rows for their own. Raises StoreRefused, OSError."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StoreRefused(
            f"{path} is in use by another hushwatt: stop that one, or give this one its own path"
        ) from None
    return handle
