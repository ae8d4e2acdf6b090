"""A site's rooms, opened and wired; turns until it is asked to stop, then leaves tidily."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.board import Board, point_figures
from agent.config import SiteConfig
from agent.control.authority import Authority
from agent.control.wheel import Wheel
from agent.core.clock import Clock, Instant
from agent.core.errors import OperatingError
from agent.core.image import Image
from agent.core.journal import Entry
from agent.core.points import PointTable
from agent.core.scan import Scan
from agent.inbox.mqtt import MqttDoor
from agent.ingest.changes import Changes
from agent.ingest.forecasts import ForecastDesk, ForecastSource
from agent.ingest.live import Live
from agent.ingest.poller import Poller
from agent.learner import Learner
from agent.ledger.idle import IdleBook
from agent.runtime.lockstep import Follower
from agent.runtime.notify import notify
from agent.runtime.usage import read_usage, since_process_start_s
from agent.store.store import Store
from agent.traffic.recorder import Recorder
from agent.uplink.uplink import Uplink
from agent.wiring import Wiring

log = logging.getLogger(__name__)

HAND_BACK_S = 20.0
HAND_BACK_PAUSES_S = (0.2, 0.5, 1.0)
"""Between tries, when the agent leaves and a device did not confirm its release."""
DRAIN_S = 20.0
"""Deadlines at the end, seconds of the real world: a device or a link that hangs cannot keep the store open."""


class _Stopped(Exception):  # noqa: N818 - not an error: somebody asked us to end
    pass


@dataclass(slots=True, kw_only=True)
class House:
    """One site's rooms, opened and wired; `run` turns until `stop` is called."""

    config: SiteConfig
    clock: Clock
    store: Store
    table: PointTable
    wiring: Wiring
    live: Live
    changes: Changes
    pollers: list[Poller]
    wheel: Wheel
    authority: Authority
    learner: Learner
    desk: ForecastDesk
    forecasts: list[ForecastSource]
    """Those that have to be asked for."""
    idle: IdleBook
    board: Board
    uplink: Uplink
    door: MqttDoor | None
    started: Instant
    follower: Follower | None = None
    recorder: Recorder | None = None
    first_sample_s: float | None = None
    """From the start of the process, wall seconds."""
    points_handed_back: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """The back tasks outlive the front ones, so that the machines can still be handed back."""
        async with asyncio.TaskGroup() as back:
            behind = [back.create_task(work, name=name) for name, work in self._back()]
            try:
                async with asyncio.TaskGroup() as front:
                    for name, work in self._front():
                        front.create_task(work, name=name)
            except* _Stopped:
                log.info("asked to stop")
            finally:
                # In a task of its own: where a bug has canceled us, the hand-back must still run to its end.
                leaving = asyncio.create_task(self._leave(), name="leave")
                await asyncio.wait({leaving})
                leaving.result()
                for task in behind:
                    task.cancel()

    def _back(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        tasks = [("store", self.store.run())]
        tasks += [(f"mqtt {name}", connection.run()) for name, connection in self.wiring.connections.items()]
        tasks += self.uplink.tasks()
        if self.door is not None:
            tasks.append(("inbox", self.door.run()))
        return tasks

    def _front(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        tasks = [(f"poll {poller.name}", poller.run()) for poller in self.pollers]
        tasks += [("learner", self.learner.run()), ("wheel", self.wheel.run()), ("stop", self._until_stopped())]
        tasks += [(f"forecast {source.point}", self.desk.fetch_for_ever(source)) for source in self.forecasts]
        if self.follower is not None:
            tasks.append(("lockstep", self.follower.run()))
        return tasks

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
        raise _Stopped

    async def _leave(self) -> None:
        """Hand the machines back, send what waits, show the last figures. Real time flows meanwhile."""
        notify("STOPPING=1")
        with self.clock.hold():
            try:
                async with asyncio.timeout(self.clock.io_s(HAND_BACK_S)):
                    self.points_handed_back = await self._hand_back()
            except TimeoutError:
                log.error("not all machines could be handed back in time: %s", ", ".join(self.wheel.held))
            self._tell(f"the agent stops: {self.points_handed_back} points handed back")
            await self._drain()
            await self._show(self.live.image(self.clock.read()))

    async def _drain(self) -> None:
        """Send what waits, then the line that tells of it."""
        if await self._is_drained():
            self.uplink.write_logs()
            await self._is_drained()

    async def _is_drained(self) -> bool:
        try:
            await self.store.flush()
        except OperatingError as fault:
            log.warning("the last records wait in memory only: %s", fault)
        if late := await self.uplink.drain(DRAIN_S):
            log.warning("%s: not all was kept; the rest is sent after the next start", ", ".join(late))
        return not late

    async def _hand_back(self) -> int:
        """Let go of all; what a bad line did not confirm is tried again, and again. How many points were let go."""
        count = 0
        for pause_s in (*HAND_BACK_PAUSES_S, None):
            outcomes = await self.wheel.let_go("the agent stops")
            count += sum(outcome.kind == "confirmed" for outcome in outcomes)
            if not self.wheel.held or pause_s is None:
                break
            await asyncio.sleep(self.clock.io_s(pause_s))
        return count

    def take(self, scan: Scan) -> None:
        """A scan from a poller: into the live image and the store."""
        if self.first_sample_s is None:
            self.first_sample_s = since_process_start_s()
        self.live.update(scan)
        news = self.changes.of(scan)
        if news is not None:
            self.store.append(news)
        if self.recorder is not None:
            self.recorder.scan(scan)

    def beat(self, image: Image) -> None:
        """The wheel has turned: tell systemd, keep the idle books, refresh the board."""
        self.idle.add(image)
        notify("READY=1\nWATCHDOG=1")
        if self.board.is_due():
            self.board.write(self._figures(image))

    async def _show(self, image: Image) -> None:
        try:
            counts = await self.store.counts()
            stored: Mapping[str, object] = {
                "samples_stored": counts.samples,
                "acknowledged": counts.acknowledged,
                "unsent": counts.outbox,
                "store_bytes": counts.bytes,
            }
        except OperatingError:
            stored = {}
        figures = self._figures(image)
        figures["counts"].update(stored)
        self.board.write(figures)

    def _figures(self, image: Image) -> dict[str, Any]:
        return {
            "at": image.at.iso(),
            "unix_s": image.at.unix_s,
            "ran_s": image.at.mono_s - self.started.mono_s,
            "mode": self.authority.mode(),
            "strategy": self.wheel.strategy.name,
            "held": list(self.wheel.held),
            "handed_back": self.points_handed_back,
            "devices": {
                poller.name: {
                    "silent": poller.counts.silent,
                    "failed": poller.counts.failed,
                    "missed": poller.counts.missed,
                }
                for poller in self.pollers
            },
            "counts": self._counts(),
            "upstream": self.uplink.figures(),
            "idle": self.idle.figures(),
            **point_figures(image),
        }

    def _counts(self) -> dict[str, Any]:
        verdicts, outcomes, usage = self.wheel.verdicts, self.wheel.outcomes, read_usage()
        return {
            "samples_read": sum(poller.counts.samples for poller in self.pollers),
            "samples_stored": 0,
            "unsaved": self.store.unsaved,
            "acknowledged": self.store.outbox.acked,
            "unsent": self.store.outbox.waiting,
            "broken_payloads": self.wiring.broken_payloads(),
            "dropped": self.wiring.dropped(),
            "allowed": verdicts["allow"],
            "clipped": verdicts["clip"],
            "held_back": verdicts["hold"],
            "refused": verdicts["refuse"],
            "confirmed": outcomes["confirmed"],
            "failed": outcomes["failed"] + outcomes["unconfirmed"],
            "handed_back": self.points_handed_back,
            "first_sample_s": self.first_sample_s,
            "memory_peak_mb": usage.memory_peak_mb,
            "cpu_s": usage.cpu_s,
        }

    def _tell(self, text: str) -> None:
        log.info(text)
        self.store.write(Entry(at=self.clock.read(), kind="agent", subject="agent", text=text))
