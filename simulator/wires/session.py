"""One simulation from door to door: broker, receiver and wire opened in order, a folder of results, a tidy end."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from agent.core.errors import OperatingError
from simulator.judge.kpi import write_atomically
from simulator.plant import Plant
from simulator.wires.broker import HOST, Broker, claim_port
from simulator.wires.devices import Served, serve
from simulator.wires.links import Links
from simulator.wires.malice import Malice
from simulator.wires.site_changes import with_products, with_upstream, write_config
from simulator.wires.site_config import Address, site_config
from simulator.wires.upstream import Receiver
from simulator.wires.wire import DONE, Manner, Wire

LEFTOVERS = ("ready", "map.json", "site.yaml", "kpi.json", "series.csv", "rtu")
"""Files of a former run in the same folder that would be taken for ours."""
RECEIVER_S = 10.0


class FolderFault(OperatingError):  # noqa: N818 - one sentence for a person
    """The folder of results cannot be used, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What to simulate, where to serve it, and where to leave the results."""

    plant: Plant
    latitude: float
    folder: Path
    manner: Manner
    malice: Malice = field(default_factory=Malice)
    site: str = "office-tower"
    """Its name in the site config."""
    modbus_port: int = 0
    mqtt_port: int = 0
    prefix: str = "plant"
    upstream: bool = True
    rtu: bool = False
    """Serve all but the clock on a serial line too; `rtu` in the folder is a link to it."""
    baud: int | None = None
    products: Mapping[str, str] | None = None
    """Serve equipment as products of the agent's templates too, and let the site config name these: equipment ->
    template, and the first that fits for all others. None: none."""
    exit_when_done: bool = False

    async def run(
        self, stop: asyncio.Event, on_open: Callable[[Wire, Broker], None], on_done: Callable[[], None]
    ) -> None:
        """Until `stop`, or the end with `exit_when_done`. Raises BrokerFault, FolderFault, ConfigError, OSError."""
        async with AsyncExitStack() as stack:
            served = [] if self.products is None else serve(self.plant.equipment, self.products)
            stack.enter_context(_claimed(self.folder))
            if self.modbus_port:
                claim_port(self.modbus_port, "the Modbus port")
            brokers = await self._brokers(stack)
            if self.upstream:
                await self._receive(stack, brokers["upstream"])
            links = Links(brokers, self.malice.faults)
            wire = await stack.enter_async_context(self._wire(brokers["plant"], served, links))
            self._leave_addresses(wire, brokers, served)
            running = asyncio.create_task(wire.run(), name="wire-time")
            stack.push_async_callback(_end, running)
            await _first(running, wire.opened)
            (self.folder / "ready").touch()
            on_open(wire, brokers["plant"])
            await _first(running, stop)
            if wire.state == DONE and not stop.is_set():
                on_done()
                if not self.exit_when_done:
                    await stop.wait()

    async def _brokers(self, stack: AsyncExitStack) -> dict[str, Broker]:
        """One for both ends, unless a link shall go down: then each end has its own."""
        brokers = {"plant": Broker(self.folder / "broker", port=self.mqtt_port)}
        if self.upstream:
            is_own = self.malice.has("link-down", "broker-down")
            brokers["upstream"] = Broker(self.folder / "upstream" / "broker") if is_own else brokers["plant"]
        for broker in dict.fromkeys(brokers.values()):
            stack.push_async_callback(broker.stop)
            await broker.start()
        return brokers

    async def _receive(self, stack: AsyncExitStack, broker: Broker) -> None:
        receiver = stack.enter_context(Receiver(self.folder / "upstream" / "upstream.db", host=HOST, port=broker.port))
        receiving = asyncio.create_task(receiver.run(), name="receiver")
        stack.push_async_callback(_end, receiving)
        async with asyncio.timeout(RECEIVER_S):
            await receiver.listening.wait()

    def _wire(self, broker: Broker, served: list[Served], links: Links) -> Wire:
        return Wire(
            self.plant,
            mqtt_port=broker.port,
            folder=self.folder,
            manner=self.manner,
            modbus_port=self.modbus_port,
            prefix=self.prefix,
            malice=self.malice,
            served=served,
            rtu=self.rtu,
            baud=self.baud,
            on_time=links.look,
        )

    def _leave_addresses(self, wire: Wire, brokers: Mapping[str, Broker], served: list[Served]) -> None:
        told = json.dumps(wire.layout.as_map(self.prefix), indent=1)
        write_atomically(self.folder / "map.json", told + "\n")
        if wire.rtu is not None:
            (self.folder / "rtu").symlink_to(wire.rtu.path)
        learn_s = max(0.0, self.plant.judge_unix_s - self.plant.unix_s)
        at = Address(
            modbus_port=wire.modbus.port,
            mqtt_port=brokers["plant"].port,
            prefix=self.prefix,
            step_s=self.plant.step_s,
            start_unix_s=self.plant.unix_s,
            learn_days=round(learn_s / 86400.0),
            latitude=self.latitude,
            is_lockstep=self.manner.lockstep_s is not None,
            speed=self.manner.speed,
            site=self.site,
        )
        config = site_config(wire.layout, at)
        if served:
            place = {"host": HOST, "port": wire.modbus.port, "poll_s": self.plant.step_s}
            config = with_products(config, served, place)
        upstream = brokers.get("upstream", brokers["plant"])
        if upstream is not brokers["plant"]:
            config = with_upstream(config, HOST, upstream.port)
        write_config(self.folder / "site.yaml", config)


def _claimed(folder: Path) -> ExitStack:
    """The folder is ours alone until the stack is closed, without what a former run left. Raises FolderFault."""
    stack = ExitStack()
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        lock: TextIO = stack.enter_context((folder / ".lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in LEFTOVERS:
            (folder / name).unlink(missing_ok=True)
        for broker in (folder / "broker", folder / "upstream" / "broker"):
            if (broker / "broker.conf").exists():
                shutil.rmtree(broker)
    except BlockingIOError as fault:
        stack.close()
        raise FolderFault(f"another simulation runs in {folder}; give this one an --out of its own") from fault
    except OSError as fault:
        stack.close()
        raise FolderFault(f"the folder {folder} cannot be written: {fault.strerror}") from fault
    return stack


async def _first(running: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for the event or the end of the task; raises what the task raised."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if running.done():
        running.result()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
