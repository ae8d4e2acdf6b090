"""The config that a simulation writes for its agent: every point once, limits within the devices' own range."""

import pytest
from ruamel.yaml import YAML

from agent.config import check
from agent.equipment import kinds
from simulator.scenarios import load
from simulator.wires import registers
from simulator.wires.site_changes import write_config
from simulator.wires.site_config import Address, site_config


@pytest.fixture(scope="module")
def layout():
    return registers.layout(load("office-tower", learn_days=0, days=1))


def address(**told):
    told = {"is_lockstep": True, "speed": None} | told
    place = {"modbus_port": 5020, "mqtt_port": 1883, "prefix": "plant", "latitude": 48.0}
    return Address(**place, step_s=300.0, start_unix_s=1_561_939_200.0, learn_days=14, **told)


def test_each_point_is_declared_once(layout):
    devices = site_config(layout, address())["devices"]
    declared = [point for device in devices.values() for point in device["points"]]
    assert sorted(declared) == sorted([*layout.names, "gateway.heartbeat"])


def test_each_writable_has_a_pair_and_a_limit_within_its_range(layout):
    told = site_config(layout, address())
    points = {name: entry for device in told["devices"].values() for name, entry in device["points"].items()}
    assert set(told["limits"]) == {*layout.writable, "gateway.heartbeat"}
    for name, (low, high) in layout.writable.items():
        limit, write = told["limits"][name], points[name]["write"]
        assert low <= limit["low"] < limit["high"] <= high
        assert write["mode_register"] == write["register"] + 1
        assert limit["source"]
        assert set(limit["needs"]) <= set(layout.names)


def test_every_equipment_is_of_a_known_kind(layout):
    equipment = site_config(layout, address())["equipment"]
    assert {name.split(".")[0] for name in layout.names} <= set(equipment)
    assert {told["kind"] for told in equipment.values()} <= set(kinds.KINDS)


def test_the_clock_is_the_plants_or_a_scaled_one(layout):
    assert site_config(layout, address())["clock"] == {"kind": "lockstep", "broker": "plant", "prefix": "plant"}
    scaled = site_config(layout, address(is_lockstep=False, speed=60.0))["clock"]
    assert scaled == {"kind": "scaled", "speed": 60.0, "start_utc": "2019-07-01T00:00:00Z"}


def test_the_file_is_the_config(layout, tmp_path):
    write_config(tmp_path / "site.yaml", site_config(layout, address()))
    assert YAML(typ="safe").load(tmp_path / "site.yaml") == site_config(layout, address())


@pytest.mark.parametrize("clock", [{}, {"is_lockstep": False, "speed": 60.0}])
def test_the_agent_finds_nothing_to_mend(layout, tmp_path, clock):
    write_config(tmp_path / "site.yaml", site_config(layout, address(**clock)))
    assert check(tmp_path / "site.yaml").problems == []


def test_registers_do_not_overlap(layout):
    taken = [(place.unit, place.address + offset) for place in layout.reads.values() for offset in range(place.width)]
    assert len(taken) == len(set(taken))
    for unit in (2, 3, 4):
        used = sorted(address for at, address in taken if at == unit)
        assert used == list(range(len(used)))
