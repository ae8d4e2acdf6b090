"""Writing Modbus on a real socket: value and mode together, read back, and an honest outcome whatever happens."""

import struct

import pytest

from agent.drivers.wire import ModbusWrite
from simulator.wires.modbus_server import answer


async def test_value_and_mode_are_one_request_and_are_read_back(served, echo, point, command):
    bank = echo()
    driver = await served([point(20, write=ModbusWrite(register=20, scale=0.01, mode_register=21))], bank)
    outcome = await driver.write(command("e.p20", 21.57))
    assert (outcome.kind, outcome.read_back) == ("confirmed", 21.57)
    assert bank.writes == [("holding", 20, [2157, 1])]
    outcome = await driver.write(command("e.p20", None))
    assert (outcome.kind, outcome.read_back) == ("confirmed", None)
    assert bank.writes[1:] == [("holding", 21, [0])], "the value stays, the device does not follow it any more"


@pytest.mark.parametrize(
    ("mode_register", "writes"),
    [
        (19, [("holding", 19, [1, 5])]),
        (40, [("holding", 20, [5]), ("holding", 40, [1])]),
        (None, [("holding", 20, [5])]),
    ],
)
async def test_the_mode_may_stand_before_or_apart_or_not_at_all(served, echo, point, command, mode_register, writes):
    bank = echo()
    driver = await served([point(20, write=ModbusWrite(register=20, mode_register=mode_register))], bank)
    assert (await driver.write(command("e.p20", 5.0))).kind == "confirmed"
    assert bank.writes == writes


async def test_what_is_read_elsewhere_is_written_where_it_belongs(served, echo, point, command):
    bank = echo()
    write = ModbusWrite(register=90, scale=-0.5, offset=10.0)
    driver = await served([point(20, table="input", write=write)], bank)
    assert (await driver.write(command("e.p20", 7.0))).kind == "confirmed"
    assert bank.written == {90: 6}


async def test_coils_floats_and_orders_are_written(served, echo, point, command):
    bank = echo()
    points = [
        point(3, table="coil", write=ModbusWrite(register=3, table="coil", type="bool")),
        point(40, type="float32", word_order="little", write=ModbusWrite(register=40, type="float32")),
        point(50, type="int32", byte_order="little", write=ModbusWrite(register=50, type="int32")),
    ]
    driver = await served(points, bank)
    assert (await driver.write(command("e.p3", 1.0))).kind == "confirmed"
    assert (await driver.write(command("e.p3", 0.0))).read_back == 0.0
    assert (await driver.write(command("e.p40", -2.5))).kind == "confirmed"
    assert (await driver.write(command("e.p50", -2.0))).kind == "confirmed"
    assert struct.pack(">HH", bank.written[41], bank.written[40]) == struct.pack(">f", -2.5)
    assert bank.written[50] == 0xFFFF and bank.written[51] == 0xFEFF


async def test_a_write_that_does_not_land_is_not_confirmed(served, echo, point, command):
    bank = echo()
    bank.forget = 9
    driver = await served([point(20, write=ModbusWrite(register=20, scale=0.1))], bank)
    outcome = await driver.write(command("e.p20", 5.0))
    assert (outcome.kind, outcome.read_back, outcome.detail) == ("unconfirmed", 2.0, "the device shows 2")


async def test_a_device_that_stays_in_its_own_control_is_not_confirmed(served, echo, point, command):
    bank = echo()
    driver = await served([point(20, write=ModbusWrite(register=20, mode_register=40))], bank)
    bank.written.update({20: 7, 40: 0})
    bank.forget = 9
    outcome = await driver.write(command("e.p20", 7.0))
    assert (outcome.kind, outcome.detail) == ("unconfirmed", "the device stays in its own control")
    bank.written[40] = 1
    outcome = await driver.write(command("e.p20", None))
    assert (outcome.kind, outcome.detail) == ("unconfirmed", "the device stays remote")


@pytest.mark.parametrize(
    ("write", "value", "said"),
    [
        (ModbusWrite(register=1, type="int16", scale=0.01), 400.0, "400 does not fit into int16 x 0.01"),
        (ModbusWrite(register=1, type="uint16"), -1.0, "does not fit into uint16"),
        (ModbusWrite(register=1), None, "no mode register"),
        (ModbusWrite(register=2), 1.0, "bms, unit 1, write holding 2: illegal address"),
        (None, 1.0, "bms has no register to write e.p1"),
    ],
)
async def test_what_cannot_be_written_is_an_outcome(served, echo, point, command, write, value, said):
    bank = echo(holes={2})
    driver = await served([point(1, write=write)], bank)
    outcome = await driver.write(command("e.p1", value))
    assert outcome.kind == "failed" and said in outcome.detail and not bank.written


async def test_a_device_that_shows_it_a_moment_later_is_confirmed(served, echo, point, command):
    bank, looks = echo(), []

    def say(unit, request):
        if request[0] == 3:
            looks.append(request)
            if len(looks) == 1:
                return answer(echo(), unit, request)
        return answer(bank, unit, request)

    driver = await served([point(20, write=ModbusWrite(register=20))], say)
    outcome = await driver.write(command("e.p20", 5.0))
    assert (outcome.kind, outcome.read_back, len(looks)) == ("confirmed", 5.0, 2)


async def test_of_many_writes_to_a_silent_device_only_the_first_waits(served, echo, point, command):
    points = [point(n, write=ModbusWrite(register=n)) for n in range(6)]
    asked = []
    driver = await served(points, lambda unit, request: asked.append(request), timeout_s=0.2)
    outcomes = [await driver.write(command(f"e.p{n}", 1.0)) for n in range(6)]
    assert outcomes[0].kind == "unconfirmed" and "no answer in time" in outcomes[0].detail, "it may have got there"
    assert {outcome.kind for outcome in outcomes[1:]} == {"failed"} and "a moment ago" in outcomes[1].detail
    assert len(asked) == 1


async def test_a_device_that_is_away_fails(served, echo, point, command):
    driver = await served([point(1, write=ModbusWrite(register=1))], echo())
    await driver.server.stop()
    outcome = await driver.write(command("e.p1", 1.0))
    assert outcome.kind == "failed" and "connection refused" in outcome.detail
