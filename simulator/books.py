"""Keeps the judge's account: sums over sub-steps, closed into a frozen `Account` on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator.physics.dataroom import DataRoom
from simulator.physics.lifts import Lifts
from simulator.physics.office import Office
from simulator.plant import Account, IdleAccount

COMFORT_LOW_C, COMFORT_HIGH_C = 20.5, 25.5
COMFORT_SLACK_K = 0.1
"""Less than this outside is not counted."""
INLET_MAX_C = 27.0
"""Recommended for class A1: ASHRAE TC 9.9, Thermal Guidelines for Data Processing Environments."""
EXCESS_AIR = 1.3
"""The CRAC idles in so far as it moves more than this times the servers' air."""
SHORT_AIR = 1.05

J_PER_KWH = 3.6e6


@dataclass(slots=True)
class Idle:
    """Sums of one machine, s and J."""

    running_s: float = 0.0
    idle_s: float = 0.0
    idle_j: float = 0.0

    def close(self) -> IdleAccount:
        return IdleAccount(
            running_h=self.running_s / 3600.0, idle_h=self.idle_s / 3600.0, idle_kwh=self.idle_j / J_PER_KWH
        )


@dataclass(slots=True)
class Books:
    """All sums, J and s unless named otherwise."""

    zones: int
    seconds: float = 0.0
    fan: float = 0.0
    cooling: float = 0.0
    heating: float = 0.0
    crac_fan: float = 0.0
    compressor: float = 0.0
    lifts: float = 0.0
    it: float = 0.0
    server_fan: float = 0.0
    ups: float = 0.0
    plug: float = 0.0
    hi_ks: list[float] = field(default_factory=list)
    lo_ks: list[float] = field(default_factory=list)
    worst_hi_k: float = 0.0
    worst_lo_k: float = 0.0
    occupied_s: float = 0.0
    unvent_s: float = 0.0
    co2_max_ppm: float = 0.0
    inlet_ks: float = 0.0
    worst_inlet_c: float = -99.0
    short_s: float = 0.0
    lift_runs: float = 0.0
    starts: int = 0
    ahu_idle: Idle = field(default_factory=Idle)
    crac_idle: Idle = field(default_factory=Idle)
    lift_idle: Idle = field(default_factory=Idle)
    _waits: list[tuple[float, float]] = field(default_factory=list)
    """(mean wait, passengers) of minutes with passengers."""

    def __post_init__(self) -> None:
        self.hi_ks = [0.0] * self.zones
        self.lo_ks = [0.0] * self.zones

    def count(self, dt_s: float, office: Office, people: list[float], plug_w: float) -> None:
        """The floor's sub-step."""
        self.seconds += dt_s
        self.fan += office.fan_w * dt_s
        self.cooling += office.cooling_w * dt_s
        self.heating += office.heating_w * dt_s
        self.plug += plug_w * dt_s
        crowd = sum(people)
        if crowd > 0.0:
            self._comfort(dt_s, office, people)
        if office.total_flow_kg_s > 0.0:
            self.ahu_idle.running_s += dt_s
            if crowd == 0.0:
                self.ahu_idle.idle_s += dt_s
                self.ahu_idle.idle_j += (office.fan_w + office.cooling_w + office.heating_w) * dt_s

    def _comfort(self, dt_s: float, office: Office, people: list[float]) -> None:
        self.occupied_s += dt_s
        if office.total_flow_kg_s == 0.0:
            self.unvent_s += dt_s
        for z, count in enumerate(people):
            if count == 0.0:
                continue
            over, under = office.air_c[z] - COMFORT_HIGH_C, COMFORT_LOW_C - office.air_c[z]
            if over > COMFORT_SLACK_K:
                self.hi_ks[z] += over * dt_s
                self.worst_hi_k = max(self.worst_hi_k, over)
            elif under > COMFORT_SLACK_K:
                self.lo_ks[z] += under * dt_s
                self.worst_lo_k = max(self.worst_lo_k, under)
            self.co2_max_ppm = max(self.co2_max_ppm, office.co2_ppm[z])

    def count_room(self, dt_s: float, room: DataRoom) -> None:
        """The data room's sub-step."""
        self.crac_fan += room.fan_w * dt_s
        self.compressor += room.compressor_w * dt_s
        self.it += room.it_w * dt_s
        self.server_fan += room.server_fan_w * dt_s
        self.ups += room.ups_w * dt_s
        for inlet in room.inlet_c:
            if inlet > self.worst_inlet_c:
                self.worst_inlet_c = inlet
            if inlet > INLET_MAX_C:
                self.inlet_ks += (inlet - INLET_MAX_C) * dt_s
        if room.server_kg_s > SHORT_AIR * room.crac_kg_s:
            self.short_s += dt_s
        self.crac_idle.running_s += dt_s
        needed = EXCESS_AIR * room.server_kg_s / room.crac_kg_s
        if needed < 1.0:
            self.crac_idle.idle_s += dt_s
            self.crac_idle.idle_j += room.fan_w * (1.0 - needed**3) * dt_s

    def count_lifts(self, dt_s: float, lifts: Lifts, runs: float, passengers: float) -> None:
        """The lifts' sub-step; their running hours are car-hours in service."""
        self.lifts += lifts.power_w * dt_s
        self.lift_runs += runs
        self.lift_idle.running_s += lifts.in_service * dt_s
        self.lift_idle.idle_s += lifts.idle_cars * dt_s
        self.lift_idle.idle_j += lifts.idle_cars * lifts.group.standing_w * dt_s
        if passengers > 0.0:
            self._waits.append((lifts.waiting_s, passengers))

    def _waiting(self) -> tuple[float, float]:
        """Mean and 90th percentile over passengers, s."""
        if not self._waits:
            return 0.0, 0.0
        waits = np.array(sorted(self._waits))
        weight = np.cumsum(waits[:, 1])
        mean = float(np.average(waits[:, 0], weights=waits[:, 1]))
        return mean, float(waits[np.searchsorted(weight, 0.9 * weight[-1]), 0])

    def close(self) -> Account:
        """The account so far; the books stay open."""
        kwh = {
            name: getattr(self, name) / J_PER_KWH
            for name in (
                "fan",
                "cooling",
                "heating",
                "crac_fan",
                "compressor",
                "lifts",
                "it",
                "server_fan",
                "ups",
                "plug",
            )
        }
        crac = kwh["crac_fan"] + kwh["compressor"]
        hvac = kwh["fan"] + kwh["cooling"] + kwh["heating"] + crac
        room = kwh["it"] + kwh["ups"] + crac
        mean, p90 = self._waiting()
        return Account(
            hours=self.seconds / 3600.0,
            **{f"{name}_kwh": value for name, value in kwh.items()},
            hvac_kwh=hvac,
            site_kwh=hvac + kwh["lifts"] + kwh["it"] + kwh["ups"] + kwh["plug"],
            room_kwh=room,
            pue=room / kwh["it"] if kwh["it"] else 0.0,
            comfort_hi_kh=sum(self.hi_ks) / 3600.0,
            comfort_lo_kh=sum(self.lo_ks) / 3600.0,
            zone_hi_kh=tuple(ks / 3600.0 for ks in self.hi_ks),
            zone_lo_kh=tuple(ks / 3600.0 for ks in self.lo_ks),
            worst_hi_k=self.worst_hi_k,
            worst_lo_k=self.worst_lo_k,
            occupied_h=self.occupied_s / 3600.0,
            unvent_h=self.unvent_s / 3600.0,
            co2_max_ppm=self.co2_max_ppm,
            inlet_kh=self.inlet_ks / 3600.0,
            worst_inlet_c=self.worst_inlet_c,
            short_h=self.short_s / 3600.0,
            lift_trips=self.lift_runs,
            lift_waiting_mean_s=mean,
            lift_waiting_p90_s=p90,
            ahu_starts=self.starts,
            idle={
                "ahu1": self.ahu_idle.close(),
                "crac1": self.crac_idle.close(),
                "lifts1": self.lift_idle.close(),
            },
        )
