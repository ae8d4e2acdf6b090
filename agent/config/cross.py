"""What no single entry can know: whether the names in the file fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.config.equipment import KEYS_OF, PARTNERS, Equipment
from agent.config.limits import InterlockEntry, LimitEntry
from agent.config.lines import Finding, nearest, unknown
from agent.config.model import SiteConfig
from agent.config.outbound import outbound_findings
from agent.config.wires import wire_findings
from agent.core.points import PointSpec
from agent.equipment.kinds import KINDS

ID = re.compile(r"[A-Za-z0-9_-]+")
"""An equipment's id: the part of a point id before its dot, so without one."""


def findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake that spans more than one entry."""
    yield from _names(config)
    yield from _equipment(config)
    points = list(_points(config))
    yield from points
    yield from wire_findings(config)
    yield from outbound_findings(config)
    yield from _hours(config)
    told = [point for device in config.devices.values() for point in device.points]
    # A point whose id is wrong has no role yet: what it may do cannot be judged, only that it is there.
    broken = {str(where[3]) for where, *_ in points}
    specs = {spec.id: spec for spec in config.points(without=broken)}
    yield from _freshness(config, specs)
    for point, limit in config.limits.items():
        if point not in broken:
            yield from _limited(point, specs)
        yield from _band(point, limit)
        yield from _seen(point, limit, told)
    yield from _forecasts(config)
    yield from _control(config)


def _names(config: SiteConfig) -> Iterator[Finding]:
    for section in ("equipment", "devices", "brokers"):
        for name in getattr(config, section):
            if not ID.fullmatch(name):
                yield (section, name), f"the name `{name}`", "letters, digits, dashes and underscores", None


def _equipment(config: SiteConfig) -> Iterator[Finding]:
    for name, equipment in config.equipment.items():
        where = ("equipment", name)
        yield from _foreign_keys(where, equipment)
        for key, kind in PARTNERS.items():
            told = getattr(equipment, key)
            fitting = [other for other, e in config.equipment.items() if e.kind == kind]
            if told is not None and told not in fitting:
                yield unknown((*where, key), told, fitting, f"an equipment of kind {kind}")
        if equipment.comfort_low_c >= equipment.comfort_high_c:
            found = f"{equipment.comfort_low_c:g} to {equipment.comfort_high_c:g}"
            yield (*where, "comfort_low_c"), found, "a low end below the high end", None


def _foreign_keys(where: Sequence[str | int], equipment: Equipment) -> Iterator[Finding]:
    """Keys that mean nothing for this kind: whoever wrote them expects something that will not come."""
    for key in dict.fromkeys(key for keys in KEYS_OF.values() for key in keys):
        kinds = [kind for kind, keys in KEYS_OF.items() if key in keys]
        if equipment.kind not in kinds and key in equipment.model_fields_set:
            wanted = f"it with kind {' or '.join(kinds)} only"
            yield (*where, key), f"`{key}` of kind {equipment.kind}", wanted, None


def _points(config: SiteConfig) -> Iterator[Finding]:
    """Each finding's fourth step is the point's id."""
    seen: dict[str, str] = {}
    for name, device in config.devices.items():
        for point in device.points:
            where = ("devices", name, "points", point)
            if point in seen:
                yield where, f"`{point}` for a second time", f"each point once; device {seen[point]} has it", None
            seen[point] = name
            yield from _point_id(config, point, where)


def _point_id(config: SiteConfig, point: str, where: Sequence[str | int]) -> Iterator[Finding]:
    equipment, dot, role = point.partition(".")
    if not dot or not role:
        yield where, f"`{point}`", "an id of the form equipment.role, such as zone1.zone_air_temperature", None
        return
    if equipment not in config.equipment:
        yield unknown(where, equipment, list(config.equipment), "an equipment of this site")
        return
    kind = config.equipment[equipment].kind
    roles = [known.name for known in KINDS[kind]]
    if role not in roles:
        yield unknown(where, role, roles, f"a role of kind {kind}")


def _hours(config: SiteConfig) -> Iterator[Finding]:
    start_h, stop_h = config.schedule.hours()
    if start_h >= stop_h:
        found = f"{config.schedule.start} to {config.schedule.stop}"
        yield ("schedule", "stop"), found, "a stop after the start, on the same day", None


def _freshness(config: SiteConfig, specs: dict[str, PointSpec]) -> Iterator[Finding]:
    for name, device in config.devices.items():
        for point in device.points:
            spec = specs.get(point)
            if spec is not None and spec.fresh_s < spec.poll_s:
                found = f"fresh for {spec.fresh_s:g} s, polled every {spec.poll_s:g} s"
                yield ("devices", name, "points", point, "fresh_s"), found, "fresh_s of at least poll_s", None


def _limited(point: str, specs: dict[str, PointSpec]) -> Iterator[Finding]:
    writable = [spec.id for spec in specs.values() if spec.writable]
    if point not in specs:
        yield unknown(("limits", point), point, writable, "a writable point of this site")
    elif point not in writable:
        wanted = "a point whose role is a set-point or command, with write or set"
        yield ("limits", point), "a point that cannot be written", wanted, None


def _band(point: str, limit: LimitEntry) -> Iterator[Finding]:
    where = ("limits", point)
    if limit.low > limit.high:
        yield (*where, "low"), f"{limit.low:g} above high {limit.high:g}", "low at most high", None
    elif limit.release != "relinquish" and not limit.low <= limit.release <= limit.high:
        wanted = f"relinquish, or a value in {limit.low:g}..{limit.high:g}"
        yield (*where, "release"), f"{limit.release:g}", wanted, None


def _seen(point: str, limit: LimitEntry, told: Sequence[str]) -> Iterator[Finding]:
    where = ("limits", point)
    for place, needed in enumerate(limit.needs):
        if needed not in told:
            yield unknown((*where, "needs", place), needed, _like(needed, told), "a point of this site")
    for place, interlock in enumerate(limit.interlocks):
        yield from _interlock((*where, "interlocks", place), interlock, told)


def _interlock(where: Sequence[str | int], interlock: InterlockEntry, told: Sequence[str]) -> Iterator[Finding]:
    if interlock.point not in told:
        yield unknown((*where, "point"), interlock.point, _like(interlock.point, told), "a point of this site")
    low, high = interlock.low, interlock.high
    if low is None and high is None:
        yield where, "neither low nor high", "at least one of them: without, it forbids nothing", None
    if low is not None and high is not None and low > high:
        yield (*where, "low"), f"{low:g} above high {high:g}", "low at most high", None


def _like(name: str, told: Sequence[str]) -> list[str]:
    """Few enough names to read: those of the same equipment, or else all."""
    same = [point for point in told if point.partition(".")[0] == name.partition(".")[0]]
    return same or list(told)


def _forecasts(config: SiteConfig) -> Iterator[Finding]:
    for point, told in config.forecasts.items():
        yield from _point_id(config, point, ("forecasts", point))
        if told.broker is not None and told.broker not in config.brokers:
            yield unknown(("forecasts", point, "broker"), told.broker, list(config.brokers), "a broker of this file")


def _control(config: SiteConfig) -> Iterator[Finding]:
    beat = config.control.heartbeat
    if beat is not None and beat not in config.limits:
        wanted = "a writable point with an entry in limits"
        yield ("control", "heartbeat"), f"`{beat}` without a limit", wanted, nearest(beat, config.limits)
    yield from _together(config)
    if config.control.watch_s > config.control.cycle_s:
        found = f"watch_s {config.control.watch_s:g} above cycle_s {config.control.cycle_s:g}"
        yield ("control", "watch_s"), found, "watch_s at most cycle_s", None


def _together(config: SiteConfig) -> Iterator[Finding]:
    """The site's peak needs a meter that is read; points that are kept together must be writable."""
    control = config.control
    meters = [name for name, e in config.equipment.items() if e.kind == "meter"]
    if control.peak_meter is not None and control.peak_meter not in meters:
        yield unknown(("control", "peak_meter"), control.peak_meter, meters, "an equipment of kind meter")
    if control.peak_kw is not None and control.peak_meter is None:
        wanted = "peak_meter: the meter that sees the whole site"
        yield ("control", "peak_kw"), "a peak that nobody measures", wanted, None
    for place, units in enumerate(control.units):
        for n, point in enumerate(units.points):
            if point not in config.limits:
                where = ("control", "units", place, "points", n)
                yield unknown(where, point, list(config.limits), "a writable point with an entry in limits")
