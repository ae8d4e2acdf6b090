"""The machines and rooms of a site, who serves whom, and when people are expected."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from agent.config.base import Number, Section
from agent.equipment.kinds import KINDS

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

KEYS_OF = {
    "zone": ("served_by", "comfort_low_c", "comfort_high_c"),
    "crac": ("serves", "inlet_max_c", "it_meter", "chilled_by"),
    "ahu": ("chilled_by",),
    "lift_group": ("cars", "wait_longer_pct"),
}
"""Keys that mean something for some kinds only."""

PARTNERS = {"served_by": "ahu", "serves": "data_room", "it_meter": "meter", "chilled_by": "chilled_water_plant"}
"""Keys that name another equipment, and of which kind."""


class Equipment(Section):
    """A machine or a room."""

    kind: str
    served_by: str | None = None
    """Of a zone: its air handler."""
    comfort_low_c: Number = 20.5
    comfort_high_c: Number = 25.5
    serves: str | None = None
    """Of a CRAC: its data room."""
    inlet_max_c: Number = 27.0
    """ASHRAE TC 9.9, recommended for class A1."""
    it_meter: str | None = None
    """Of a CRAC: the meter of the servers in its room with their UPS; without one the loss is assumed."""
    chilled_by: str | None = None
    """Of a CRAC or an air handler: the plant whose water cools it; without one it has a compressor of its own."""
    cars: Annotated[int, Field(strict=True, ge=1, le=32)] = 4
    wait_longer_pct: Annotated[float, Field(strict=True, ge=0, le=50)] = 0.5
    """Of a lift group: so much longer the mean wait may become for resting cars."""

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in KINDS:
            raise ValueError(f"one of {', '.join(KINDS)}")
        return value


def _is_time(value: str) -> str:
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError('a time of day in quotes, such as "07:30"')
    return value


TimeOfDay = Annotated[str, AfterValidator(_is_time)]


def hour_of(time: str) -> float:
    """Hours after midnight."""
    hours, minutes = map(int, time.split(":"))
    return hours + minutes / 60.0


class Schedule(Section):
    """When people are expected, local time."""

    start: TimeOfDay = "07:00"
    stop: TimeOfDay = "19:00"
    weekdays: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")

    def hours(self) -> tuple[float, float]:
        """Start and stop, hours after midnight."""
        return hour_of(self.start), hour_of(self.stop)

    def day_numbers(self) -> tuple[int, ...]:
        """0 is Monday."""
        return tuple(DAYS.index(day) for day in self.weekdays)
