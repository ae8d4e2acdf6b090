"""The `site.yaml` with which an agent meets a running simulation, as data: every address, point, machine and limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.plant import Permit
from simulator.wires import registers
from simulator.wires.registers import Layout

HOST = "127.0.0.1"
GATEWAY = "gateway1"
SOURCE = "simulator, the device's own range"
CYCLE_S, LONGEST_CYCLE_S = 300.0, 1800.0


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
    site: str = "office-tower"


def site_config(layout: Layout, at: Address) -> dict[str, Any]:
    """The config as plain data."""
    return {
        "version": 1,
        "site": {"name": at.site, "gateway": GATEWAY, "latitude": at.latitude, "longitude": 0.0, "utc_offset_h": 0},
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
            "cycle_s": min(LONGEST_CYCLE_S, max(CYCLE_S, at.step_s)),
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
    return {name: dict(told) for name, told in layout.equipment.items()} | {"gateway": {"kind": "gateway"}}


def _limits(layout: Layout) -> dict[str, Any]:
    limits = {name: _limit(permit) for name, permit in layout.permits.items()}
    heartbeat = {"low": 0, "high": 65535, "hold_s": 0.0, "needs": [], "release": 0, "source": "simulator, a counter"}
    return limits | {"gateway.heartbeat": heartbeat}


def _limit(permit: Permit) -> dict[str, Any]:
    told = permit._asdict() | {"needs": list(permit.needs)}
    return told | {"release": "relinquish", "source": SOURCE}
