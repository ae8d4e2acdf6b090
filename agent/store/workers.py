"""The two threads of the store: one owns the writing connection, one the reading one. Nobody else touches the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from agent.core.clock import Clock
from agent.core.points import PointTable
from agent.store.damage import first_seq_after, set_aside
from agent.store.faults import DamagedError
from agent.store.reader import Reader
from agent.store.writer import Writer

T = TypeVar("T")


class Workers:
    """Runs work on the thread that owns the connection, opening it when needed. Work may raise StoreError.

    Steered event loops count executor work by themselves: simulated time stands still meanwhile.
    """

    def __init__(self, path: Path, table: PointTable, clock: Clock) -> None:
        self._path = path
        self._table = table
        self._clock = clock
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._file = 0
        """Counts the files begun or opened by the writer; a reader of an earlier one looks at what was set aside."""
        self._read_file = 0
        self._write_thread = ThreadPoolExecutor(1, "store-writer")
        self._read_thread = ThreadPoolExecutor(1, "store-reader")
        self.notes: list[str] = []
        """Sentences for the journal, from the threads; the loop takes them."""

    async def write(self, work: Callable[[Writer], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self._with_writer, work)

    async def read(self, work: Callable[[Reader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, self._with_reader, work)

    async def close(self) -> None:
        """Close both connections, the reader first: the last one out folds the log into the file."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._read_thread, self._close_reader)
            await loop.run_in_executor(self._write_thread, self._close_writer)
        finally:
            self._write_thread.shutdown(wait=False)
            self._read_thread.shutdown(wait=False)

    def _with_writer(self, work: Callable[[Writer], T]) -> T:
        if self._writer is None:
            self._writer = self._open_writer()
            self._file += 1
        try:
            return work(self._writer)
        except DamagedError:
            self._close_writer()  # The next try sets the file aside and begins a new one.
            raise

    def _open_writer(self) -> Writer:
        at = self._clock.read()
        try:
            writer = Writer(self._path, self._table, at)
        except DamagedError as fault:
            first_seq = first_seq_after(self._path, at)
            aside = set_aside(self._path, at)
            writer = Writer(self._path, self._table, at, first_seq=first_seq)
            self.notes.append(f"the store was damaged ({fault}) and is kept as {aside.name}; a new one was begun")
        self.notes += [
            f"{name}: the unit changed; the samples so far are kept under this name" for name in writer.renamed
        ]
        return writer

    def _with_reader(self, work: Callable[[Reader], T]) -> T:
        if self._read_file != self._file:
            self._close_reader()
            self._read_file = self._file
        if self._reader is None:
            self._reader = Reader(self._path)
        return work(self._reader)

    def _close_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _close_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()
