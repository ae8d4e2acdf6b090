"""The true agent on a plant in one process and in virtual time: no socket, no waiting, one seed one story."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from agent.app import House, open_house
from agent.config import load
from agent.control.authority import Mode
from agent.runtime.loops import SteeredLoop
from agent.uplink.memory import MemoryLink
from simulator.plant import Account, Plant
from simulator.wires import registers
from simulator.wires.site_config import Address, site_config

DEVICE = "tower"
BEFORE_POLL_S = 1.0
"""The plant has finished its step this long before the agent asks."""


@dataclass(slots=True)
class PlantRegisters:
    """What stands behind the memory device: the plant's true values, and the orders it holds."""

    plant: Plant
    orders: dict[str, float] = field(default_factory=dict)
    beats: float = 0.0

    def read(self) -> Mapping[str, float]:
        values = dict(zip(self.plant.names, self.plant.read().tolist(), strict=True))
        return values | {"gateway.heartbeat": self.beats}

    def write(self, point: str, value: float | None) -> None:
        if point == "gateway.heartbeat":
            self.beats = value or 0.0
        elif value is None:
            self.orders.pop(point, None)
        else:
            low, high = self.plant.writable[point]
            if not low <= value <= high:
                raise ValueError(f"{value:g} is outside {low:g}..{high:g}")
            self.orders[point] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a virtual run came to."""

    account: Account
    samples_read: int
    samples_stored: int
    unsent: int
    verdicts: Mapping[str, int]
    orders: tuple[tuple[float, str, float], ...]
    """(unix seconds, point, value) of every order that the plant held, step by step, on the judged days."""


def live(plant: Plant, folder: Path, *, mode: Mode = "full", strategy: str = "planner", watch: bool = True) -> Lived:
    """Run agent and plant to the plant's last instant.

    `watch`: the agent sees the learning days; otherwise the plant lives them alone.
    """
    if not watch:
        _live_alone(plant)
    loop = SteeredLoop(start_unix_s=plant.unix_s)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_live(plant, folder, loop, mode, strategy, watch))


def _live_alone(plant: Plant) -> None:
    while plant.unix_s < plant.judge_unix_s - 0.5:
        plant.step({})


async def _live(plant: Plant, folder: Path, loop: SteeredLoop, mode: Mode, strategy: str, watch: bool) -> Lived:
    bank = PlantRegisters(plant)
    link = MemoryLink()
    site = folder / "site.yaml"
    _write_site(site, plant, watch)
    async with AsyncExitStack() as stack:
        clock = loop.clock()
        house = await open_house(
            load(site), clock, stack, mode=mode, strategy=strategy, registers={DEVICE: bank}, link=link
        )
        world = asyncio.ensure_future(_turn_world(plant, bank, house))
        await house.run()
        orders = await world
        await house.store.flush()
        counts = await house.store.counts()
        return Lived(
            account=plant.account(),
            samples_read=sum(poller.counts.samples for poller in house.pollers),
            samples_stored=counts.samples,
            unsent=counts.outbox,
            verdicts=dict(house.wheel.verdicts),
            orders=tuple(orders),
        )


async def _turn_world(plant: Plant, bank: PlantRegisters, house: House) -> list[tuple[float, str, float]]:
    """Step the plant just before each poll; the orders of the moment hold for the whole next step."""
    orders: list[tuple[float, str, float]] = []
    if plant.unix_s >= plant.judge_unix_s:
        plant.start_account()
    while plant.unix_s < plant.end_unix_s - 0.5:
        is_judged = plant.unix_s >= plant.judge_unix_s - 0.5
        await asyncio.sleep(plant.unix_s + plant.step_s - BEFORE_POLL_S - house.clock.read().unix_s)
        if is_judged:
            orders += [(plant.unix_s, point, value) for point, value in sorted(bank.orders.items())]
        plant.step(bank.orders if is_judged else {})
        if abs(plant.unix_s - plant.judge_unix_s) < 0.5:
            plant.start_account()
    await asyncio.sleep(plant.step_s - BEFORE_POLL_S)
    house.stop()
    return orders


def _write_site(path: Path, plant: Plant, watch: bool) -> None:
    """The wire's own site config, with one memory device in the place of sockets."""
    learn_days = round((plant.judge_unix_s - plant.start_unix_s) / 86_400.0) if watch else 0
    at = Address(
        modbus_port=502,
        mqtt_port=1883,
        prefix="plant",
        step_s=plant.step_s,
        start_unix_s=plant.start_unix_s,
        learn_days=learn_days,
        latitude=48.0,
        is_lockstep=False,
        speed=None,
    )
    told: dict[str, Any] = site_config(registers.layout(plant), at)
    points = {point: {} for device in told["devices"].values() for point in device["points"]}
    told["devices"] = {DEVICE: {"driver": "memory", "poll_s": plant.step_s, "points": points}}
    told["clock"] = {"kind": "system"}
    text = io.StringIO()
    YAML().dump(told, text)
    path.write_text(text.getvalue(), "utf-8")
