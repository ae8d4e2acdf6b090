"""Air handlers: dampers and fan, an economizer, coils dry or wet, and what drives them. Arrays [worlds].

Heating and cooling are made by the machine itself (DX, heat pump, gas burner, electric) or come by water from a plant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.physics.psychrometrics import CP_AIR_J_KG_K, LATENT_J_KG, saturated

Array = NDArray[np.float64]

BYPASS = 0.12
"""Share of the air that passes a wet coil untouched (our assumption for four to six rows)."""
WATER_APPROACH_K = 3.0
"""A chilled-water coil brings air no nearer than this to the entering water (our assumption)."""
BURNER_EFFICIENCY = 0.80
"""Gas heating section of a packaged unit: the least that ASHRAE 90.1 asks of warm-air furnaces."""

DX, CHILLED_WATER = "dx", "chilled-water"
HEAT_SOURCES = HEAT_PUMP, HOT_WATER, GAS, ELECTRIC = "heat-pump", "hot-water", "gas", "electric"


@dataclass(frozen=True, slots=True, kw_only=True)
class AirHandler:
    """Parameters, arrays [worlds]."""

    fan_design_w: Array
    fan_design_kg_s: Array
    fan_floor: float
    """Share of the design power that remains at no flow (static pressure is held)."""
    outdoor_air_kg_s: Array
    """Least outdoor air."""
    cooling_max_w: Array
    heating_max_w: Array
    cooling: str = DX
    heating: str = HEAT_PUMP
    cooling_cop: Array
    """At 35 C outdoors, 14 C supply, full load."""
    cooling_cop_per_k: float = 0.022
    """Relative fall of the cooling COP a kelvin outdoors (our assumption, usual for packaged DX)."""
    supply_cop_per_k: float = 0.020
    """Relative rise a kelvin of warmer supply air (our assumption)."""
    cycling_loss: float = 0.10
    """Relative fall of the COP towards no load (our assumption)."""
    heating_cop: Array
    """At 7 C outdoors."""
    heating_cop_per_k: float = 0.025
    economizer: str = "none"
    """none, dry-bulb (outdoor air cooler than the return), enthalpy (less heat in it, moisture too)."""
    is_coil_wet: bool = False
    """Moisture condenses on the cooling coil, and that heat has to be paid for."""

    def fan_w(self, flow_kg_s: Array) -> Array:
        """Fan law: cubic in flow, over a floor."""
        ratio = flow_kg_s / self.fan_design_kg_s
        return self.fan_design_w * (self.fan_floor + (1.0 - self.fan_floor) * ratio * ratio * ratio)

    def cooling_w(self, heat_w: Array, outdoor_c: Array, supply_c: Array) -> Array:
        """Electricity for the heat taken out of the air by DX."""
        cop = self.cooling_cop * (1.0 - self.cooling_cop_per_k * (np.maximum(outdoor_c, 10.0) - 35.0))
        cop = cop * (1.0 + self.supply_cop_per_k * (supply_c - 14.0))
        cop = cop * (1.0 - self.cycling_loss * (1.0 - heat_w / self.cooling_max_w))
        return np.maximum(heat_w, 0.0) / cop

    def heating_w(self, heat_w: Array, outdoor_c: Array) -> Array:
        """Electricity for the heat put in by the heat pump; at great cold it falls back to a COP of 1.5."""
        cop = self.heating_cop * (1.0 + self.heating_cop_per_k * (np.minimum(outdoor_c, 20.0) - 7.0))
        return heat_w / np.maximum(cop, 1.5)


@dataclass(slots=True, kw_only=True)
class Airstream:
    """What one sub-step of an air handler came to, arrays [worlds]."""

    flow_kg_s: Array
    return_c: Array
    supply_c: Array
    supply_kg_kg: Array
    fresh: Array
    """Share of outdoor air in the supply."""
    fan_w: Array
    cooling_w: Array
    """Heat taken out by the coil, latent too."""
    heating_w: Array
    """Heat put in by the coil."""


def condition(
    ahu: AirHandler,
    flow_kg_s: Array,
    return_c: Array,
    return_kg_kg: Array,
    outdoor_c: Array,
    outdoor_kg_kg: Array,
    setpoint_c: Array,
    *,
    coldest_c: Array | None = None,
    valve: Array | None = None,
    coil_w: Array | None = None,
) -> Airstream:
    """Mix return and outdoor air, cool or heat it to the set-point as far as the coils can; the fan warms it.

    `flow_kg_s` above 0. `coldest_c`: the water allows no colder supply. `valve`: the cooling coil is stuck at this
    share of its capacity, NaN where it is not. `coil_w`: heat put in (or, below 0, taken out) whatever the set-point;
    the dampers still go by it.
    """
    stream = flow_kg_s * CP_AIR_J_KG_K
    fan = ahu.fan_w(flow_kg_s)
    least = np.minimum(1.0, ahu.outdoor_air_kg_s / flow_kg_s)
    fresh = _open_dampers(ahu, least, return_c, return_kg_kg, outdoor_c, outdoor_kg_kg, setpoint_c - fan / stream)
    mixed = return_c + fresh * (outdoor_c - return_c)
    damp = return_kg_kg + fresh * (outdoor_kg_kg - return_kg_kg)
    wanted = stream * (setpoint_c - mixed) - fan
    if coldest_c is not None:
        wanted = np.maximum(wanted, np.minimum(0.0, stream * (coldest_c - mixed)))
    coil = np.minimum(ahu.heating_max_w, np.maximum(-ahu.cooling_max_w, wanted))
    if coil_w is not None:
        coil = coil_w
    if valve is not None:
        coil = np.where(np.isnan(valve), coil, -valve * ahu.cooling_max_w)
    supply = mixed + (coil + fan) / stream
    cooling, supply_damp = np.maximum(-coil, 0.0), damp
    if ahu.is_coil_wet:
        latent, supply_damp = _condense(flow_kg_s, mixed, supply - fan / stream, damp, coil < 0.0)
        cooling = cooling + latent
    return Airstream(
        flow_kg_s=flow_kg_s,
        return_c=return_c,
        supply_c=supply,
        supply_kg_kg=supply_damp,
        fresh=fresh,
        fan_w=fan,
        cooling_w=cooling,
        heating_w=np.maximum(coil, 0.0),
    )


def _open_dampers(
    ahu: AirHandler,
    least: Array,
    return_c: Array,
    return_kg_kg: Array,
    outdoor_c: Array,
    outdoor_kg_kg: Array,
    aim_c: Array,
) -> Array:
    """Share of outdoor air: the least, or more where that brings the mix nearer to what is to be supplied."""
    if ahu.economizer == "none":
        return least
    gap = return_c - outdoor_c
    is_helpful = gap > 0.5
    if ahu.economizer == "enthalpy":
        is_helpful &= gap * CP_AIR_J_KG_K + (return_kg_kg - outdoor_kg_kg) * LATENT_J_KG > 0.0
    wish = (return_c - aim_c) / np.maximum(gap, 0.5)
    return np.where(is_helpful, np.minimum(1.0, np.maximum(least, wish)), least)


def _condense(flow_kg_s: Array, before_c: Array, after_c: Array, damp: Array, is_cold: Array) -> tuple[Array, Array]:
    """Latent heat, W, and the moisture left, by the bypass model: what does not pass by meets the coil's surface."""
    surface = before_c - (before_c - after_c) / (1.0 - BYPASS)
    dry = damp - (1.0 - BYPASS) * np.maximum(0.0, damp - saturated(np.maximum(surface, -20.0)))
    left = np.where(is_cold, dry, damp)
    return flow_kg_s * LATENT_J_KG * (damp - left), left
