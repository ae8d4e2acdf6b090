"""The Modbus server by its bytes: exceptions as the specification has them, order, and whatever nonsense comes."""

import asyncio
import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def frame(transaction, request_pdu, protocol=0):
    return HEADER.pack(transaction, protocol, len(request_pdu) + 1, 1) + request_pdu


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
