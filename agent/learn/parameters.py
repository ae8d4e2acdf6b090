"""What was learned of a site: frozen, with JSON to and from, and with an honest measure of fit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from agent.learn.trials import Belief

Numbers = tuple[float, ...]
DRIVES = ("outdoor", "sun_morning", "sun_noon", "sun_evening", "people", "one")
"""What acts on a zone besides supply air, in the order of `ZoneParameters.air` and `.mass`."""


COOLING_ERROR = 0.3
"""Of cooling electricity, over its mean; above it the coil is not understood (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneParameters:
    """Two heat nodes, air and mass, in steps of 900 s: x' = a x + drives + gain * heat (air only)."""

    zone: str
    a: tuple[Numbers, Numbers]
    """2 x 2; eigenvalues real and in 0..1 by construction."""
    gain: float
    """Kelvin of the air a kilowatt and step."""
    air: Numbers
    """Kelvin a step and unit of each drive, into the air."""
    mass: Numbers
    flow_min_kg_s: float
    flow_max_kg_s: float
    reheat_max_kw: float
    error_k: float
    """Root mean square of the prediction six hours ahead on held-out days."""

    @property
    def is_fit(self) -> bool:
        return self.error_k <= 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AhuParameters:
    """Electricity of one air handler and the response of its zones."""

    ahu: str
    zones: tuple[ZoneParameters, ...]
    fan_floor_kw: float
    fan_cubic: float
    """kW a (kg/s)^3."""
    outdoor_air_kg_s: float
    has_economizer: bool
    cool_ratio: float
    """Electricity a heat (1 / COP) at 25 C outdoors and `supply_ref_c`."""
    cool_per_outdoor_k: float
    cool_per_supply_k: float
    supply_ref_c: float
    heat_ratio: float
    """1 / COP at 7 C outdoors; 1 for electric heaters."""
    heat_per_outdoor_k: float
    is_coil_gas: bool
    """The coil heats without electricity: by gas, or by hot water."""
    is_reheat_gas: bool
    cool_max_kw: float
    heat_max_kw: float
    power_error: float | None
    """Root mean square error of cooling electricity over its mean; None when it hardly ever cooled."""

    @property
    def is_fit(self) -> bool:
        return bool(self.zones) and all(zone.is_fit for zone in self.zones)

    @property
    def knows_cooling(self) -> bool:
        """Outdoor air and the coil were seen cooling, and understood: only then can the supply air be reckoned."""
        return self.power_error is not None and self.power_error <= COOLING_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancyParameters:
    """A week as three kinds of day: workday, Saturday, Sunday; 96 slots each."""

    ahu: str
    zones: tuple[str, ...]
    days: Numbers
    """Days seen of each kind."""
    count: tuple[tuple[Numbers, ...], ...]
    """Mean people, [kind][slot][zone]."""
    share: tuple[tuple[Numbers, ...], ...]
    """Share of days on which the zone had somebody in, [kind][slot][zone]."""
    any_share: tuple[Numbers, ...]
    """The same for the whole floor, [kind][slot]."""
    run_share: tuple[Numbers, ...]
    """Share of days on which the machine ran, [kind][slot]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermostatParameters:
    """How the zones of one air handler follow their set-points."""

    ahu: str
    heat_k_h: float
    """Rise of the slower start-ups."""
    cool_k_h: float
    lead_h: float
    """The longest start before people come that is worth having."""
    setback_c: float
    """The lowest heating set-point that it is given."""
    coldest_c: float
    """What the coldest zone was let to fall to."""
    over_k: Numbers
    """By zone: how far above its cooling set-point it swings."""
    under_k: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomParameters:
    """One data room with its CRACs: beliefs that the planner goes on to form while it acts."""

    room: str
    learned_unix_s: float
    """Steps that end later are still to be added to the beliefs."""
    center: Numbers
    """Set-points of the history on the median: supply C, speed 0..1, and with a plant chilled and condenser water C."""
    stream_kw_k: float
    """Heat carried a kelvin at full fan speed."""
    heat_ref_kw: float
    cool_share: float
    """Electricity of cooling for a unit of heat, on the mean; the unit of `cooling`."""
    cooling: Belief
    """By `cooling_columns` of agent/learn/crac.py."""
    servers: Belief
    """Logarithm of the room's power, by `server_columns`."""
    fan: Belief
    """Logarithm of the fans' power, by 1 and the logarithm of the speed."""
    inlet_ref: Numbers
    """`server_columns` on the mean of the history."""
    base_kw: tuple[Numbers, ...]
    """Servers and UPS by kind of day (workday, Saturday, Sunday) and slot (96), at `inlet_ref`."""
    inlet_error_k: float
    power_error: float
    """Of cooling on the last day, over its mean and a tenth of the room's."""

    @property
    def is_fit(self) -> bool:
        return self.inlet_error_k <= 1.0 and self.power_error <= 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftParameters:
    """One lift group."""

    lifts: str
    days: Numbers
    """Days seen of each kind: workday, Saturday, Sunday."""
    trips: tuple[Numbers, ...]
    """Trips to expect in a quarter of an hour, [kind][slot]: the mean and a standard error."""
    standing_kw: float
    """A car in service that stands."""
    sleeping_kw: float
    """A car out of service; a tenth of standing until it was tried."""
    depth_saves: Numbers
    """By standby depth: share of the way from standing to out of service."""
    depth_steps: Numbers
    """By standby depth: quarters of an hour in which its power was measured; 0: never tried."""
    depth_wake_s: Numbers
    """By standby depth: how much later a rested car starts."""
    trip_kwh: float
    wait_s: float
    """Mean wait in light traffic with all cars awake."""
    power_error: float
    """Of the mean power over the history, relative."""

    @property
    def is_fit(self) -> bool:
        return self.power_error <= 0.1 and self.standing_kw > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distrust:
    """A machine whose plans missed: its rules run, and it is learned from what came since only."""

    machine: str
    since_unix_s: float
    until_unix_s: float
    times: int
    """How often so far; each time is twice as long."""
    error: float
    """Foretold over measured energy, less one, when it was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Everything learned of a site at one instant."""

    learned_unix_s: float
    days: float
    """Length of the history it was learned from."""
    ahus: tuple[AhuParameters, ...] = ()
    occupancy: tuple[OccupancyParameters, ...] = ()
    """One for each air handler of the site, also for those that are not among `ahus`."""
    thermostats: tuple[ThermostatParameters, ...] = ()
    """The same."""
    rooms: tuple[RoomParameters, ...] = ()
    lifts: tuple[LiftParameters, ...] = ()
    distrusts: tuple[Distrust, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError or TypeError for a text that is no `Parameters`."""
        told = json.loads(text)
        return cls(
            learned_unix_s=told["learned_unix_s"],
            days=told["days"],
            ahus=tuple(_ahu(x) for x in told["ahus"]),
            occupancy=tuple(OccupancyParameters(**_tuples(x)) for x in told["occupancy"]),
            thermostats=tuple(ThermostatParameters(**_tuples(x)) for x in told["thermostats"]),
            rooms=tuple(_room(x) for x in told["rooms"]),
            lifts=tuple(LiftParameters(**_tuples(x)) for x in told.get("lifts", ())),
            distrusts=tuple(Distrust(**x) for x in told.get("distrusts", ())),
        )


def _ahu(told: dict[str, Any]) -> AhuParameters:
    zones = tuple(ZoneParameters(**_tuples(zone)) for zone in told["zones"])
    return AhuParameters(**{**told, "zones": zones})


def _room(told: dict[str, Any]) -> RoomParameters:
    beliefs = {key: Belief(**_tuples(told[key])) for key in ("cooling", "servers", "fan")}
    return RoomParameters(**_tuples({**told, **beliefs}))


def _tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {key: _frozen(value) for key, value in told.items()}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(x) for x in value) if isinstance(value, list) else value
