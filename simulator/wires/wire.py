"""A plant on the wire: Modbus TCP (and a serial line), MQTT, and the clock that devices and an outside agent see."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from simulator.judge.kpi import Score
from simulator.plant import Plant
from simulator.wires import registers
from simulator.wires.bank import WireBank
from simulator.wires.devices import Banks, DeviceBank, Served
from simulator.wires.malice import Knobs, Malice
from simulator.wires.modbus_server import ModbusServer
from simulator.wires.overrides import OutOfRangeError, Overrides
from simulator.wires.rtu import RtuLine
from simulator.wires.telemetry import HOST, Message, Telemetry, spoiled, stamp_of, told

log = logging.getLogger(__name__)

STARTING, LEARNING, CONTROL, DONE = range(4)
FIRST_WAIT_S = 60.0
"""Whoever starts with us needs this long at most to hear the first step."""
AS_FAST_AS_POSSIBLE = 0xFFFF
CONNECT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How time goes and what a command does."""

    speed: float | None = None
    """Simulated s per s; None: as fast as both sides compute."""
    lockstep_s: float | None = None
    """Wall seconds to wait for the acknowledgement of a step; None: free run."""
    watchdog_h: float = 6.0
    """Simulated hours without a sign of life after which every held value is released."""
    skip_learning: bool = False
    control_while_learning: bool = False


class Wire:
    """Use as an async context manager (opens the doors), then `run`."""

    def __init__(
        self,
        plant: Plant,
        *,
        mqtt_port: int,
        folder: Path,
        manner: Manner,
        modbus_port: int = 0,
        prefix: str = "plant",
        malice: Malice | None = None,
        served: Sequence[Served] = (),
        rtu: bool = False,
        baud: int | None = None,
        on_time: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        """`served`: equipment as products too. `rtu`: all but the clock on a serial line too, at the pace of `baud`.
        `on_time`: awaited with each new instant before it is told.

        Raises ConfigError for a fault that strikes what is not there.
        """
        self.plant = plant
        self.layout = registers.layout(plant)
        self.prefix = prefix
        self.manner = manner
        self.step = 0
        self.state = STARTING
        self.late_steps = 0
        self.opened = asyncio.Event()
        """Set when the first step can be read."""
        self._folder = folder
        if manner.skip_learning:
            self._skip_learning()
        self._life_unix_s = plant.unix_s
        self.overrides = Overrides(plant.writable, dict(zip(plant.names, plant.read().tolist(), strict=True)))
        self._on_time = on_time
        self._malice = malice or Malice()
        self._units = registers.DEVICES | {device.equipment: device.unit for device in served}
        self._knobs = Knobs(self._malice.faults)
        self._disturbance = self._malice.disturbance(plant.names)
        self._manners = self._malice.manners(self._units)
        self._rebooting: frozenset[int] = frozenset()
        self._bank = WireBank(self.layout, self.overrides, on_ack=self._hear_ack, on_life=self._hear_life)
        self._devices = DeviceBank(served, self.overrides, self._hear_life)
        bank = Banks(self._bank, self._devices) if served else self._bank
        self.modbus = ModbusServer(bank, host=HOST, port=modbus_port, manners=self._manners)
        units = [unit for unit in self._units.values() if unit > registers.CLOCK_UNIT]
        self.rtu = RtuLine(bank, units=units, manners=self._manners, baud=baud) if rtu else None
        told_map = json.dumps(self.layout.as_map(prefix))
        self._telemetry = Telemetry(mqtt_port, prefix, told_map, self._hear)
        self._score: Score | None = None
        self._acked = asyncio.Event()
        self._due_s: float | None = None
        self._stack = AsyncExitStack()

    def _skip_learning(self) -> None:
        while self.plant.unix_s < self.plant.judge_unix_s:
            self.plant.step({})

    async def __aenter__(self) -> Wire:
        """Raises OSError for a Modbus port that is taken, TimeoutError where no broker lets us in."""
        async with AsyncExitStack() as stack:
            stack.callback(self.close_books)
            self._show()
            await self.modbus.start()
            stack.push_async_callback(self.modbus.stop)
            if self.rtu is not None:
                self.rtu.open()
                stack.callback(self.rtu.close)
            talking = asyncio.create_task(self._telemetry.run(), name="wire-mqtt")
            stack.push_async_callback(_end, talking)
            async with asyncio.timeout(CONNECT_S):
                await self._telemetry.connected.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def _interval_s(self) -> float | None:
        """Wall seconds between steps; None where nothing but acknowledgements sets the pace."""
        is_rushing = self.manner.lockstep_s is not None and self.state in (STARTING, LEARNING)
        return None if self.manner.speed is None or is_rushing else self.plant.step_s / self.manner.speed

    @property
    def gateway(self) -> dict[str, int]:
        """The account's last part."""
        orders = self.overrides
        counts = {"writes": orders.writes, "refused": orders.refused, "watchdog_releases": orders.watchdog_releases}
        return counts | {"late_steps": self.late_steps}

    def close_books(self) -> None:
        """Write `kpi.json` if judged days began and it is not written yet."""
        if self._score is not None:
            self._score.close(self.gateway)

    # --- time ---

    async def run(self) -> None:
        """Step until the scenario ends; then the last step stays served."""
        while self.state != DONE:
            await self._advance()
            self.opened.set()
            await self._until_next()

    async def _advance(self) -> None:
        self._begin_judging()
        self._watch()
        self._acked.clear()
        self.plant.step((self.overrides.held() if self._takes_commands else {}) | self.overrides.by_hand())
        self.step += 1
        if self._score is not None:
            self._score.add(self.plant.read())
        self.state = self._state()
        if self.state == DONE:
            self.close_books()
        messages = self._show()
        if self._on_time is not None:
            await self._on_time(self.plant.unix_s)
        await self._telemetry.publish(messages)

    def _begin_judging(self) -> None:
        if self._score is None and self.plant.unix_s >= self.plant.judge_unix_s:
            self._score = Score(self.plant, self._folder)

    def _state(self) -> int:
        """What the coming step is: commands written at the end of the last learning step act on the first judged."""
        if self.plant.unix_s >= self.plant.end_unix_s:
            return DONE
        return CONTROL if self.plant.unix_s >= self.plant.judge_unix_s else LEARNING

    @property
    def _takes_commands(self) -> bool:
        return self.manner.control_while_learning or self.plant.unix_s >= self.plant.judge_unix_s

    def _watch(self) -> None:
        silent_h = (self.plant.unix_s - self._life_unix_s) / 3600.0
        if self.overrides.held() and silent_h >= self.manner.watchdog_h:
            log.warning("watchdog: nothing was written for %g h, all held values are released", silent_h)
            self.overrides.release_all()

    async def _until_next(self) -> None:
        if self.manner.lockstep_s is not None:
            await self._until_acked(self.manner.lockstep_s)
        interval_s = self._interval_s
        if interval_s is not None and self.state != DONE:
            await self._until_due(interval_s)
        else:
            await asyncio.sleep(0)

    async def _until_acked(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(max(limit_s, FIRST_WAIT_S) if self.step == 1 else limit_s):
                await self._acked.wait()
        except TimeoutError:
            self.late_steps += 1

    async def _until_due(self, interval_s: float) -> None:
        """A fixed pace that is taken up anew after a delay, not caught up with."""
        now_s = asyncio.get_running_loop().time()
        due_s = now_s if self._due_s is None else self._due_s
        self._due_s = max(due_s + interval_s, now_s)
        await asyncio.sleep(self._due_s - now_s)

    def _hear_ack(self, step: int) -> None:
        if step == self.step:
            self._acked.set()

    def _hear_life(self) -> None:
        self._life_unix_s = self.plant.unix_s

    # --- what is seen ---

    def _show(self) -> list[Message]:
        """The new image on Modbus; returns the messages that tell it on MQTT, the clock's last."""
        unix_s = self.plant.unix_s
        self._suffer(unix_s)
        true = self.plant.read()
        shown = dict(zip(self.plant.names, self._disturbance.show(true, unix_s).tolist(), strict=True))
        told_s = unix_s + self._malice.clock_error_s(unix_s)
        self._bank.show(shown)
        self._devices.show(shown, unix_s)
        interval_s = self._interval_s
        self._bank.show_clock(
            step=self.step,
            unix_s=told_s,
            step_s=self.plant.step_s,
            speed=AS_FAST_AS_POSSIBLE if interval_s is None else self.plant.step_s / interval_s,
            state=self.state,
        )
        stamp = stamp_of(told_s)
        # Its `unix` drives whoever follows us in lockstep: that is the simulation's time, and never wrong.
        clock = {"step": self.step, "unix": int(unix_s), "ts": stamp, "state": self.state}
        values = [(registers.value_topic(self.prefix, name), told(value, stamp)) for name, value in shown.items()]
        values = spoiled(values, self._manners, self._units[registers.TELEMETRY])
        return [*values, (f"{self.prefix}/clock", json.dumps(clock))]

    def _suffer(self, unix_s: float) -> None:
        """Faults that begin or end now."""
        self._manners.look(unix_s)
        self._knobs.look(unix_s, self.overrides)
        self.modbus.drop(self._manners.all_cut)
        rebooting = self._manners.units("reboot")
        self.modbus.cut(rebooting - self._rebooting)
        for name, unit in self._units.items():
            if unit in rebooting ^ self._rebooting:
                self.overrides.forget(self._held_at(name))
        self._rebooting = rebooting

    def _held_at(self, device: str) -> list[str]:
        """Points whose overrides live in this device."""
        if device in registers.DEVICES:
            return list(self.layout.writes) if registers.DEVICES[device] == registers.PLANT_UNIT else []
        return [point for point in self.layout.writes if point.startswith(f"{device}.")]

    # --- what is heard ---

    def _hear(self, topic: str, payload: object) -> None:
        try:
            value = json.loads(payload)["v"]  # type: ignore[arg-type]
            if topic == f"{self.prefix}/clock/ack":
                self._hear_life()
                self._hear_ack(int(value))
            else:
                self._command(topic.split("/")[-2], value)
        except OutOfRangeError as fault:
            log.warning("wire: refused: %s", fault)
        except (ValueError, TypeError, KeyError, RecursionError) as fault:
            self.overrides.refused += 1
            log.warning("wire: dropped %.80r on %s: %r", payload, topic, fault)

    def _command(self, name: str, value: Any) -> None:
        """Raises KeyError, TypeError, OutOfRangeError."""
        if value is None:
            self.overrides.release(name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self.overrides.set(name, float(value), is_remote=True)
        else:
            raise TypeError(f"{name}: {value!r} is not a number")
        self._hear_life()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
