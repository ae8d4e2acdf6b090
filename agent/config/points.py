"""Where each point lives on the wire of its device."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from agent.config.base import NotNegative, Number, Positive, Section, Topic, Yes
from agent.core.points import Kind
from agent.core.units import UNITS

Register = Annotated[int, Field(strict=True, ge=0, le=65535)]
WordType = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bcd16", "bcd32"
]
Order = Literal["big", "little"]
Table = Literal["holding", "input", "coil", "discrete"]
Bit = Annotated[int, Field(strict=True, ge=0, le=15)]
WIDTHS = {"int32": 2, "uint32": 2, "float32": 2, "bcd32": 2, "int64": 4, "uint64": 4, "float64": 4}
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
    words: dict[str, Number] = Field(default_factory=dict)
    """What the device calls its numbers, such as `{off: 0, cooling: 1}`."""
    deadband: NotNegative | None = None
    """Store a sample only when it differs by more than this from the last one stored; 0: when it differs at all."""
    report_s: Positive = 900.0
    """With a dead band, a sample is stored at least so often."""

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
    bit: Bit | None = None
    function: Literal[5, 6, 15, 16, 22, 23] | None = None
    """Left out, it follows from the type."""
    mode_register: Register | None = None


class ModbusEntry(Entry):
    """Value = raw x scale + offset."""

    register_: Register = Field(alias="register")
    table: Table = "holding"
    type: WordType = "int16"
    bit: Bit | None = None
    """The lowest bit of a field within one register; 0 is the least significant."""
    bits: Annotated[int, Field(strict=True, ge=1, le=16)] = 1
    """How many bits the field has."""
    scale: Scale = 1.0
    offset: Number = 0.0
    absent: tuple[Number, ...] = ()
    byte_order: Order = "big"
    word_order: Order = "big"
    write: WriteEntry | None = None

    @property
    def can_write(self) -> bool:
        return self.write is not None


class IdentityEntry(Section):
    """A text or a number that says which device this is, such as its serial number."""

    register_: Register = Field(alias="register")
    table: Literal["holding", "input"] = "holding"
    type: Literal["text", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bcd16", "bcd32"] = "text"
    registers: Annotated[int, Field(strict=True, ge=1, le=125)] = 8
    """Of a text: two characters in each."""
    byte_order: Order = "big"
    word_order: Order = "big"


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
