"""Devices, and where each point lives on their wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from agent.config.base import Name, NotNegative, Number, Port, Positive, Section
from agent.core.points import Kind
from agent.core.units import UNITS

Register = Annotated[int, Field(ge=0, le=65535)]
WordType = Literal["bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
Order = Literal["big", "little"]


class Entry(Section):
    """What may be said of any point."""

    unit: str | None = None
    """Outranks the role's unit."""
    kind: Kind | None = None
    poll_s: Positive | None = None
    fresh_s: Positive | None = None
    share: bool = False

    @field_validator("unit")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in UNITS:
            raise ValueError(f"one of {', '.join(UNITS)}")
        return value

    @property
    def can_write(self) -> bool:
        return False


class WriteEntry(Section):
    """How a Modbus point is written."""

    register_: Register = Field(alias="register")
    table: Literal["holding", "coil"] | None = None
    type: WordType | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] | None = None
    mode_register: Register | None = None


class ModbusEntry(Entry):
    """Value = raw x scale + offset."""

    register_: Register = Field(alias="register")
    table: Literal["holding", "input", "coil", "discrete"] = "holding"
    type: WordType = "int16"
    scale: Number = 1.0
    offset: Number = 0.0
    absent: tuple[float, ...] = ()
    byte_order: Order = "big"
    word_order: Order = "big"
    write: WriteEntry | None = None

    @property
    def can_write(self) -> bool:
        return self.write is not None


class SetEntry(Section):
    """How an MQTT point is written."""

    topic: str = Field(min_length=1)
    path: str | None = None


class MqttEntry(Entry):
    """The payload is a number, or JSON with a dotted path to it."""

    topic: str = Field(min_length=1)
    path: str | None = None
    quality_path: str | None = None
    time_path: str | None = None
    set: SetEntry | None = None

    @property
    def can_write(self) -> bool:
        return self.set is not None


class MemoryEntry(Entry):
    """A point without a wire; written when its role is."""

    @property
    def can_write(self) -> bool:
        return True


class Device(Section):
    """Common to all drivers."""

    poll_s: Annotated[float, Field(ge=0.1, le=86400)] = 60.0
    template: str | None = None
    """A file in agent/equipment/templates: where this product keeps its points."""
    equipment: Name | None = None
    """The equipment that a template's roles belong to."""


class ModbusDevice(Device):
    """A unit behind a host and port."""

    driver: Literal["modbus"]
    host: str = Field(min_length=1)
    port: Port = 502
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    timeout_s: Annotated[float, Field(ge=0.05, le=60)] = 3.0
    pause_s: NotNegative = 0.0
    max_registers: Annotated[int, Field(ge=1, le=125)] = 100
    max_gap: Annotated[int, Field(ge=0, le=120)] = 8
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
