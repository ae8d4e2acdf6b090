"""Devices on their wires."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from agent.config.base import Host, Id, NotNegative, Port, Section, Step, Yes
from agent.config.points import (
    Entry,
    IdentityEntry,
    MemoryEntry,
    ModbusEntry,
    MqttEntry,
    SetEntry,
    SparkplugEntry,
    WriteEntry,
)
from agent.config.tls import Tls

__all__ = [
    "AnyDevice",
    "Device",
    "Entry",
    "IdentityEntry",
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


PLAIN_PORT, TLS_PORT = 502, 802
"""Registered with IANA as mbap and mbap-s."""


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
    """A unit behind a host and port, or on a serial line; all units of one line share its connection."""

    driver: Literal["modbus"]
    host: Host | None = None
    serial: Annotated[str, Field(min_length=1)] | None = None
    """Path of a serial port, instead of a host: Modbus RTU."""
    port: Port = PLAIN_PORT
    """With tls 802, when nothing else is said."""
    framing: Literal["tcp", "rtu"] = "tcp"
    """`rtu`: a converter that passes the frames of its serial line on as they are. A serial port is always so."""
    tls: Tls | None = None
    baud: Annotated[int, Field(strict=True, ge=300, le=4_000_000)] = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    unit: Annotated[int, Field(strict=True, ge=0, le=255)] = 1
    timeout_s: Annotated[float, Field(strict=True, ge=0.05, le=60)] = 3.0
    pause_s: NotNegative = 0.0
    connect_pause_s: NotNegative = 0.0
    max_registers: Annotated[int, Field(strict=True, ge=1, le=125)] = 100
    max_gap: Annotated[int, Field(strict=True, ge=0, le=120)] = 8
    one_by_one: Yes = False
    identity: dict[str, IdentityEntry] = Field(default_factory=dict)
    points: dict[str, ModbusEntry] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _has_port(cls, told: Any) -> Any:
        return {**told, "port": TLS_PORT} if isinstance(told, dict) and told.get("tls") and "port" not in told else told

    @field_validator("tls", mode="before")
    @classmethod
    def _is_short(cls, told: Any) -> Any:
        return {True: {}, False: None}[told] if isinstance(told, bool) else told

    @property
    def line(self) -> tuple[object, ...]:
        """Devices with the same line share its connection."""
        return (self.serial,) if self.serial is not None else (self.host, self.port)


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
