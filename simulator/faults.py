"""What can go wrong, as data: every kind of fault, what it strikes, and what its size means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of fault."""

    layer: str
    """sensor, wire, clock, person, machine, link: who carries it out."""
    strikes: str
    """points, writable (points), devices, equipment, or nothing: what `where` of a fault names."""
    size: str
    """What the number means, with its unit; empty: none is told."""
    low: float
    high: float
    default: float
    about: str


KINDS: dict[str, Kind] = {
    "stuck": Kind("sensor", "points", "", 0.0, 0.0, 0.0, "the sensor repeats its last value"),
    "drift": Kind(
        "sensor", "points", "units an hour", -10.0, 10.0, 0.2, "the sensor walks away, and is back at the end"
    ),
    "noisy": Kind("sensor", "points", "standard deviation in units", 0.0, 100.0, 1.0, "the sensor trembles"),
    "swapped": Kind("sensor", "points", "", 0.0, 0.0, 0.0, "two sensors are wired the wrong way round"),
    "wrong-sign": Kind("sensor", "points", "", 0.0, 0.0, 0.0, "the sensor shows the negative of its value"),
    "absent": Kind("sensor", "points", "", 0.0, 0.0, 0.0, "the sensor is dead: NaN, or the type's mark of none"),
    "bias": Kind("sensor", "points", "units", -100.0, 100.0, 3.0, "the sensor shows so much more"),
    "late": Kind("wire", "devices", "s", 0.0, 60.0, 2.0, "every answer comes so late"),
    "cut": Kind("wire", "devices", "", 0.0, 0.0, 0.0, "connections are cut, and new ones at once"),
    "silent": Kind("wire", "devices", "", 0.0, 0.0, 0.0, "the device hears and never answers"),
    "garbled": Kind("wire", "devices", "share of answers", 0.0, 1.0, 0.2, "answers arrive with wrong bytes"),
    "half-answered": Kind("wire", "devices", "share of answers", 0.0, 1.0, 0.2, "answers end in mid-frame"),
    "exception": Kind(
        "wire", "devices", "Modbus exception code", 1.0, 11.0, 6.0, "the device answers with an exception"
    ),
    "reboot": Kind("wire", "devices", "", 0.0, 0.0, 0.0, "the device is away, then back and holds nothing from afar"),
    "wrong-clock": Kind("clock", "nothing", "s", -1e9, 1e9, 3600.0, "what is told as time is so much off"),
    "knob": Kind("person", "writable", "the value set", -1e6, 1e6, 21.0, "a person sets the value at the device"),
    "stuck-valve": Kind("machine", "equipment", "position 0..1", 0.0, 1.0, 0.5, "a coil's valve stays where it is"),
    "fouled-filter": Kind(
        "machine", "equipment", "share of the air lost", 0.0, 0.8, 0.3, "less air for the same fan power"
    ),
    "chiller-trip": Kind("machine", "equipment", "", 0.0, 0.0, 0.0, "the compressor has stopped itself"),
    "link-down": Kind("link", "nothing", "", 0.0, 0.0, 0.0, "upstream cannot be reached"),
    "broker-down": Kind("link", "nothing", "", 0.0, 0.0, 0.0, "the broker's process is gone"),
    "disk-full": Kind("link", "nothing", "", 0.0, 0.0, 0.0, "nothing more can be written to the gateway's disk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, from `from_unix_s` (included) to `to_unix_s` (not), simulated time."""

    kind: str
    where: tuple[str, ...] = ()
    """Points, devices or equipment by id, as the kind strikes; empty where it strikes nothing by name."""
    from_unix_s: float
    to_unix_s: float
    size: float = 0.0

    @property
    def layer(self) -> str:
        return KINDS[self.kind].layer

    def is_on(self, unix_s: float) -> bool:
        return self.from_unix_s <= unix_s < self.to_unix_s


def matching(patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The names that any of the patterns (regular expressions, found anywhere) hits, in the order of `names`."""
    found = [re.compile(pattern) for pattern in patterns]
    return tuple(name for name in names if any(pattern.search(name) for pattern in found))


def of_layer(faults: Iterable[Fault], layer: str) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if fault.layer == layer)


def kinds_of(layer: str) -> Mapping[str, Kind]:
    return {name: kind for name, kind in KINDS.items() if kind.layer == layer}
