"""Devices for load tests: each answers for itself, by its template, and keeps what was written to it."""

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient

from agent.equipment.kinds import role_of
from agent.equipment.templates import template
from simulator.wires.crowd import Crowd
from simulator.wires.word_codec import Field, decode


@pytest.fixture
async def crowd():
    crowd = Crowd(25, units_a_port=10, seed=3)
    await crowd.start()
    yield crowd
    await crowd.stop()


async def read(crowd, number, role):
    """One value of the device of this number, by its template's row."""
    name = crowd.templates[number % len(crowd.templates)]
    row = template(name)["points"][role]
    field = Field(row["register"], row.get("type", "int16"), row.get("scale", 1.0))
    async with AsyncModbusTcpClient("127.0.0.1", port=crowd.ports[number // 10]) as client:
        answer = await client.read_input_registers(field.register, count=field.width, device_id=number % 10 + 1)
    return decode(answer.registers, field)


async def test_each_device_is_its_own(crowd):
    assert len(crowd.ports) == len(set(crowd.ports)) == 3
    kinds = [template(name)["kind"] for name in crowd.templates]
    roles = {"meter": "electric_power", "crac": "supply_air_temperature", "zone": "zone_air_temperature"}
    seen = [await read(crowd, number, roles[kinds[number % len(kinds)]]) for number in range(25)]
    for place, kind in enumerate(kinds):
        told = np.array(seen[place :: len(kinds)])
        low, high = {"kW": (4.0, 20.0), "degC": (17.0, 25.0)}[role_of(kind, roles[kind]).unit]
        assert (low <= told).all() and (told <= high).all()
        assert len(set(told)) > len(told) / 2


async def test_a_turn_moves_all(crowd):
    before = [await read(crowd, number, "electric_power") for number in (0, 1)]
    crowd.turn(900.0)
    after = [await read(crowd, number, "electric_power") for number in (0, 1)]
    assert (np.abs(np.subtract(after, before)) > 0.05).all()


async def test_what_is_written_stays_at_its_device(crowd):
    async with AsyncModbusTcpClient("127.0.0.1", port=crowd.ports[0]) as client:
        crac = crowd.templates.index("example-crac") + 1
        assert not (await client.write_registers(10, [215, 1], device_id=crac)).isError()
        other = crac + len(crowd.templates)
        assert (await client.read_holding_registers(10, count=2, device_id=crac)).registers == [215, 1]
        assert (await client.read_holding_registers(10, count=2, device_id=other)).registers == [0, 0]
        assert (await client.write_register(14, 1, device_id=crac)).exception_code == 2
        assert (await client.read_input_registers(200, count=1, device_id=crac)).exception_code == 2
        assert (await client.read_input_registers(0, count=1, device_id=11)).exception_code == 11
