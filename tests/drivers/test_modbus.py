"""The Modbus driver against a real server on a socket: right values, learned refusals, honest writes."""

import asyncio
import struct

import numpy as np
import pytest

from agent.core.clock import SystemClock
from agent.core.command import Proposal
from agent.core.errors import DeviceError
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import ModbusDevice, ModbusPoint, ModbusWrite
from agent.safety import guard
from simulator.modbus_server import ModbusServer, Refused


class Echo:
    """Each register answers with its own address, unless it was written; `holes` answer exception 2."""

    def __init__(self, holes=(), trouble=None):
        self.holes = set(holes)
        self.trouble = trouble
        self.written = {}
        self.requests = []
        self.is_deaf = False

    def has_unit(self, unit):
        return unit == 1

    def read(self, unit, table, address, count):
        self.requests.append((table, address, count))
        span = range(address, address + count)
        if self.trouble:
            raise Refused(self.trouble)
        if self.holes.intersection(span):
            raise Refused(2)
        return [self.written.get(register, register) for register in span]

    def write(self, unit, table, address, values):
        if not self.is_deaf:
            self.written.update({address + place: value for place, value in enumerate(values)})


class Book(list):
    def write(self, entry):
        self.append(entry.text)


def point(register, **more):
    return ModbusPoint(point=f"e.p{register}", handle=register, unit="count", register=register, **more)


def made(point_id, value, *, release="relinquish"):
    """A command as only the guard makes it."""
    limit = Limit(point=point_id, low=-1e9, high=1e9, release=release)
    if value is None:
        return guard.release(limit, "test", SystemClock().read())
    table = PointTable([PointSpec(id=point_id, unit="count", kind=Kind.SETPOINT, poll_s=1, fresh_s=9, writable=True)])
    now = SystemClock().read()
    seen = Image(
        at=now, table=table, values=np.zeros(1), quality=np.zeros(1, np.uint8), sampled_mono_s=np.array([now.mono_s])
    )
    wish = Proposal(point=point_id, value=value, source="t", reason="t", until_mono_s=now.mono_s + 9)
    return guard.review(wish, limit, None, seen).command


@pytest.fixture
async def served():
    """Give points, get a driver, its bank and its journal."""
    servers, drivers = [], []

    async def serve(points, bank=None, **device):
        bank = bank or Echo()
        server = ModbusServer(bank)
        await server.start()
        servers.append(server)
        clock, book = SystemClock(), Book()
        line = ModbusLine("127.0.0.1", server.port, clock)
        spec = ModbusDevice(
            name="bms", host="127.0.0.1", port=server.port, points=tuple(points), timeout_s=0.5, **device
        )
        driver = ModbusDriver(spec, line, book, clock)
        drivers.append(driver)
        return driver, bank, book, server

    yield serve
    for driver in drivers:
        await driver.close()
    for server in servers:
        await server.stop()


def columns(scans):
    return {
        int(handle): (float(value), Quality(int(quality)))
        for scan in scans
        for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True)
    }


async def test_each_register_is_its_own_address(served):
    driver, bank, *_ = await served([point(n, table="input") for n in (3, 1, 2, 7, 300, 301)])
    seen = columns(await driver.poll())
    assert seen == {n: (float(n), Quality.GOOD) for n in (1, 2, 3, 7, 300, 301)}
    assert bank.requests == [("input", 1, 7), ("input", 300, 2)], "neighbours are joined"


async def test_bits_and_words_are_two_tables(served):
    driver, _, *_ = await served([point(5, table="coil"), point(6, table="discrete"), point(8, table="holding")])
    assert {handle: value for handle, (value, _) in columns(await driver.poll()).items()} == {5: 1.0, 6: 1.0, 8: 8.0}


async def test_a_refused_register_is_bad_and_its_neighbours_are_read_on(served):
    driver, bank, book, _ = await served([point(n) for n in range(10)], Echo(holes={4}))
    for _ in range(3):
        seen = columns(await driver.poll())
        assert seen[4][1] == Quality.BAD
        assert all(seen[n] == (float(n), Quality.GOOD) for n in range(10) if n != 4)
    assert len(book) == 1 and "e.p4 is bad: bms, unit 1, holding 4" in book[0]
    bank.requests.clear()
    await driver.poll()
    assert 4 not in [a + n for _, a, count in bank.requests for n in range(count)], "it is not asked for each time"


async def test_a_mended_register_comes_back(served, monkeypatch):
    monkeypatch.setattr("agent.drivers.modbus.PROBE_REFUSED_EVERY", 2)
    driver, bank, book, _ = await served([point(n) for n in range(3)], Echo(holes={1}))
    await driver.poll()
    bank.holes.clear()
    seen = columns(await driver.poll())
    assert seen[1] == (1.0, Quality.GOOD) and "answers again" in book[1]
    assert len(driver.plan) == 1


async def test_trouble_is_bad_and_a_missing_unit_is_silence(served):
    driver, bank, book, _ = await served([point(1)], Echo(trouble=4))
    assert columns(await driver.poll())[1][1] == Quality.BAD
    assert "device failure" in book[0]
    bank.trouble = None
    assert columns(await driver.poll())[1][1] == Quality.GOOD
    assert "answers again" in book[1]
    other, *_ = await served([point(1)], unit=9)
    with pytest.raises(DeviceError, match=r"bms, unit 9, holding 1\.\.1: unit does not respond"):
        await other.poll()


async def test_a_device_that_is_not_there_is_named_and_comes_back(served):
    driver, _, _, server = await served([point(1)])
    await server.stop()
    with pytest.raises(DeviceError, match=r"bms, unit 1, holding 1\.\.1 at 127"):
        await driver.poll()
    await server.start()
    assert columns(await driver.poll())[1] == (1.0, Quality.GOOD)


async def test_values_are_written_with_their_mode_and_read_back(served):
    write = ModbusWrite(register=20, scale=0.01, mode_register=21)
    driver, bank, *_ = await served([point(20, write=write)])
    outcome = await driver.write(made("e.p20", 21.57))
    assert (outcome.kind, outcome.read_back) == ("confirmed", 21.57)
    assert bank.written == {20: 2157, 21: 1}
    outcome = await driver.write(made("e.p20", None))
    assert outcome.kind == "confirmed" and bank.written[21] == 0


async def test_a_write_that_does_not_land_is_not_confirmed(served):
    driver, bank, *_ = await served([point(20, write=ModbusWrite(register=20, scale=0.1))])
    bank.is_deaf = True
    outcome = await driver.write(made("e.p20", 5.0))
    assert (outcome.kind, outcome.read_back) == ("unconfirmed", 2.0)
    assert "the device shows 2" in outcome.detail


@pytest.mark.parametrize(
    ("write", "value", "said"),
    [
        (ModbusWrite(register=1, type="int16", scale=0.01), 400.0, "does not fit into int16"),
        (ModbusWrite(register=1), None, "no mode register"),
    ],
)
async def test_what_cannot_be_written_is_an_outcome(served, write, value, said):
    driver, bank, *_ = await served([point(1, write=write)])
    outcome = await driver.write(made("e.p1", value))
    assert outcome.kind == "failed" and said in outcome.detail and not bank.written


async def test_coils_and_floats_are_written(served):
    points = [point(3, table="coil", write=ModbusWrite(register=3, table="coil", type="bool"))]
    points += [point(40, type="float32", word_order="little", write=ModbusWrite(register=40, type="float32"))]
    driver, bank, *_ = await served(points)
    assert (await driver.write(made("e.p3", 1.0))).kind == "confirmed"
    assert (await driver.write(made("e.p40", -2.5))).kind == "confirmed"
    assert struct.pack(">HH", bank.written[41], bank.written[40]) == struct.pack(">f", -2.5)


async def test_garbage_short_answers_and_silence_are_faults_not_values():
    answers = [b"\xff" * 40, struct.pack(">HHHBBBH", 1, 0, 5, 1, 3, 2, 7), b""]

    async def speak(reader, writer):
        await reader.read(100)
        writer.write(answers[0])
        await writer.drain()
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    clock = SystemClock()
    line = ModbusLine("127.0.0.1", server.sockets[0].getsockname()[1], clock)
    device = ModbusDevice(name="bms", host="", timeout_s=0.15, points=(point(1), point(2)))
    driver = ModbusDriver(device, line, Book(), clock)
    while answers:
        with pytest.raises(DeviceError, match="bms, unit 1, holding"):
            await driver.poll()
        answers.pop(0)
        answers or server.close()
    await driver.close()
