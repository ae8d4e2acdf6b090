"""The Modbus server by its bytes: exceptions as the specification has them, order, and whatever nonsense comes."""

import asyncio
import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import SystemClock
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusPoint
from simulator.faults import Fault
from simulator.wires.manners import Manners
from simulator.wires.modbus_server import HEADER, ModbusServer, Refused, answer, pack_bits, unpack_bits


class Tables:
    """Ten of everything on unit 1."""

    def __init__(self):
        self.words = {table: list(range(10)) for table in ("holding", "input", "coil", "discrete")}

    def has_unit(self, unit):
        return unit == 1

    def read(self, unit, table, address, count):
        if address + count > 10:
            raise Refused(2)
        return self.words[table][address : address + count]

    def write(self, unit, table, address, values):
        if address + len(values) > 10:
            raise Refused(2)
        self.words[table][address : address + len(values)] = values


def pdu(function, *words):
    return struct.pack(f">B{len(words)}H", function, *words)


@pytest.mark.parametrize(
    ("request_pdu", "code"),
    [
        (pdu(7), 1),
        (pdu(43, 0), 1),
        (pdu(3, 9, 2), 2),
        (pdu(3, 0xFFFF, 2), 2),
        (pdu(6, 10, 1), 2),
        (pdu(3, 0, 0), 3),
        (pdu(3, 0, 126), 3),
        (pdu(1, 0, 2001), 3),
        (pdu(3, 0), 3),
        (pdu(5, 0, 0x1234), 3),
        (pdu(16, 0, 2) + b"\x03\0\0\0", 3),
        (pdu(16, 0, 2) + b"\x04\0\0\0", 3),
        (pdu(16, 9, 2) + b"\x04\0\1\0\1", 2),
    ],
)
def test_refuses_with_the_right_exception(request_pdu, code):
    assert answer(Tables(), 1, request_pdu) == bytes([request_pdu[0] | 0x80, code])


def test_an_unknown_unit_is_told_by_exception_11():
    assert answer(Tables(), 9, pdu(3, 0, 1)) == bytes([0x83, 11])


def test_each_function_does_its_work():
    tables = Tables()
    assert answer(tables, 1, pdu(6, 2, 77)) == pdu(6, 2, 77)
    assert answer(tables, 1, pdu(16, 3, 2) + b"\x04\0\x63\0\x64") == pdu(16, 3, 2)
    assert answer(tables, 1, pdu(3, 2, 3)) == b"\x03\x06\0\x4d\0\x63\0\x64"
    assert answer(tables, 1, pdu(5, 0, 0xFF00)) == pdu(5, 0, 0xFF00)
    assert answer(tables, 1, pdu(15, 1, 3) + b"\x01\x05") == pdu(15, 1, 3)
    assert answer(tables, 1, pdu(1, 0, 4)) == b"\x01\x01\x0b"
    assert answer(tables, 1, pdu(2, 0, 3)) == b"\x02\x01\x06"
    assert answer(tables, 1, pdu(4, 9, 1)) == b"\x04\x02\0\x09"


@given(st.binary(min_size=1, max_size=253))
def test_any_bytes_get_an_answer(request_pdu):
    assert len(answer(Tables(), 1, request_pdu)) >= 2


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_bits_go_round(bits):
    assert unpack_bits(pack_bits(bits), len(bits)) == bits


@pytest.fixture
async def server():
    server = ModbusServer(Tables())
    await server.start()
    yield server
    await server.stop()


@contextlib.asynccontextmanager
async def connected(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    writer.close()


def frame(transaction, request_pdu, protocol=0, unit=1):
    return HEADER.pack(transaction, protocol, len(request_pdu) + 1, unit) + request_pdu


async def read_frame(reader):
    transaction, _, length, _ = HEADER.unpack(await reader.readexactly(HEADER.size))
    return transaction, await reader.readexactly(length - 1)


async def test_requests_in_one_segment_are_answered_in_order(server):
    async with connected(server) as (reader, writer):
        writer.write(b"".join(frame(n, pdu(4, n, 1)) for n in range(10)))
        answers = [await read_frame(reader) for _ in range(10)]
    assert answers == [(n, struct.pack(">BBH", 4, 2, n)) for n in range(10)]


async def test_a_request_may_come_byte_by_byte(server):
    async with connected(server) as (reader, writer):
        for byte in frame(5, pdu(4, 3, 1)):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await read_frame(reader) == (5, b"\x04\x02\0\x03")


async def test_what_is_not_modbus_is_cut(server):
    async with connected(server) as (reader, writer):
        writer.write(frame(1, pdu(4, 0, 1), protocol=7))
        assert await reader.read() == b""


async def test_dropping_cuts_old_and_new_connections(server):
    async with connected(server) as (reader, writer):
        writer.write(frame(1, pdu(4, 0, 1)))
        await read_frame(reader)
        server.drop(True)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    async with connected(server) as (reader, _):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    server.drop(False)
    async with connected(server) as (reader, writer):
        writer.write(frame(1, pdu(4, 0, 1)))
        assert (await read_frame(reader))[0] == 1


# --- with manners ---


@contextlib.asynccontextmanager
async def misbehaving(*faults, bank=None, **more):
    """A server whose unit 1 is `boiler`, at the first instant of its faults."""
    told = [Fault(kind=kind, from_unix_s=0.0, to_unix_s=10.0, size=size) for kind, size in faults]
    manners = Manners({"boiler": 1}, faults=told, **more)
    manners.look(0.0)
    server = ModbusServer(bank or Tables(), manners=manners)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_answers_keep_their_order_though_each_takes_its_time():
    loop = asyncio.get_running_loop()
    async with misbehaving(latency_ms=15.0, jitter_ms=15.0) as server, connected(server) as (reader, writer):
        began_s = loop.time()
        writer.write(b"".join(frame(n, pdu(4, n, 1)) for n in range(6)))
        answers = [await read_frame(reader) for _ in range(6)]
        assert answers == [(n, struct.pack(">BBH", 4, 2, n)) for n in range(6)]
        assert loop.time() - began_s >= 6 * 0.015


async def test_a_client_that_leaves_before_a_late_answer_leaves_nothing_behind():
    async with misbehaving(("late", 30.0)) as server:
        async with connected(server) as (_, writer):
            writer.write(frame(1, pdu(4, 0, 1)))
            await asyncio.sleep(0.05)
            assert len(server.clients) == 1
        await asyncio.sleep(0.05)
        assert not server.clients


async def test_a_server_stops_while_answers_are_late():
    async with misbehaving(("late", 30.0)) as server, connected(server) as (reader, writer):
        writer.write(frame(1, pdu(4, 0, 1)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(2.0):
            await server.stop()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


class Wide(Tables):
    """As many words as anyone asks for."""

    def read(self, unit, table, address, count):
        return range(address, address + count)


async def test_a_client_that_never_reads_is_no_longer_answered_and_the_others_are():
    async with misbehaving(bank=Wide()) as server, connected(server) as (_, deaf), connected(server) as (other, writer):
        request = b"".join(frame(n, pdu(4, 0, 125)) for n in range(1000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                for _ in range(2000):  # Some 500 MB of answers, were they all made.
                    deaf.write(request)
                    await asyncio.wait_for(deaf.drain(), 0.5)
        waiting = [client._transport.get_write_buffer_size() for client in server.clients]
        assert 0 < max(waiting) < 1_000_000
        writer.write(frame(5, pdu(4, 3, 1)))
        assert await read_frame(other) == (5, b"\x04\x02\0\x03")
        deaf.transport.abort()


async def test_cutting_a_unit_cuts_those_who_asked_it_and_no_others():
    async with misbehaving() as server, connected(server) as one, connected(server) as other:
        for number, (reader, writer) in enumerate((one, other), start=1):
            writer.write(frame(1, pdu(4, 0, 1), unit=number))
            await read_frame(reader)
        server.cut({1})
        with contextlib.suppress(ConnectionError):
            assert await one[0].read() == b""
        other[1].write(frame(2, pdu(4, 0, 1)))
        assert (await read_frame(other[0]))[0] == 2


async def test_a_cut_unit_cuts_the_connection_at_the_next_request():
    async with misbehaving(("cut", 0.0)) as server, connected(server) as (reader, writer):
        writer.write(frame(1, pdu(4, 0, 1)) * 3)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def test_a_silent_device_does_what_it_is_told():
    bank = Tables()
    async with misbehaving(("silent", 0.0), bank=bank) as server, connected(server) as (reader, writer):
        writer.write(frame(1, pdu(6, 2, 77)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
    assert bank.words["holding"][2] == 77


@pytest.mark.parametrize("kind", ["garbled", "half-answered", "late", "silent", "cut", "reboot", "exception"])
async def test_law_no_fault_of_the_line_gives_the_agent_a_wrong_value(kind):
    """Each answer is the truth, BAD, or a device that is silent; and the truth again when the fault is over."""
    points = tuple(
        ModbusPoint(point=f"e.p{n}", handle=n, unit="count", register=n, table="input") for n in (0, 1, 2, 5, 6, 9)
    )
    sizes = {"garbled": 0.5, "half-answered": 0.5, "late": 0.15, "exception": 6.0}
    async with misbehaving((kind, sizes.get(kind, 0.0)), seed=11) as server:
        clock, book = SystemClock(), []
        place = HostPlace(host="127.0.0.1", port=server.port)
        device = ModbusDevice(name="b", timeout_s=0.05, max_gap=0, points=points)
        driver = ModbusDriver(device, ModbusLine(place, clock), Book(book), clock)
        spoiled = 0
        for _ in range(15):
            try:
                scans = await driver.poll()
            except DeviceError:
                spoiled += 1
                continue
            for scan in scans:
                good = scan.quality == Quality.GOOD
                assert (scan.values[good] == scan.handles[good]).all()
                spoiled += not good.all()
        assert spoiled > 3
        server.manners.look(10.0)
        server.drop(False)
        fresh = ModbusDriver(device, ModbusLine(place, clock), Book(book), clock)
        assert sum(len(scan) for scan in await fresh.poll()) == len(points)
        await driver.close()
        await fresh.close()


class Book:
    """A journal: its texts."""

    def __init__(self, told):
        self.told = told

    def write(self, entry):
        self.told.append(entry.text)
