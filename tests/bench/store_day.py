"""A simulated day as an agent on the wire would store it: each figure through its register, at its resolution."""

import numpy as np

from agent.core.clock import Instant
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from simulator.scenarios import load
from simulator.wires.registers import DEVICES, layout, unit_of

ON_MQTT_DIGITS = 3
"""Weather and people are published as numbers of so many digits behind the point (`simulator/wires/telemetry.py`)."""


def day(scenario="office-tower", seed=1, days=1):
    """The table and the scans of some days, in order; and how many samples."""
    plant = load(scenario, seed=seed, days=days, learn_days=0)
    map_ = layout(plant)
    table = PointTable(
        [
            PointSpec(id=name, unit=unit_for(name), kind=Kind.SENSOR, poll_s=plant.step_s, fresh_s=1000.0, share=True)
            for name in plant.names
        ]
    )
    units = np.array([unit_of(name, plant) for name in plant.names])
    groups = {device: np.flatnonzero(units == unit).astype(np.int32) for device, unit in DEVICES.items()}
    scans = []
    while plant.unix_s < plant.end_unix_s - 0.5:
        plant.step({})
        values = np.array([at_resolution(map_, name, one) for name, one in zip(plant.names, plant.read(), strict=True)])
        at = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s - 1e9)
        for device, handles in groups.items():
            if len(handles):
                codes = np.zeros(len(handles), np.uint8)
                scans.append(Scan(device=device, handles=handles, values=values[handles], quality=codes, at=at))
    return table, scans, sum(len(scan) for scan in scans)


def at_resolution(map_, name, value):
    """What comes out of the register when `value` was put in."""
    place = map_.reads.get(name)
    if place is None:
        return round(float(value), ON_MQTT_DIGITS)
    if place.type == "float32":
        return float(np.float32(value))
    return round(value / place.scale) * place.scale


def unit_for(name):
    return "kW" if "power" in name else "kWh" if "energy" in name else "degC"
