"""The site `office-tower`: one office floor, a data room and a lift group behind one meter, as a `Plant`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.books import Books
from simulator.physics import dataroom, lifts, occupancy, weather
from simulator.physics.dataroom import DataRoom
from simulator.physics.lifts import Lifts
from simulator.physics.office import DEADBAND_K, Drive, Office, OfficeOrders
from simulator.plant import Account, ScenarioEndedError
from simulator.sites import building
from simulator.sites.points import NAMES, RACKS, WRITABLE, ZONES

Array = NDArray[np.float64]

SUB_STEP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnControl:
    """What the building does when nobody tells it otherwise: ordinary, and wasteful in ordinary ways."""

    start_h: float = 5.0
    stop_h: float = 21.0
    """The clock runs all seven days."""
    heating_c: float = 22.0
    cooling_c: float = 23.0
    heating_off_c: float = 18.0
    cooling_off_c: float = 28.0
    supply_c: float = 14.0
    night_low_c: float = 15.0
    """A zone below this starts the AHU at night, until all are 1 K above."""
    crac_supply_c: float = 17.0
    crac_fan_pct: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that can be built: days, season, dice."""

    season: str
    start: date
    learn_days: int
    days: int
    wire_step_s: float
    seed: int
    latitude: float
    spread: float
    holidays: tuple[date, ...] = ()
    warmup_days: int = 1
    own: OwnControl = field(default_factory=OwnControl)


class OfficeTower:
    """One floor of four zones, one room of four racks, four cars. Deterministic: same plan, same bytes."""

    def __init__(self, plan: Plan) -> None:
        steps = plan.wire_step_s / SUB_STEP_S
        if steps < 1.0 or steps != int(steps) or 86400.0 % plan.wire_step_s:
            raise ValueError(f"wire step {plan.wire_step_s} s is not a whole number of minutes that divides a day")
        self.names = NAMES
        self.writable = dict(WRITABLE)
        self.step_s = float(plan.wire_step_s)
        self.building, self._signals = _prepare(plan)
        self.own = plan.own
        self._sub_steps = int(steps)
        self._minute = 0
        self.office = Office(self.building.zones, self.building.ahu, [22.0] * 4, [22.0] * 4)
        self.room = DataRoom(self.building.room)
        self.lifts = Lifts(self.building.lifts)
        self._orders = OfficeOrders(is_on=False, heating_c=[], cooling_c=[], supply_c=self.own.supply_c)
        self._supply_set_c, self._crac_speed_pct = self.own.crac_supply_c, self.own.crac_fan_pct
        self._cars = self.building.lifts.cars
        self._night_cycle = False
        self._values: dict[str, float] = {}
        self._counters_kwh = dict.fromkeys(("ahu1", "crac1", "lifts1", "meter1", "meter2"), 0.0)
        self._books = Books(len(ZONES))
        self._first_unix_s = datetime.combine(plan.start, time(), UTC).timestamp() - 86400.0 * plan.warmup_days
        for _ in range(int(plan.warmup_days * 86400.0 / self.step_s)):
            self.step({})
        self._restart_counters()
        self.start_unix_s = self.unix_s
        self.judge_unix_s = self.start_unix_s + 86400.0 * plan.learn_days
        self.end_unix_s = self.judge_unix_s + 86400.0 * plan.days

    @property
    def unix_s(self) -> float:
        return self._first_unix_s + SUB_STEP_S * self._minute

    def _restart_counters(self) -> None:
        """Counters begin with the first learning day."""
        self._counters_kwh = dict.fromkeys(self._counters_kwh, 0.0)
        self.lifts.runs = 0.0
        for name in NAMES:
            if name.endswith((".electric_energy", ".trips_count")):
                self._values[name] = 0.0
        self.start_account()

    def start_account(self) -> None:
        self._books = Books(len(ZONES))

    def account(self) -> Account:
        return self._books.close()

    def read(self) -> Array:
        return np.array([self._values[name] for name in self.names], dtype=np.float64)

    def step(self, overrides: Mapping[str, float]) -> None:
        _check(overrides)
        block = self._signals[self._minute : self._minute + self._sub_steps]
        if len(block) < self._sub_steps:
            raise ScenarioEndedError("the scenario's last day is over; load it with more `days`")
        mean = _Mean()
        row: list[float] = []
        for row in block.tolist():
            self._sub_step(row, overrides, mean)
        self._values = self._publish(row, mean)

    def _sub_step(self, row: list[float], overrides: Mapping[str, float], mean: _Mean) -> None:
        """One minute of everything. The columns of `row` are those of `_prepare`."""
        people, plug = row[6:10], row[10:14]
        orders = self._office_orders(overrides)
        gain = [w + building.HEAT_W_PERSON * n for w, n in zip(plug, people, strict=True)]
        drive = Drive(outdoor_c=row[0], sun_w_m2=row[2:6], gain_w=gain, people=people)
        self.office.advance(SUB_STEP_S, drive, orders)
        self._supply_set_c, self._crac_speed_pct = self._room_orders(overrides)
        self.room.advance(SUB_STEP_S, row[14:18], row[0], self._supply_set_c, self._crac_speed_pct / 100.0)
        self._cars = round(overrides.get("lifts1.cars_in_service_setpoint", self.building.lifts.cars))
        runs = self.lifts.runs
        self.lifts.advance(row[18], row[19], self._cars)
        self._orders = orders
        self._minute += 1
        self._book(people, sum(plug), self.lifts.runs - runs, row[18], mean)

    def _office_orders(self, overrides: Mapping[str, float]) -> OfficeOrders:
        """The clock's set-points, replaced one by one by those held from afar."""
        own, hour = self.own, (self._minute % 1440) / 60.0
        in_hours = own.start_h <= hour < own.stop_h
        coldest = min(self.office.air_c)
        self._night_cycle = coldest < own.night_low_c + (1.0 if self._night_cycle else 0.0)
        command = overrides.get("ahu1.on_off_command")
        is_on = command >= 0.5 if command is not None else in_hours or self._night_cycle
        cool_own, heat_own = (own.cooling_c, own.heating_c) if in_hours else (own.cooling_off_c, own.heating_off_c)
        cooling = [overrides.get(f"{zone}.zone_air_cooling_temperature_setpoint", cool_own) for zone in ZONES]
        heating = [overrides.get(f"{zone}.zone_air_heating_temperature_setpoint", heat_own) for zone in ZONES]
        if is_on and not self._orders.is_on:
            self._books.starts += 1
        return OfficeOrders(
            is_on=is_on,
            cooling_c=cooling,
            heating_c=[min(h, c - DEADBAND_K) for h, c in zip(heating, cooling, strict=True)],
            supply_c=overrides.get("ahu1.supply_air_temperature_setpoint", own.supply_c),
        )

    def _room_orders(self, overrides: Mapping[str, float]) -> tuple[float, float]:
        return (
            overrides.get("crac1.supply_air_temperature_setpoint", self.own.crac_supply_c),
            overrides.get("crac1.fan_speed_setpoint", self.own.crac_fan_pct),
        )

    def _book(self, people: list[float], plug_w: float, runs: float, passengers: float, mean: _Mean) -> None:
        office, room, group = self.office, self.room, self.lifts
        books = self._books
        books.count(SUB_STEP_S, office, people, plug_w)
        books.count_room(SUB_STEP_S, room)
        books.count_lifts(SUB_STEP_S, group, runs, passengers)
        mean.add(office, room, group, plug_w)

    def _publish(self, row: list[float], mean: _Mean) -> dict[str, float]:
        """Every point by name; powers are means over the step, so that counters and powers agree."""
        kw = mean.kw(self._sub_steps)
        power = {
            "ahu1": kw["fan"] + kw["cooling"] + kw["heating"],
            "crac1": kw["crac_fan"] + kw["compressor"],
            "lifts1": kw["lifts"],
            "meter2": kw["it"] + kw["ups"],
        }
        power["meter1"] = sum(power.values()) + kw["plug"]
        values = {"site.outdoor_air_temperature": row[0], "site.solar_irradiance": row[1]}
        for machine, draw_kw in power.items():
            self._counters_kwh[machine] += draw_kw * self.step_s / 3600.0
            values[f"{machine}.electric_power"] = draw_kw
            values[f"{machine}.electric_energy"] = self._counters_kwh[machine]
        return values | self._floor_values(row, mean, kw) | self._room_values(kw) | self._lift_values(mean)

    def _floor_values(self, row: list[float], mean: _Mean, kw: dict[str, float]) -> dict[str, float]:
        office, orders = self.office, self._orders
        values = {
            "ahu1.on_off_command": float(orders.is_on),
            "ahu1.on_off_status": float(orders.is_on),
            "ahu1.supply_air_temperature": office.supply_c,
            "ahu1.return_air_temperature": office.return_c,
            "ahu1.supply_air_temperature_setpoint": orders.supply_c,
            "ahu1.supply_air_flow": sum(mean.flow) / self._sub_steps,
            "ahu1.fan_power": kw["fan"],
            "ahu1.cooling_power": kw["cooling"],
            "ahu1.heating_power": kw["heating"],
        }
        for z, zone in enumerate(ZONES):
            values[f"{zone}.zone_air_temperature"] = office.air_c[z]
            values[f"{zone}.occupancy_count"] = row[6 + z]
            values[f"{zone}.supply_air_flow"] = mean.flow[z] / self._sub_steps
            values[f"{zone}.co2_level"] = office.co2_ppm[z]
            values[f"{zone}.zone_air_heating_temperature_setpoint"] = orders.heating_c[z]
            values[f"{zone}.zone_air_cooling_temperature_setpoint"] = orders.cooling_c[z]
        return values

    def _room_values(self, kw: dict[str, float]) -> dict[str, float]:
        room = self.room
        return {f"room1.rack_inlet_temperature_{n}": room.inlet_c[n - 1] for n in RACKS} | {
            "room1.it_power": kw["it"],
            "crac1.on_off_status": 1.0,
            "crac1.supply_air_temperature": room.supply_c,
            "crac1.return_air_temperature": room.room_c,
            "crac1.supply_air_temperature_setpoint": self._supply_set_c,
            "crac1.fan_speed_setpoint": self._crac_speed_pct,
            "crac1.fan_speed": self._crac_speed_pct,
            "crac1.fan_power": kw["crac_fan"],
            "crac1.compressor_power": kw["compressor"],
        }

    def _lift_values(self, mean: _Mean) -> dict[str, float]:
        return {
            "lifts1.cars_in_service_setpoint": float(self._cars),
            "lifts1.cars_in_service": float(self.lifts.in_service),
            "lifts1.cars_moving": float(self.lifts.moving),
            "lifts1.trips_count": float(int(self.lifts.runs)),
            "lifts1.waiting_time_mean": mean.waiting_s / self._sub_steps,
        }


class _Mean:
    """Sums over the sub-steps of one wire step."""

    def __init__(self) -> None:
        self.watts = dict.fromkeys(
            ("fan", "cooling", "heating", "crac_fan", "compressor", "it", "ups", "lifts", "plug"), 0.0
        )
        self.waiting_s = 0.0
        self.flow = [0.0] * len(ZONES)
        """kg/s by zone."""

    def add(self, office: Office, room: DataRoom, group: Lifts, plug_w: float) -> None:
        watts = self.watts
        watts["fan"] += office.fan_w
        watts["cooling"] += office.cooling_w
        watts["heating"] += office.heating_w
        watts["crac_fan"] += room.fan_w
        watts["compressor"] += room.compressor_w
        watts["it"] += room.it_w
        watts["ups"] += room.ups_w
        watts["lifts"] += group.power_w
        watts["plug"] += plug_w
        self.waiting_s += group.waiting_s
        for z, flow in enumerate(office.flow_kg_s):
            self.flow[z] += flow

    def kw(self, sub_steps: int) -> dict[str, float]:
        """Mean powers, kW."""
        return {name: watts / sub_steps / 1e3 for name, watts in self.watts.items()}


def _check(overrides: Mapping[str, float]) -> None:
    for point, value in overrides.items():
        low, high = WRITABLE[point]
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{point}: {value} is not within {low}..{high}")


def _prepare(plan: Plan) -> tuple[building.Building, Array]:
    """The building, and what happens to it: float64 [minutes, 20].

    Columns: outdoor C, irradiance, sun on 4 facades, people of 4 zones, lights and plugs of 4 zones W, compute of
    4 racks W, lift passengers in this minute, in the last five.
    """
    seeds = [int(s) for s in np.random.SeedSequence(plan.seed).generate_state(5)]
    house = building.draw(seeds[0], plan.spread)
    first = plan.start - timedelta(days=plan.warmup_days)
    days = plan.warmup_days + plan.learn_days + plan.days
    sky = weather.draw(weather.SEASONS[plan.season], first, days, plan.latitude, building.FACING, seeds[1])
    crowd = occupancy.draw(first, days, len(ZONES), building.PEOPLE_PER_ZONE, plan.holidays, seeds[2])
    compute = dataroom.draw_load(days, np.array(house.rack_w), seeds[3])
    riders = lifts.draw_passengers(
        crowd.people, crowd.arrivals, crowd.departures, building.LIFT_FLOORS_LIKE_OURS, seeds[4]
    )
    plug = house.plug_base_w + house.light_w * (crowd.people > 0) + building.PLUG_W_PERSON * crowd.people
    columns = (
        sky.outdoor_c[:, None],
        sky.irradiance_w_m2[:, None],
        sky.facade_w_m2,
        crowd.people,
        plug,
        compute,
        riders,
    )
    return house, np.concatenate(columns, axis=1)
