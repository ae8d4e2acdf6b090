"""Connections that break, drip and flood, at each byte of an answer: never a wrong value, and the next poll works."""

import asyncio
import tracemalloc
from contextlib import asynccontextmanager, suppress

import pytest

from agent.core.clock import SystemClock
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_frames import crc16
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice

POINTS = 4
TRUE = {register: (float(register), Quality.GOOD) for register in range(POINTS)}
ANSWERS = {"tcp": 9 + 2 * POINTS, "rtu": 5 + 2 * POINTS}
"""Bytes of a right answer."""
REQUESTS = {"tcp": 12, "rtu": 8}
FLOOD = 2_000_000


def framed(framing, request):
    """The right answer to a request, whole: each register holds its own address."""
    at = 8 if framing == "tcp" else 2
    start, count = int.from_bytes(request[at : at + 2], "big"), int.from_bytes(request[at + 2 : at + 4], "big")
    data = bytes([3, 2 * count]) + b"".join(register.to_bytes(2, "big") for register in range(start, start + count))
    if framing == "tcp":
        return request[:2] + b"\0\0" + (len(data) + 1).to_bytes(2, "big") + request[6:7] + data
    told = request[:1] + data
    return told + crc16(told)


@asynccontextmanager
async def device(framing, speak, point, book, **more):
    """`speak(writer, answer, count)`: what the device does with its right answer, the `count`-th in its life."""
    count = 0

    async def serve(reader, writer):
        nonlocal count
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readexactly(REQUESTS[framing])
                count += 1
                await speak(writer, framed(framing, request), count)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = HostPlace(host="127.0.0.1", port=server.sockets[0].getsockname()[1], framing=framing)
    told = ModbusDevice(name="bms", points=tuple(point(n) for n in range(POINTS)), **{"timeout_s": 0.3} | more)
    driver = ModbusDriver(told, ModbusLine(place, SystemClock()), book, SystemClock())
    try:
        yield driver
    finally:
        await driver.close()
        server.close()


async def seen_by(driver, columns):
    """What a poll brings; None for a fault."""
    try:
        return columns(await driver.poll())
    except DeviceError:
        return None


def is_right_or_bad(poll):
    return poll is None or all(value == TRUE[n] or value[1] == Quality.BAD for n, value in poll.items())


@pytest.mark.parametrize("framing", ANSWERS)
async def test_an_answer_that_breaks_off_at_any_byte_is_no_value(framing, point, columns, book):
    async def one(cut):
        async def speak(writer, answer, count):
            writer.write(answer if count > 2 else answer[:cut])  # A spoiled answer is asked for again, once.
            await writer.drain()
            if count <= 2:
                writer.close()
                raise OSError

        async with device(framing, speak, point, book) as driver:
            return await seen_by(driver, columns), await seen_by(driver, columns)

    for broken, after in await asyncio.gather(*(one(cut) for cut in range(ANSWERS[framing]))):
        assert is_right_or_bad(broken)
        assert after == TRUE


@pytest.mark.parametrize("framing", ANSWERS)
async def test_an_answer_that_stops_at_any_byte_while_the_link_stays_is_no_value(framing, point, columns, book):
    async def one(cut):
        async def speak(writer, answer, count):
            writer.write(answer if count > 2 else answer[:cut])

        async with device(framing, speak, point, book) as driver:
            polls = [await seen_by(driver, columns) for _ in range(5)]
            return [poll for poll in polls if poll is not None]

    for told in await asyncio.gather(*(one(cut) for cut in range(ANSWERS[framing]))):
        assert told and told[-1] == TRUE
        assert all(is_right_or_bad(poll) for poll in told)


@pytest.mark.parametrize("framing", ANSWERS)
async def test_an_answer_in_single_bytes_is_an_answer(framing, point, columns, book):
    async def speak(writer, answer, count):
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.005)

    async with device(framing, speak, point, book, timeout_s=3.0) as driver:
        assert await seen_by(driver, columns) == TRUE


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("framing", ANSWERS)
async def test_a_flood_around_an_answer_is_bounded_and_passes(framing, place, point, columns, book):
    junk = bytes(range(256)) * (FLOOD // 256)

    async def speak(writer, answer, count):
        told = answer if count > 2 else junk + answer if place == "before" else answer + junk
        with suppress(ConnectionError):
            writer.write(told)
            await writer.drain()

    async with device(framing, speak, point, book) as driver:
        tracemalloc.start()
        try:
            told = [await seen_by(driver, columns) for _ in range(6)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert told[-1] == TRUE
    assert all(is_right_or_bad(poll) for poll in told)
    assert peak < 3 * FLOOD  # The flood itself, as the device holds it to send; ours would be on top, again and again.
