"""A probe shows raw words beside what they could mean, and marks what a machine cannot show."""

import struct

import pytest

from agent.commission.probe import probe_points, probe_range
from agent.core.clock import SystemClock
from agent.core.points import Quality
from agent.drivers.modbus_line import ModbusLine, SilentError
from agent.drivers.modbus_unit import ModbusUnit
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusPoint


def floats(*values):
    data = struct.pack(f">{len(values)}f", *values)
    return {at: int.from_bytes(data[2 * at : 2 * at + 2], "big") for at in range(len(data) // 2)}


@pytest.fixture
async def unit(serve):
    lines = []

    async def make(bank):
        server = await serve(bank)
        line = ModbusLine(HostPlace(host="127.0.0.1", port=server.port), SystemClock())
        lines.append(line)
        return ModbusUnit(ModbusDevice(name="meter", timeout_s=0.3), line)

    yield make
    for line in lines:
        line.close()


def volts(register, **more):
    return ModbusPoint(point=f"m.v{register}", handle=0, unit="V", register=register, **{"type": "float32", **more})


async def test_a_wrong_word_order_is_seen_at_once(unit, shelf):
    """The meter says ABCD, the config says CDAB: its reading makes no sense, the right one is offered first."""
    asked = await unit(shelf({1: {"holding": floats(231.4)}}))
    (probed,) = [each async for each in probe_points(asked, [volts(0, word_order="little")])]
    assert probed.hex == "4367 6666" and probed.told == "float32 CDAB"
    assert not probed.is_usual and probed.quality in (Quality.GOOD, Quality.UNCERTAIN)
    best = probed.readings[0]
    assert best.is_plausible and "float32" in best.types and best.order == "ABCD"
    assert best.value == pytest.approx(231.4)


async def test_the_configs_own_reading_is_the_drivers(unit, shelf):
    asked = await unit(shelf({1: {"holding": {0: 2350, 1: 0x8000, 2: 5}, "discrete": {9: 1}}}))
    points = [volts(0, type="int16", scale=0.1), volts(1, type="int16", absent=(-32768.0,)),
              volts(7), volts(9, table="discrete", type="bool")]  # fmt: skip
    told = {each.what: each async for each in probe_points(asked, points)}
    assert (told["m.v0"].value, told["m.v0"].is_usual, told["m.v0"].told) == (235.0, True, "int16 ABCD x 0.1")
    assert told["m.v1"].quality == Quality.BAD and not told["m.v1"].is_usual
    assert "illegal address" in told["m.v7"].trouble and "holding 7..8" in told["m.v7"].trouble
    assert (told["m.v9"].value, told["m.v9"].told, told["m.v9"].readings) == (1.0, "bit", ())


async def test_a_range_with_holes_is_read_round_them(unit, shelf):
    bank = shelf({1: {"input": {**floats(21.5, 50.0), 6: 17}}})
    asked = await unit(bank)
    told = [each async for each in probe_range(asked, "input", 0, 7, most=8, as_unit="degC")]
    assert [each.what for each in told] == [f"input {at}" for at in range(8)]
    assert [bool(each.trouble) for each in told] == [False, False, False, False, True, True, False, True]
    assert any(r.is_plausible and "float32" in r.types and r.value == 21.5 for r in told[0].readings)
    assert told[3].words == (bank.units[1]["input"][3],), "no number goes over a hole"
    assert len(bank.requests) <= 13 and not bank.written


async def test_a_silent_unit_ends_it(unit, shelf):
    asked = await unit(shelf({2: {"holding": {0: 1}}}))
    with pytest.raises(SilentError, match="meter, unit 1"):
        [each async for each in probe_range(asked, "holding", 0, 100, most=50, as_unit=None)]


async def test_the_command_on_a_device_and_on_a_place(serve, shelf, hushwatt, write_site):
    bank = shelf({1: {"input": floats(*[230.0 + n / 10 for n in range(43)])}})
    port = (await serve(bank)).port
    device = {
        "driver": "modbus",
        "host": "127.0.0.1",
        "port": port,
        "template": "eastron-sdm630",
        "equipment": "meter1",
    }
    site = write_site(equipment={"meter1": {"kind": "meter"}}, devices={"meter": device})
    code, out, _ = await hushwatt("probe", "meter", "--site", site)
    assert code == 0 and "meter1.voltage_phase_1  input 0..1  4366 0000  float32 ABCD = 230 V\n" in out
    assert "meter1.frequency  input 70..71" in out and "MAKES NO SENSE" in out
    code, out, _ = await hushwatt("probe", f"127.0.0.1:{port}/1", "--registers", "0-1", "--table", "input", "--as", "V")
    assert code == 0 and "input 0  4366" in out and "float32 ABCD = 230" in out
    for arguments, said in [
        (["metr", "--site", site], "did you mean `meter`?"),
        ([f"127.0.0.1:{port}/1"], "--registers: found nothing, wanted a range such as 0-40"),
        ([f"127.0.0.1:{port}/1", "--registers", "9-2"], "a range upwards"),
        (["meter", "--site", site, "--as", "degc"], "did you mean `degC`?"),
    ]:
        code, _, complaints = await hushwatt("probe", *arguments)
        assert code == 2 and said in complaints, complaints
    assert not bank.written
