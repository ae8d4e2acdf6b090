"""Where points live on a wire: what the drivers are told about devices."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Table = Literal["holding", "input", "coil", "discrete"]
Order = Literal["big", "little"]
Framing = Literal["tcp", "rtu"]
Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlace:
    """Where a line is reached over a network."""

    host: str
    port: int = 502
    framing: Framing = "tcp"
    tls: Callable[[], ssl.SSLContext] | None = None
    """Asked anew for each connection. May raise ConfigError."""
    connect_pause_s: float = 0.0
    """After connecting, for devices that are not ready at once."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPlace:
    """Where a line is a serial port of ours."""

    path: str
    baud: int = 9600
    parity: Parity = "none"
    stop_bits: int = 1
    framing: Framing = "rtu"
    connect_pause_s: float = 0.0

    def __str__(self) -> str:
        return self.path


Place = HostPlace | SerialPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusWrite:
    """How a point is written."""

    register: int
    table: Literal["holding", "coil"] = "holding"
    type: str = "int16"
    scale: float = 1.0
    offset: float = 0.0
    """Value = register x scale + offset, as when reading."""
    bit: int | None = None
    bits: int = 1
    """A field within the register, from its lowest bit; the register's other bits are left alone."""
    function: int | None = None
    """None: by the type."""
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
    bit: int | None = None
    bits: int = 1
    """A field within the register, from its lowest bit."""
    scale: float = 1.0
    offset: float = 0.0
    """Value = raw x scale + offset."""
    absent: tuple[float, ...] = ()
    """Raw values by which the device says that it has none."""
    byte_order: Order = "big"
    word_order: Order = "big"
    write: ModbusWrite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusIdentity:
    """What says which device this is; read once, for people."""

    name: str
    register: int
    table: Table = "holding"
    type: str = "text"
    """`text`, or a key of `agent.drivers.modbus_codec.TYPES`."""
    registers: int = 8
    byte_order: Order = "big"
    word_order: Order = "big"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusDevice:
    """One unit on a line."""

    name: str
    unit: int = 1
    timeout_s: float = 3.0
    pause_s: float = 0.0
    """Between two requests, for devices that choke."""
    max_registers: int = 100
    max_gap: int = 8
    """Registers nobody asked for that may be read along to join two neighbours. Of bits, 16 count as a register."""
    one_by_one: bool = False
    """A request for each point."""
    identity: tuple[ModbusIdentity, ...] = ()
    points: tuple[ModbusPoint, ...] = ()
