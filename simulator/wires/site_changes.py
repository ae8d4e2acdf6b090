"""What a session changes in the site config that it leaves for the agent, and the file itself."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from simulator.judge.kpi import write_atomically
from simulator.wires.devices import Served
from simulator.wires.products import product

TITLE = "# Written by the simulator for the run that is beside this file.\n"


def with_products(config: Mapping[str, Any], served: Sequence[Served], place: Mapping[str, Any]) -> dict[str, Any]:
    """Each served machine is a device of its own that names its template.

    `place`: host, port and poll_s of all. Its points leave the devices that had them; what no template has, stays.
    """
    taken = {f"{each.equipment}.{role}" for each in served for role in product(each.template).roles}
    devices = {}
    for name, device in config["devices"].items():
        points = {point: entry for point, entry in device["points"].items() if point not in taken}
        if points:
            devices[name] = {**device, "points": points}
    for each in served:
        own = {"driver": "modbus", **place, "unit": each.unit, "template": each.template, "equipment": each.equipment}
        devices[each.equipment] = own
    return {**config, "devices": devices}


def with_upstream(config: Mapping[str, Any], host: str, port: int) -> dict[str, Any]:
    """Upstream has a broker of its own."""
    brokers = {**config["brokers"], "upstream": {"host": host, "port": port}}
    return {**config, "brokers": brokers, "upstream": {**config["upstream"], "broker": "upstream"}}


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Whole and at once. Raises OSError."""
    yaml = YAML()
    yaml.width = 120
    text = io.StringIO()
    text.write(TITLE)
    yaml.dump(dict(config), text)
    write_atomically(path, text.getvalue())
