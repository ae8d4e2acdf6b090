"""Writes the `site.yaml` with which an agent meets a running simulation: every address, point, equipment and limit."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from simulator.judge.kpi import write_atomically
from simulator.wires import registers
from simulator.wires.registers import Layout

HOST = "127.0.0.1"
GATEWAY = "gateway1"
SITE = "office-tower"
SOURCE = "simulator, the device's own range"
CYCLE_S = 300.0
MACHINES: dict[str, dict[str, Any]] = {
    "site": {"kind": "site"},
    "ahu1": {"kind": "ahu"},
    "room1": {"kind": "data_room"},
    "crac1": {"kind": "crac", "serves": "room1", "inlet_max_c": 27.0, "it_meter": "meter2"},
    "lifts1": {"kind": "lift_group", "cars": 4},
    "meter1": {"kind": "meter"},
    "meter2": {"kind": "meter"},
    "gateway": {"kind": "gateway"},
}
ZONE = {"kind": "zone", "served_by": "ahu1", "comfort_low_c": 20.5, "comfort_high_c": 25.5}
LIMITS: dict[str, dict[str, Any]] = {
    "zone_air_heating_temperature_setpoint": {"low": 16.0, "high": 23.0, "step": 6.0, "hold_s": 600.0},
    "zone_air_cooling_temperature_setpoint": {"low": 21.0, "high": 30.0, "step": 6.0, "hold_s": 600.0},
    "ahu1.on_off_command": {"low": 0.0, "high": 1.0, "hold_s": 900.0},
    "ahu1.supply_air_temperature_setpoint": {"low": 12.0, "high": 20.0, "step": 2.0, "hold_s": 600.0},
    "crac1.supply_air_temperature_setpoint": {"low": 16.0, "high": 26.0, "step": 1.0, "hold_s": 600.0},
    "crac1.fan_speed_setpoint": {"low": 45.0, "high": 100.0, "step": 5.0, "hold_s": 600.0},
    "lifts1.cars_in_service_setpoint": {"low": 1.0, "high": 4.0, "step": 4.0, "hold_s": 600.0},
}
"""By point, or by role for zones: what the agent may write, within the device's own range. Our choice for the demo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the simulation serves, and how its time goes."""

    modbus_port: int
    mqtt_port: int
    prefix: str
    step_s: float
    start_unix_s: float
    learn_days: int
    latitude: float
    is_lockstep: bool
    speed: float | None


def write_site_config(path: Path, layout: Layout, at: Address) -> None:
    """Whole and at once. Raises OSError."""
    yaml = YAML()
    yaml.width = 120
    text = io.StringIO()
    text.write("# Written by the simulator for the run that is beside this file.\n")
    yaml.dump(site_config(layout, at), text)
    write_atomically(path, text.getvalue())


def site_config(layout: Layout, at: Address) -> dict[str, Any]:
    """The config as plain data."""
    return {
        "version": 1,
        "site": {"name": SITE, "gateway": GATEWAY, "latitude": at.latitude, "longitude": 0.0, "utc_offset_h": 0},
        "clock": _clock(at),
        "store": {"path": "data/hushwatt.db"},
        "brokers": {"plant": {"host": HOST, "port": at.mqtt_port}},
        "devices": _devices(layout, at),
        "equipment": _equipment(layout),
        "schedule": {"start": "07:00", "stop": "19:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"]},
        "limits": _limits(layout),
        "control": {
            "mode": "full",
            "strategy": "planner",
            "cycle_s": max(CYCLE_S, at.step_s),
            "watch_s": at.step_s,
            "watch_days": at.learn_days,
            "heartbeat": "gateway.heartbeat",
        },
        "upstream": {"broker": "plant", "prefix": "hushwatt", "share": "all"},
    }


def _clock(at: Address) -> dict[str, Any]:
    if at.is_lockstep:
        return {"kind": "lockstep", "broker": "plant", "prefix": at.prefix}
    start = datetime.fromtimestamp(at.start_unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"kind": "scaled", "speed": at.speed or 1.0, "start_utc": start}


def _devices(layout: Layout, at: Address) -> dict[str, Any]:
    def modbus(unit: int, points: Mapping[str, Any]) -> dict[str, Any]:
        place = {"driver": "modbus", "host": HOST, "port": at.modbus_port, "unit": unit, "poll_s": at.step_s}
        return place | {"points": dict(points)}

    def of_unit(unit: int) -> dict[str, Any]:
        return {name: _register_entry(layout, name) for name, place in layout.reads.items() if place.unit == unit}

    beat = {"register": registers.HEARTBEAT, "table": "holding", "type": "uint16"}
    heartbeat = beat | {"write": {"register": registers.HEARTBEAT, "table": "holding", "type": "uint16"}}
    only_mqtt = {name: _topic_entry(at.prefix, name) for name in layout.names if name not in layout.reads}
    return {
        "clock": modbus(registers.CLOCK_UNIT, {"gateway.heartbeat": heartbeat}),
        "meters": modbus(registers.METER_UNIT, of_unit(registers.METER_UNIT)),
        "plant": modbus(registers.PLANT_UNIT, of_unit(registers.PLANT_UNIT)),
        "rooms": modbus(registers.ROOM_UNIT, of_unit(registers.ROOM_UNIT)),
        "telemetry": {"driver": "mqtt", "broker": "plant", "poll_s": at.step_s, "points": only_mqtt},
    }


def _register_entry(layout: Layout, name: str) -> dict[str, Any]:
    """Read what the device follows; write the pair that asks it to."""
    place = layout.reads[name]
    entry: dict[str, Any] = {"register": place.address, "table": "input", "type": place.type}
    if place.type != "float32":
        entry["scale"] = place.scale
        entry["absent"] = [registers.DEAD_INT16 if place.type == "int16" else registers.DEAD_UINT32]
    if name in layout.writes:
        value = layout.writes[name]
        pair = {"register": value, "table": "holding", "type": "int16", "scale": registers.WRITE_SCALE}
        entry["write"] = pair | {"mode_register": value + 1}
    return entry


def _topic_entry(prefix: str, name: str) -> dict[str, Any]:
    topic = registers.value_topic(prefix, name)
    return {"topic": topic, "path": "v", "quality_path": "q", "time_path": "ts"}


def _equipment(layout: Layout) -> dict[str, Any]:
    ids = [*dict.fromkeys(name.partition(".")[0] for name in layout.names), "gateway"]
    return {id: dict(MACHINES[id]) if id in MACHINES else dict(ZONE) for id in ids}


def _limits(layout: Layout) -> dict[str, Any]:
    limits = {name: _limit(name, layout) for name in layout.writes}
    heartbeat = {"low": 0, "high": 65535, "hold_s": 0.0, "needs": [], "release": 0, "source": "simulator, a counter"}
    return limits | {"gateway.heartbeat": heartbeat}


def _limit(name: str, layout: Layout) -> dict[str, Any]:
    told = LIMITS.get(name) or LIMITS[name.partition(".")[2]]
    return told | {"needs": list(_needs(name, layout.names)), "release": "relinquish", "source": SOURCE}


def _needs(name: str, names: Iterable[str]) -> Iterable[str]:
    """What must be seen before this may be moved."""
    equipment = name.partition(".")[0]
    if equipment.startswith("zone"):
        return [f"{equipment}.zone_air_temperature"]
    if equipment.startswith("ahu"):
        return [point for point in names if point.endswith(".zone_air_temperature")]
    if equipment.startswith("crac"):
        return [point for point in names if ".rack_inlet_temperature_" in point]
    return []
