"""The registers of a simulation as its Modbus server sees them: an image of the last step, commands, clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.wires import registers as r
from simulator.wires.modbus_pdu import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refused
from simulator.wires.overrides import OutOfRangeError, Overrides


class WireBank:
    """Reads come from whole images that are swapped at once; writes are checked whole before any is done."""

    def __init__(
        self,
        layout: r.Layout,
        overrides: Overrides,
        *,
        on_ack: Callable[[int], None],
        on_life: Callable[[], None],
    ) -> None:
        self._names = {address: name for name, address in layout.writes.items()}
        self._reads = layout.reads
        self._overrides = overrides
        self._on_ack, self._on_life = on_ack, on_life
        self._clock = [0] * r.CLOCK_INPUTS
        self._clock_holding = [0] * r.CLOCK_HOLDINGS
        self._images = self._blank()

    def _blank(self) -> dict[int, list[int]]:
        images: dict[int, list[int]] = {unit: [] for unit in r.UNITS}
        for register in self._reads.values():
            images[register.unit] += [0] * register.width
        return images

    def show(self, values: dict[str, float]) -> None:
        """A new image of every input register; `values` by name, NaN for a dead sensor."""
        images = self._blank()
        for name, register in self._reads.items():
            images[register.unit][register.address : register.address + register.width] = register.encode(values[name])
        self._images = images

    def show_clock(self, *, step: int, unix_s: float, step_s: float, speed: float, state: int) -> None:
        self._clock = [*r.words(step), *r.words(int(unix_s)), min(int(step_s), 0xFFFF), min(int(speed), 0xFFFF), state]

    def has_unit(self, unit: int) -> bool:
        return unit in r.UNITS

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]:
        words = self._table(unit, table)
        if address + count > len(words):
            raise Refused(ILLEGAL_ADDRESS)
        return words[address : address + count]

    def _table(self, unit: int, table: str) -> list[int]:
        if table == "input":
            return self._clock if unit == r.CLOCK_UNIT else self._images[unit]
        if table == "holding" and unit == r.CLOCK_UNIT:
            return self._clock_holding
        if table == "holding" and unit == r.PLANT_UNIT:
            return [word for name in self._names.values() for word in self._pair(name)]
        return []

    def _pair(self, name: str) -> tuple[int, int]:
        mode = r.REMOTE if self._overrides.is_remote(name) else r.OWN
        return round(self._overrides.values[name] / r.WRITE_SCALE) & 0xFFFF, mode

    def write(self, unit: int, table: str, address: int, values: Sequence[int]) -> None:
        if address + len(values) > len(self._table(unit, table)) or table != "holding":
            raise Refused(ILLEGAL_ADDRESS)
        if unit == r.CLOCK_UNIT:
            self._write_clock(address, values)
        else:
            self._write_pairs(address, values)

    def _write_clock(self, address: int, values: Sequence[int]) -> None:
        self._clock_holding[address : address + len(values)] = values
        self._on_life()
        if address + len(values) > r.ACK:
            high, low = self._clock_holding[r.ACK : r.ACK + 2]
            self._on_ack(high << 16 | low)

    def _write_pairs(self, address: int, values: Sequence[int]) -> None:
        """Any span of value and mode registers, all of it or nothing."""
        wanted: dict[str, list[int]] = {}
        for place, word in enumerate(values, start=address):
            name = self._names[place - place % 2]
            wanted.setdefault(name, list(self._pair(name)))[place % 2] = word
        decoded = {name: (round(r.signed(raw) * r.WRITE_SCALE, 2), mode) for name, (raw, mode) in wanted.items()}
        try:
            for name, (value, mode) in decoded.items():
                self._check_mode(mode)
                self._overrides.check(name, value)
        except OutOfRangeError as fault:
            raise Refused(ILLEGAL_VALUE) from fault
        for name, (value, mode) in decoded.items():
            self._overrides.set(name, value, is_remote=mode == r.REMOTE)
        self._on_life()

    def _check_mode(self, mode: int) -> None:
        if mode not in (r.OWN, r.REMOTE):
            self._overrides.refused += 1
            raise Refused(ILLEGAL_VALUE)
