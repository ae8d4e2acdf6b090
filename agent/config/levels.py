"""Points named `*.role`: one for each level that a + or # in their topic may stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.config.lines import Finding
from agent.equipment.kinds import KINDS

STAR = "*."


def spread(raw: dict[str, Any]) -> list[Finding]:
    """Changes `raw` in place, as a template does; a point that stands there by its own name outranks the star's."""
    devices = raw.get("devices")
    told = devices.items() if isinstance(devices, dict) else ()
    return [finding for name, device in told if isinstance(device, dict) for finding in _spread(raw, name, device)]


def _spread(raw: dict[str, Any], name: str, device: dict[str, Any]) -> Iterator[Finding]:
    points = device.get("points")
    if device.get("driver") != "mqtt" or not isinstance(points, dict):
        return
    rows: dict[str, Any] = {}
    for star in [point for point in points if point.startswith(STAR)]:
        entry, where = points.pop(star), ("devices", name, "points", star)
        topic = entry.get("topic") if isinstance(entry, dict) else None
        if not isinstance(topic, str) or _wilds(topic) != 1:
            yield where, f"topic `{topic}`" if topic else "no topic", "a topic with one + or #, such as rooms/+/t", None
            continue
        role = star.removeprefix(STAR)
        levels = _levels(raw, device, role)
        if not levels:
            yield where, f"no equipment with a {role}", "`levels:` beside the points, or equipment of that kind", None
        rows.update({f"{equipment}.{role}": _filled(entry, level) for level, equipment in levels.items()})
    device["points"] = {**rows, **points}


def _wilds(topic: str) -> int:
    return sum(step in ("+", "#") for step in topic.split("/"))


def _levels(raw: dict[str, Any], device: dict[str, Any], role: str) -> dict[str, str]:
    """Level of the topic -> equipment: as the device says, or each equipment that has the role, by its id."""
    equipment = raw.get("equipment")
    equipment = equipment if isinstance(equipment, dict) else {}
    told = device.get("levels")
    if isinstance(told, dict) and told:
        return {level: str(name) for level, name in told.items() if _has(equipment.get(str(name)), role, unknown=True)}
    return {name: name for name, machine in equipment.items() if _has(machine, role, unknown=False)}


def _has(machine: Any, role: str, *, unknown: bool) -> bool:
    """`unknown`: the answer for what is no equipment of the file; that is told elsewhere."""
    kind = machine.get("kind") if isinstance(machine, dict) else None
    return any(row.name == role for row in KINDS[kind]) if kind in KINDS else unknown


def _filled(entry: dict[str, Any], level: str) -> dict[str, Any]:
    """A row with the level in the place of + or #, in each of its topics."""
    told = _with_level(entry, level)
    return {"filter": entry["topic"], **told}


def _with_level(entry: dict[str, Any], level: str) -> dict[str, Any]:
    changed = dict(entry)
    for key, value in entry.items():
        if key == "topic" and isinstance(value, str):
            changed[key] = "/".join(level if step in ("+", "#") else step for step in value.split("/"))
        elif key in ("set", "confirm") and isinstance(value, dict):
            changed[key] = _with_level(value, level)
    return changed
