"""Devices on their wires."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Host, Id, NotNegative, Port, Section, Step
from agent.config.points import Entry, MemoryEntry, ModbusEntry, MqttEntry, SetEntry, SparkplugEntry, WriteEntry

__all__ = [
    "AnyDevice",
    "Device",
    "Entry",
    "MemoryDevice",
    "MemoryEntry",
    "ModbusDevice",
    "ModbusEntry",
    "MqttDevice",
    "MqttEntry",
    "SetEntry",
    "SparkplugDevice",
    "SparkplugEntry",
    "WriteEntry",
]


class Device(Section):
    """Common to all drivers."""

    poll_s: Annotated[float, Field(strict=True, ge=0.1, le=86400)] = 60.0
    template: str | None = None
    """A file in agent/equipment/templates: where this product keeps its points."""
    equipment: Id | None = None
    """The equipment that a template's roles belong to."""


class ModbusDevice(Device):
    """A unit behind a host and port."""

    driver: Literal["modbus"]
    host: Host
    port: Port = 502
    unit: Annotated[int, Field(strict=True, ge=0, le=255)] = 1
    timeout_s: Annotated[float, Field(strict=True, ge=0.05, le=60)] = 3.0
    pause_s: NotNegative = 0.0
    max_registers: Annotated[int, Field(strict=True, ge=1, le=125)] = 100
    max_gap: Annotated[int, Field(strict=True, ge=0, le=120)] = 8
    points: dict[str, ModbusEntry] = Field(default_factory=dict)


class MqttDevice(Device):
    """Points on a broker's topics."""

    driver: Literal["mqtt"]
    broker: str
    timeout_s: Annotated[float, Field(strict=True, ge=0.05, le=600)] = 5.0
    """How long a written point may take to be confirmed."""
    max_bytes: Annotated[int, Field(strict=True, ge=16, le=1_000_000)] = 65_536
    """A larger payload is refused."""
    levels: dict[str, str] = Field(default_factory=dict)
    """What + or # stands for in topics of points named `*.role` -> equipment; left out, the equipment's own id."""
    points: dict[str, MqttEntry] = Field(default_factory=dict)


class SparkplugDevice(Device):
    """Metrics of a Sparkplug B edge node, or of a device behind it."""

    driver: Literal["sparkplug"]
    broker: str
    group: Step
    node: Step
    device: Step | None = None
    """Left out, the edge node's own metrics."""
    timeout_s: Annotated[float, Field(strict=True, ge=0.05, le=600)] = 5.0
    max_bytes: Annotated[int, Field(strict=True, ge=16, le=1_000_000)] = 262_144
    """Births name every metric of the device."""
    points: dict[str, SparkplugEntry] = Field(default_factory=dict)


class MemoryDevice(Device):
    """Points in this process: for tests, and for a site that has no wire yet."""

    driver: Literal["memory"]
    points: dict[str, MemoryEntry] = Field(default_factory=dict)


AnyDevice = Annotated[ModbusDevice | MqttDevice | SparkplugDevice | MemoryDevice, Field(discriminator="driver")]
