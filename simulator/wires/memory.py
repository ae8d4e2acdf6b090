"""The same malice without a wire: a plant's devices as registers of the agent's memory driver, for virtual time.

Devices, points, overrides, knobs and reboots are those of the wire. What needs a wall clock or frames is told by what
an agent with `timeout_s` would see of it: an answer that is late, cut, garbled or half is none. A command to a device
that gives no answer is not carried out here, so that "failed" is the truth.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.errors import DeviceError
from simulator.plant import Plant
from simulator.wires import registers
from simulator.wires.malice import Knobs, Malice
from simulator.wires.overrides import Overrides

HEARTBEAT = "gateway.heartbeat"
NO_ANSWER = {"cut", "reboot", "silent", "garbled", "half-answered"}
NOT_THERE = (10, 11)
"""Exceptions by which a gateway says that the unit behind it does not answer."""


class MemoryWires:
    """All devices of a plant; `devices` go to the agent by name. Call `look` after each step of the plant."""

    def __init__(
        self, plant: Plant, malice: Malice | None = None, *, timeout_s: float = 3.0, watchdog_h: float = 6.0
    ) -> None:
        """Raises ConfigError for a fault that strikes what is not there."""
        self._plant = plant
        self._malice = malice or Malice()
        self._knobs = Knobs(self._malice.faults)
        self._disturbance = self._malice.disturbance(plant.names)
        self._watchdog_h = watchdog_h
        self._rebooting: frozenset[int] = frozenset()
        self._life_unix_s = plant.unix_s
        self.manners = self._malice.manners(registers.DEVICES)
        self.timeout_s = timeout_s
        self.overrides = Overrides(plant.writable, dict(zip(plant.names, plant.read().tolist(), strict=True)))
        self.shown: Mapping[str, float] = {}
        """Point -> what its sensor says, NaN for a dead one."""
        units = {name: registers.unit_of(name, plant) for name in plant.names}
        self.devices = {
            device: MemoryDevice(self, unit, [name for name, at in units.items() if at == unit], device)
            for device, unit in registers.DEVICES.items()
        }
        self.look()

    def held(self, *, takes_commands: bool = True) -> dict[str, float]:
        """For `Plant.step`. Orders of a gateway that has given no sign of life for long are released first."""
        silent_h = (self._plant.unix_s - self._life_unix_s) / 3600.0
        if self.overrides.held() and silent_h >= self._watchdog_h:
            self.overrides.release_all()
        return (self.overrides.held() if takes_commands else {}) | self.overrides.by_hand()

    def look(self) -> None:
        """The plant has moved: show it, and let faults begin and end."""
        unix_s = self._plant.unix_s
        self.manners.look(unix_s)
        self._knobs.look(unix_s, self.overrides)
        rebooting = self.manners.units("reboot")
        if registers.PLANT_UNIT in rebooting ^ self._rebooting:
            self.overrides.forget(self.overrides.writable)
        self._rebooting = rebooting
        told = self._disturbance.show(self._plant.read(), unix_s)
        self.shown = dict(zip(self._plant.names, told.tolist(), strict=True))

    def live(self) -> None:
        """A sign of life of the gateway."""
        self._life_unix_s = self._plant.unix_s


class MemoryDevice:
    """One device: `agent.drivers.memory.Registers`."""

    def __init__(self, wires: MemoryWires, unit: int, points: list[str], name: str) -> None:
        self.points = [HEARTBEAT] if unit == registers.CLOCK_UNIT else points
        self._name = name
        self._wires = wires
        self._unit = unit
        self._beats = 0.0

    def read(self) -> Mapping[str, float]:
        """Raises DeviceError where no answer would come; an exception is an answer, and every point of it is BAD."""
        if self._ask():
            return {}
        shown = self._wires.shown
        return {name: self._beats if name == HEARTBEAT else shown[name] for name in self.points}

    def write(self, point: str, value: float | None) -> float | None:
        """Raises DeviceError, KeyError, ValueError; then nothing was done."""
        if code := self._ask():
            raise DeviceError(f"exception {code}")
        if point == HEARTBEAT:
            self._beats = value or 0.0
        elif value is None:
            self._wires.overrides.release(point)
        else:
            self._wires.overrides.set(point, value, is_remote=True)
        self._wires.live()
        return None

    def _ask(self) -> int:
        """The code of an exception, 0 for an answer. Raises DeviceError."""
        on = self._wires.manners.struck(self._unit)
        is_late = "late" in on and on["late"].size >= self._wires.timeout_s
        code = int(on["exception"].size) if "exception" in on else 0
        if is_late or code in NOT_THERE or on.keys() & NO_ANSWER:
            raise DeviceError(f"{self._name}: no answer in time")
        return code
