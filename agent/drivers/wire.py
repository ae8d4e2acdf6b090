"""Where points live on a wire: what the drivers are told about devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Table = Literal["holding", "input", "coil", "discrete"]
Order = Literal["big", "little"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusWrite:
    """How a point is written."""

    register: int
    table: Literal["holding", "coil"] = "holding"
    type: str = "int16"
    scale: float = 1.0
    offset: float = 0.0
    """Value = register x scale + offset, as when reading."""
    mode_register: int | None = None
    """Holds 1 while we command and 0 for the device's own control; without it a point cannot be relinquished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusPoint:
    """One point of a Modbus device."""

    point: str
    handle: int
    unit: str
    register: int
    table: Table = "holding"
    type: str = "int16"
    """A key of `agent.drivers.modbus_codec.TYPES`."""
    scale: float = 1.0
    offset: float = 0.0
    """Value = raw x scale + offset."""
    absent: tuple[float, ...] = ()
    """Raw values by which the device says that it has none."""
    byte_order: Order = "big"
    word_order: Order = "big"
    write: ModbusWrite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusDevice:
    """One unit behind a host and port."""

    name: str
    host: str
    port: int = 502
    unit: int = 1
    timeout_s: float = 3.0
    pause_s: float = 0.0
    """Between two requests, for devices that choke."""
    max_registers: int = 100
    max_gap: int = 8
    """Registers nobody asked for that may be read along to join two neighbours."""
    points: tuple[ModbusPoint, ...] = ()
