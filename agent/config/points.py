"""Where each point lives on the wire of its device."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from agent.config.base import Filter, NotNegative, Number, Positive, Section, Topic, Yes
from agent.core.paths import Path
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


PLACE = re.compile(r"\{value(?::\.(\d)f)?\}")
"""Where the value goes in a payload, with digits behind the point where the device wants so many."""


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


def _is_path(value: str) -> str:
    Path(value)
    return value


JsonPath = Annotated[str, AfterValidator(_is_path)]


class ConfirmEntry(Section):
    """Where a device says that it took what was set."""

    topic: Topic
    path: JsonPath | None = None
    is_: str | Number | Yes | None = Field(default=None, alias="is")
    """The word that means yes; any other means no. Left out, the value itself is awaited."""


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
    path: Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$")] | None = None
    """Where the value goes in a JSON object; left out, the value alone is published."""
    payload: str | None = None
    """The whole payload, with `{value}` (or `{value:.1f}`) in it. Outranks `path`."""
    release: str | None = None
    """The whole payload that hands the point back; left out, as a value, but null."""
    qos: Annotated[int, Field(strict=True, ge=0, le=2)] = 1
    retain: Yes = False
    step: Positive = 0.1
    """What the device shows counts as what was set when it is within half of this: devices round."""
    confirm: ConfirmEntry | None = None
    """Left out, the point's own topic must show it."""

    @field_validator("payload")
    @classmethod
    def _has_value(cls, told: str | None) -> str | None:
        if told is not None and not PLACE.search(told):
            raise ValueError("a text with {value} in it, such as '{\"set\": {value:.1f}}'")
        return told


class MqttEntry(Entry):
    """The payload is a number or a word, or JSON with a path to it. Value = what is told x scale + offset."""

    topic: Topic
    filter: Filter | None = None
    """The subscription by which the topic comes in, such as `rooms/#`; left out, the topic itself."""
    path: JsonPath | None = None
    quality_path: JsonPath | None = None
    time_path: JsonPath | None = None
    scale: Scale = 1.0
    offset: Number = 0.0
    set: SetEntry | None = None

    @property
    def can_write(self) -> bool:
        return self.set is not None

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        if self.path and Path(self.path).is_many and not (self.time_path and Path(self.time_path).is_many):
            raise ValueError("time_path with * beside a path with *: each of many values has its own time")
        return self


class SparkplugEntry(Entry):
    """A metric by its name. Value = what is told x scale + offset."""

    metric: Annotated[str, Field(min_length=1)]
    scale: Scale = 1.0
    offset: Number = 0.0
    set: Yes = False
    """Whether the metric is written, by NCMD or DCMD."""
    step: Positive = 0.1
    """As in the `set` of an MQTT point."""

    @property
    def can_write(self) -> bool:
        return self.set


class MemoryEntry(Entry):
    """A point without a wire; written when its role is."""

    @property
    def can_write(self) -> bool:
        return True
