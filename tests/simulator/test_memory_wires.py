"""Malice in virtual time: the agent's memory driver on a plant's devices, by simulated instants, without a socket."""

import math

import pytest

from agent.core.clock import SystemClock
from agent.core.errors import ConfigError, DeviceError
from agent.core.points import Quality
from agent.drivers.memory import MemoryDriver
from simulator.faults import Fault, kinds_of
from simulator.wires.fault_text import known_of, parse
from simulator.wires.malice import Malice
from simulator.wires.memory import HEARTBEAT, MemoryWires
from tests.simulator.small_plant import MIDNIGHT_S, SmallPlant

AIR = "zone1.zone_air_temperature"
SUPPLY = "crac1.supply_air_temperature_setpoint"


def build(*texts, **more):
    """Faults as typed; hours are steps."""
    plant = SmallPlant()
    faults = tuple(parse(text, known_of(plant), MIDNIGHT_S) for text in texts)
    return plant, MemoryWires(plant, Malice(faults=faults), **more)


def advance(plant, wires, hours=1):
    for _ in range(hours):
        plant.step(wires.held())
        wires.look()


def test_every_point_is_at_one_device_and_true():
    plant, wires = build()
    told = {name: value for device in wires.devices.values() for name, value in device.read().items()}
    assert told == plant.true() | {HEARTBEAT: 0.0}
    assert sum(len(device.points) for device in wires.devices.values()) == len(plant.names) + 1


def test_an_order_is_followed_until_it_is_released():
    plant, wires = build()
    wires.devices["plant"].write(SUPPLY, 21.5)
    advance(plant, wires)
    assert wires.devices["plant"].read()[SUPPLY] == 21.5
    wires.devices["plant"].write(SUPPLY, None)
    advance(plant, wires)
    assert wires.devices["plant"].read()[SUPPLY] == 17.0
    with pytest.raises(ValueError, match="not within"):
        wires.devices["plant"].write(SUPPLY, 40.0)


@pytest.mark.parametrize("kind", kinds_of("wire"))
async def test_each_fault_of_a_device_is_seen_by_the_agents_driver_and_is_over_at_its_end(kind):
    size = {"garbled": 1.0, "half-answered": 1.0, "late": 5.0, "exception": 6.0}.get(kind, 0.0)
    fault = Fault(kind=kind, where=("rooms",), from_unix_s=MIDNIGHT_S + 3600, to_unix_s=MIDNIGHT_S + 7200, size=size)
    plant = SmallPlant()
    wires = MemoryWires(plant, Malice(faults=(fault,)))
    rooms = wires.devices["rooms"]
    driver = MemoryDriver("rooms", {name: n for n, name in enumerate(rooms.points)}, rooms, SystemClock())
    for hour in range(3):
        if hour == 1 and kind != "exception":
            with pytest.raises(DeviceError, match="no answer in time"):
                await driver.poll()
        else:
            (scan,) = await driver.poll()
            assert (scan.quality == (Quality.BAD if hour == 1 else Quality.GOOD)).all()
        assert wires.devices["plant"].read()[SUPPLY] == 17.0, "its neighbor answers"
        advance(plant, wires)


def test_a_share_of_the_answers_is_lost():
    _, wires = build("garbled:rooms:0:9:0.3")
    lost = 0
    for _ in range(1000):
        try:
            wires.devices["rooms"].read()
        except DeviceError:
            lost += 1
    assert 230 < lost < 370


def test_what_is_late_but_in_time_is_an_answer():
    _, wires = build("late:.:0:1:2.9")
    assert wires.devices["rooms"].read()[AIR] == 22.0


def test_a_device_that_gives_no_answer_does_nothing():
    plant, wires = build("silent:plant:0:1")
    with pytest.raises(DeviceError):
        wires.devices["plant"].write(SUPPLY, 21.0)
    advance(plant, wires)
    assert wires.overrides.held() == {}


def test_a_reboot_forgets_and_a_person_is_obeyed():
    plant, wires = build("reboot:plant:2:3", f"knob:{SUPPLY}:4:6:24")
    wires.devices["plant"].write(SUPPLY, 21.0)
    seen = []
    for _ in range(7):
        advance(plant, wires)
        seen.append(plant.true()[SUPPLY])
    assert seen == [21.0, 21.0, 17.0, 17.0, 24.0, 24.0, 17.0]


def test_sensors_lie_as_on_the_wire():
    plant, wires = build(f"nan:{AIR}:1:2", "bias:outdoor:1:2:3")
    advance(plant, wires)
    assert math.isnan(wires.devices["rooms"].read()[AIR])
    assert wires.devices["telemetry"].read()["site.outdoor_air_temperature"] == pytest.approx(23.1)


def test_the_watchdog_releases_what_a_silent_gateway_holds():
    plant, wires = build(watchdog_h=3.0)
    wires.devices["plant"].write(SUPPLY, 21.0)
    advance(plant, wires, 2)
    wires.devices["clock"].write(HEARTBEAT, 1.0)
    advance(plant, wires, 3)
    assert wires.overrides.held() == {SUPPLY: 21.0}
    advance(plant, wires)
    assert (wires.overrides.held(), wires.overrides.watchdog_releases) == ({}, 1)


def test_learning_days_obey_persons_only():
    plant, wires = build(f"knob:{SUPPLY}:1:9:24")
    wires.devices["plant"].write("crac1.fan_speed_setpoint", 60.0)
    plant.step(wires.held(takes_commands=False))
    wires.look()
    assert wires.held(takes_commands=False) == {SUPPLY: 24.0}
    assert wires.held() == {SUPPLY: 24.0, "crac1.fan_speed_setpoint": 60.0}


def test_a_fault_at_nobody_is_told():
    fault = Fault(kind="late", where=("roms",), from_unix_s=0.0, to_unix_s=1.0, size=1.0)
    with pytest.raises(ConfigError, match="did you mean `rooms`"):
        MemoryWires(SmallPlant(), Malice(faults=(fault,)))
