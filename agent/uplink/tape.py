"""The second loop of the house: the outbox to one sink, whenever the way is open. It shares nothing with control.

Two lanes run at once. The live lane sends what is new; when it has fallen behind, as after an outage, it begins with
the newest records and leaves the rest to the backlog lane, which follows at its own pace. After a fault both begin
again behind what the far end has kept (go-back-N): at least once; the far end drops repeats by (gateway, chain, seq).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from agent.core.clock import Clock
from agent.core.errors import OperatingError
from agent.core.journal import Entry
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.store.outbox import Outbox
from agent.store.records import Slice
from agent.uplink.columns import encode
from agent.uplink.packer import Packer
from agent.uplink.parcel import Parcel
from agent.uplink.ranges import Range, Ranges
from agent.uplink.sink import RefusedError, Sink

log = logging.getLogger(__name__)

OVERTAKE = 3
"""Full parcels waiting beyond which the live lane leaves them to the backlog lane and goes on with the newest."""
LIVE_WINDOW = 2
"""Live parcels under way at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """How a sink is fed."""

    window: int = 4
    """Parcels of the backlog under way at a time."""
    batch_records: int = 500
    """The most records in one parcel."""
    gather_s: float = 0.5
    """After the first new record, wait so long for company: few large parcels are cheap."""
    backlog_kbit_s: float | None = None
    """The backlog takes no more of the line than this, so that live data finds it free."""


@dataclass(slots=True, kw_only=True)
class TapeCounts:
    """Since the agent started."""

    parcels: int = 0
    samples: int = 0
    """Kept by the far end."""
    bytes: int = 0
    faults: int = 0
    """Times it had to begin again."""
    dead: int = 0
    """Parcels that the far end refused for good."""


class Tape:
    """Runs for ever; never raises an OperatingError."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        outbox: Outbox,
        packer: Callable[[], Packer],
        clock: Clock,
        journal: Journal,
        *,
        feeding: Feeding,
        where: tuple[str, str] = ("", ""),
        left: Callable[[Parcel, int], None] = lambda parcel, count: None,
    ) -> None:
        """`packer` makes one for a lane. `where`: site and gateway, for dead letters. `left`: told of what left."""
        self.name = name
        self._sink = sink
        self._outbox = outbox
        self._packer = packer
        self._clock = clock
        self._journal = journal
        self._feeding = feeding
        self._where = where
        self._left = left
        self._pauses = Pauses(first_s=0.5, longest_s=300.0, seed=name)
        self._is_trusted = True
        """False after a fault, until something was kept: one parcel at a time then."""
        self._draining = asyncio.Event()
        self._progress = asyncio.Event()
        self._down_since_s: float | None = None
        self._backlog_due_s = 0.0
        self.counts = TapeCounts()
        outbox.open(name)

    async def run(self) -> None:
        while True:
            await self._sink.ready()
            try:
                with _first_of_group():
                    await self._stream()
            except OperatingError as fault:
                self._fail(fault)
                await self._pause()

    @property
    def is_down(self) -> bool:
        return self._down_since_s is not None

    async def drain(self, timeout_s: float) -> bool:
        """Wait until the far end has kept all that is committed now; False when that took too long. `run` goes on."""
        goal = self._outbox.last_seq
        self._draining.set()
        try:
            async with asyncio.timeout(self._clock.io_s(timeout_s)):
                while self._outbox.cursor(self.name).acked < goal:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return False
        finally:
            self._draining.clear()
        return True

    async def _pause(self) -> None:
        """Longer each time, but no longer than until the far end stirs."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pauses.next()):
                await self._sink.stir()

    async def _stream(self) -> None:
        """Send what the far end has not, until something fails."""
        cursor = self._outbox.cursor(self.name)
        taken = Ranges([(1, cursor.acked), *cursor.islands])
        """What is kept already, or under way in this stream."""
        async with asyncio.TaskGroup() as group:
            lanes = _Lanes(taken, asyncio.Event())
            group.create_task(self._live_lane(group, lanes), name=f"{self.name} live")
            group.create_task(self._backlog_lane(group, lanes), name=f"{self.name} backlog")

    async def _live_lane(self, group: asyncio.TaskGroup, lanes: _Lanes) -> None:
        slots = asyncio.Semaphore(LIVE_WINDOW)
        packer = self._packer()
        after = lanes.taken.end_of(1)
        while True:
            await self._outbox.wait(after)
            if lanes.is_begun:
                await self._gather()
            newest_seq = self._outbox.last_seq
            if newest_seq - after > OVERTAKE * self._feeding.batch_records:
                newest = await self._outbox.read(after, self._feeding.batch_records, newest=True)
                after = newest.first_seq - 1
                lanes.leave(after)
            lanes.is_begun = True
            gap = lanes.taken.gap_after(after, newest_seq)
            after = newest_seq if gap is None else await self._ship(group, slots, packer, gap, lanes, is_live=True)

    async def _gather(self) -> None:
        if not self._draining.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._feeding.gather_s):
                    await self._draining.wait()

    async def _backlog_lane(self, group: asyncio.TaskGroup, lanes: _Lanes) -> None:
        slots = asyncio.Semaphore(self._feeding.window)
        packer = self._packer()
        while True:
            gap = lanes.taken.gap_after(0, lanes.left_until)
            if gap is None:
                lanes.is_left.clear()
                await lanes.is_left.wait()
                continue
            await asyncio.sleep(max(0.0, self._backlog_due_s - self._clock.read().mono_s))
            await self._ship(group, slots, packer, gap, lanes, is_live=False)

    async def _ship(
        self,
        group: asyncio.TaskGroup,
        slots: asyncio.Semaphore,
        packer: Packer,
        gap: Range,
        lanes: _Lanes,
        *,
        is_live: bool,
    ) -> int:
        """Send the beginning of a gap as soon as there is a slot. The last record that is under way now."""
        await slots.acquire()
        try:
            piece = await self._outbox.read(gap[0] - 1, self._feeding.batch_records, until_seq=gap[1])
            if not piece.records:  # Retention has taken them all.
                piece = Slice(first_seq=gap[0], last_seq=gap[1], records=())
            lanes.taken.add(gap[0], piece.last_seq)
            if packer.position != gap[0] - 1:
                await packer.look_back(gap[0] - 1)
            parcel = await packer.pack(piece, is_live=is_live)
        except BaseException:
            slots.release()
            raise
        delivery = group.create_task(self._deliver(parcel), name=f"{self.name} delivery")
        delivery.add_done_callback(lambda _: slots.release())
        if not self._is_trusted:
            await asyncio.wait({delivery})
        return piece.last_seq

    async def _deliver(self, parcel: Parcel) -> None:
        if not parcel.is_empty:
            await self._hand_over(parcel)
        self._outbox.ack(self.name, parcel.last_seq, first_seq=parcel.first_seq)
        self._succeed()

    async def _hand_over(self, parcel: Parcel) -> None:
        """What is refused is halved until the record is found that will never be taken; that one is set aside."""
        try:
            sent = await self._sink.send(parcel)
        except RefusedError as refusal:
            halves = parcel.halves()
            if halves is None:
                await self._set_aside(parcel, refusal)
                return
            for half in halves:
                await self._hand_over(half)
            return
        self._count(parcel, sent)

    def _count(self, parcel: Parcel, sent: int) -> None:
        self.counts.parcels += 1
        self.counts.samples += parcel.samples
        self.counts.bytes += sent
        self._left(parcel, sent)
        if not parcel.is_live and self._feeding.backlog_kbit_s is not None:
            now_s = self._clock.read().mono_s
            self._backlog_due_s = max(now_s, self._backlog_due_s) + sent * 8.0 / (self._feeding.backlog_kbit_s * 1000.0)

    async def _set_aside(self, parcel: Parcel, refusal: RefusedError) -> None:
        payload = encode(parcel, *self._where)
        await self._outbox.put_dead(self.name, parcel.first_seq, parcel.last_seq, str(refusal), payload)
        self.counts.dead += 1
        text = f"{self.name} refused record {parcel.first_seq}, it is set aside: {refusal}"
        log.warning("uplink: %s", text)
        self._tell(text, first_seq=parcel.first_seq, last_seq=parcel.last_seq)

    def _succeed(self) -> None:
        self._is_trusted = True
        self._pauses.reset()
        self._progress.set()
        if self._down_since_s is not None:
            lasted_s = self._clock.read().mono_s - self._down_since_s
            self._down_since_s = None
            log.warning("uplink: %s keeps records again after %.0f s", self.name, lasted_s)
            self._tell(f"{self.name} keeps records again after {lasted_s:.0f} s", lasted_s=lasted_s)

    def _fail(self, fault: OperatingError) -> None:
        self._is_trusted = False
        self.counts.faults += 1
        if self._down_since_s is None:
            self._down_since_s = self._clock.read().mono_s
            log.warning("uplink: %s is interrupted, records wait in the store: %s", self.name, fault)
            self._tell(f"{self.name} is interrupted, records wait in the store: {fault}")

    def _tell(self, text: str, **data: object) -> None:
        self._journal.write(Entry(at=self._clock.read(), kind="uplink", subject=self.name, text=text, data=data))


class _Lanes:
    """What the two lanes of a stream share."""

    def __init__(self, taken: Ranges, is_left: asyncio.Event) -> None:
        self.taken = taken
        self.left_until = 0
        """The backlog lane fills the gaps up to here."""
        self.is_left = is_left
        self.is_begun = False
        """The live lane has sent something: from now on it gathers."""

    def leave(self, until_seq: int) -> None:
        self.left_until = max(self.left_until, until_seq)
        self.is_left.set()


@contextmanager
def _first_of_group() -> Iterator[None]:
    """The first fault of the world in a group of them; anything else goes on as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        _, others = group.split(OperatingError)
        if others is not None:
            raise
        fault: BaseException = group
        while isinstance(fault, BaseExceptionGroup):
            fault = fault.exceptions[0]
        raise fault from None
