"""A template's rows, put under the device's equipment before the file is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.config.lines import Finding, unknown
from agent.config.telling import TAGS
from agent.config.templates import filled, is_own, knobs, read_template
from agent.core.errors import ConfigError, Problem
from agent.equipment.templates import template_names

STEP = re.compile(r"[^/+#\0\s{}]+")
"""What may be filled into a topic: no more than one of its steps."""


def expand(raw: dict[str, Any], folder: Path) -> tuple[list[Finding], list[Problem]]:
    """Changes `raw` in place: each device with a template gets its rows; what stands in the file outranks them.

    `folder`: where templates of the site's own stand. What is wrong in such a file is told at its own lines.
    """
    devices = raw.get("devices")
    told = devices.items() if isinstance(devices, dict) else ()
    findings: list[Finding] = []
    problems: dict[str, list[Problem]] = {}
    for name, device in told:
        if isinstance(device, dict):
            try:
                findings += _expand(raw, name, device, folder)
            except ConfigError as fault:
                problems[device["template"]] = fault.problems
    return findings, [problem for some in problems.values() for problem in some]


def _expand(raw: dict[str, Any], name: str, device: dict[str, Any], folder: Path) -> Iterator[Finding]:
    wanted = device.get("template")
    if not isinstance(wanted, str):
        return
    where, known = ("devices", name, "template"), template_names()
    if not is_own(wanted) and wanted not in known:
        yield unknown(where, wanted, known, "a file beside this one that ends in .yaml, or a template")
        return
    product, equipment = read_template(wanted, folder), device.get("equipment")
    driver = device.get("driver")
    if driver in TAGS["devices"] and driver != product["driver"]:
        yield where, f"a template for driver {product['driver']}", f"one for driver {driver}", None
    elif not isinstance(equipment, str):
        yield where, "no equipment beside it", "`equipment:` with the machine's id", None
    elif _kind(raw, equipment) not in (None, product["kind"]):
        found = f"a template for a {product['kind']}"
        yield where, found, f"one for a {_kind(raw, equipment)}, which {equipment} is", None
    else:
        values = dict(_values(device))
        wrong = list(_unasked(name, device, product.get("asks") or {}, values))
        yield from wrong
        if not wrong:
            for key, value in knobs(product).items():
                device.setdefault(key, value)
            _merge(device, {f"{equipment}.{role}": row for role, row in filled(product, values).items()})


def _values(device: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the device fills in; a number is taken as it is written."""
    told = device.get("with")
    for name, value in told.items() if isinstance(told, dict) else ():
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield name, str(value)


def _unasked(name: str, device: dict[str, Any], asks: dict[str, str], values: dict[str, str]) -> Iterator[Finding]:
    told = device.get("with")
    for asked, meaning in asks.items():
        if asked not in values:
            yield ("devices", name, "with"), f"nothing for `{asked}`", f"`{asked}:` with {meaning}", None
        elif not STEP.fullmatch(values[asked]):
            wanted = "one step of a topic: no space, /, + or #"
            yield ("devices", name, "with", asked), f"`{values[asked]}`", wanted, None
    for given in told if isinstance(told, dict) else ():
        if given not in asks:
            yield unknown(("devices", name, "with", given), given, list(asks), "a name that the template asks for")


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
