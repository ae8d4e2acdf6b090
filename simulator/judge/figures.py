"""Which figures of an account a person is shown, in which order and under which words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

USES = {
    "fan": "fans of air handlers",
    "cooling": "cooling of air handlers",
    "heating": "heating by electricity",
    "crac_fan": "fans of the data room",
    "compressor": "compressors of the data room",
    "chiller": "chillers",
    "pump": "pumps",
    "tower_fan": "cooling tower",
    "humidifier": "humidifier",
    "it": "servers with their fans",
    "ups": "UPS loss",
    "pdu": "PDU loss",
    "lifts": "lifts",
    "light": "lights",
    "plug": "lights and plugs",
    "battery_loss": "battery loss",
    "battery": "battery (charged less given)",
    "pv": "solar panels",
}
"""End uses of electricity; one that is not here goes by its own name."""


class Figure(NamedTuple):
    """One row of the score."""

    key: str
    """Dotted path into `Account.as_dict()`, such as `idle.ahu1.idle_h`."""
    label: str
    unit: str
    digits: int
    group: str
    is_energy: bool = False
    """Told as a percentage of own control where it changes."""


_ENERGY = "Energy"
_IDLE = "Idle: a machine runs for nobody"
_COMFORT = "Comfort"
_ROOM = "Data room"
_LIFTS = "Lifts"
_WEAR = "Starts a day"
_MONEY = "Money and carbon"

_TOTALS = (
    Figure("gas_kwh", "gas", "kWh", 0, _ENERGY, True),
    Figure("hvac_kwh", "electricity for heating, cooling and air", "kWh", 0, _ENERGY, True),
    Figure("site_kwh", "whole site, electricity", "kWh", 0, _ENERGY, True),
    Figure("energy_kwh", "whole site, electricity and gas", "kWh", 0, _ENERGY, True),
    Figure("import_kwh", "bought from the grid", "kWh", 0, _ENERGY, True),
    Figure("export_kwh", "sold to the grid", "kWh", 0, _ENERGY, True),
)
_AFTER = (
    Figure("comfort_hi_kh", "too warm while occupied", "K h", 2, _COMFORT),
    Figure("comfort_lo_kh", "too cold while occupied", "K h", 2, _COMFORT),
    Figure("worst_hi_k", "furthest above the band", "K", 2, _COMFORT),
    Figure("worst_lo_k", "furthest below the band", "K", 2, _COMFORT),
    Figure("unvent_h", "people without ventilation", "h", 2, _COMFORT),
    Figure("co2_max_ppm", "highest CO2 with people in", "ppm", 0, _COMFORT),
    Figure("humid_kh", "dew point above 17 °C", "K h", 2, _COMFORT),
    Figure("pue", "PUE", "", 3, _ROOM),
    Figure("inlet_kh", "rack inlets above 27 °C", "K h", 2, _ROOM),
    Figure("worst_inlet_c", "hottest rack inlet", "°C", 1, _ROOM),
    Figure("short_h", "servers short of air", "h", 2, _ROOM),
    Figure("server_fan_kwh", "of the servers, their fans", "kWh", 0, _ROOM, True),
    Figure("lift_trips", "trips", "", 0, _LIFTS),
    Figure("lift_waiting_mean_s", "wait, mean", "s", 1, _LIFTS),
    Figure("lift_waiting_p90_s", "wait, 90th percentile", "s", 1, _LIFTS),
)
_LAST = (
    Figure("cost", "cost", "", 1, _MONEY, True),
    Figure("carbon_kg", "carbon", "kg", 0, _MONEY, True),
)
MUST_HOLD = (
    ("comfort_hi_kh", "too warm, K h"),
    ("comfort_lo_kh", "too cold, K h"),
    ("unvent_h", "unventilated, h"),
    ("humid_kh", "too humid, K h"),
    ("inlet_kh", "rack inlets above 27 °C, K h"),
    ("short_h", "servers short of air, h"),
    ("lift_waiting_mean_s", "wait for a lift, mean, s"),
    ("lift_waiting_p90_s", "wait, 90th percentile, s"),
)
"""What a saving must not be bought with."""
NOWHERE_C = -90.0
"""`worst_inlet_c` below this: the site has no racks."""


def flat(account: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Each number of an account by its dotted path; lists (by zone) are left out."""
    numbers: dict[str, float] = {}
    for key, value in account.items():
        if isinstance(value, Mapping):
            numbers |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            numbers[f"{prefix}{key}"] = float(value)
    return numbers


def use_label(use: str) -> str:
    return USES.get(use, use.replace("_", " "))


def uses_of(accounts: Iterable[Mapping[str, Any]]) -> list[str]:
    """End uses that any of these has, in the order in which they are told."""
    found = {use for account in accounts for use, kwh in account["kwh"].items() if kwh}
    return [use for use in USES if use in found] + sorted(found - set(USES))


def figures_of(accounts: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """The rows for these accounts; what is nothing in all of them is left out."""
    told = list(accounts)
    machines = sorted({machine for account in told for machine in account["idle"]})
    started = sorted({machine for account in told for machine in account["cycles_a_day"]})
    rows = [
        *(Figure(f"kwh.{use}", use_label(use), "kWh", 0, _ENERGY, True) for use in uses_of(told)),
        *_TOTALS,
        *(figure for machine in machines for figure in _idle(machine)),
        *_AFTER,
        *(Figure(f"cycles_a_day.{machine}", machine, "", 1, _WEAR) for machine in started),
        *_LAST,
    ]
    numbers = [flat(account) for account in told]
    return [row for row in rows if _is_worth_a_row(row.key, numbers)]


def _idle(machine: str) -> tuple[Figure, ...]:
    what = "car-hours" if machine.startswith("lift") else "hours"
    return (
        Figure(f"idle.{machine}.idle_h", f"{machine}: idle {what}", "h", 1, _IDLE),
        Figure(f"idle.{machine}.idle_ratio", f"{machine}: idle by running {what}", "", 3, _IDLE),
        Figure(f"idle.{machine}.idle_kwh", f"{machine}: energy idled away", "kWh", 1, _IDLE, True),
    )


SAYS_THE_SAME = {"energy_kwh": "site_kwh", "import_kwh": "site_kwh", "hvac_kwh": "site_kwh"}
"""A total that is equal to another one in all accounts (no gas, no panels) is left out."""


def _is_worth_a_row(key: str, numbers: Sequence[Mapping[str, float]]) -> bool:
    values = [account.get(key, 0.0) for account in numbers]
    if key == "worst_inlet_c":
        return any(value > NOWHERE_C for value in values)
    same = SAYS_THE_SAME.get(key)
    if same and all(math.isclose(account[same], value) for account, value in zip(numbers, values, strict=True)):
        return False
    return any(values)
