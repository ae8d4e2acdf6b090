"""Where each point lives on the wire of its device."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from agent.config.base import Number, Positive, Section, Topic, Yes
from agent.core.points import Kind
from agent.core.units import UNITS

Register = Annotated[int, Field(strict=True, ge=0, le=65535)]
WordType = Literal["bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
Order = Literal["big", "little"]
WIDTHS = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}
"""Registers that a value takes; all others take one."""


def _is_not_zero(value: float) -> float:
    if value == 0.0:
        raise ValueError("a scale other than 0")
    return value


Scale = Annotated[Number, AfterValidator(_is_not_zero)]


class Entry(Section):
    """What may be said of any point."""

    unit: str | None = None
    """Outranks the role's unit."""
    kind: Kind | None = None
    poll_s: Positive | None = None
    fresh_s: Positive | None = None
    share: Yes = False

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
    scale: Scale | None = None
    mode_register: Register | None = None


class ModbusEntry(Entry):
    """Value = raw x scale + offset."""

    register_: Register = Field(alias="register")
    table: Literal["holding", "input", "coil", "discrete"] = "holding"
    type: WordType = "int16"
    scale: Scale = 1.0
    offset: Number = 0.0
    absent: tuple[Number, ...] = ()
    byte_order: Order = "big"
    word_order: Order = "big"
    write: WriteEntry | None = None

    @property
    def can_write(self) -> bool:
        return self.write is not None


class SetEntry(Section):
    """How an MQTT point is written."""

    topic: Topic
    path: str | None = None


class MqttEntry(Entry):
    """The payload is a number, or JSON with a dotted path to it."""

    topic: Topic
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
