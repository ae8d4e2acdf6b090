"""Coordinated limits: of all machines' wishes so many are granted that the site's peak and its units in reserve hold.

Nothing is invented here: a wish that would break a common limit becomes the wish to stay, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.energy import Together, Units
from agent.features.grid import latest

DAY_S = 86_400.0
RANKS = {"crac": 0, "lift_group": 1, "ahu": 2}
"""Who rises first where not all can: servers wait for nobody, an air handler can start later."""


def agree(
    wishes: list[Proposal], together: Together, features: Features, kinds: Mapping[str, str], kw: Mapping[str, float]
) -> list[Proposal]:
    """`kinds`: machine of each point's equipment -> its kind; `kw`: machine -> power that its plan takes next."""
    if together.peak_kw is not None and together.meter is not None:
        wishes = _below_peak(wishes, together.peak_kw, together.meter, features, kinds, kw)
    for units in together.units:
        wishes = _in_reserve(wishes, units, features)
    return wishes


def machine_of(wish: Proposal) -> str:
    return wish.point.partition(".")[0]


def with_billed_peak(together: Together, features: Features) -> Together:
    """With the highest quarter of an hour that the window shows as the peak: to stay below it costs nothing more."""
    if together.meter is None:
        return together
    seen = features.column(f"{together.meter}.electric_power")
    a_quarter = max(1, round(900.0 / features.grid_s))
    whole = seen[len(seen) % a_quarter :].reshape(-1, a_quarter)
    means = whole[np.isfinite(whole).all(axis=1)].mean(axis=1)
    if len(means) * 900.0 < DAY_S:
        return together  # Less than a day was seen: nobody knows yet what it commonly takes.
    return replace(together, peak_kw=round(float(means.max()), 1))


def _below_peak(
    wishes: list[Proposal],
    peak_kw: float,
    meter: str,
    features: Features,
    kinds: Mapping[str, str],
    kw: Mapping[str, float],
) -> list[Proposal]:
    """Machines rise in order of rank while there is room below the peak; who finds none stays where it is."""
    seen = features.column(f"{meter}.electric_power")[-3:]
    if not np.isfinite(seen).any():
        return wishes  # Nobody sees the peak: the machines' own limits hold.
    room_kw = peak_kw - float(np.nanmax(seen))
    waiting = set()
    for machine in sorted(kinds, key=lambda name: (RANKS.get(kinds[name], 9), name)):
        rise_kw = _rise_kw(machine, wishes, features, kw)
        if rise_kw > max(room_kw, 0.0) and rise_kw > 0.0:
            waiting.add(machine)
        else:
            room_kw -= max(0.0, rise_kw)
    why = f"the site may take {peak_kw:g} kW in all: it waits"
    return [_stay(wish, features, why, "peak") if machine_of(wish) in waiting else wish for wish in wishes]


def _rise_kw(machine: str, wishes: list[Proposal], features: Features, kw: Mapping[str, float]) -> float:
    """How much more it would take: as planned, and for a start at least what it took at most in the window."""
    power = f"{machine}.electric_power"
    now_kw = latest(features, power)
    now_kw = 0.0 if math.isnan(now_kw) else now_kw
    rise_kw = kw.get(machine, now_kw) - now_kw
    if any(_is_start(wish, features) for wish in wishes if machine_of(wish) == machine):
        seen = features.column(power)
        most_kw = float(np.nanmax(seen)) if np.isfinite(seen).any() else 0.0
        rise_kw = max(rise_kw, most_kw - now_kw)
    return rise_kw


def _is_start(wish: Proposal, features: Features) -> bool:
    return wish.point.endswith(".on_off_command") and wish.value > 0.5 and latest(features, wish.point) < 0.5


def _in_reserve(wishes: list[Proposal], units: Units, features: Features) -> list[Proposal]:
    """The largest falls are refused first, until the units together stay at `least`."""
    wanted = {wish.point: wish.value for wish in wishes if wish.point in units.points}
    present = {point: latest(features, point) for point in units.points}
    total = sum(wanted.get(point, 0.0 if math.isnan(now) else now) for point, now in present.items())
    stays = set()
    falls = {point: present[point] - value for point, value in wanted.items() if value < present[point]}
    for point in sorted(falls, key=lambda name: (-falls[name], name)):
        if total >= units.least - 1e-9:
            break
        stays.add(point)
        total += falls[point]
    why = f"of {', '.join(units.points)} at least {units.least:g} stay in reserve"
    return [_stay(wish, features, why, "reserve") if wish.point in stays else wish for wish in wishes]


def _stay(wish: Proposal, features: Features, why: str, limit: str) -> Proposal:
    present = latest(features, wish.point)
    if math.isnan(present):
        return wish
    return replace(wish, value=round(present, 2), reason=f"{why} ({wish.reason})", limits=(*wish.limits, limit))
