"""Equipment of any plant as products of the agent's templates, each on a Modbus unit of its own.

What a template has and the plant has not is made: voltage, current and frequency plausibly, all else is absent. Value
and mode registers do as in the plant protocol; a write without a mode register is remote at once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.core.errors import ConfigError, Problem
from agent.equipment.templates import template, template_names
from simulator.wires.modbus_pdu import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Bank, Refused
from simulator.wires.overrides import OutOfRangeError, Overrides
from simulator.wires.products import OWN, REMOTE, Product, Target, product, product_of

FIRST_UNIT, LAST_UNIT = 11, 247
"""The plant protocol's own units are 1 to 4."""

VOLTAGE_V, VOLTAGE_SWING = 230.0, 0.01
"""Phase to neutral: IEC 60038. EN 50160 allows 10 %; a firm network moves less over a day (our assumption)."""
FREQUENCY_HZ, FREQUENCY_SWING_HZ = 50.0, 0.02
"""ENTSO-E's standard frequency range is 50 mHz to both sides; most of the time it is well within (our assumption)."""
POWER_FACTOR = 0.95
"""Our assumption for mixed loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One piece of equipment as one product."""

    equipment: str
    template: str
    unit: int


def serve(equipment: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, str] | None = None) -> list[Served]:
    """A unit for each piece of equipment that a template fits, in their order; `chosen`: equipment -> template.

    Raises ConfigError for a template that is unknown or of another kind, and for more devices than units.
    """
    told = chosen or {}
    for name, wanted in told.items():
        _check(name, wanted, equipment)
    found = [(name, told.get(name) or product_of(str(entry["kind"]))) for name, entry in equipment.items()]
    fitting = [(name, template_name) for name, template_name in found if template_name is not None]
    if len(fitting) > LAST_UNIT - FIRST_UNIT + 1:
        raise _wrong("devices", f"{len(fitting)} devices", f"at most {LAST_UNIT - FIRST_UNIT + 1} on one line")
    return [Served(equipment=name, template=t, unit=FIRST_UNIT + n) for n, (name, t) in enumerate(fitting)]


def _check(name: str, wanted: str, equipment: Mapping[str, Mapping[str, Any]]) -> None:
    if name not in equipment:
        raise _wrong(f"devices.{name}", "an unknown equipment", "one of " + ", ".join(equipment))
    if wanted not in template_names():
        raise _wrong(f"devices.{name}", f"`{wanted}`", "one of " + ", ".join(template_names()))
    kind, fits = equipment[name]["kind"], template(wanted)["kind"]
    if kind != fits:
        raise _wrong(f"devices.{name}", f"a template for a {fits}", f"one for a {kind}")


def _wrong(key: str, found: str, wanted: str) -> ConfigError:
    return ConfigError([Problem(file="simulation", line=0, key=key, found=found, wanted=wanted)])


class DeviceBank:
    """The registers of all served devices; they share the plant's overrides with every other wire."""

    def __init__(self, served: Sequence[Served], overrides: Overrides, on_life: Callable[[], None]) -> None:
        self.served = tuple(served)
        self._devices = {device.unit: _Device(device, overrides) for device in served}
        self._on_life = on_life

    def show(self, values: Mapping[str, float], unix_s: float) -> None:
        """A new image of every device; `values` by point, NaN for a dead sensor."""
        for device in self._devices.values():
            device.show(values, unix_s)

    def has_unit(self, unit: int) -> bool:
        return unit in self._devices

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]:
        words = self._devices[unit].table(table)
        if address + count > len(words):
            raise Refused(ILLEGAL_ADDRESS)
        return words[address : address + count]

    def write(self, unit: int, table: str, address: int, values: Sequence[int]) -> None:
        self._devices[unit].write(table, address, values)
        self._on_life()


class _Device:
    """One unit."""

    def __init__(self, served: Served, overrides: Overrides) -> None:
        self.equipment = served.equipment
        self._product: Product = product(served.template)
        self._overrides = overrides
        self._points = [f"{served.equipment}.{role}" for role in self._product.roles]
        self._images: dict[str, list[int]] = {}
        self._targets: dict[str, Target] = {
            point: target
            for role, target in self._product.targets.items()
            if (point := f"{served.equipment}.{role}") in overrides.writable
        }

    def show(self, values: Mapping[str, float], unix_s: float) -> None:
        known = [values.get(point) for point in self._points]
        told = [made(point, values, unix_s) if v is None else v for v, point in zip(known, self._points, strict=True)]
        images = self._product.images(np.array(told, np.float64))
        self._images = {table: words.tolist() for table, words in images.items()}

    def table(self, table: str) -> list[int]:
        """What can be read now: the last image, and what was written since."""
        words = self._images.get(table, [])
        ours = {point: target for point, target in self._targets.items() if _touches(target, table)}
        if not ours:
            return words
        words = list(words)
        for point, target in ours.items():
            is_remote = self._overrides.is_remote(point)
            if target.table == table and (is_remote or not target.is_shared):
                _put(words, target.field.register, target.encode(self._overrides.values[point]))
            if table == "holding" and target.mode_register is not None:
                _put(words, target.mode_register, [REMOTE if is_remote else OWN])
        return words

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        """All of it or nothing."""
        wanted = dict(enumerate(values, start=address))
        hit = {point: target for point, target in self._targets.items() if wanted.keys() & _places(target, table)}
        if set(wanted) - {place for target in hit.values() for place in _places(target, table)}:
            raise Refused(ILLEGAL_ADDRESS)
        words = self.table(table)
        _put(words, address, list(values))
        decoded = {point: self._decoded(point, target, table, words, wanted) for point, target in hit.items()}
        for point, (value, is_remote) in decoded.items():
            self._overrides.set(point, value, is_remote=is_remote)

    def _decoded(
        self, point: str, target: Target, table: str, words: list[int], wanted: Mapping[int, int]
    ) -> tuple[float, bool]:
        """Value and mode after the write; what it leaves alone stays. Raises Refused."""
        value, is_remote = self._overrides.values[point], self._overrides.is_remote(point)
        if table == target.table and wanted.keys() & set(target.registers):
            value = target.decode([words[place] for place in target.registers])
            is_remote = is_remote or target.mode_register is None
        mode = wanted.get(target.mode_register) if table == "holding" and target.mode_register is not None else None
        if mode not in (None, OWN, REMOTE):
            self._overrides.refused += 1
            raise Refused(ILLEGAL_VALUE)
        try:
            self._overrides.check(point, value)
        except OutOfRangeError as fault:
            raise Refused(ILLEGAL_VALUE) from fault
        return value, is_remote if mode is None else mode == REMOTE


def _touches(target: Target, table: str) -> bool:
    return table == target.table or (table == "holding" and target.mode_register is not None)


def _places(target: Target, table: str) -> set[int]:
    """Registers of this table that a write to the target may hold."""
    value = set(target.registers) if table == target.table else set()
    return value | ({target.mode_register} if table == "holding" and target.mode_register is not None else set())


def _put(words: list[int], address: int, values: Sequence[int]) -> None:
    words += [0] * (address + len(values) - len(words))
    words[address : address + len(values)] = values


class Banks:
    """Several banks on one line; the first that has a unit serves it."""

    def __init__(self, *banks: Bank) -> None:
        self._banks = banks

    def has_unit(self, unit: int) -> bool:
        return any(bank.has_unit(unit) for bank in self._banks)

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]:
        return self._of(unit).read(unit, table, address, count)

    def write(self, unit: int, table: str, address: int, values: Sequence[int]) -> None:
        self._of(unit).write(unit, table, address, values)

    def _of(self, unit: int) -> Bank:
        return next(bank for bank in self._banks if bank.has_unit(unit))


# --- what a product shows and no plant has ---


def made(point: str, values: Mapping[str, float], unix_s: float) -> float:
    """A plausible value of a role that the plant has not; NaN where there is none."""
    equipment, _, role = point.partition(".")
    if role == "voltage":
        return VOLTAGE_V * (1.0 + VOLTAGE_SWING * _wave(equipment, unix_s, 86_400.0))
    if role == "current":
        power_kw = values.get(f"{equipment}.electric_power", math.nan)
        return 1000.0 * power_kw / (3.0 * POWER_FACTOR * made(f"{equipment}.voltage", values, unix_s))
    if role == "frequency":
        return FREQUENCY_HZ + FREQUENCY_SWING_HZ * _wave("grid", unix_s, 1_100.0)
    return math.nan


def _wave(name: str, unix_s: float, period_s: float) -> float:
    """-1..1, the same for the same name and instant."""
    phase = zlib.crc32(name.encode()) / 2**32
    return math.sin(2.0 * math.pi * (unix_s / period_s + phase))
