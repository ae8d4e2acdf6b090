"""EnergyPlus behind the `Plant` protocol: our office or data room in one of five climates, served like any site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from simulator.books import close
from simulator.energyplus import dataroom, office
from simulator.energyplus.api import weather_files
from simulator.energyplus.dataroom_face import DataRoomFace
from simulator.energyplus.epjson import Model
from simulator.energyplus.face import Face, Look, Seen, watch_of
from simulator.energyplus.office_face import OfficeFace
from simulator.energyplus.run import Run
from simulator.parts import Books
from simulator.plant import Account, ScenarioEndedError
from simulator.world import W_MIN_PER_KWH, Tariff

Array = NDArray[np.float64]

LONGEST_STEP_S = 900.0
"""Of EnergyPlus's own; a longer wire step is several of them."""
WARMUP_DAYS = 1
"""Unseen, as in the numpy worlds; EnergyPlus has its own warm-up before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A building that we have."""

    about: str
    build: Callable[[Path, date, int, int], Model]
    """Weather file, first day, days, EnergyPlus steps an hour."""
    face: Callable[[], Face]


BUILDINGS: dict[str, Building] = {
    "office": Building(about="five zones, one air handler with reheat", build=office.build, face=OfficeFace),
    "dataroom": Building(about="four racks, one CRAC, a UPS", build=dataroom.build, face=DataRoomFace),
}
PREFIX = "energyplus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Which days, and how they are cut."""

    start: date = date(2019, 7, 1)
    learn_days: int = 14
    days: int = 7
    wire_step_s: float = 900.0

    @property
    def first(self) -> date:
        """The warm-up day."""
        return self.start - timedelta(days=WARMUP_DAYS)

    @property
    def total_days(self) -> int:
        return WARMUP_DAYS + self.learn_days + self.days

    @property
    def steps_an_hour(self) -> int:
        return round(3600.0 / min(self.wire_step_s, LONGEST_STEP_S))


class EnergyPlusPlant:
    """One building; a process of its own runs EnergyPlus and ends with this object (or `close`)."""

    def __init__(self, building: Building, weather: Path, stay: Stay, tariff: Tariff | None = None) -> None:
        """Raises EnergyPlusFault, ValueError for a step or a span that cannot be."""
        check(stay)
        self.step_s = float(stay.wire_step_s)
        self._face = face = building.face()
        self.writable, self.permits = dict(face.writable), dict(face.permits)
        self.equipment: dict[str, Mapping[str, Any]] = {
            "site": {"kind": "site"},
            **face.equipment,
            **{meter: {"kind": "meter"} for meter in face.meters},
        }
        metered = tuple(f"{meter}.{role}" for meter in face.meters for role in ("electric_power", "electric_energy"))
        self.names: tuple[str, ...] = (*face.points, *metered)
        self.faults, self.noise_k = (), 0.0
        """None are simulated in this plant; those of the wire apply."""
        self.latitude = _latitude(weather)
        self._tariff = tariff or Tariff()
        self._stay = stay
        self._zone_steps = round(self.step_s * stay.steps_an_hour / 3600.0)
        self._seen = Seen(face)
        self._values = dict.fromkeys(self.names, 0.0)
        self._steps = 0
        self._first_unix_s = datetime.combine(stay.first, time(), UTC).timestamp()
        self.start_unix_s = self._first_unix_s + 86400.0 * WARMUP_DAYS
        self.judge_unix_s = self.start_unix_s + 86400.0 * stay.learn_days
        self.end_unix_s = self.judge_unix_s + 86400.0 * stay.days
        model = building.build(weather, stay.first, stay.total_days, stay.steps_an_hour)
        self._run = Run(model, weather, watch_of(face))
        self.start_account()
        while self.unix_s < self.start_unix_s:
            self.step({})
        for name in self._counters():
            self._values[name] = 0.0
        self.start_account()

    @property
    def unix_s(self) -> float:
        return self._first_unix_s + self.step_s * self._steps

    def close(self) -> None:
        """End EnergyPlus; a step afterwards raises EnergyPlusFault."""
        self._run.close()

    def __enter__(self) -> EnergyPlusPlant:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    def step(self, overrides: Mapping[str, float]) -> None:
        """As `Plant.step`; raises EnergyPlusFault too."""
        self._admit(overrides)
        if self.unix_s + self.step_s > self.end_unix_s:
            raise ScenarioEndedError("the last day is over; ask for more `days`")
        told = []
        for n in range(self._zone_steps):
            hour = (self.unix_s + n * self.step_s / self._zone_steps) % 86400.0 / 3600.0
            told.append(self._run.step(self._face.orders(overrides, hour)))
        means = len(self._face.means)
        self._seen.values = np.concatenate((np.mean(told, axis=0)[:means], told[-1][means:]))
        look = self._face.look(self._seen)
        self._publish(look)
        self._book(look)
        self._steps += 1

    def _admit(self, overrides: Mapping[str, float]) -> None:
        for name, value in overrides.items():
            low, high = self.writable[name]
            if not low <= value <= high:
                raise ValueError(f"{name}: {value} is not within {low}..{high}")

    def _counters(self) -> list[str]:
        return [name for name in self.names if name.endswith(".electric_energy")]

    def _publish(self, look: Look) -> None:
        self._values |= look.values
        for meter, uses in self._face.meters.items():
            watts = sum(power for use, power in look.power_w.items() if not uses or use in uses)
            self._values[f"{meter}.electric_power"] = watts / 1000.0
        for name in self._counters():
            power = self._values[name.removesuffix("energy") + "power"]
            self._values[name] += power * self.step_s / 3600.0

    def read(self) -> Array:
        return np.array([self._values[name] for name in self.names], np.float64)

    # --- books ---

    def start_account(self) -> None:
        self._books = Books()
        self._use_j: dict[str, Array] = {}
        self._gas_j = np.zeros(1)
        self._money = np.zeros((4, 1))
        """Cost, carbon in kg, import and export in J."""
        self._booked_s = 0.0

    def _book(self, look: Look) -> None:
        for use, watts in look.power_w.items():
            self._use_j[use] = self._use_j.get(use, np.zeros(1)) + watts * self.step_s
        self._gas_j += look.gas_w * self.step_s
        now = datetime.fromtimestamp(self.unix_s, UTC)
        minutes = self.step_s / 60.0
        first = now.hour * 60 + now.minute
        per_w = self._tariff.per_w(np.array([now.weekday()]))[:2, first : first + round(minutes)].sum(axis=1)
        watts, gas_w = sum(look.power_w.values()), look.gas_w
        self._money[:2] += watts * per_w
        self._money[2] += watts * self.step_s
        self._money[0] += gas_w * minutes * self._tariff.gas_per_kwh / W_MIN_PER_KWH
        self._money[1] += gas_w * minutes * self._tariff.gas_carbon_kg_per_kwh / W_MIN_PER_KWH
        self._face.book(self._books, look, self.step_s)
        self._booked_s += self.step_s

    def account(self) -> Account:
        return close(0, self._booked_s, self._use_j, self._gas_j, self._money, [self._books], self._face.room_uses)


def names() -> list[str]:
    """`energyplus-office-chicago` and so on. Raises EnergyPlusFault where EnergyPlus is not installed."""
    return sorted(f"{PREFIX}-{building}-{place}" for building in BUILDINGS for place in weather_files())


def load(name: str, stay: Stay, tariff: Tariff | None = None) -> EnergyPlusPlant:
    """A plant by its name. Raises ConfigError for an unknown one, ValueError as the plant does, EnergyPlusFault."""
    files = weather_files()
    _, _, rest = name.partition("-")
    building, _, place = rest.partition("-")
    if not name.startswith(f"{PREFIX}-") or building not in BUILDINGS or place not in files:
        told = names()
        raise _wrong(name, "scenario", "no such building", f"one of {', '.join(told)}", nearest(name, told))
    return EnergyPlusPlant(BUILDINGS[building], files[place], stay, tariff)


def ask(
    name: str,
    *,
    start: str | None = None,
    days: int | None = None,
    learn_days: int | None = None,
    wire_step_s: float | None = None,
) -> EnergyPlusPlant:
    """The same for what a person typed. Raises ConfigError, EnergyPlusFault."""
    told = {"days": days, "learn_days": learn_days, "wire_step_s": wire_step_s}
    try:
        first = {} if start is None else {"start": date.fromisoformat(start)}
        return load(name, Stay(**first, **{key: value for key, value in told.items() if value is not None}))  # type: ignore[arg-type]
    except ValueError as fault:
        raise _wrong(
            f"argument to {name}", "stay", str(fault), "a date such as 2019-07-01, and a step of a clock"
        ) from None


def _wrong(file: str, key: str, found: str, wanted: str, like: str | None = None) -> ConfigError:
    return ConfigError([Problem(file=file, line=0, key=key, found=found, wanted=wanted, nearest=like)])


def check(stay: Stay) -> None:
    """Raises ValueError."""
    if stay.wire_step_s not in (60, 300, 600, 900, 1800, 3600):
        raise ValueError(f"wire step {stay.wire_step_s} s is not one of 60, 300, 600, 900, 1800, 3600")
    if stay.learn_days < 0 or stay.days < 1:
        raise ValueError(f"{stay.learn_days} learning days and {stay.days} days; wanted at least 0 and 1")
    days = [stay.first + timedelta(days=n) for n in range(stay.total_days)]
    if any((day.month, day.day) == (2, 29) for day in days):
        raise ValueError("a leap day is in no weather file of a typical year; choose another start")


def _latitude(weather: Path) -> float:
    with weather.open(encoding="latin-1") as file:
        return float(file.readline().split(",")[6])
