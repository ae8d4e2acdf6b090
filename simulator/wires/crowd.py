"""Thousands of devices in one process, for load tests: products of the agent's templates over many ports.

There is no plant behind them: each value swings about a middle that is usual for its unit, every device a little
otherwise. All devices of a product share one table of registers, so that a device costs some hundred bytes, and a new
image of all some numpy calls. What is written stands there to be read back, and nothing follows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from agent.equipment.kinds import role_of
from simulator.wires.manners import PLAIN, Manners
from simulator.wires.modbus_pdu import ILLEGAL_ADDRESS, Refused
from simulator.wires.modbus_server import ModbusServer
from simulator.wires.products import SERVED, Product, product
from simulator.wires.word_codec import Array, Words

UNITS_A_PORT = 10
PERIOD_S = 3600.0
USUAL = {
    "degC": (21.0, 4.0),
    "pct": (55.0, 30.0),
    "kW": (12.0, 8.0),
    "kWh": (5000.0, 50.0),
    "ppm": (700.0, 250.0),
    "kg/s": (0.6, 0.3),
    "V": (230.0, 2.0),
    "A": (20.0, 10.0),
    "Hz": (50.0, 0.02),
    "onoff": (1.0, 0.0),
}
"""Unit -> middle and swing; our assumptions. What else there is, is about 2."""
ELSE = (2.0, 1.0)


class Shelf:
    """All devices of one product: a row each in tables that they share."""

    def __init__(self, told: Product, count: int, dice: np.random.Generator) -> None:
        self._product = told
        self._middle, self._swing = np.array([_usual(told, role) for role in told.roles]).T
        self._phase: Array = dice.uniform(0.0, 1.0, (count, 1))
        self._written = np.zeros((count, _span(told)), np.uint16)
        self.tables: dict[str, Words] = {}
        self.turn(0.0)

    def turn(self, unix_s: float) -> None:
        """A new image of every device."""
        wave = np.sin(2.0 * np.pi * (unix_s / PERIOD_S + self._phase))
        self.tables = {"holding": self._written} | self._product.images(self._middle + self._swing * wave)

    def write(self, row: int, address: int, values: Sequence[int]) -> None:
        if address + len(values) > self._written.shape[1]:
            raise Refused(ILLEGAL_ADDRESS)
        self._written[row, address : address + len(values)] = values


def _usual(told: Product, role: str) -> tuple[float, float]:
    known = role_of(told.kind, role)
    return USUAL.get(known.unit, ELSE) if known else ELSE


def _span(told: Product) -> int:
    """Holding registers up to the last that can be written."""
    targets = [target for target in told.targets.values() if target.table == "holding"]
    ends = [target.registers.stop for target in targets]
    return max(ends + [target.mode_register + 1 for target in targets if target.mode_register is not None], default=0)


class _Port:
    """The bank of one port: units 1 and up."""

    def __init__(self, units: Sequence[tuple[Shelf, int]]) -> None:
        self._units = units

    def has_unit(self, unit: int) -> bool:
        return 1 <= unit <= len(self._units)

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]:
        shelf, row = self._units[unit - 1]
        words = shelf.tables.get(table)
        if words is None or address + count > words.shape[1]:
            raise Refused(ILLEGAL_ADDRESS)
        told: list[int] = words[row, address : address + count].tolist()
        return told

    def write(self, unit: int, table: str, address: int, values: Sequence[int]) -> None:
        shelf, row = self._units[unit - 1]
        if table != "holding":
            raise Refused(ILLEGAL_ADDRESS)
        shelf.write(row, address, values)


class Crowd:
    """`count` devices, some to a port; the products take turns."""

    def __init__(
        self,
        count: int,
        *,
        units_a_port: int = UNITS_A_PORT,
        templates: Sequence[str] = (),
        manners: Manners = PLAIN,
        seed: int = 0,
    ) -> None:
        names = templates or sorted(SERVED.values())
        dice = np.random.default_rng(seed)
        sizes = [len(range(place, count, len(names))) for place in range(len(names))]
        self._shelves = [Shelf(product(name), size, dice) for name, size in zip(names, sizes, strict=True)]
        devices = [(self._shelves[n % len(names)], n // len(names)) for n in range(count)]
        groups = [devices[first : first + units_a_port] for first in range(0, count, units_a_port)]
        self._servers = [ModbusServer(_Port(group), manners=manners) for group in groups]
        self.templates = tuple(names)
        """Of device n: the one at n modulo their number."""

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self._servers]

    def turn(self, unix_s: float) -> None:
        for shelf in self._shelves:
            shelf.turn(unix_s)

    async def start(self) -> None:
        await asyncio.gather(*(server.start() for server in self._servers))

    async def stop(self) -> None:
        await asyncio.gather(*(server.stop() for server in self._servers))
