"""Units on a serial line: frames by the specification, a true serial client at the other end, and what goes wrong."""

import asyncio
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer.rtu import FramerRTU

from simulator.faults import Fault
from simulator.wires.manners import Manners
from simulator.wires.modbus_pdu import Refused
from simulator.wires.rtu import QUIET_S, RtuLine, crc16, frame, is_sound, split

READ_THREE = frame(2, bytes.fromhex("03 0001 0003"))
WRITE_TWO = frame(2, bytes.fromhex("10 0001 0002 04 0063 0064"))


class Meters:
    """Units 2 and 3 with ten holding registers each: unit x 100 + address."""

    def __init__(self):
        self.words = {unit: [unit * 100 + address for address in range(10)] for unit in (2, 3)}
        self.asked = []

    def has_unit(self, unit):
        return unit in self.words

    def read(self, unit, table, address, count):
        self.asked.append((unit, address, count))
        if address + count > 10:
            raise Refused(2)
        return self.words[unit][address : address + count]

    def write(self, unit, table, address, values):
        self.words[unit][address : address + len(values)] = values


# --- frames ---


def test_the_crc_of_the_specifications_example_and_of_another_writer():
    """Slave 02 function 07: "MODBUS over Serial Line" v1.02, appendix B, has CRC 12 41 hex, low byte 41 first."""
    assert crc16(b"\x02\x07") == 0x1241
    assert frame(2, b"\x07") == bytes.fromhex("02 07 41 12")


@given(st.binary(max_size=60))
def test_law_the_crc_is_the_librarys(data):
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@given(st.lists(st.sampled_from([READ_THREE, WRITE_TWO]), max_size=5), st.data())
def test_law_frames_are_found_however_they_arrive(frames, data):
    stream, found, buffer = b"".join(frames), [], b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        more, buffer = split(buffer + stream[:size])
        stream, found = stream[size:], found + more
    assert (found, buffer) == (frames, b"")


@given(st.binary(max_size=300))
def test_law_noise_makes_no_frame(noise):
    frames, rest = split(noise)
    assert all(is_sound(told) for told in frames)
    assert len(rest) <= 260


# --- a line ---


@pytest.fixture
async def served():
    lines = []

    def serve(*faults, bank=None, baud=None, **more):
        manners = Manners({"meters": 2, "plant": 3}, faults=faults, **more)
        line = RtuLine(bank or Meters(), manners=manners, baud=baud)
        line.manners = manners
        line.open()
        manners.look(0.0)
        lines.append(line)
        return line

    yield serve
    for line in lines:
        line.close()


async def connected(line, timeout_s=0.3):
    client = AsyncModbusSerialClient(line.path, baudrate=19_200, timeout=timeout_s, retries=0)
    assert await client.connect()
    return client


def fault(kind, *where, size=0.0):
    return Fault(kind=kind, where=where, from_unix_s=0.0, to_unix_s=10.0, size=size)


async def test_a_serial_client_reads_and_writes_several_units(served):
    client = await connected(served())
    assert (await client.read_holding_registers(1, count=3, device_id=2)).registers == [201, 202, 203]
    assert (await client.read_holding_registers(1, count=3, device_id=3)).registers == [301, 302, 303]
    assert not (await client.write_registers(4, [7, 8, 9], device_id=3)).isError()
    assert not (await client.write_register(0, 5, device_id=2)).isError()
    assert (await client.read_holding_registers(4, count=3, device_id=3)).registers == [7, 8, 9]
    assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [5]
    assert (await client.read_holding_registers(9, count=2, device_id=2)).exception_code == 2
    client.close()


async def test_a_unit_that_is_not_there_says_nothing(served):
    client = await connected(served())
    with pytest.raises(ModbusException):
        await client.read_holding_registers(0, count=1, device_id=9)
    assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [200]
    client.close()


async def test_a_broadcast_is_done_by_all_and_answered_by_none(served):
    bank = Meters()
    line = served(bank=bank)
    told = await exchange(line, frame(0, bytes.fromhex("06 0003 0005")))
    assert told == b""
    assert [words[3] for words in bank.words.values()] == [5, 5]


async def test_noise_before_a_request_and_a_request_in_pieces(served):
    line = served()
    reply = frame(2, bytes.fromhex("03 06 00c9 00ca 00cb"))
    assert await exchange(line, b"\x00\xff\x13" + READ_THREE) == reply
    assert await exchange(line, READ_THREE[:3], READ_THREE[3:]) == reply
    assert await exchange(line, READ_THREE + READ_THREE) == reply + reply


async def test_a_torn_request_is_forgotten_after_a_silence(served):
    bank = Meters()
    line = served(bank=bank)
    assert await exchange(line, WRITE_TWO[:9]) == b""
    assert await exchange(line, READ_THREE) == frame(2, bytes.fromhex("03 06 00c9 00ca 00cb"))
    assert bank.words[2][1] == 201
    assert await exchange(line, READ_THREE[:-1] + b"\x00") == b"", "a wrong CRC"


async def test_a_late_answer_is_taken_for_the_next_requests_by_a_client_that_does_not_wait(served):
    """Asked for register 5, told register 1: what a driver on such a line has to guard against."""
    line = served(fault("late", "meters", size=0.25))
    client = await connected(line, timeout_s=0.2)
    with pytest.raises(ModbusException):
        await client.read_holding_registers(1, count=1, device_id=2)
    assert (await client.read_holding_registers(5, count=1, device_id=2)).registers == [201]
    client.close()


async def test_a_late_answer_and_a_fresh_one_overlap(served):
    line = served(fault("late", "meters", size=0.1))
    other = frame(3, bytes.fromhex("03 0001 0001"))
    told = await exchange(line, READ_THREE, other, for_s=0.3)
    assert told == frame(3, bytes.fromhex("03 02 012d")) + frame(2, bytes.fromhex("03 06 00c9 00ca 00cb"))


@pytest.mark.parametrize("kind", ["silent", "cut", "reboot", "garbled", "half-answered"])
async def test_no_fault_ever_gives_a_serial_client_a_wrong_value(served, kind):
    line = served(fault(kind, size=1.0), seed=5)
    client = await connected(line, timeout_s=0.15)
    for address in range(6):
        with pytest.raises(ModbusException):
            await client.read_holding_registers(address, count=2, device_id=2)
    line.manners.look(10.0)
    assert (await client.read_holding_registers(1, count=2, device_id=2)).registers == [201, 202]
    client.close()


async def test_an_exception_by_its_code(served):
    client = await connected(served(fault("exception", "plant", size=4.0)))
    assert (await client.read_holding_registers(0, count=1, device_id=3)).exception_code == 4
    assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [200]
    client.close()


async def test_answers_at_the_pace_of_the_baud_rate(served):
    """8 bytes asked, 11 answered and two silences of 3.5 characters, 11 bits each at 1,200 baud: 238 ms."""
    line = served(baud=1200)
    began_s = time.perf_counter()
    assert len(await exchange(line, READ_THREE, for_s=0.5)) == 11
    assert time.perf_counter() - began_s >= 0.2
    assert await exchange(line, READ_THREE, for_s=0.18) == b""


async def test_a_client_may_leave_and_another_come(served):
    line = served()
    for _ in range(3):
        client = await connected(line)
        assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [200]
        client.close()


async def test_a_line_that_nobody_reads_loses_its_answers_and_lives(served):
    line = served()
    theirs = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    for _ in range(600):  # 11 bytes each: more than a pseudo terminal keeps.
        os.write(theirs, READ_THREE)
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    os.close(theirs)
    while await exchange(line, for_s=0.02):
        pass
    assert len(await exchange(line, READ_THREE)) == 11


async def exchange(line, *pieces, for_s=2.5 * QUIET_S):
    """Write these one by one, and hear what comes within a while."""
    theirs = os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    heard = b""
    for piece in pieces:
        os.write(theirs, piece)
        await asyncio.sleep(0.2 * QUIET_S)
    until_s = time.perf_counter() + for_s
    while time.perf_counter() < until_s:
        try:
            heard += os.read(theirs, 4096)
        except BlockingIOError:
            await asyncio.sleep(0.005)
    os.close(theirs)
    return heard
