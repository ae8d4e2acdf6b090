"""What stands in a scenario's file: a site, its days, its weather and people, what goes wrong, and what is expected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agent.config.base import Number, Positive, Section
from simulator.physics.weather import CLIMATES

Hour = Annotated[float, Field(strict=True, ge=0, le=24, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Cost = Annotated[float, Field(strict=True, ge=0, le=10, allow_inf_nan=False)]
Factor = Annotated[float, Field(strict=True, ge=0.2, le=5, allow_inf_nan=False)]
LONGEST_DAYS = 400


def _a_list(told: Any) -> Any:
    return [told] if isinstance(told, str) else told


def _is_date(told: Any) -> Any:
    if type(told) is not date:
        raise ValueError("a date such as 2019-07-01")
    return told


def _is_climate(told: Any) -> Any:
    if told not in CLIMATES:
        raise ValueError("one of " + ", ".join(CLIMATES))
    return told


Names = Annotated[tuple[str, ...], BeforeValidator(_a_list)]
Date = Annotated[date, BeforeValidator(_is_date)]


class FaultEntry(Section):
    """One thing that goes wrong; `simulator/faults.py` says what each kind strikes and what its size means."""

    kind: str
    points: Names = ()
    """Regular expressions on point ids."""
    devices: Names = ()
    equipment: Names = ()
    day: Annotated[int, Field(strict=True, ge=-LONGEST_DAYS, le=LONGEST_DAYS)] = 1
    """1 is the first judged day; 0 the last learning day."""
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    for_h: Positive
    size: Number | None = None


class EventEntry(Section):
    """People beyond the ordinary: a party, a fair, cleaners."""

    date: Date
    from_h: Hour
    to_h: Hour
    people: Annotated[int, Field(strict=True, ge=1, le=1000)]
    """In each of the zones."""
    zones: Names = ()
    """Ids; none: all."""


class SpellEntry(Section):
    """A heat wave or a cold snap."""

    day: Annotated[int, Field(strict=True, ge=-LONGEST_DAYS, le=LONGEST_DAYS)] = 1
    days: Annotated[int, Field(strict=True, ge=1, le=60)]
    kelvin: Annotated[float, Field(strict=True, ge=-25, le=25, allow_inf_nan=False)]


class FabricEntry(Section):
    """How the building differs from the nominal one, as factors."""

    insulation: Factor = 1.0
    mass: Factor = 1.0
    glass: Factor = 1.0
    gains: Factor = 1.0


class TariffEntry(Section):
    """Currency a kWh, and kg CO2 a kWh; `simulator/world.py` has the defaults."""

    peak_per_kwh: Cost = 0.28
    off_peak_per_kwh: Cost = 0.18
    peak_from_h: Hour = 8.0
    peak_to_h: Hour = 20.0
    gas_per_kwh: Cost = 0.09
    feed_in_per_kwh: Cost = 0.07
    carbon_kg_per_kwh: Cost = 0.35
    solar_dip: Share = 0.3


class Expectation(Section):
    """A field of the account, and what it should come to."""

    min: Number | None = None
    max: Number | None = None


class ScenarioFile(Section):
    """The whole file."""

    title: str = ""
    about: str = ""
    site: str
    sizes: dict[str, Number] = Field(default_factory=dict)
    fabric: FabricEntry = FabricEntry()
    climate: Annotated[str, BeforeValidator(_is_climate)] = "continental"
    season: Literal["summer", "mid", "winter", "year"] = "summer"
    weather: Path | None = None
    """An EPW file, beside the scenario's; then climate and season say nothing."""
    spell: SpellEntry | None = None
    start: Date
    learn_days: Annotated[int, Field(strict=True, ge=0, le=LONGEST_DAYS)]
    days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_DAYS)]
    wire_step_s: Literal[60, 300, 600, 900, 1800, 3600]
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31)]
    latitude: Annotated[float, Field(strict=True, ge=-66, le=66, allow_inf_nan=False)]
    spread: Annotated[float, Field(strict=True, ge=0, le=0.5, allow_inf_nan=False)]
    habits: str = "office"
    holidays: tuple[Date, ...] = ()
    events: tuple[EventEntry, ...] = ()
    own_control: dict[str, Number] = Field(default_factory=dict)
    tariff: TariffEntry = TariffEntry()
    noise_k: Annotated[float, Field(strict=True, ge=0, le=5, allow_inf_nan=False)] = 0.0
    """On temperatures as the sensors show them, standard deviation."""
    faults: tuple[FaultEntry, ...] = ()
    expect: dict[str, Expectation] = Field(default_factory=dict)


SECTIONS = {
    (): ScenarioFile,
    ("fabric",): FabricEntry,
    ("spell",): SpellEntry,
    ("tariff",): TariffEntry,
    ("events", "*"): EventEntry,
    ("faults", "*"): FaultEntry,
    ("expect", "*"): Expectation,
}
"""Which keys are known where; `*` stands for any name or place."""
