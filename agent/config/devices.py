"""Devices on their wires."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Host, Id, NotNegative, Port, Section
from agent.config.points import Entry, MemoryEntry, ModbusEntry, MqttEntry, SetEntry, WriteEntry

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
    "WriteEntry",
]


class Device(Section):
    """Common to all drivers."""

    poll_s: Annotated[float, Field(strict=True, ge=0.1, le=86400)] = 60.0
    template: str | None = None
    """Where this product keeps its points: one that is shipped, or a file beside the site's that ends in .yaml."""
    with_: dict[str, str | int] = Field(default_factory=dict, alias="with")
    """What the template asks for, such as the id of a sensor in its topics."""
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
    points: dict[str, MqttEntry] = Field(default_factory=dict)


class MemoryDevice(Device):
    """Points in this process: for tests, and for a site that has no wire yet."""

    driver: Literal["memory"]
    points: dict[str, MemoryEntry] = Field(default_factory=dict)


AnyDevice = Annotated[ModbusDevice | MqttDevice | MemoryDevice, Field(discriminator="driver")]
