"""What no single entry can know: whether the names in the file fit together."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator, Sequence

from agent.config.devices import ModbusDevice, ModbusEntry, MqttDevice
from agent.config.lines import nearest
from agent.config.model import SiteConfig
from agent.config.sections import LimitEntry
from agent.core.points import PointSpec
from agent.equipment.kinds import KINDS

Finding = tuple[Sequence[str | int], str, str, str | None]
"""Where, found, wanted, nearest known name."""


def findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake that spans more than one entry."""
    yield from _equipment(config)
    broken = list(_points(config))
    yield from broken
    yield from _brokers(config)
    yield from _shared_registers(config)
    if not broken:
        specs = {spec.id: spec for spec in config.points()}
        yield from _freshness(config, specs)
        for point, limit in config.limits.items():
            yield from _limit(point, limit, specs)
        yield from _control(config, specs)


def _unknown(where: Sequence[str | int], name: str, known: Sequence[str], what: str) -> Finding:
    return where, f"`{name}`", f"{what}: {', '.join(known) or 'there is none yet'}", nearest(name, known)


def _equipment(config: SiteConfig) -> Iterator[Finding]:
    for name, equipment in config.equipment.items():
        where = ("equipment", name)
        if equipment.kind not in KINDS:
            yield _unknown((*where, "kind"), equipment.kind, list(KINDS), "one of the kinds")
        for key, kind in (("served_by", "ahu"), ("serves", "data_room")):
            told = getattr(equipment, key)
            fitting = [other for other, e in config.equipment.items() if e.kind == kind]
            if told is not None and told not in fitting:
                yield _unknown((*where, key), told, fitting, f"an equipment of kind {kind}")
        if equipment.comfort_low_c >= equipment.comfort_high_c:
            found = f"{equipment.comfort_low_c:g} to {equipment.comfort_high_c:g}"
            yield (*where, "comfort_low_c"), found, "a low end below the high end", None


def _points(config: SiteConfig) -> Iterator[Finding]:
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
        yield _unknown(where, equipment, list(config.equipment), "an equipment of this site")
        return
    roles = [known.name for known in KINDS.get(config.equipment[equipment].kind, ())]
    if role not in roles:
        yield _unknown(where, role, roles, f"a role of kind {config.equipment[equipment].kind}")


def _brokers(config: SiteConfig) -> Iterator[Finding]:
    known = list(config.brokers)
    uses: list[tuple[Sequence[str | int], str]] = [
        (("devices", name, "broker"), device.broker)
        for name, device in config.devices.items()
        if isinstance(device, MqttDevice)
    ]
    if config.upstream is not None:
        uses.append((("upstream", "broker"), config.upstream.broker))
    if config.clock.kind == "lockstep":
        uses.append((("clock", "broker"), config.clock.broker))
    for where, name in uses:
        if name not in known:
            yield _unknown(where, name, known, "a broker of this file")
    for name, broker in config.brokers.items():
        if broker.username is None and not _is_loopback(broker.host):
            found = f"{broker.host} without credentials"
            yield (
                ("brokers", name, "host"),
                found,
                "a broker on this machine, or a username with its password_file",
                None,
            )
        if broker.username is not None and broker.password_file is None and broker.password_env is None:
            yield ("brokers", name, "username"), "no password beside it", "password_file or password_env", None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shared_registers(config: SiteConfig) -> Iterator[Finding]:
    taken: dict[tuple[object, ...], str] = {}
    for name, device in config.devices.items():
        if not isinstance(device, ModbusDevice):
            continue
        for point, entry in device.points.items():
            for key in _written(device, entry):
                if key in taken:
                    where = ("devices", name, "points", point, "write")
                    yield where, f"register {key[-1]}", f"a register of its own; {taken[key]} writes this one", None
                taken[key] = point


def _written(device: ModbusDevice, entry: ModbusEntry) -> list[tuple[object, ...]]:
    if entry.write is None:
        return []
    table = entry.write.table or ("coil" if entry.table == "coil" else "holding")
    registers = [entry.write.register_]
    registers += [] if entry.write.mode_register is None else [entry.write.mode_register]
    return [(device.host, device.port, device.unit, table, register) for register in registers]


def _freshness(config: SiteConfig, specs: dict[str, PointSpec]) -> Iterator[Finding]:
    for name, device in config.devices.items():
        for point in device.points:
            if specs[point].fresh_s < specs[point].poll_s:
                found = f"fresh for {specs[point].fresh_s:g} s, polled every {specs[point].poll_s:g} s"
                yield ("devices", name, "points", point, "fresh_s"), found, "fresh_s of at least poll_s", None


def _limit(point: str, limit: LimitEntry, specs: dict[str, PointSpec]) -> Iterator[Finding]:
    where = ("limits", point)
    writable = [spec.id for spec in specs.values() if spec.writable]
    if point not in specs:
        yield _unknown(where, point, writable, "a writable point of this site")
    elif point not in writable:
        yield (
            where,
            "a point that cannot be written",
            "a point whose role is a set-point or command, with write or set",
            None,
        )
    if limit.low > limit.high:
        yield (*where, "low"), f"{limit.low:g} above high {limit.high:g}", "low at most high", None
    elif limit.release != "relinquish" and not limit.low <= limit.release <= limit.high:
        yield (
            (*where, "release"),
            f"{limit.release:g}",
            f"relinquish, or a value in {limit.low:g}..{limit.high:g}",
            None,
        )
    for place, needed in enumerate(limit.needs):
        if needed not in specs:
            yield _unknown((*where, "needs", place), needed, _like(needed, specs), "a point of this site")
    for place, interlock in enumerate(limit.interlocks):
        if interlock.point not in specs:
            known = _like(interlock.point, specs)
            yield _unknown((*where, "interlocks", place), interlock.point, known, "a point of this site")
        if math.isnan(interlock.low) or math.isnan(interlock.high) or interlock.low > interlock.high:
            yield (*where, "interlocks", place), "no band", "low at most high", None


def _like(name: str, specs: dict[str, PointSpec]) -> list[str]:
    """Few enough names to read: those of the same equipment, or else all."""
    same = [point for point in specs if point.partition(".")[0] == name.partition(".")[0]]
    return same or list(specs)


def _control(config: SiteConfig, specs: dict[str, PointSpec]) -> Iterator[Finding]:
    beat = config.control.heartbeat
    if beat is not None and beat not in config.limits:
        yield ("control", "heartbeat"), f"`{beat}` without a limit", "a writable point with an entry in limits", None
    if config.control.watch_s > config.control.cycle_s:
        found = f"watch_s {config.control.watch_s:g} above cycle_s {config.control.cycle_s:g}"
        yield ("control", "watch_s"), found, "watch_s at most cycle_s", None
