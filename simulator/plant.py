"""What every simulated site promises: points to read, points to write, steps, and an account by the true values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.faults import Fault


class WritablePoint(NamedTuple):
    """The device's own range of one writable point, in the point's unit."""

    low: float
    high: float


class Permit(NamedTuple):
    """What a site config lets an agent do with a writable point; our choice, within the device's own range."""

    low: float
    high: float
    step: float
    hold_s: float
    needs: tuple[str, ...] = ()
    """Points that must be fresh."""


class ScenarioEndedError(Exception):
    """Somebody stepped past the last day that was drawn; load with more `days`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAccount:
    """How long one machine ran, how much of it for nobody, and what that took. README.md says what idle means."""

    running_h: float
    idle_h: float
    idle_kwh: float

    @property
    def idle_ratio(self) -> float:
        return self.idle_h / self.running_h if self.running_h > 0.0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The judge's books since `start_account()`, from true values at every sub-step."""

    hours: float
    kwh: dict[str, float]
    """Electricity by end use, such as `fan`, `cooling`, `crac_fan`, `it` (servers with their fans), `pv` (negative)."""
    gas_kwh: float = 0.0
    """Fuel, higher heating value."""
    hvac_kwh: float
    """Electricity for heating, cooling and air, the data room's too."""
    site_kwh: float
    """All consumption of electricity, whoever made it."""
    import_kwh: float
    export_kwh: float
    cost: float
    """Electricity and gas, by the scenario's tariff."""
    carbon_kg: float
    room_kwh: float
    """Data room facility: IT, UPS and PDU loss, and its cooling."""
    server_fan_kwh: float
    """The part of `it` that turns the servers' fans."""
    pue: float
    """`room_kwh` / `it`; falls when the servers' fans work harder, so judge by `site_kwh`."""
    comfort_hi_kh: float
    """Kelvin-hours above the band while occupied, summed over zones; counted beyond 0.1 K."""
    comfort_lo_kh: float
    zone_hi_kh: tuple[float, ...]
    zone_lo_kh: tuple[float, ...]
    worst_hi_k: float
    """Furthest above the band while occupied."""
    worst_lo_k: float
    occupied_h: float
    """Hours with somebody in any zone."""
    unvent_h: float
    """Of these, hours with the fan off that serves them."""
    co2_max_ppm: float
    """Highest in a zone that has people in it."""
    humid_kh: float
    """Kelvin-hours of dew points above 17 C, in occupied zones and at rack inlets."""
    inlet_kh: float
    """Kelvin-hours of rack inlets above 27 C, summed over racks."""
    worst_inlet_c: float
    short_h: float
    """Hours in which the servers draw over 5 % more air than they are given."""
    lift_trips: float
    lift_waiting_mean_s: float
    lift_waiting_p90_s: float
    """90th percentile over passengers of the mean wait in their minute."""
    starts: dict[str, int]
    """How often each machine started."""
    idle: dict[str, IdleAccount]
    """By machine, such as `ahu1`, `crac1`, `lifts1`."""

    @property
    def energy_kwh(self) -> float:
        """Electricity and gas."""
        return self.site_kwh + self.gas_kwh

    @property
    def cycles_a_day(self) -> dict[str, float]:
        days = self.hours / 24.0
        return {machine: count / days if days else 0.0 for machine, count in self.starts.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file, with the idle ratios spelled out."""
        plain = asdict(self)
        for machine, idle in self.idle.items():
            plain["idle"][machine]["idle_ratio"] = idle.idle_ratio
        return plain | {"energy_kwh": self.energy_kwh, "cycles_a_day": self.cycles_a_day}


class Plant(Protocol):
    """A simulated site in this process; the wire, the tests and the bench see nothing else of it."""

    names: tuple[str, ...]
    """Readable point ids in a fixed order."""
    writable: dict[str, WritablePoint]
    step_s: float
    permits: Mapping[str, Permit]
    """What a site config lets an agent do, by writable point."""
    equipment: Mapping[str, Mapping[str, Any]]
    """Equipment id -> kind and relations, as a site config tells them."""
    noise_k: float
    """How much its temperature sensors tremble, K."""
    faults: tuple[Fault, ...]
    """What the scenario lets go wrong; the plant itself carries out those of its machines."""
    start_unix_s: float
    judge_unix_s: float
    """The learning days end and the judged days begin here."""
    end_unix_s: float
    """The last instant that was drawn."""

    @property
    def unix_s(self) -> float:
        """Simulated instant: the end of the last step. Local standard time counted as if it were UTC."""

    def step(self, overrides: Mapping[str, float]) -> None:
        """Advance one wire step with these values held; a point that is absent follows its own control.

        Raises KeyError for a point that is not writable, ValueError for a value outside its range or not a
        number, ScenarioEndedError past `end_unix_s`.
        """

    def read(self) -> NDArray[np.float64]:
        """True values at the end of the step, [len(names)]. Powers and flows of machines are means over the step."""

    def start_account(self) -> None:
        """Begin the books anew."""

    def account(self) -> Account: ...
