"""Sparkplug B payloads as columns: bytes in and out, and nothing of MQTT.

The specification is Eclipse Sparkplug 3.0.0; field numbers and types are those of `sparkplug_b.proto` (Eclipse Tahu), a
protocol buffer of the second form. Data sets, templates, files and arrays are passed over: no point is one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from agent.core.protobuf import BYTES, FIXED32, FIXED64, VARINT, sized, take_field, take_text, varint

Value = int | float | bool | str | None
Key = int | str
"""A metric's alias, or its name where it has no alias."""


class Type(IntEnum):
    """Data types that a point can have (specification 6.4.16)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE = 0, 192, 500
"""What the property `Quality` of a metric may say (specification 6.4.14)."""

# Fields of a payload, a metric, and a property set with its values.
_TIME, _METRIC, _SEQ = 1, 2, 3
_NAME, _ALIAS, _MEASURED, _TYPE, _HISTORICAL, _NULL, _PROPERTIES = 1, 2, 3, 4, 5, 7, 9
_INT, _LONG, _FLOAT, _DOUBLE, _BOOL, _STRING = 10, 11, 12, 13, 14, 15
_NAMES = {
    _INT: "int_value",
    _LONG: "long_value",
    _FLOAT: "float_value",
    _DOUBLE: "double_value",
    _BOOL: "boolean_value",
    _STRING: "string_value",
    16: "bytes",
    17: "a data set",
    18: "a template",
    19: "an extension",
}
_KEY, _VALUE, _PROPERTY_INT, _PROPERTY_LONG = 1, 2, 3, 4

_F32, _F64 = struct.Struct("<f"), struct.Struct("<d")
_BITS = {1: 8, 2: 16, 3: 32, 4: 64, 5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_SIGNED = {1, 2, 3, 4}
_TEXTS = {12, 14, 15}
_WIRE_OF = {_INT: VARINT, _LONG: VARINT, _BOOL: VARINT, _FLOAT: FIXED32, _DOUBLE: FIXED64, _STRING: BYTES}
OWN_TYPES = {bool: Type.BOOLEAN, int: Type.INT64, float: Type.DOUBLE, str: Type.STRING}
_NO_TYPES: Mapping[Key, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The columns of one message; all are as long as `values`."""

    time_ms: int | None = None
    """When it was sent, Unix milliseconds."""
    seq: int | None = None
    """0..255, counted by each edge node over all its messages; a death has none."""
    names: Sequence[str | None] = ()
    """None: known by its alias only, from the birth."""
    aliases: Sequence[int | None] = ()
    types: Sequence[int] = ()
    values: Sequence[Value] = ()
    """None: null, or not readable (see `faults`). A DateTime is in Unix milliseconds."""
    times_ms: Sequence[int | None] = ()
    historical: Sequence[bool] = ()
    """Was kept at the edge and is sent late: not what is so now."""
    qualities: Sequence[int | None] = ()
    """The property `Quality`; None where there is none."""
    faults: Mapping[int, str] = field(default_factory=dict)
    """Place -> why this metric's value could not be read."""

    def __len__(self) -> int:
        return len(self.values)

    def keys(self) -> list[Key | None]:
        """Alias or else name of each metric."""
        return [name if alias is None else alias for name, alias in zip(self.names, self.aliases, strict=True)]


def decode(data: bytes, types: Mapping[Key, int] = _NO_TYPES) -> Payload:
    """`types`: what the birth said of metrics whose data does not say it again. Raises ValueError when it is broken."""
    time_ms: int | None = None
    seq: int | None = None
    columns = _Columns(types)
    place, end = 0, len(data)
    while place < end:
        number, wire, told, place = take_field(data, place, end)
        if number == _METRIC and wire == BYTES:
            columns.add(data, place - told, place)
        elif number == _TIME and wire == VARINT:
            time_ms = told
        elif number == _SEQ and wire == VARINT:
            seq = told
    return columns.payload(time_ms, seq)


class _Columns:
    """Metrics on their way from bytes into columns."""

    def __init__(self, types: Mapping[Key, int]) -> None:
        self._types = types
        self._names: list[str | None] = []
        self._aliases: list[int | None] = []
        self._kinds: list[int] = []
        self._values: list[Value] = []
        self._times_ms: list[int | None] = []
        self._historical: list[bool] = []
        self._qualities: list[int | None] = []
        self._faults: dict[int, str] = {}

    def add(self, data: bytes, place: int, end: int) -> None:
        name = alias = time_ms = quality = None
        kind = raw = source = 0
        is_historical = is_null = False
        while place < end:
            number, wire, told, place = take_field(data, place, end)
            if _INT <= number <= _STRING:
                if wire != _WIRE_OF[number]:
                    raise ValueError(f"field {number} of a metric has wire type {wire}")
                source, raw = number, told if wire != BYTES else place - told
                value_end = place
            elif wire == VARINT:
                if number == _ALIAS:
                    alias = told
                elif number == _MEASURED:
                    time_ms = told
                elif number == _TYPE:
                    kind = told
                elif number == _NULL:
                    is_null = bool(told)
                elif number == _HISTORICAL:
                    is_historical = bool(told)
            elif wire == BYTES:
                if number == _NAME:
                    name = take_text(data, place - told, place)
                elif number == _PROPERTIES:
                    quality = _quality(data, place - told, place)
                elif number in _NAMES:
                    source = number
        key = name if alias is None else alias
        kind = kind or (self._types.get(key, 0) if key is not None else 0)
        value: Value = None
        if not is_null:
            try:
                is_text = source == _STRING and (kind in _TEXTS or not kind)
                value = take_text(data, raw, value_end) if is_text else _value(source, raw, kind)
            except ValueError as fault:
                self._faults[len(self._values)] = str(fault)
        self._names.append(name)
        self._aliases.append(alias)
        self._kinds.append(kind)
        self._values.append(value)
        self._times_ms.append(time_ms)
        self._historical.append(is_historical)
        self._qualities.append(quality)

    def payload(self, time_ms: int | None, seq: int | None) -> Payload:
        return Payload(
            time_ms=time_ms,
            seq=seq,
            names=self._names,
            aliases=self._aliases,
            types=self._kinds,
            values=self._values,
            times_ms=self._times_ms,
            historical=self._historical,
            qualities=self._qualities,
            faults=self._faults,
        )


def _value(source: int, raw: int, kind: int) -> Value:
    """A number or a switch from the field it came in. Raises ValueError where type and field do not fit."""
    if source == _DOUBLE and kind in (Type.DOUBLE, Type.FLOAT, Type.UNKNOWN):
        return float(_F64.unpack(raw.to_bytes(8, "little"))[0])
    if source == _FLOAT and kind in (Type.DOUBLE, Type.FLOAT, Type.UNKNOWN):
        return float(_F32.unpack(raw.to_bytes(4, "little"))[0])
    if source == _BOOL and kind in (Type.BOOLEAN, Type.UNKNOWN):
        return bool(raw)
    bits = _BITS.get(kind, 0)
    if source in (_INT, _LONG) and bits and not (source == _INT and bits == 64):
        return _whole(raw, bits, kind in _SIGNED)
    if source in (_INT, _LONG) and kind == Type.UNKNOWN and raw < 1 << 31:
        return raw  # Signed or not: it is the same.
    found = _NAMES.get(source, "no value")
    raise ValueError(f"found {found} with data type {kind}, wanted a number, a boolean or a text")


def _whole(raw: int, bits: int, is_signed: bool) -> int:
    """Edges write a negative Int8 in 8, 32 or 64 bits; those above its own must all be as its sign."""
    value = raw & (1 << bits) - 1
    above = raw >> bits
    if is_signed and value >> bits - 1:
        if above not in (0, (1 << 32 - bits) - 1 if bits < 32 else 0, (1 << 64 - bits) - 1):
            raise ValueError(f"found {raw}, wanted {bits} bits")
        return value - (1 << bits)
    if above:
        raise ValueError(f"found {raw}, wanted {bits} bits")
    return value


def _quality(data: bytes, place: int, end: int) -> int | None:
    """The property `Quality`; keys and values stand in the same order."""
    keys: list[str] = []
    values: list[int | None] = []
    while place < end:
        number, wire, told, place = take_field(data, place, end)
        if wire == BYTES and number == _KEY:
            keys.append(take_text(data, place - told, place))
        elif wire == BYTES and number == _VALUE:
            values.append(_property(data, place - told, place))
    return values[keys.index("Quality")] if "Quality" in keys and len(keys) == len(values) else None


def _property(data: bytes, place: int, end: int) -> int | None:
    found = None
    while place < end:
        number, wire, told, place = take_field(data, place, end)
        if wire == VARINT and number in (_PROPERTY_INT, _PROPERTY_LONG):
            found = told
    return found


def encode(payload: Payload) -> bytes:
    """Columns that are empty are left out; a value of None is written as null."""
    parts = [] if payload.time_ms is None else [b"\x08", varint(payload.time_ms)]
    count = len(payload)
    none = (None,) * count
    rows = zip(
        payload.names or none,
        payload.aliases or none,
        payload.types or (Type.UNKNOWN,) * count,
        payload.values,
        payload.times_ms or none,
        payload.historical or (False,) * count,
        payload.qualities or none,
        strict=True,
    )
    for row in rows:
        metric = _metric(*row)
        parts += (b"\x12", varint(len(metric)), metric)
    if payload.seq is not None:
        parts += (b"\x18", varint(payload.seq))
    return b"".join(parts)


def _metric(
    name: str | None,
    alias: int | None,
    kind: int,
    value: Value,
    time_ms: int | None,
    is_historical: bool,
    quality: int | None,
) -> bytes:
    parts = []
    if name is not None:
        parts.append(b"\x0a" + sized(name.encode()))
    if alias is not None:
        parts.append(b"\x10" + varint(alias))
    if time_ms is not None:
        parts.append(b"\x18" + varint(time_ms))
    if kind:
        parts.append(b"\x20" + varint(kind))
    if is_historical:
        parts.append(b"\x28\x01")
    if value is None:
        parts.append(b"\x38\x01")
    if quality is not None:
        told = b"\x08\x03\x18" + varint(quality)  # A property of type Int32.
        parts.append(b"\x4a" + sized(b"\x0a\x07Quality\x12" + sized(told)))
    if value is not None:
        parts.append(_written(kind, value))
    return b"".join(parts)


def _written(kind: int, value: int | float | bool | str) -> bytes:
    """A value in the field of its type, or of its own kind. Raises ValueError where it does not fit."""
    if kind == Type.UNKNOWN:
        kind = OWN_TYPES[type(value)]
    if kind in _TEXTS and isinstance(value, str):
        return b"\x7a" + sized(value.encode())
    if isinstance(value, str):
        raise ValueError(f"a text in a metric of data type {kind}")
    if kind == Type.BOOLEAN:
        return b"\x70\x01" if value else b"\x70\x00"
    if kind == Type.DOUBLE:
        return b"\x69" + _F64.pack(value)
    if kind == Type.FLOAT:
        return b"\x65" + _F32.pack(value)
    bits, is_signed = _BITS.get(kind, 0), kind in _SIGNED
    low, high = (-(1 << bits - 1), 1 << bits - 1) if is_signed else (0, 1 << bits)
    if not bits or value != int(value) or not low <= value < high:
        raise ValueError(f"{value} in a metric of data type {kind}")
    # UInt32 travels as a long, as Tahu's codecs have it; negative whole numbers in the bits of their field.
    is_long = bits == 64 or kind == Type.UINT32
    return (b"\x58" if is_long else b"\x50") + varint(int(value) % (1 << (64 if is_long else 32)))
