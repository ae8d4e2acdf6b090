"""The second loop of the house: outbox to upstream, whenever the link is there. It shares nothing with control.

A window of a few batches is under way at a time. When the link goes down, or an acknowledgement makes no progress, all
begins again behind the last acknowledged record (go-back-N): at least once, in order; the receiver drops repeats.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from agent.core.batch import Ack, Batch
from agent.core.clock import Clock
from agent.core.errors import BrokerError, OperatingError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.store.store import Store
from agent.uplink.dicts import as_batch
from agent.uplink.link import Link

log = logging.getLogger(__name__)

SINK = "upstream"


@dataclass(slots=True, kw_only=True)
class TapeCounts:
    """Since the agent started."""

    batches: int = 0
    records: int = 0
    """Records sent, repeats included."""
    repeated: int = 0
    """Of these, records that had been sent before."""
    faults: int = 0
    """Times it had to begin again."""
    refused_acks: int = 0
    """Acknowledgements of records that were never sent."""


class Tape:
    """Runs for ever; never raises an OperatingError."""

    def __init__(
        self,
        store: Store,
        link: Link,
        clock: Clock,
        *,
        window: int = 4,
        batch_records: int = 500,
        gather_s: float = 2.0,
    ) -> None:
        """`gather_s`: after the first new record, wait so long for company: few large batches are cheap."""
        self._store = store
        self._link = link
        self._clock = clock
        self._window = window
        self._batch_records = batch_records
        self._gather_s = gather_s
        self._pauses = Pauses(first_s=1.0, longest_s=300.0, seed=str(store.path))
        self._is_trusted = True
        """False after a fault, until an acknowledgement made progress: one batch at a time then."""
        self._draining = asyncio.Event()
        self._progress = asyncio.Event()
        self._down_since_s: float | None = None
        self._sent = store.outbox.last_seq
        """An earlier life may have sent all that there was."""
        self._store.outbox.open(SINK)
        self.counts = TapeCounts()

    @property
    def _acked(self) -> int:
        return self._store.outbox.open(SINK).acked

    async def _pending(self, after: int) -> Batch:
        found = await self._store.outbox.read(after, self._batch_records)
        return as_batch(found, self._store.table)

    async def run(self) -> None:
        while True:
            await self._link.ready()
            try:
                await self._stream()
            except OperatingError as fault:
                self._fail(fault)
                await asyncio.sleep(self._pauses.next())

    async def drain(self, timeout_s: float) -> bool:
        """Wait until upstream has kept all that is written now; False when that took too long. `run` goes on."""
        self._draining.set()
        try:
            async with asyncio.timeout(self._clock.io_s(timeout_s)):
                await self._store.flush()
                goal = self._store.outbox.last_seq
                while self._acked < goal:
                    self._progress.clear()
                    await self._progress.wait()
        except (TimeoutError, OperatingError):
            return False
        finally:
            self._draining.clear()
        return True

    async def _stream(self) -> None:
        """Send behind the last acknowledged record until something fails."""
        if self._link.last_ack is not None:
            await self._take(self._link.last_ack)  # It may have come while nobody waited.
        under_way: deque[tuple[int, asyncio.Task[Ack]]] = deque()
        after = self._acked
        try:
            while True:
                while len(under_way) < (self._window if self._is_trusted else 1):
                    batch = await self._pending(after)
                    if not batch.records:
                        break
                    await self._count(batch)
                    after = batch.last_seq
                    under_way.append((after, asyncio.ensure_future(self._link.send(batch))))
                if under_way:
                    last_seq, sending = under_way.popleft()
                    await self._take(await sending)
                    if self._acked < last_seq:
                        raise BrokerError(f"upstream kept records up to {self._acked} of {last_seq}")
                else:
                    await self._gather(after)
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)

    async def _gather(self, after: int) -> None:
        await self._store.outbox.wait(after)
        if not self._draining.is_set():
            try:
                async with asyncio.timeout(self._gather_s):
                    await self._draining.wait()
            except TimeoutError:
                return

    async def _count(self, batch: Batch) -> None:
        new = sum(record["seq"] > self._sent for record in batch.records)
        self.counts.batches += 1
        self.counts.records += len(batch.records)
        self.counts.repeated += len(batch.records) - new
        self._sent = max(self._sent, batch.last_seq)

    async def _take(self, ack: Ack) -> None:
        if ack.acked > self._sent:
            self._refuse(ack)
        if ack.acked > self._acked:
            self._store.outbox.ack(SINK, ack.acked)
            self._succeed()

    def _refuse(self, ack: Ack) -> None:
        self.counts.refused_acks += 1
        self._link.last_ack = None
        sent = self._sent
        text = f"upstream acknowledged record {ack.acked}, but only {sent} were ever sent: refused"
        self._journal(text, acked=ack.acked, sent=sent)
        raise BrokerError(text)

    def _succeed(self) -> None:
        self._is_trusted = True
        self._pauses.reset()
        self._progress.set()
        if self._down_since_s is not None:
            lasted_s = self._clock.read().mono_s - self._down_since_s
            self._down_since_s = None
            log.warning("uplink: upstream keeps records again after %.0f s", lasted_s)
            self._journal(f"upstream keeps records again after {lasted_s:.0f} s", lasted_s=lasted_s)

    def _fail(self, fault: OperatingError) -> None:
        self._is_trusted = False
        self.counts.faults += 1
        if self._down_since_s is None:
            self._down_since_s = self._clock.read().mono_s
            log.warning("uplink: interrupted, records wait in the store: %s", fault)
            self._journal(f"the uplink is interrupted, records wait in the store: {fault}")

    def _journal(self, text: str, **data: object) -> None:
        self._store.write(Entry(at=self._clock.read(), kind="uplink", subject="uplink", text=text, data=data))
