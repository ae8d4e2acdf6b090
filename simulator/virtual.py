"""The true agent on a plant in one process and in virtual time: no socket, no waiting, one seed one story."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from agent.app import House, open_house
from agent.config import load
from agent.control.authority import Mode
from agent.runtime.loops import SteeredLoop
from agent.uplink.memory import MemorySink
from simulator.plant import Account, Plant
from simulator.wires import registers
from simulator.wires.malice import Malice
from simulator.wires.memory import MemoryWires
from simulator.wires.site_config import Address, site_config

BEFORE_POLL_S = 1.0
"""The plant has finished its step this long before the agent asks."""


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


def live(
    plant: Plant,
    folder: Path,
    *,
    mode: Mode = "full",
    strategy: str = "planner",
    watch: bool = True,
    record: Path | None = None,
) -> Lived:
    """Run agent and plant to the plant's last instant, with what the scenario lets go wrong between them.

    `watch`: the agent sees the learning days; otherwise the plant lives them alone. `record`: for `hushwatt replay`.
    """
    if not watch:
        _live_alone(plant)
    loop = SteeredLoop(start_unix_s=plant.unix_s)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_live(plant, folder, loop, mode, strategy, watch, record))


def _live_alone(plant: Plant) -> None:
    while plant.unix_s < plant.judge_unix_s - 0.5:
        plant.step({})


async def _live(
    plant: Plant, folder: Path, loop: SteeredLoop, mode: Mode, strategy: str, watch: bool, record: Path | None
) -> Lived:
    wires = MemoryWires(plant, Malice(faults=plant.faults, noise_k=plant.noise_k, seed=int(plant.start_unix_s)))
    site = folder / "site.yaml"
    learn_days = round((plant.judge_unix_s - plant.start_unix_s) / 86_400.0) if watch else 0
    write_site(site, plant, wires, learn_days)
    async with AsyncExitStack() as stack:
        house = await open_house(
            load(site),
            loop.clock(),
            stack,
            mode=mode,
            strategy=strategy,
            registers=wires.devices,
            sink=MemorySink(lambda parcel: None),
            record=record,
        )
        world = asyncio.ensure_future(_turn_world(plant, wires, house))
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


async def _turn_world(plant: Plant, wires: MemoryWires, house: House) -> list[tuple[float, str, float]]:
    """Step the plant just before each poll; the orders of the moment hold for the whole next step."""
    orders: list[tuple[float, str, float]] = []
    if plant.unix_s >= plant.judge_unix_s:
        plant.start_account()
    while plant.unix_s < plant.end_unix_s - 0.5:
        is_judged = plant.unix_s >= plant.judge_unix_s - 0.5
        await asyncio.sleep(plant.unix_s + plant.step_s - BEFORE_POLL_S - house.clock.read().unix_s)
        held = wires.held(takes_commands=is_judged)
        if is_judged:
            orders += [(plant.unix_s, point, value) for point, value in sorted(held.items())]
        plant.step(held)
        wires.look()
        if abs(plant.unix_s - plant.judge_unix_s) < 0.5:
            plant.start_account()
    await asyncio.sleep(plant.step_s - BEFORE_POLL_S)
    house.stop()
    return orders


def write_site(path: Path, plant: Plant, wires: MemoryWires, learn_days: int) -> None:
    """The wire's own site config, with memory devices in the place of sockets. Raises OSError."""
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
    told["devices"] = {
        name: {"driver": "memory", "poll_s": plant.step_s, "points": {point: {} for point in device.points}}
        for name, device in wires.devices.items()
        if device.points
    }
    told["clock"] = {"kind": "system"}
    text = io.StringIO()
    YAML().dump(told, text)
    path.write_text(text.getvalue(), "utf-8")
