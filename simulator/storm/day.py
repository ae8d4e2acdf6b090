"""One day of the storm: the world turns, lives of the agent come and go, and every law is looked after at each step."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.app import open_house
from agent.config import load
from agent.core.clock import Instant, SteeredClock
from agent.house import House
from agent.runtime.loops import SteeredLoop
from simulator.faults import Fault, of_layer
from simulator.storm import dice
from simulator.storm.laws import LawBroken, Watch, WatchedDevice
from simulator.storm.upstream import MoodySink, Upstream
from simulator.virtual import write_site
from simulator.wires.malice import Malice
from simulator.wires.memory import MemoryDevice, MemoryWires

BEFORE_POLL_S = 1.0
CALM_S = 1800.0
"""After the last step all is well, and what waits is sent."""
FULL_BYTES = 65_536
"""While the disk is full no file of this process grows beyond this: the limit that the system puts on files."""
MOST_TASKS = 60
MOST_UNSAVED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day came to."""

    seed: int
    scenario: str
    strategy: str
    faults: int
    lives: int
    orders: int
    samples: int
    digest: str
    """Of every order that a device took and every record that upstream kept."""


class JumpingClock:
    """The loop's clock, whose wall may be wrong while its monotonic face goes on."""

    def __init__(self, clock: SteeredClock, faults: tuple[Fault, ...]) -> None:
        self._clock = clock
        self._faults = of_layer(faults, "clock")

    def read(self) -> Instant:
        now = self._clock.read()
        off = sum(fault.size for fault in self._faults if fault.is_on(now.mono_s))
        return Instant(unix_s=now.unix_s + off, mono_s=now.mono_s)

    def hold(self) -> AbstractContextManager[object]:
        return self._clock.hold()

    def on_wall(self) -> AbstractContextManager[object]:
        return self._clock.on_wall()

    def io_s(self, seconds: float) -> float:
        return self._clock.io_s(seconds)


def live(seed: int, folder: Path) -> Day:
    """The day of this seed, in a folder of its own. Raises LawBroken."""
    weather = dice.draw(seed)
    loop = SteeredLoop(start_unix_s=weather.plant.unix_s)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(_Storm(weather, folder, loop).run())
    except BaseExceptionGroup as group:
        raise _first_law(group) from group
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _first_law(group: BaseException) -> BaseException:
    """The law behind what unwound the house; any other fault as it is."""
    if isinstance(group, BaseExceptionGroup):
        found = [_first_law(inner) for inner in group.exceptions]
        return next((inner for inner in found if isinstance(inner, LawBroken)), found[0])
    return group


class _Life:
    """One process of the agent, as far as the storm can tell."""

    def __init__(self, house: House, devices: dict[str, WatchedDevice], sink: MoodySink) -> None:
        self.house, self.devices, self.sink = house, devices, sink

    def die(self) -> None:
        """Without a word: nothing more comes out, and nothing in."""
        for device in self.devices.values():
            device.is_cut = True
        self.sink.is_cut = True
        self.sink.come_up()
        self.house.stop()


class _Storm:
    def __init__(self, weather: dice.Weather, folder: Path, loop: SteeredLoop) -> None:
        self.weather, self.folder = weather, folder
        self.plant = weather.plant
        self.clock = JumpingClock(loop.clock(), weather.faults)
        malice = Malice(faults=weather.faults, seed=weather.seed)
        self.wires = MemoryWires(self.plant, malice)
        self.upstream = Upstream(weather.seed)
        self.site = folder / "life0" / "site.yaml"
        (self.site.parent / "data").mkdir(parents=True)
        write_site(self.site, self.plant, self.wires, weather.learn_days)
        config = load(self.site)
        self.watch = Watch(
            envelope=config.envelope(),
            specs={spec.id: spec for spec in config.points()},
            mono_s=loop.time,
            watch_s=config.control.watch_s,
        )
        self.upstream.check = self.watch.arrived
        self.device_of = {point: name for name, device in self.wires.devices.items() for point in device.points}
        self._on_wire = of_layer(weather.faults, "wire")
        self._last_deaf: dict[str, float] = {}
        """Device -> when its wire was last in trouble, mono s."""
        self.life: _Life | None = None
        self.lives = 0

    async def run(self) -> Day:
        world = asyncio.ensure_future(self._world())
        try:
            await self._lives(world)
        finally:
            world.cancel()
            await asyncio.gather(world, return_exceptions=True)
        return Day(
            seed=self.weather.seed,
            scenario=self.weather.scenario,
            strategy=self.weather.strategy,
            faults=len(self.weather.faults),
            lives=self.lives,
            orders=len(self.watch.story),
            samples=self.upstream.samples,
            digest=f"{self.watch.digest()[:16]}-{hash_of(self.upstream)}",
        )

    # --- lives ---

    async def _lives(self, world: asyncio.Future[None]) -> None:
        """One after the other, on what the one before has left on the disk."""
        deaths = [*self.weather.deaths, None]
        for death in deaths:
            async with AsyncExitStack() as stack:
                life = self.life = await self._open(stack)
                running = asyncio.ensure_future(life.house.run())
                end = world if death is None else asyncio.ensure_future(self._until(death))
                await asyncio.wait({running, end, world}, return_when=asyncio.FIRST_COMPLETED)
                if world.done():
                    world.result()
                if death is not None and not running.done():
                    self._copy_disk()
                    life.die()
                else:
                    life.house.stop()
                await running
                if death is None:
                    await self._settle(life.house)

    async def _open(self, stack: AsyncExitStack) -> _Life:
        self.lives += 1
        self.watch.alive_since = self.watch.mono_s()
        devices = {name: self._watched(name, device) for name, device in self.wires.devices.items()}
        sink = MoodySink(self.upstream)
        sink.look()
        house = await open_house(
            load(self.site),
            self.clock,
            stack,
            mode="full",
            strategy=self.weather.strategy,
            registers=devices,
            sink=sink,
        )
        return _Life(house, devices, sink)

    def _watched(self, name: str, device: MemoryDevice) -> WatchedDevice:
        return WatchedDevice(device, name, self.watch, lambda: self.clock.read().unix_s)

    async def _until(self, death: float) -> None:
        await asyncio.sleep(max(0.0, death - self.plant.unix_s))

    def _copy_disk(self) -> None:
        """What a power cut leaves: the files as they are at this instant."""
        before, after = self.site.parent, self.folder / f"life{self.lives}"
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # It is not the agent who writes here.
        shutil.copytree(before, after, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.site = after / "site.yaml"

    async def _settle(self, house: House) -> None:
        """After the last life has left tidily: all is upstream, and no machine is held."""
        await house.store.flush()
        counts = await house.store.counts()
        if counts.outbox or self.upstream.last != house.store.outbox.last_seq:
            told = f"{counts.outbox} wait, upstream has {self.upstream.last} of {house.store.outbox.last_seq}"
            raise LawBroken(f"all that was stored is upstream in the end: {told}")
        left = [point for point in self.watch.held if self._is_reachable(point)]
        if left:
            raise LawBroken(f"an agent that leaves hands back: {', '.join(left)}")

    # --- the world ---

    async def _world(self) -> None:
        """Step the plant just before each poll; the orders of the moment hold for the whole next step."""
        plant = self.plant
        while plant.unix_s < plant.end_unix_s - 0.5:
            await asyncio.sleep(plant.unix_s + plant.step_s - BEFORE_POLL_S - self.clock.read().mono_s)
            is_judged = plant.unix_s >= plant.judge_unix_s - 0.5
            plant.step(self.wires.held(takes_commands=is_judged))
            self.wires.look()
            self._look_after()
        self._calm()
        await asyncio.sleep(CALM_S)

    def _look_after(self) -> None:
        """Everything that must hold now."""
        for point in list(self.watch.held):
            if not self.wires.overrides.is_remote(point):
                self.watch.taken_back(point)
        self._weather_links()
        now = self.watch.mono_s()
        for fault in self._on_wire:
            if fault.is_on(self.plant.unix_s):
                self._last_deaf |= dict.fromkeys(fault.where or self.wires.devices, now)
        if self.life is not None:
            self.watch.step(self._is_reachable)
            self._bounds(self.life.house)

    def _is_reachable(self, point: str) -> bool:
        """A release had a fair chance: nothing has struck the device's wire for three turns."""
        device = self.device_of[point]
        if any(fault.is_on(self.plant.unix_s) for fault in self._on_wire if device in (fault.where or (device,))):
            return False
        deaf = self._last_deaf.get(device)
        return deaf is None or self.watch.mono_s() - deaf > 3.0 * self.watch.watch_s

    def _weather_links(self) -> None:
        now = self.plant.unix_s
        on = {fault.kind for fault in of_layer(self.weather.faults, "link") if fault.is_on(now)}
        self.upstream.is_down = bool(on & {"link-down", "broker-down"})
        if self.life is not None:
            self.life.sink.look()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES if "disk-full" in on else hard, hard))

    def _bounds(self, house: House) -> None:
        """No queue and no crowd of tasks grows without end."""
        tasks = len(asyncio.all_tasks())
        if tasks > MOST_TASKS:
            raise LawBroken(f"no unbounded memory: {tasks} tasks")
        if house.store.unsaved > MOST_UNSAVED:
            raise LawBroken(f"no unbounded memory: {house.store.unsaved} rows wait for the disk")
        if len(house.wheel.held) > len(self.plant.writable) + 1:
            raise LawBroken(f"no unbounded memory: {len(house.wheel.held)} leases")

    def _calm(self) -> None:
        """The day is over: links and disk are well again."""
        self.upstream.is_down, self.upstream.is_calm = False, True
        if self.life is not None:
            self.life.sink.look()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def hash_of(upstream: Upstream) -> str:
    return hashlib.sha256("".join(upstream.kept.values()).encode()).hexdigest()[:16]


@contextmanager
def folder_of(seed: int, base: Path | None = None) -> Iterator[Path]:
    """A folder for one day, gone afterwards; always the same: pauses of the uplink are seeded by its path."""
    base = base or Path(tempfile.gettempdir()) / f"hushwatt-storm-{os.getuid()}"
    folder = base / f"seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
