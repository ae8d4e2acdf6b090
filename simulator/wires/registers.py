"""Where every point of a plant lies on the wire: Modbus registers, MQTT topics, and `map.json` that tells both.

The layout follows from the plant's names alone, in their order, so the same site has the same map every time:

| unit | table | holds |
|---|---|---|
| 1 | input 0-6, holding 0-2 | the clock, see `Clock*` below |
| 2 | input from 0 | meters: kW float32, kWh uint32 x 0.01 |
| 3 | input from 0 | machines, then every value a zone is asked to follow: what the device follows now |
| 3 | holding from 0 | a pair for each writable: value int16 x 0.01, mode (0 own control, 1 remote) |
| 4 | input from 0 | zones and data rooms, int16: x 0.01, flows x 0.001, ppm x 1; powers float32 |

Weather, people and server power are on MQTT only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.plant import Permit, Plant, WritablePoint

CLOCK_UNIT, METER_UNIT, PLANT_UNIT, ROOM_UNIT = 1, 2, 3, 4
UNITS = (CLOCK_UNIT, METER_UNIT, PLANT_UNIT, ROOM_UNIT)
TELEMETRY = "telemetry"
DEVICES = {"clock": CLOCK_UNIT, "meters": METER_UNIT, "plant": PLANT_UNIT, "rooms": ROOM_UNIT, TELEMETRY: 0}
"""What a site config calls them -> Modbus unit; telemetry is the values' topics, and no unit answers to 0."""

CLOCK_STEP, CLOCK_UNIX, CLOCK_STEP_S, CLOCK_SPEED, CLOCK_STATE = 0, 2, 4, 5, 6
"""Unit 1, input: two uint32, then three uint16."""
CLOCK_INPUTS = 7
HEARTBEAT, ACK = 0, 1
"""Unit 1, holding: heartbeat in 0, the acknowledged step as uint32 in 1-2."""
CLOCK_HOLDINGS = 3

OWN, REMOTE = 0, 1
WRITE_SCALE = 0.01
DEAD_INT16, DEAD_UINT32 = -32768, 0xFFFF_FFFF

MQTT_ONLY = ("occupancy_count", "it_power")
ROOMS = ("zone", "data_room")
"""Kinds of equipment whose sensors are on unit 4."""
WHOLE = ("on_off_command", "on_off_status", "cars_in_service", "cars_moving")
"""Roles whose values are small whole numbers: int16 x 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One value in one or two registers; value = raw * scale, big endian, high word first."""

    unit: int
    address: int
    type: str
    scale: float = 1.0

    @property
    def width(self) -> int:
        return 2 if self.type in ("uint32", "float32") else 1

    def encode(self, value: float) -> list[int]:
        """Words on the wire; a value that is not a number becomes the type's mark of a dead sensor."""
        if self.type == "float32":
            return words(struct.unpack(">I", struct.pack(">f", value))[0])
        if self.type == "uint32":
            return words(round(value / self.scale) % DEAD_UINT32 if math.isfinite(value) else DEAD_UINT32)
        raw = max(-32767, min(32767, round(value / self.scale))) if math.isfinite(value) else DEAD_INT16
        return [raw & 0xFFFF]

    def as_map(self) -> dict[str, Any]:
        place = {"unit": self.unit, "table": "input", "address": self.address}
        return place | {"type": self.type, "scale": self.scale}


def words(raw: int) -> list[int]:
    """A 32-bit number as two registers, high word first."""
    return [raw >> 16 & 0xFFFF, raw & 0xFFFF]


def signed(word: int) -> int:
    """A register read as int16."""
    return word - 0x10000 if word & 0x8000 else word


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The register map of one plant."""

    names: tuple[str, ...]
    writable: Mapping[str, WritablePoint]
    reads: Mapping[str, Register]
    """Input register of each point that has one."""
    writes: Mapping[str, int]
    """Holding address of the value on unit 3; the mode is at the next address."""
    equipment: Mapping[str, Mapping[str, Any]]
    permits: Mapping[str, Permit]
    """Of the plant, for the site config."""

    def as_map(self, prefix: str) -> dict[str, Any]:
        """`map.json`: everything there is to read and to write."""
        return {
            "reads": [self._read_entry(name, prefix) for name in self.names],
            "writes": [self._write_entry(name, prefix) for name in self.writes],
        }

    def _read_entry(self, name: str, prefix: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": name, "label": label(name)}
        if name in self.reads:
            entry["modbus"] = self.reads[name].as_map()
        return entry | {"mqtt": {"topic": value_topic(prefix, name)}}

    def _write_entry(self, name: str, prefix: str) -> dict[str, Any]:
        low, high = self.writable[name]
        address = self.writes[name]
        place = {"unit": PLANT_UNIT, "table": "holding", "address": address, "type": "int16"}
        return {
            "name": name,
            "min": low,
            "max": high,
            "modbus": place | {"scale": WRITE_SCALE, "mode_address": address + 1},
            "mqtt": {"topic": command_topic(prefix, name)},
        }


def layout(plant: Plant) -> Layout:
    """Lay out the names of a plant; see the table at the top of this file."""
    reads: dict[str, Register] = {}
    following = dict.fromkeys(UNITS, 0)
    units = {name: unit_of(name, plant) for name in plant.names}
    # Machines before the zones' set-points within unit 3.
    for name in sorted(filter(units.get, units), key=lambda name: (units[name], _kind(name, plant) == "zone")):
        unit = units[name]
        kind, scale = _form(name, unit, plant.writable)
        reads[name] = Register(unit=unit, address=following[unit], type=kind, scale=scale)
        following[unit] += reads[name].width
    writes = {name: 2 * n for n, name in enumerate(plant.writable)}
    return Layout(
        names=plant.names,
        writable=plant.writable,
        reads=reads,
        writes=writes,
        equipment=plant.equipment,
        permits=plant.permits,
    )


def unit_of(name: str, plant: Plant) -> int:
    """The Modbus unit of a point; 0 for a point that is on MQTT only."""
    kind, role = _kind(name, plant), name.partition(".")[2]
    if kind == "site" or (role in MQTT_ONLY and kind in ROOMS):
        return 0
    if name in plant.writable:
        return PLANT_UNIT
    if kind == "meter":
        return METER_UNIT
    return ROOM_UNIT if kind in ROOMS else PLANT_UNIT


def _kind(name: str, plant: Plant) -> str:
    return str(plant.equipment[name.partition(".")[0]]["kind"])


def _form(name: str, unit: int, writable: Mapping[str, WritablePoint]) -> tuple[str, float]:
    """Type and scale of a point's input register."""
    role = name.partition(".")[2]
    if role.endswith("_energy"):
        return "uint32", 0.01
    if role == "trips_count":
        return "uint32", 1.0
    if role in WHOLE or role == "co2_level":
        return "int16", 1.0
    if name in writable or "temperature" in role or role.endswith(("humidity", "fan_speed")):
        return "int16", 0.01
    if unit == ROOM_UNIT and not role.endswith("_power"):
        return "int16", 0.001
    return "float32", 1.0


def label(name: str) -> str:
    """A name for people: `zone1.co2_level` is "zone1 co2 level"."""
    return name.replace(".", " ").replace("_", " ")


def value_topic(prefix: str, name: str) -> str:
    return f"{prefix}/device/{name.replace('.', '/', 1)}"


def command_topic(prefix: str, name: str) -> str:
    return f"{prefix}/cmd/{name}/set"
