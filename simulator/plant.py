"""What every simulated site promises: points to read, points to write, steps, and an account by the true values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class WritablePoint(NamedTuple):
    """The device's own range of one writable point, in the point's unit."""

    low: float
    high: float


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
    fan_kwh: float
    """AHU fan."""
    cooling_kwh: float
    """Electricity of the AHU's DX cooling."""
    heating_kwh: float
    """Electricity of the heat pump, for the AHU's coil and the zones' reheat."""
    crac_fan_kwh: float
    compressor_kwh: float
    lifts_kwh: float
    it_kwh: float
    """Servers with their own fans."""
    server_fan_kwh: float
    """The part of `it_kwh` that turns the servers' fans."""
    ups_kwh: float
    """Loss of the UPS."""
    plug_kwh: float
    """Lighting and plugs of the zones: nobody here controls them."""
    hvac_kwh: float
    """AHU fan, cooling, heating, CRAC fan and compressor."""
    site_kwh: float
    room_kwh: float
    """Data room facility: IT, UPS loss and CRAC."""
    pue: float
    """`room_kwh` / `it_kwh`; falls when the servers' fans work harder, so judge by `site_kwh`."""
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
    """Of these, hours with the AHU's fan off."""
    co2_max_ppm: float
    """Highest in a zone that has people in it."""
    inlet_kh: float
    """Kelvin-hours of rack inlets above 27 C, summed over racks."""
    worst_inlet_c: float
    short_h: float
    """Hours in which the servers draw over 5 % more air than the CRAC delivers."""
    lift_trips: float
    lift_waiting_mean_s: float
    lift_waiting_p90_s: float
    """90th percentile over passengers of the mean wait in their minute."""
    ahu_starts: int
    idle: dict[str, IdleAccount]
    """By machine: `ahu1`, `crac1`, `lifts1`."""

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file, with the idle ratios spelled out."""
        plain = asdict(self)
        for machine, idle in self.idle.items():
            plain["idle"][machine]["idle_ratio"] = idle.idle_ratio
        return plain


class Plant(Protocol):
    """A simulated site in this process; the wire, the tests and the bench see nothing else of it."""

    names: tuple[str, ...]
    """Readable point ids in a fixed order."""
    writable: dict[str, WritablePoint]
    step_s: float
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
