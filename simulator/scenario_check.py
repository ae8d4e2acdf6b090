"""What a scenario must not ask for: unknown names, and physics that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.lines import Finding, nearest
from simulator.faults import KINDS, Fault, matching
from simulator.parts import Part
from simulator.physics.occupancy import HABITS
from simulator.plant import Account
from simulator.scenario_file import FaultEntry, ScenarioFile
from simulator.sites import SITES
from simulator.sites.kinds import SiteKind
from simulator.wires.registers import DEVICES
from simulator.world import Site

if TYPE_CHECKING:
    from simulator.scenarios import Plan


def check(told: ScenarioFile, folder: Path) -> Iterator[Finding]:
    """Every mistake that shows without building the site."""
    kind = SITES.get(told.site)
    if kind is None:
        yield ("site",), f"`{told.site}`", "one of " + ", ".join(SITES), nearest(told.site, SITES)
        return
    yield from _sizes(told, kind)
    yield from _own(told, kind)
    if told.habits not in HABITS:
        yield ("habits",), f"`{told.habits}`", "one of " + ", ".join(HABITS), nearest(told.habits, HABITS)
    yield from _physics(told)
    yield from _expectations(told)
    if told.weather is not None and not (folder / told.weather).is_file():
        yield ("weather",), f"`{told.weather}`, no such file", "an EPW file's path, from the scenario's folder", None


def _sizes(told: ScenarioFile, kind: SiteKind) -> Iterator[Finding]:
    for name, value in told.sizes.items():
        size = kind.sizes.get(name)
        if size is None:
            yield _unknown(("sizes", name), name, kind.sizes)
        elif not size.low <= value <= size.high:
            yield ("sizes", name), f"`{value:g}`", f"{size.low:g} to {size.high:g}: {size.about}", None


def _own(told: ScenarioFile, kind: SiteKind) -> Iterator[Finding]:
    known = kind.own
    for name, value in told.own_control.items():
        entry = known.get(name)
        if entry is None:
            yield _unknown(("own_control", name), name, known)
        elif not entry.low <= value <= entry.high:
            yield ("own_control", name), f"`{value:g}`", f"{entry.low:g} to {entry.high:g}: {entry.about}", None


ORDERED = (
    ("start_h", "stop_h", "a clock that switches on before it switches off"),
    ("heating_c", "cooling_c", "a heating set-point below the cooling set-point"),
    ("heating_off_c", "cooling_off_c", "a heating set-point below the cooling set-point"),
    ("supply_c", "cooling_c", "supply air colder than what it shall cool to"),
    ("chilled_water_c", "supply_c", "chilled water colder than the air it cools"),
)
"""Of the ordinary control: the first must lie below the second."""


def _physics(told: ScenarioFile) -> Iterator[Finding]:
    """What no building can do."""
    kind = SITES[told.site]
    own = {key: entry.default for key, entry in kind.own.items()} | told.own_control
    for low, high, wanted in ORDERED:
        if low in own and high in own and {low, high} & set(told.own_control) and own[low] >= own[high]:
            key = low if low in told.own_control else high
            yield ("own_control", key), f"{low} {own[low]:g} with {high} {own[high]:g}", wanted, None
    for n, event in enumerate(told.events):
        if event.from_h >= event.to_h:
            yield ("events", n, "to_h"), f"`{event.to_h:g}`", f"an hour after from_h {event.from_h:g}", None
    last = told.days
    for n, fault in enumerate(told.faults):
        if not -told.learn_days < fault.day <= last:
            wanted = f"{1 - told.learn_days} to {last}, 1 is the first judged"
            yield ("faults", n, "day"), f"`{fault.day}`", wanted, None


def _expectations(told: ScenarioFile) -> Iterator[Finding]:
    known = [field.name for field in fields(Account) if field.type == "float"] + ["energy_kwh"]
    for name, wanted in told.expect.items():
        if name not in known:
            yield _unknown(("expect", name), name, known)
        elif wanted.min is None and wanted.max is None:
            yield ("expect", name), "neither min nor max", "`min:` or `max:` with a number", None


def _unknown(where: tuple[str | int, ...], name: str, known: Iterable[str]) -> Finding:
    names = list(known)
    return where, f"the unknown name `{name}`", "one of " + (", ".join(names) or "none"), nearest(name, names)


# --- faults ---


def resolve(plan: Plan, site: Site) -> tuple[tuple[Fault, ...], list[Finding]]:
    """Faults with names and instants, and what is wrong with them."""
    found: list[Finding] = []
    faults = []
    for n, entry in enumerate(plan.faults):
        wrong = list(_fault(("faults", n), entry, site))
        found += wrong
        if not wrong:
            faults.append(_resolved(plan, entry, site))
    return tuple(faults), found + list(_guests(plan, site))


def _guests(plan: Plan, site: Site) -> Iterator[Finding]:
    """Events happen in zones that there are."""
    zones = tuple(name for part in site.parts for name, told in part.equipment.items() if told["kind"] == "zone")
    for n, event in enumerate(plan.events):
        for name in event.zones:
            if name not in zones:
                yield ("events", n, "zones"), f"`{name}`", _some(zones), nearest(name, zones)


def _fault(where: tuple[str | int, ...], entry: FaultEntry, site: Site) -> Iterator[Finding]:
    kind = KINDS.get(entry.kind)
    if kind is None:
        yield (*where, "kind"), f"`{entry.kind}`", "one of " + ", ".join(KINDS), nearest(entry.kind, KINDS)
        return
    key = "points" if kind.strikes == "writable" else kind.strikes
    for other in {"points", "devices", "equipment"} - {key}:
        if getattr(entry, other):
            yield (*where, other), f"`{other}`", f"`{key}`: {entry.kind} strikes {kind.strikes}", None
    if key != "nothing":
        yield from _names(where, key, entry, site)
    if kind.size and entry.size is not None and not kind.low <= entry.size <= kind.high:
        yield (*where, "size"), f"`{entry.size:g}`", f"{kind.low:g} to {kind.high:g} ({kind.size})", None
    if not kind.size and entry.size is not None:
        yield (*where, "size"), f"`{entry.size:g}`", f"no size: {entry.kind} has none", None


def _names(where: tuple[str | int, ...], key: str, entry: FaultEntry, site: Site) -> Iterator[Finding]:
    """Each pattern must be one and hit something; two sensors are swapped, not three."""
    known = _struck(entry.kind, site)
    told: tuple[str, ...] = getattr(entry, key)
    if not told and key != "devices":
        yield (*where, key), "nothing", f"`{key}:` with names such as {known[0] if known else '-'}", None
    for pattern in told:
        try:
            is_hit = bool(matching([pattern], known))
        except re.error:
            yield (*where, key), f"`{pattern}`", "a name, or a regular expression on names", None
            continue
        if not is_hit:
            yield (*where, key), f"`{pattern}`, which is none here", _some(known), nearest(pattern, known)
    if entry.kind == "swapped" and told and len(matching(told, known)) != 2:
        yield (*where, key), f"{len(matching(told, known))} points", "two points that are swapped", None


def _some(known: tuple[str, ...]) -> str:
    return "one of " + ", ".join(known[:8]) + (" ..." if len(known) > 8 else "") if known else "a site that has such"


def _struck(kind: str, site: Site) -> tuple[str, ...]:
    """The names that this kind of fault can strike here."""
    strikes = KINDS[kind].strikes
    if strikes == "devices":
        return tuple(DEVICES)
    if strikes == "equipment":
        return tuple(name for part in site.parts for name in part.ailments.get(kind, ()))
    ours: tuple[str, ...] = () if strikes == "writable" else ("site.outdoor_air_temperature", "site.solar_irradiance")

    def points(part: Part) -> Iterable[str]:
        return part.writable if strikes == "writable" else part.points

    return ours + tuple(name for part in site.parts for name in points(part))


def _resolved(plan: Plan, entry: FaultEntry, site: Site) -> Fault:
    kind = KINDS[entry.kind]
    hour, minute = entry.at.split(":")
    day = plan.start + timedelta(days=plan.learn_days + entry.day - 1)
    begin = datetime.combine(day, time(int(hour), int(minute)), UTC).timestamp()
    told = entry.devices or entry.equipment or entry.points
    return Fault(
        kind=entry.kind,
        where=matching(told, _struck(entry.kind, site)) if told else (),
        from_unix_s=begin,
        to_unix_s=begin + 3600.0 * entry.for_h,
        size=kind.default if entry.size is None else entry.size,
    )
