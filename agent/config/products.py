"""A template's rows, put under the device's equipment before the file is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.config.lines import Finding, unknown
from agent.config.telling import TAGS
from agent.equipment.templates import template, template_names


def expand(raw: dict[str, Any]) -> list[Finding]:
    """Changes `raw` in place: each device with a template gets its rows; what stands in the file outranks them."""
    devices = raw.get("devices")
    told = devices.items() if isinstance(devices, dict) else ()
    return [finding for name, device in told if isinstance(device, dict) for finding in _expand(raw, name, device)]


def _expand(raw: dict[str, Any], name: str, device: dict[str, Any]) -> Iterator[Finding]:
    wanted = device.get("template")
    if not isinstance(wanted, str):
        return
    where, known = ("devices", name, "template"), template_names()
    if wanted not in known:
        yield unknown(where, wanted, known, "a template")
        return
    product, equipment = template(wanted), device.get("equipment")
    driver = device.get("driver")
    if driver in TAGS["devices"] and driver != product["driver"]:
        yield where, f"a template for driver {product['driver']}", f"one for driver {driver}", None
    elif not isinstance(equipment, str):
        yield where, "no equipment beside it", "`equipment:` with the machine's id", None
    elif _kind(raw, equipment) not in (None, product["kind"]):
        found = f"a template for a {product['kind']}"
        yield where, found, f"one for a {_kind(raw, equipment)}, which {equipment} is", None
    else:
        rows = {f"{equipment}.{role}": dict(row) for role, row in product["points"].items()}
        _merge(device, rows)


def _kind(raw: dict[str, Any], equipment: str) -> Any:
    """None when the file does not say; that is told elsewhere."""
    told = raw.get("equipment")
    machine = told.get(equipment) if isinstance(told, dict) else None
    return machine.get("kind") if isinstance(machine, dict) else None


def _merge(device: dict[str, Any], rows: dict[str, Any]) -> None:
    """Key by key; `null` takes a point out that this machine does not have."""
    told = device.get("points")
    if told is not None and not isinstance(told, dict):
        return
    for point, entry in (told or {}).items():
        if entry is None:
            rows.pop(point, None)
        elif isinstance(entry, dict) and point in rows:
            rows[point] = {**rows[point], **entry}
        else:
            rows[point] = entry
    device["points"] = rows
