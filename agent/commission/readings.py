"""What raw registers could mean: every type, order and scale, and which of them a building could show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.core.units import is_plausible
from agent.drivers.modbus_codec import TYPES, BlockDecoder
from agent.drivers.wire import ModbusPoint, Order

USUAL = {
    "degC": (-35.0, 95.0),
    "K": (-60.0, 60.0),
    "pct": (0.0, 105.0),
    "ratio": (0.0, 1.05),
    "kW": (0.01, 5_000.0),
    "kVA": (0.01, 5_000.0),
    "kvar": (-5_000.0, 5_000.0),
    "kWh": (0.1, 1e9),
    "kVAh": (0.1, 1e9),
    "kvarh": (0.1, 1e9),
    "1": (-1.0, 1.0),
    "W/m2": (0.0, 1_400.0),
    "Pa": (-2_000.0, 120_000.0),
    "kg/s": (0.0, 500.0),
    "m3/s": (0.0, 500.0),
    "ppm": (300.0, 6_000.0),
    "ug/m3": (0.0, 1_000.0),
    "V": (80.0, 900.0),
    "A": (0.01, 5_000.0),
    "Hz": (0.0, 100.0),
    "count": (0.0, 1e7),
    "onoff": (0.0, 1.0),
    "s": (0.0, 1e9),
    "kg/kWh": (0.0, 2.0),
    "1/kWh": (-1.0, 2.0),
}
"""What a working machine shows of each unit (our assumptions): much narrower than what is physically possible, so that
a wrong order or scale stands out."""
USUAL_OF_ROLES = {
    "frequency": (45.0, 65.0),
    "output_voltage": (0.0, 900.0),
    "zone_air_temperature": (5.0, 45.0),
}
"""Where a role says more than its unit: a mains stands at 50 or 60 Hz, a drive that rests gives no voltage."""
NEVER_ZERO = ("V", "ppm")
"""Of these a working machine does not show 0; of power, current or flow it does when it rests."""
SCALES = (1.0, 0.1, 0.01, 0.001)
"""Tried on integers; makers tell tenths, hundredths and, in W for kW, thousandths."""
LEAST_FLOAT, MOST_FLOAT = 1e-3, 1e8
"""A float whose words are in the wrong order lies far outside: its exponent is made of other bits (our assumption)."""
ORDERS: tuple[tuple[str, Order, Order], ...] = (
    ("ABCD", "big", "big"),
    ("CDAB", "big", "little"),
    ("BADC", "little", "big"),
    ("DCBA", "little", "little"),
)
"""Name of the bytes' order, byte order within a word, word order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One meaning of some registers."""

    types: tuple[str, ...]
    """Types that agree on this value."""
    order: str
    """`ABCD` ...; empty for a single register in the usual order."""
    scale: float
    value: float
    is_plausible: bool

    @property
    def width(self) -> int:
        """Registers it takes."""
        return TYPES[self.types[0]][1]

    def __str__(self) -> str:
        how = " ".join([" or ".join(self.types), *([self.order] if self.order else [])])
        return f"{how} x {self.scale:g} = {self.value:g}" if self.scale != 1.0 else f"{how} = {self.value:g}"


def readings(words: Sequence[int], unit: str | None) -> list[Reading]:
    """Every meaning of registers from the first word on; plausible ones first.

    With a unit integers are also tried in tenths, hundredths and thousandths; without one a value is plausible when
    it is of a size that machines tell.
    """
    found: dict[tuple[int, float, float], Reading] = {}
    for name, order, scale, value in _tried(words, unit):
        width = TYPES[name][1]
        key = (width, scale, value)
        if not math.isfinite(value):
            continue  # No number at all: NaN, infinite, or digits above 9.
        if key in found:
            told = found[key]
            if name not in told.types:
                found[key] = _with_type(told, name)
            continue
        shown = order if width > 1 or order in ("BADC", "DCBA") else ""
        found[key] = Reading(
            types=(name,), order=shown, scale=scale, value=value, is_plausible=_fits(name, value, words[:width], unit)
        )
    return sorted(found.values(), key=lambda reading: not reading.is_plausible)


def _with_type(told: Reading, name: str) -> Reading:
    return Reading(
        types=(*told.types, name),
        order=told.order,
        scale=told.scale,
        value=told.value,
        is_plausible=told.is_plausible,
    )


def _tried(words: Sequence[int], unit: str | None) -> Iterator[tuple[str, str, float, float]]:
    """Name, order, scale and value; decoded as the driver would."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    names = [name for name, (_, width) in TYPES.items() if width <= len(words) and name != "bool"]
    for order, byte_order, word_order in ORDERS:
        for name in names:
            if TYPES[name][1] == 1 and word_order == "little":
                continue  # One register has no word order.
            is_float = name.startswith("float")
            for scale in SCALES if unit is not None and not is_float else (1.0,):
                point = ModbusPoint(
                    point=name,
                    handle=0,
                    unit=unit or "count",
                    register=0,
                    type=name,
                    byte_order=byte_order,
                    word_order=word_order,
                    scale=scale,
                )
                yield name, order, scale, float(BlockDecoder(0, [point]).decode(data)[1][0])


def _fits(name: str, value: float, words: Sequence[int], unit: str | None) -> bool:
    if not math.isfinite(value):
        return False
    if name.startswith("float") and value != 0.0 and not LEAST_FLOAT <= abs(value) <= MOST_FLOAT:
        return False
    if unit is not None:
        return is_usual(unit, value)
    if name.startswith("float"):
        return any(words)  # All zeros are as well an integer.
    return len(words) == 1 or abs(value) <= MOST_FLOAT


def is_usual(unit: str, value: float, role: str = "") -> bool:
    """Whether a working machine could show this."""
    low, high = usual_of(unit, role)
    rests = value == 0.0 and role not in USUAL_OF_ROLES and unit not in NEVER_ZERO
    return is_plausible(unit, value) and (low <= value <= high or rests)


def usual_of(unit: str, role: str = "") -> tuple[float, float]:
    """The range for people."""
    return USUAL_OF_ROLES.get(role) or USUAL.get(unit, (-math.inf, math.inf))
