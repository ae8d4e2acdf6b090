"""Closes the judge's books: sums over sub-steps, kept by parts and by the world, into a frozen `Account`.

| name in `Books` | kept by | what |
|---|---|---|
| `zone_hi_ks`, `zone_lo_ks` [zones, worlds] | floors | kelvin-seconds outside the band while occupied |
| `worst_hi_k`, `worst_lo_k`, `co2_max_ppm` (peaks) | floors | the furthest, in a zone with people |
| `occupied_s`, `unvent_s`, `humid_ks` | floors, halls | somebody in; of it without fan; dew point above 17 C |
| `inlet_ks`, `worst_inlet_c` (peak), `short_s`, `server_fan_j` | halls | inlets above 27 C; short of air; server fans |
| `runs`, `wait_s`, `waited`, `wait_hist` [bins, worlds] | lifts | runs; waits, passengers, how waits spread |
| `starts/<machine>` | all | how often it started |
| `running_s/<machine>`, `idle_s/...`, `idle_j/...` | all | `Books.idle` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.parts import Array, Books
from simulator.plant import Account, IdleAccount

INLET_MAX_C = 27.0
"""Recommended for class A1: ASHRAE TC 9.9, Thermal Guidelines for Data Processing Environments."""
WAIT_BIN_S = 0.5
WAIT_BINS = 1200

J_PER_KWH = 3.6e6
AIR_USES = ("fan", "cooling", "heating", "crac_fan", "compressor", "chiller", "pump", "tower_fan", "humidifier")
"""End uses that count as heating, cooling and air."""
OWN_SOURCES = ("pv", "battery")
"""End uses that are no consumption; a battery's loss is counted by the part as `battery_loss`."""


def waits(hist: Array) -> float:
    """90th percentile over passengers, s, from a histogram [bins]."""
    total = np.cumsum(hist)
    return 0.0 if total[-1] <= 0.0 else float((np.searchsorted(total, 0.9 * total[-1]) + 0.5) * WAIT_BIN_S)


def close(
    w: int,
    seconds: float,
    use_j: Mapping[str, Array],
    gas_j: Array,
    money: Array,
    books: Sequence[Books],
    room_uses: Sequence[str] = (),
) -> Account:
    """The account of world `w` so far; the books stay open."""
    sums, peaks = _merged(w, books)
    kwh = {use: float(joules[w]) / J_PER_KWH for use, joules in use_j.items()}
    hvac = sum(kwh.get(use, 0.0) for use in AIR_USES)
    site = sum(value for use, value in kwh.items() if use not in OWN_SOURCES)
    room, it = sum(kwh.get(use, 0.0) for use in room_uses), kwh.get("it", 0.0)
    hi, lo = _kh(sums.get("zone_hi_ks")), _kh(sums.get("zone_lo_ks"))

    def hours(name: str) -> float:
        return float(sums.get(name, 0.0)) / 3600.0

    waited = float(sums.get("waited", 0.0))
    return Account(
        hours=seconds / 3600.0,
        kwh=kwh,
        gas_kwh=float(gas_j[w]) / J_PER_KWH,
        hvac_kwh=hvac,
        site_kwh=site,
        import_kwh=float(money[2, w]) / J_PER_KWH,
        export_kwh=float(money[3, w]) / J_PER_KWH,
        cost=float(money[0, w]),
        carbon_kg=float(money[1, w]),
        room_kwh=room,
        server_fan_kwh=float(sums.get("server_fan_j", 0.0)) / J_PER_KWH,
        pue=room / it if it else 0.0,
        comfort_hi_kh=float(sum(hi)),
        comfort_lo_kh=float(sum(lo)),
        zone_hi_kh=hi,
        zone_lo_kh=lo,
        worst_hi_k=float(peaks.get("worst_hi_k", 0.0)),
        worst_lo_k=float(peaks.get("worst_lo_k", 0.0)),
        occupied_h=hours("occupied_s"),
        unvent_h=hours("unvent_s"),
        co2_max_ppm=float(peaks.get("co2_max_ppm", 0.0)),
        humid_kh=hours("humid_ks"),
        inlet_kh=hours("inlet_ks"),
        worst_inlet_c=float(peaks.get("worst_inlet_c", -99.0)),
        short_h=hours("short_s"),
        lift_trips=float(sums.get("runs", 0.0)),
        lift_waiting_mean_s=float(sums["wait_s"]) / waited if waited else 0.0,
        lift_waiting_p90_s=waits(sums["wait_hist"]) if waited else 0.0,
        starts={name.partition("/")[2]: round(float(n)) for name, n in sums.items() if name.startswith("starts/")},
        idle={
            name.partition("/")[2]: _idle(name.partition("/")[2], sums) for name in sums if name.startswith("idle_s/")
        },
    )


def _merged(w: int, books: Sequence[Books]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of one world: sums added up over parts (zones laid end to end), peaks the highest."""
    sums: dict[str, Any] = {}
    peaks: dict[str, Any] = {}
    for book in books:
        for name, total in book.sums.items():
            mine = total[..., w]
            if name in ("zone_hi_ks", "zone_lo_ks"):
                sums[name] = np.concatenate([sums.get(name, np.empty(0)), mine])
            else:
                sums[name] = sums.get(name, 0.0) + mine
        for name, peak in book.peaks.items():
            peaks[name] = max(peaks.get(name, -np.inf), float(peak[w]))
    return sums, peaks


def _kh(kelvin_s: Array | None) -> tuple[float, ...]:
    return () if kelvin_s is None else tuple(float(ks) / 3600.0 for ks in kelvin_s)


def _idle(machine: str, sums: Mapping[str, Any]) -> IdleAccount:
    return IdleAccount(
        running_h=float(sums[f"running_s/{machine}"]) / 3600.0,
        idle_h=float(sums[f"idle_s/{machine}"]) / 3600.0,
        idle_kwh=float(sums[f"idle_j/{machine}"]) / J_PER_KWH,
    )
