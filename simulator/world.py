"""A site in many parallel worlds: composes parts, turns them minute by minute, and keeps meters and books.

`Worlds` is the arena: one site, many dice (or many days), all stepped by the same numpy calls. `World` is one of
them as a `Plant`, for the wire and the agent. Same plan and seeds, same bytes; no world sees another.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.books import OWN_SOURCES, close
from simulator.faults import Fault, of_layer
from simulator.parts import MINUTES, SUB_STEP_S, Array, Part
from simulator.physics.weather import Sky
from simulator.plant import Account, Permit, ScenarioEndedError, WritablePoint

MEANS = ("_power", "_flow", "waiting_time_mean")
"""Roles told as means over the wire step; what else there is, is told as it stands at its end."""
COUNTERS = ("electric_energy",)
W_MIN_PER_KWH = 60_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a kWh costs and emits; our assumptions for a commercial contract unless the scenario says otherwise."""

    peak_per_kwh: float = 0.28
    off_peak_per_kwh: float = 0.18
    peak_from_h: float = 8.0
    peak_to_h: float = 20.0
    """On working days."""
    gas_per_kwh: float = 0.09
    feed_in_per_kwh: float = 0.07
    carbon_kg_per_kwh: float = 0.35
    solar_dip: float = 0.3
    """The grid's carbon at noon lies so much below its mean, and above it in the evening."""
    gas_carbon_kg_per_kwh: float = 0.201
    """Natural gas, gross calorific value: UK government greenhouse gas conversion factors give 0.18 to 0.20."""

    def price(self, hour: Array, weekday: NDArray[np.int64]) -> Array:
        """Currency a kWh, [hours, worlds]."""
        is_peak = (weekday < 5) & ((self.peak_from_h <= hour) & (hour < self.peak_to_h))[:, None]
        return np.where(is_peak, self.peak_per_kwh, self.off_peak_per_kwh)

    def carbon(self, hour: Array) -> Array:
        """kg CO2 a kWh of electricity: lowest at 13:00, highest twelve hours later (a plain wave, our assumption)."""
        return self.carbon_kg_per_kwh * (1.0 - self.solar_dip * np.cos(2.0 * np.pi * (hour - 13.0) / 24.0))

    def per_w(self, weekday: NDArray[np.int64]) -> Array:
        """What one W for a minute adds to cost, carbon, import and export, [4, 1440, worlds]."""
        hour = np.arange(MINUTES) / 60.0
        price = self.price(hour, weekday)
        carbon = np.broadcast_to(self.carbon(hour)[:, None], price.shape)
        return np.stack((price / W_MIN_PER_KWH, carbon / W_MIN_PER_KWH, np.ones_like(price), np.zeros_like(price)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which days a run lives: first the warm-up, unseen; then days to learn from; then the judged ones."""

    learn_days: int
    days: int
    wire_step_s: float
    warmup_days: int = 1

    @property
    def total_days(self) -> int:
        return self.warmup_days + self.learn_days + self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Parts in the order in which they turn, and what is measured of them."""

    parts: tuple[Part, ...]
    meters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Meter -> end uses behind it; no end use: the whole site's import."""
    room_uses: tuple[str, ...] = ()
    """End uses that are the data room's facility, for the PUE."""


class Worlds:
    """One site in `worlds` parallel worlds, stepped together."""

    def __init__(
        self,
        site: Site,
        sky: Sky,
        span: Span,
        first_days: Sequence[date],
        tariff: Tariff | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        """`first_days`: the first learning day of each world. Only machine faults are carried out here, the others are
        for the wire or whoever else stands between plant and agent.
        """
        steps = span.wire_step_s / SUB_STEP_S
        if steps < 1.0 or steps != int(steps) or 86400.0 % span.wire_step_s:
            raise ValueError(f"wire step {span.wire_step_s} s is not a whole number of minutes that divides a day")
        self.worlds = len(first_days)
        self.parts = site.parts
        self.step_s = float(span.wire_step_s)
        self.writable: dict[str, WritablePoint] = {n: r for p in self.parts for n, r in p.writable.items()}
        self.permits: dict[str, Permit] = {n: r for p in self.parts for n, r in p.permits.items()}
        self.equipment: dict[str, Mapping[str, Any]] = {
            "site": {"kind": "site"},
            **{n: e for p in self.parts for n, e in p.equipment.items()},
            **{meter: {"kind": "meter"} for meter in site.meters},
        }
        self._sky, self._span, self._tariff = sky, span, tariff or Tariff()
        self._meters = dict(site.meters)
        self._room_uses = site.room_uses
        self._sub_steps = int(steps)
        self._minute = 0
        self._lay_out()
        self.faults = tuple(faults)
        self._strikes = [(fault, [False]) for fault in of_layer(faults, "machine")]
        midnight = datetime.combine(first_days[0] - timedelta(days=span.warmup_days), time(), UTC)
        self._first_unix_s = midnight.timestamp()
        self._begin_day()
        for _ in range(int(span.warmup_days * 86400.0 / self.step_s)):
            self.step()
        self._restart_counters()
        self.start_unix_s = self.unix_s
        self.judge_unix_s = self.start_unix_s + 86400.0 * span.learn_days
        self.end_unix_s = self.judge_unix_s + 86400.0 * span.days

    def _lay_out(self) -> None:
        """Names, and which rows belong to whom."""
        ours = ("site.outdoor_air_temperature", "site.solar_irradiance")
        metered = tuple(f"{meter}.{role}" for meter in self._meters for role in ("electric_power", "electric_energy"))
        self.names: tuple[str, ...] = ours + tuple(n for part in self.parts for n in part.points) + metered
        self._row = {name: row for row, name in enumerate(self.names)}
        self._uses = [use for part in self.parts for use in part.uses]
        self._is_behind = {
            meter: np.array([float(use in uses) for use in self._uses]) if uses else None
            for meter, uses in self._meters.items()
        }
        points = [name for part in self.parts for name in part.points]
        self._is_mean = np.array([name.endswith(MEANS) for name in points])[:, None]
        self._meter_rows = np.array([self._row[f"{meter}.electric_power"] for meter in self._meters], int)
        self._sums = np.zeros((len(points) + len(self._meters), self.worlds))
        counted = [name.removesuffix("electric_energy") for name in self.names if name.endswith(COUNTERS)]
        self._counter_rows = np.array([self._row[f"{machine}electric_energy"] for machine in counted])
        self._power_rows = np.array([self._row[f"{machine}electric_power"] for machine in counted])
        self._counters_kwh = np.zeros((len(counted), self.worlds))
        self._shown = np.zeros((len(self.names), self.worlds))
        self._held = np.full((len(self.writable), self.worlds), np.nan)
        self._held_row = {name: row for row, name in enumerate(self.writable)}
        self._held_of = self._views()
        self._joules = np.zeros((len(self._uses), self.worlds))
        self._gas_j = np.zeros(self.worlds)
        self._money = np.zeros((4, self.worlds))
        """Cost, carbon, import J a minute, export."""
        self._sub_steps_booked = 0
        self._sells = "pv" in self._uses or "battery" in self._uses
        self._burns = any(part.burns_gas for part in self.parts)

    # --- time ---

    @property
    def unix_s(self) -> float:
        """Of the first world; the others live the same minutes of their own days."""
        return self._first_unix_s + SUB_STEP_S * self._minute

    def _begin_day(self) -> None:
        number = self._minute // MINUTES
        try:
            self._today = self._sky.day(number)
        except IndexError as fault:
            raise ScenarioEndedError("the scenario's last day is over; load it with more `days`") from fault
        for part in self.parts:
            part.begin_day(number, self._today)
        self._per_w = self._tariff.per_w(self._today.weekday)

    def hold(self, overrides: Mapping[str, float | Array]) -> None:
        """From now on hold these, one value for all worlds or [worlds] with NaN for own control, and nothing else.

        Raises KeyError for a point that is not writable, ValueError for a value outside its range.
        """
        self._held[:] = np.nan
        for name, value in overrides.items():
            low, high = self.writable[name]
            told = np.asarray(value, np.float64)
            if np.any((told < low) | (told > high)) or (told.ndim == 0 and not np.isfinite(told)):
                raise ValueError(f"{name}: {value} is not within {low}..{high}")
            self._held[self._held_row[name]] = told

    def step(self) -> None:
        """Advance one wire step with what is held. Raises ScenarioEndedError."""
        if self._minute + self._sub_steps > self._span.total_days * MINUTES:
            raise ScenarioEndedError("the scenario's last day is over; load it with more `days`")
        self._sums[:] = 0.0
        for n in range(self._sub_steps):
            self._sub_step(is_told=n == self._sub_steps - 1)
        self._publish()

    def _sub_step(self, *, is_told: bool) -> None:
        minute = self._minute % MINUTES
        if minute == 0 and self._minute:
            self._begin_day()
        self._strike()
        for part, held in zip(self.parts, self._held_of, strict=True):
            part.is_told = is_told
            part.advance(minute, self._today, held)
        self._minute += 1
        self._book(minute)

    def _strike(self) -> None:
        """Machine faults that begin or end now."""
        for fault, is_on in self._strikes:
            if fault.is_on(self.unix_s) != is_on[0]:
                is_on[0] = not is_on[0]
                for part in self.parts:
                    for equipment in set(fault.where) & set(part.ailments.get(fault.kind, ())):
                        part.ail(fault.kind, equipment, fault.size if is_on[0] else None)

    def _book(self, minute: int) -> None:
        """Energy, money and carbon of this sub-step, and the sums behind what is told as means."""
        power = np.concatenate([part.power_w for part in self.parts])
        self._joules += power
        net = power.sum(axis=0)
        self._money += net * self._per_w[:, minute]
        if self._sells:
            self._sell(np.minimum(net, 0.0), minute)
        if self._burns:
            self._burn(sum((part.gas_w for part in self.parts), np.zeros(self.worlds)))
        row = 0
        for part in self.parts:
            self._sums[row : row + len(part.points)] += part.values
            row += len(part.points)
        for place, is_behind in enumerate(self._is_behind.values(), start=row):
            self._sums[place] += net if is_behind is None else is_behind @ power
        self._sub_steps_booked += 1

    def _sell(self, spare_w: Array, minute: int) -> None:
        """What `net` counted as bought below nothing is sold: at its own price, and no carbon is taken off."""
        tariff = self._tariff
        self._money -= spare_w * self._per_w[:, minute]
        self._money[0] += spare_w * tariff.feed_in_per_kwh / W_MIN_PER_KWH
        self._money[3] -= spare_w

    def _burn(self, gas_w: Array) -> None:
        tariff = self._tariff
        self._gas_j += gas_w
        self._money[0] += gas_w * tariff.gas_per_kwh / W_MIN_PER_KWH
        self._money[1] += gas_w * tariff.gas_carbon_kg_per_kwh / W_MIN_PER_KWH

    def _publish(self) -> None:
        """Means over the step for powers and flows, so that counters and powers agree."""
        last = np.concatenate([part.values for part in self.parts])
        minute = (self._minute - 1) % MINUTES
        self._shown[0] = self._today.outdoor_c[minute]
        self._shown[1] = self._today.irradiance_w_m2[minute]
        means = self._sums / self._sub_steps
        means[len(last) :] /= 1000.0
        self._shown[2 : 2 + len(last)] = np.where(self._is_mean, means[: len(last)], last)
        self._shown[self._meter_rows] = means[len(last) :]
        if len(self._counter_rows):
            self._counters_kwh += self._shown[self._power_rows] * self.step_s / 3600.0
            self._shown[self._counter_rows] = self._counters_kwh

    def read(self) -> Array:
        """True values at the end of the step, [len(names), worlds]."""
        return self._shown.copy()

    # --- books ---

    def _restart_counters(self) -> None:
        """Counters begin with the first learning day."""
        self._counters_kwh[:] = 0.0
        if len(self._counter_rows):
            self._shown[self._counter_rows] = 0.0
        for part in self.parts:
            part.restart_counters()
        self.start_account()

    def start_account(self) -> None:
        for total in (self._joules, self._gas_j, self._money):
            total[:] = 0.0
        self._sub_steps_booked = 0
        for part in self.parts:
            part.books.clear()
            part.open_books()

    def copy(self) -> Worlds:
        """The same instant once more, to be lived in another way; the sky is shared, for it never changes."""
        twin = copy.deepcopy(self, {id(self._sky): self._sky})
        twin._held_of = twin._views()
        return twin

    def _views(self) -> list[Array]:
        """Each part's rows of what is held."""
        ends = np.cumsum([len(part.writable) for part in self.parts])
        return [self._held[end - len(part.writable) : end] for end, part in zip(ends, self.parts, strict=True)]

    def spent_j(self) -> Array:
        """Since the books began: electricity by part, and gas in the last row, [parts + 1, worlds]."""
        rows, first = [], 0
        for part in self.parts:
            bought = [first + n for n, use in enumerate(part.uses) if use not in OWN_SOURCES]
            rows.append(self._joules[bought].sum(axis=0))
            first += len(part.uses)
        return SUB_STEP_S * np.stack([*rows, self._gas_j])

    def accounts(self) -> list[Account]:
        """By world."""
        use_j = dict[str, Array]()
        for use, joules in zip(self._uses, self._joules, strict=True):
            use_j[use] = use_j.get(use, 0.0) + SUB_STEP_S * joules
        books = [part.books for part in self.parts]
        scaled = self._money.copy()
        scaled[2:] *= SUB_STEP_S
        seconds, gas_j = SUB_STEP_S * self._sub_steps_booked, SUB_STEP_S * self._gas_j
        return [close(w, seconds, use_j, gas_j, scaled, books, self._room_uses) for w in range(self.worlds)]


class World:
    """One world as a `Plant`."""

    def __init__(self, worlds: Worlds, noise_k: float = 0.0) -> None:
        """`noise_k`: how much its temperature sensors tremble, for whoever stands between plant and agent."""
        if worlds.worlds != 1:
            raise ValueError(f"a plant is one world, not {worlds.worlds}")
        self._worlds = worlds
        self.names, self.writable, self.step_s = worlds.names, worlds.writable, worlds.step_s
        self.permits, self.equipment = worlds.permits, worlds.equipment
        self.faults, self.noise_k = worlds.faults, noise_k
        self.start_unix_s = worlds.start_unix_s
        self.judge_unix_s, self.end_unix_s = worlds.judge_unix_s, worlds.end_unix_s

    @property
    def unix_s(self) -> float:
        return self._worlds.unix_s

    def step(self, overrides: Mapping[str, float]) -> None:
        self._worlds.hold(overrides)
        self._worlds.step()

    def read(self) -> Array:
        return self._worlds.read()[:, 0]

    def start_account(self) -> None:
        self._worlds.start_account()

    def account(self) -> Account:
        return self._worlds.accounts()[0]
