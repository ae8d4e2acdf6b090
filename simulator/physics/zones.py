"""Rooms as heat nodes: air, and the mass that remembers; CO2 and moisture of the air. Arrays [zones, worlds]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.parts import SUB_STEP_S
from simulator.physics.psychrometrics import CP_AIR_J_KG_K

Array = NDArray[np.float64]

AIR_KG_M3 = 1.2
OUTDOOR_CO2_PPM = 420.0
CO2_M3_S_PERSON = 5.2e-6
"""0.31 l/min a seated person, ASHRAE 62.1, appendix on CO2 as an indicator (1.2 met)."""
MOISTURE_KG_S_PERSON = 1.6e-5
"""About 57 g/h, from 45 W latent of a seated office worker: ASHRAE Fundamentals, nonresidential loads."""
MOISTURE_BUFFER = 8.0
"""Furniture and surfaces hold so many times the moisture of the air (our assumption; studies give 5 to 15)."""
SOLAR_TO_AIR = 0.35
"""Share of the sun through the glass that warms the air at once; the rest falls on the floor (our assumption)."""
GAIN_TO_AIR = 0.6
"""Convective share of people, lights and plugs (our assumption; the rest is radiated to the mass)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneNetwork:
    """Parameters, each [zones, worlds]. Zones stand in a ring, each between the one before and the one after."""

    window_w_k: Array
    """Outdoors to air: glass and thin parts."""
    wall_w_k: Array
    """Outdoors to mass."""
    infiltration_kg_s: Array
    neighbor_w_k: Array
    """Air of this zone to the air of the zone before it."""
    air_j_k: Array
    """Air and light furniture."""
    mass_j_k: Array
    """Slabs and walls as far as a day reaches."""
    air_mass_w_k: Array
    aperture_m2: Array
    """Glass area times solar transmittance, shades as they hang."""
    volume_m3: Array


@dataclass(slots=True, kw_only=True)
class Inflow:
    """What comes into the zones in one sub-step, [zones, worlds] unless told otherwise."""

    outdoor_c: Array
    """[worlds]."""
    outdoor_kg_kg: Array
    """[worlds]."""
    flow_kg_s: Array
    supply_c: Array
    """[worlds] or [zones, worlds]."""
    supply_kg_kg: Array
    supply_ppm: Array
    heat_w: Array
    """Of reheat coils and radiators, into the air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGains:
    """What a day brings into the zones whatever the machines do, [minutes, zones, worlds]."""

    to_air_w: Array
    to_mass_w: Array
    co2_ppm_s: Array
    vapor_kg_s: Array

    @classmethod
    def of(cls, network: ZoneNetwork, sun_w_m2: Array, gain_w: Array, people: Array) -> DayGains:
        """Sun on the facades, people, lights and plugs."""
        sun = sun_w_m2 * network.aperture_m2
        return cls(
            to_air_w=SOLAR_TO_AIR * sun + GAIN_TO_AIR * gain_w,
            to_mass_w=(1.0 - SOLAR_TO_AIR) * sun + (1.0 - GAIN_TO_AIR) * gain_w,
            co2_ppm_s=people * (CO2_M3_S_PERSON * 1e6 / network.volume_m3),
            vapor_kg_s=people * MOISTURE_KG_S_PERSON,
        )


class ZoneAir:
    """The state of all zones: explicit Euler, stable for sub-steps of a minute."""

    def __init__(self, network: ZoneNetwork, start_c: float = 22.0) -> None:
        self.network = network
        shape = network.air_j_k.shape
        self.air_c = np.full(shape, start_c)
        self.mass_c = np.full(shape, start_c)
        self.co2_ppm = np.full(shape, OUTDOOR_CO2_PPM)
        self.humidity_kg_kg = np.full(shape, 0.007)
        self._leak_w_k = network.window_w_k + network.infiltration_kg_s * CP_AIR_J_KG_K
        self._after_w_k = np.roll(network.neighbor_w_k, -1, axis=0)
        self._has_neighbors = shape[0] > 1
        self._s_per_air = SUB_STEP_S / network.air_j_k
        self._s_per_mass = SUB_STEP_S / network.mass_j_k
        self._s_per_kg = SUB_STEP_S / (AIR_KG_M3 * network.volume_m3)
        self._s_per_damp = self._s_per_kg / MOISTURE_BUFFER
        self.is_ledger_kept = False
        self.ledger_j: dict[str, Array] = {}
        """Heat into the zones since the start by where it came from, [worlds]; kept when asked for."""

    def advance(self, minute: int, gains: DayGains, now: Inflow) -> None:
        """One sub-step."""
        self._warm(gains.to_air_w[minute], gains.to_mass_w[minute], now)
        self._breathe(gains.co2_ppm_s[minute], gains.vapor_kg_s[minute], now)

    def _warm(self, to_air_w: Array, to_mass_w: Array, now: Inflow) -> None:
        network, air, mass = self.network, self.air_c, self.mass_c
        leak = self._leak_w_k * (now.outdoor_c - air)
        wall = network.wall_w_k * (now.outdoor_c - mass)
        swap = network.air_mass_w_k * (mass - air)
        supply = now.flow_kg_s * (CP_AIR_J_KG_K * (now.supply_c - air))
        into_air = leak + swap + supply + now.heat_w + to_air_w
        if self._has_neighbors:
            before, after = _ring(air)
            into_air += network.neighbor_w_k * (before - air) + self._after_w_k * (after - air)
        self.air_c = air + into_air * self._s_per_air
        self.mass_c = mass + (wall - swap + to_mass_w) * self._s_per_mass
        if self.is_ledger_kept:
            flows = {"gains": to_air_w + to_mass_w, "envelope": leak + wall, "supply": supply, "coils": now.heat_w}
            for name, heat in flows.items():
                self.ledger_j[name] = self.ledger_j.get(name, 0.0) + SUB_STEP_S * heat.sum(axis=0)

    def _breathe(self, co2_ppm_s: Array, vapor_kg_s: Array, now: Inflow) -> None:
        """CO2 and moisture: what people give, what the supply and the leaks carry."""
        network, ppm, damp = self.network, self.co2_ppm, self.humidity_kg_kg
        flow, leak = now.flow_kg_s, network.infiltration_kg_s
        carried = flow * (now.supply_ppm - ppm) + leak * (OUTDOOR_CO2_PPM - ppm)
        self.co2_ppm = ppm + carried * self._s_per_kg + co2_ppm_s * SUB_STEP_S
        vapor = flow * (now.supply_kg_kg - damp) + leak * (now.outdoor_kg_kg - damp) + vapor_kg_s
        self.humidity_kg_kg = damp + vapor * self._s_per_damp

    def stored_j(self) -> Array:
        """Heat in all nodes above 0 C, [worlds]."""
        return (self.network.air_j_k * self.air_c + self.network.mass_j_k * self.mass_c).sum(axis=0)


def _ring(air: Array) -> tuple[Array, Array]:
    """The zone before and the zone after each; faster than np.roll."""
    return np.concatenate((air[-1:], air[:-1])), np.concatenate((air[1:], air[:1]))
