"""One office floor: four zones with two heat nodes each, served by an air handler with DX cooling and a heat pump."""

from __future__ import annotations

from dataclasses import dataclass, field

CP_AIR_J_KG_K = 1006.0
"""Dry air near room temperature, J/(kg K)."""
AIR_KG_M3 = 1.2
OUTDOOR_CO2_PPM = 420.0
CO2_M3_S_PERSON = 5.2e-6
"""0.31 l/min a seated person, ASHRAE 62.1, appendix on CO2 as an indicator (1.2 met)."""
SOLAR_TO_AIR = 0.35
"""Share of the sun through the glass that warms the air at once; the rest falls on the floor (our assumption)."""
GAIN_TO_AIR = 0.6
"""Convective share of people, lights and plugs (our assumption; the rest is radiated to the mass)."""
DEADBAND_K = 0.5
"""The controller keeps heating at least so far below cooling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Parameters of one zone of about 200 m2; our assumptions for an office with double glazing."""

    window_w_k: float
    """Outdoors to air: glass and thin parts."""
    wall_w_k: float
    """Outdoors to mass."""
    infiltration_kg_s: float
    neighbor_w_k: float
    """Air of this zone to the air of the next one."""
    air_j_k: float
    """Air and light furniture."""
    mass_j_k: float
    """Slabs and walls as far as a day reaches."""
    air_mass_w_k: float
    aperture_m2: float
    """Glass area times solar transmittance, shades as they hang."""
    volume_m3: float
    flow_min_kg_s: float
    flow_max_kg_s: float
    reheat_max_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AirHandler:
    """Parameters of the machine on the roof."""

    fan_design_w: float
    fan_design_kg_s: float
    fan_floor: float
    """Share of the design power that remains at no flow (static pressure is held)."""
    outdoor_air_kg_s: float
    """Least outdoor air; there is no economizer."""
    cooling_max_w: float
    heating_max_w: float
    cooling_cop: float
    """At 35 C outdoors, 14 C supply, full load."""
    cooling_cop_per_k: float = 0.022
    """Relative fall of the cooling COP a kelvin outdoors (our assumption, usual for packaged DX)."""
    supply_cop_per_k: float = 0.020
    """Relative rise a kelvin of warmer supply air (our assumption)."""
    cycling_loss: float = 0.10
    """Relative fall of the COP towards no load (our assumption)."""
    heating_cop: float
    """At 7 C outdoors."""
    heating_cop_per_k: float = 0.025

    def fan_w(self, flow_kg_s: float) -> float:
        """Fan law: cubic in flow, over a floor."""
        ratio = flow_kg_s / self.fan_design_kg_s
        return self.fan_design_w * (self.fan_floor + (1.0 - self.fan_floor) * ratio * ratio * ratio)

    def cooling_w(self, heat_w: float, outdoor_c: float, supply_c: float) -> float:
        """Electricity for the heat taken out of the air."""
        if heat_w <= 0.0:
            return 0.0
        cop = self.cooling_cop * (1.0 - self.cooling_cop_per_k * (max(outdoor_c, 10.0) - 35.0))
        cop *= 1.0 + self.supply_cop_per_k * (supply_c - 14.0)
        cop *= 1.0 - self.cycling_loss * (1.0 - heat_w / self.cooling_max_w)
        return heat_w / cop

    def heating_w(self, heat_w: float, outdoor_c: float) -> float:
        """Electricity for the heat put in; at great cold the pump falls back to 1.5."""
        cop = self.heating_cop * (1.0 + self.heating_cop_per_k * (min(outdoor_c, 20.0) - 7.0))
        return heat_w / max(cop, 1.5)


@dataclass(slots=True, kw_only=True)
class OfficeOrders:
    """What the floor's controllers follow now, own or remote."""

    is_on: bool
    heating_c: list[float]
    cooling_c: list[float]
    supply_c: float


@dataclass(slots=True, kw_only=True)
class HeatLedger:
    """Heat into the zones since the start, J; its sum is what the nodes have stored."""

    inside: float = 0.0
    """People, lights, plugs."""
    sun: float = 0.0
    envelope: float = 0.0
    """Glass, walls and infiltration."""
    outdoor_air: float = 0.0
    """By ventilation."""
    coils: float = 0.0
    """Heating less cooling, reheat as well."""
    fan: float = 0.0

    def total(self) -> float:
        return self.inside + self.sun + self.envelope + self.outdoor_air + self.coils + self.fan


@dataclass(slots=True, kw_only=True)
class Drive:
    """What comes from outside in one sub-step; lists are by zone."""

    outdoor_c: float
    sun_w_m2: list[float]
    gain_w: list[float]
    people: list[float]


@dataclass(slots=True)
class _Loop:
    """A proportional-integral loop of 0..1 that does not wind up; 0.5 a kelvin, 20 minutes (found by trying)."""

    integral: float = 0.0

    def turn(self, error_k: float, dt_s: float) -> float:
        wish = self.integral + 0.5 * error_k
        self.integral = min(1.0, max(0.0, self.integral + 0.5 * error_k * dt_s / 1200.0))
        return min(1.0, max(0.0, wish))


@dataclass(slots=True)
class Office:
    """State of the floor. Plain floats: with four zones they beat arrays by far."""

    zones: tuple[Zone, ...]
    ahu: AirHandler
    air_c: list[float]
    mass_c: list[float]
    co2_ppm: list[float] = field(default_factory=list)
    flow_kg_s: list[float] = field(default_factory=list)
    supply_c: float = 20.0
    return_c: float = 20.0
    total_flow_kg_s: float = 0.0
    fan_w: float = 0.0
    cooling_w: float = 0.0
    heating_w: float = 0.0
    heat: HeatLedger = field(default_factory=HeatLedger)
    _cool: list[_Loop] = field(default_factory=list)
    _warm: list[_Loop] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.zones)
        self.co2_ppm = [OUTDOOR_CO2_PPM] * n
        self.flow_kg_s = [0.0] * n
        self._cool = [_Loop() for _ in range(n)]
        self._warm = [_Loop() for _ in range(n)]

    def advance(self, dt_s: float, drive: Drive, orders: OfficeOrders) -> None:
        """One explicit step: flows and coils by the temperatures now, then the nodes."""
        reheat = self._run(dt_s, drive, orders) if orders.is_on else self._rest()
        self._warm_nodes(dt_s, drive, reheat)
        self._breathe(dt_s, drive.people)

    def _rest(self) -> list[float]:
        n = len(self.zones)
        self._cool = [_Loop() for _ in range(n)]
        self._warm = [_Loop() for _ in range(n)]
        self.flow_kg_s = [0.0] * n
        self.total_flow_kg_s = self.fan_w = self.cooling_w = self.heating_w = 0.0
        self.return_c = self.supply_c = sum(self.air_c) / n
        return [0.0] * n

    def _run(self, dt_s: float, drive: Drive, orders: OfficeOrders) -> list[float]:
        """Dampers, fan, coil; returns the reheat of each zone, W."""
        reheat = []
        for z, zone in enumerate(self.zones):
            opening = self._cool[z].turn(self.air_c[z] - orders.cooling_c[z], dt_s)
            valve = self._warm[z].turn(orders.heating_c[z] - self.air_c[z], dt_s)
            self.flow_kg_s[z] = zone.flow_min_kg_s + opening * (zone.flow_max_kg_s - zone.flow_min_kg_s)
            reheat.append(valve * zone.reheat_max_w)
        self._condition(dt_s, drive.outdoor_c, orders.supply_c, sum(reheat))
        return reheat

    def _condition(self, dt_s: float, outdoor_c: float, setpoint_c: float, reheat_w: float) -> None:
        """Mix return and outdoor air, cool or heat it to the set-point as far as the coil can; the fan warms it."""
        ahu, flow = self.ahu, sum(self.flow_kg_s)
        stream = flow * CP_AIR_J_KG_K
        self.return_c = sum(m * t for m, t in zip(self.flow_kg_s, self.air_c, strict=True)) / flow
        fresh = min(1.0, ahu.outdoor_air_kg_s / flow)
        mixed = self.return_c + fresh * (outdoor_c - self.return_c)
        self.fan_w = ahu.fan_w(flow)
        wanted = stream * (setpoint_c - mixed) - self.fan_w
        coil = min(ahu.heating_max_w, max(-ahu.cooling_max_w, wanted))
        self.supply_c = mixed + (coil + self.fan_w) / stream
        self.total_flow_kg_s = flow
        self.cooling_w = ahu.cooling_w(-coil, outdoor_c, self.supply_c)
        self.heating_w = ahu.heating_w(max(0.0, coil) + reheat_w, outdoor_c)
        self.heat.coils += (coil + reheat_w) * dt_s
        self.heat.fan += self.fan_w * dt_s
        self.heat.outdoor_air += stream * fresh * (outdoor_c - self.return_c) * dt_s

    def _warm_nodes(self, dt_s: float, drive: Drive, reheat_w: list[float]) -> None:
        """Explicit Euler on both nodes of every zone; what flows is booked in the ledger."""
        outdoor, air, heat = drive.outdoor_c, self.air_c, self.heat
        n = len(air)
        fresh_air = air.copy()
        for z, zone in enumerate(self.zones):
            t, mass = air[z], self.mass_c[z]
            sun = drive.sun_w_m2[z] * zone.aperture_m2
            gain = drive.gain_w[z]
            leak = (zone.window_w_k + zone.infiltration_kg_s * CP_AIR_J_KG_K) * (outdoor - t)
            wall = zone.wall_w_k * (outdoor - mass)
            swap = zone.air_mass_w_k * (mass - t)
            supply = self.flow_kg_s[z] * CP_AIR_J_KG_K * (self.supply_c - t)
            aside = zone.neighbor_w_k * (air[z - 1] - t) + self.zones[(z + 1) % n].neighbor_w_k * (air[(z + 1) % n] - t)
            into_air = leak + swap + supply + aside + reheat_w[z] + SOLAR_TO_AIR * sun + GAIN_TO_AIR * gain
            into_mass = wall - swap + (1.0 - SOLAR_TO_AIR) * sun + (1.0 - GAIN_TO_AIR) * gain
            fresh_air[z] = t + into_air * dt_s / zone.air_j_k
            self.mass_c[z] = mass + into_mass * dt_s / zone.mass_j_k
            heat.inside += gain * dt_s
            heat.sun += sun * dt_s
            heat.envelope += (leak + wall) * dt_s
        self.air_c = fresh_air

    def _breathe(self, dt_s: float, people: list[float]) -> None:
        """CO2 of each zone: what people breathe out, what the supply and the leaks carry."""
        flow = self.total_flow_kg_s
        supply = OUTDOOR_CO2_PPM
        if flow > 0.0:
            back = sum(m * c for m, c in zip(self.flow_kg_s, self.co2_ppm, strict=True)) / flow
            supply = back + min(1.0, self.ahu.outdoor_air_kg_s / flow) * (OUTDOOR_CO2_PPM - back)
        for z, zone in enumerate(self.zones):
            ppm = self.co2_ppm[z]
            carried = self.flow_kg_s[z] * (supply - ppm) + zone.infiltration_kg_s * (OUTDOOR_CO2_PPM - ppm)
            made = people[z] * CO2_M3_S_PERSON * 1e6
            self.co2_ppm[z] = ppm + (carried / AIR_KG_M3 + made) * dt_s / zone.volume_m3

    def stored_j(self) -> float:
        """Heat in all nodes above 0 C, J."""
        return sum(
            zone.air_j_k * air + zone.mass_j_k * mass
            for zone, air, mass in zip(self.zones, self.air_c, self.mass_c, strict=True)
        )
