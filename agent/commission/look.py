"""One look at every device of a site: ask each once, listen to the brokers for a moment, write nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.config import SiteConfig
from agent.config.sinks import MqttSink, SparkplugSink
from agent.core.clock import Clock
from agent.core.errors import OperatingError
from agent.core.image import Image
from agent.core.journal import Entry
from agent.core.limits import Limit
from agent.core.points import PointSpec, PointTable, Quality
from agent.core.protocols import Driver
from agent.ingest.live import Live
from agent.runtime.mqtt_connection import MqttConnection
from agent.wiring import Wiring, connection_to, wire_up

LISTEN_S = 5.0
"""For the first messages on a broker's topics: most of what is kept comes within one (our assumption)."""
POLLS_AT_ONCE = 8
"""Devices that are asked at the same time; those on one line wait for each other anyway."""


class Book:
    """A journal that is kept for the person who looks."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    @property
    def texts(self) -> list[str]:
        return [entry.text for entry in self.entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one device met the look."""

    device: str
    took_s: float
    trouble: str = ""
    """Why nothing came; empty when something did."""


class Visit:
    """Every device of a site, asked when told to; what they say is kept in a live image."""

    def __init__(self, config: SiteConfig, clock: Clock) -> None:
        self.config = config
        self.table = PointTable(config.points())
        self.book = Book()
        self.wiring: Wiring = wire_up(as_guest(config), self.table, self.book, clock, {})
        self.sinks: dict[str, MqttConnection] = {}
        """Those upstream that are reached over a broker of the file."""
        self.answers: dict[str, Answer] = {}
        self._live = Live(self.table)
        self._clock = clock
        for name, sink in config.upstream.all_sinks().items() if config.upstream else ():
            if isinstance(sink, MqttSink | SparkplugSink):
                self.sinks[name] = connection_to(as_guest(config), sink.broker, self.wiring, self.book, clock)

    @property
    def image(self) -> Image:
        return self._live.image(self._clock.read())

    async def ask(self) -> None:
        """Each device once, some at a time. A silent one is told in `answers`, not raised."""
        turn = asyncio.Semaphore(POLLS_AT_ONCE)
        answers = await asyncio.gather(*(self._ask(driver, turn) for driver in self.wiring.drivers))
        self.answers = {answer.device: answer for answer in answers}

    async def _ask(self, driver: Driver, turn: asyncio.Semaphore) -> Answer:
        async with turn:
            began_s = self._clock.read().mono_s
            try:
                scans = await driver.poll()
            except OperatingError as fault:
                return Answer(device=driver.name, took_s=self._clock.read().mono_s - began_s, trouble=str(fault))
            for scan in scans:
                self._live.update(scan)
            trouble = "" if scans else "no message came"
            return Answer(device=driver.name, took_s=self._clock.read().mono_s - began_s, trouble=trouble)


@asynccontextmanager
async def visit(config: SiteConfig, clock: Clock, *, listen_s: float = LISTEN_S) -> AsyncIterator[Visit]:
    """Devices opened, brokers heard for a moment, each device asked once; all is closed again at the end.

    An agent that runs meanwhile is not disturbed, and nothing is written.
    """
    guest = Visit(config, clock)
    running = [asyncio.ensure_future(connection.run()) for connection in guest.wiring.connections.values()]
    try:
        for driver in guest.wiring.drivers:
            await driver.open()
        if running:
            await asyncio.sleep(clock.io_s(listen_s))
        await guest.ask()
        yield guest
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for driver in guest.wiring.drivers:
            await driver.close()


def as_guest(config: SiteConfig) -> SiteConfig:
    """Without client ids: a broker ends the connection of whoever came before under the same one, the agent's."""
    brokers = {name: broker.model_copy(update={"client_id": None}) for name, broker in config.brokers.items()}
    return config.model_copy(update={"brokers": brokers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One point as a person wants to see it."""

    point: str
    device: str
    unit: str
    value: float | None
    quality: str
    """`GOOD`, `UNCERTAIN`, `BAD`; `STALE` for what is older than it may be, `MISSING` for what was never seen."""
    age_s: float | None
    limit: Limit | None = None

    @property
    def is_well(self) -> bool:
        return self.quality == "GOOD"


def lines(config: SiteConfig, image: Image) -> list[Line]:
    """Every point of the site, in the file's order."""
    devices = {point: name for name, device in config.devices.items() for point in device.points}
    envelope = config.envelope()
    return [_line(spec, devices[spec.id], image, envelope.get(spec.id)) for spec in image.table]


def _line(spec: PointSpec, device: str, image: Image, limit: Limit | None) -> Line:
    handle = image.table.handle(spec.id)
    value, age_s = float(image.values[handle]), image.age_s(spec.id)
    return Line(
        point=spec.id,
        device=device,
        unit=spec.unit,
        value=value if math.isfinite(value) else None,
        quality=standing(Quality(int(image.quality[handle])).name, age_s, spec.fresh_s),
        age_s=age_s if math.isfinite(age_s) else None,
        limit=limit,
    )


def standing(quality: str, age_s: float, fresh_s: float) -> str:
    """A quality in one word, with age and absence in it."""
    if not math.isfinite(age_s):
        return "MISSING"
    return "STALE" if age_s > fresh_s and quality != "BAD" else quality


def count(lines: Sequence[Line]) -> dict[str, int]:
    """How many points stand how, worst first."""
    names = ("MISSING", "BAD", "STALE", "UNCERTAIN", "GOOD")
    return {name: sum(line.quality == name for line in lines) for name in names}
