"""What devices do at their worst: every fault is the device's own, named, and never a value."""

import asyncio
import random

import pytest

from agent.core.clock import SystemClock, wall_s
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice
from agent.ingest.poller import Poller
from simulator.wires.modbus_server import HEADER, answer

FAULTS = {
    "closes at once": b"",
    "is silent": None,
    "says half a header": (b"\x00\x01\x00",),
    "speaks another protocol": (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
    "answers another transaction": (b"\x99\x99\x00\x00\x00\x07\x01\x03\x04\x00\x01\x00\x02",),
    "answers for another unit": (b"\x00\x01\x00\x00\x00\x07\x09\x03\x04\x00\x01\x00\x02",),
    "promises more than it sends": (b"\x00\x01\x00\x00\x00\x20\x01\x03\x04\x00\x01",),
}
NONSENSE = {
    "one register too few": b"\x03\x02\x00\x01",
    "one register too many": b"\x03\x06\x00\x01\x00\x02\x00\x03",
    "another function's answer": b"\x04\x04\x00\x01\x00\x02",
    "an exception nobody knows": b"\x83\x63",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_device_that_gives_no_answer_is_silent(served, point, fault):
    driver = await served([point(1), point(2)], lambda unit, request: FAULTS[fault], timeout_s=0.1)
    with pytest.raises(DeviceError, match="bms, unit 1, holding"):
        await driver.poll()


@pytest.mark.parametrize("fault", NONSENSE)
async def test_nonsense_is_bad_and_told(served, point, columns, book, fault):
    driver = await served([point(1), point(2)], lambda unit, request: NONSENSE[fault], timeout_s=0.2)
    seen = columns(await driver.poll())
    assert [quality for _, quality in seen.values()] == [Quality.BAD, Quality.BAD]
    assert len(book) == 1 and "bms, unit 1, holding 1..2" in book[0]


async def test_law_random_answers_are_faults_or_bad_or_of_the_right_shape(served, point, columns):
    dice = random.Random(7)

    def say(unit, request):
        return bytes([dice.choice([3, 3, 4, 0x83, dice.randrange(256)])]) + dice.randbytes(dice.randrange(14))

    driver = await served([point(n) for n in range(4)], say, timeout_s=0.03)
    for _ in range(30):
        try:
            seen = columns(await driver.poll())
        except DeviceError:
            continue
        assert set(seen) == {0, 1, 2, 3}


async def test_nobody_listens(point, book):
    line = ModbusLine(HostPlace(host="127.0.0.1", port=1), SystemClock())
    device = ModbusDevice(name="bms", timeout_s=0.2, points=(point(1),))
    with pytest.raises(DeviceError, match=r"bms, unit 1, holding 1\.\.1 at 127\.0\.0\.1:1: connection refused"):
        await ModbusDriver(device, line, book, SystemClock()).poll()


@pytest.mark.parametrize("far", [True, False], ids=["several blocks", "one block"])
async def test_a_register_that_a_device_is_quiet_to_does_not_silence_the_rest(served, echo, point, columns, book, far):
    registers = [*range(8), *([100, 101, 200] if far else [])]

    def say(unit, request):
        start, count = int.from_bytes(request[1:3], "big"), int.from_bytes(request[3:5], "big")
        return None if start <= 5 < start + count else answer(bank, unit, request)

    bank = echo()
    driver = await served([point(n) for n in registers], say, timeout_s=0.1)
    for _ in range(2):
        seen = columns(await driver.poll())
        assert seen.pop(5)[1] == Quality.BAD
        assert seen == {n: (float(n), Quality.GOOD) for n in registers if n != 5}
    assert len(book) == 1 and "e.p5 is bad" in book[0] and "no answer in time" in book[0]


async def test_a_silent_device_costs_few_requests(served, point):
    asked = []
    driver = await served([point(n) for n in range(0, 1000, 50)], lambda unit, request: asked.append(1), timeout_s=0.05)
    for _ in range(4):
        with pytest.raises(DeviceError):
            await driver.poll()
    assert len(asked) == 3 + 3, "three at first: might it be the block? Then one a poll"


async def test_a_late_answer_is_never_taken_for_the_next_one(served, point, columns):
    """It comes just before the one that is awaited, on the same connection, and has the right size."""
    asked = []

    def say(unit, request):
        asked.append(request)
        if len(asked) == 1:
            return None
        late, true = (HEADER.pack(n, 0, 5, unit) + bytes([3, 2, 0, value]) for n, value in ((1, 99), (2, 7)))
        return (late + true,)

    driver = await served([point(7)], say, timeout_s=0.1)
    with pytest.raises(DeviceError):
        await driver.poll()
    assert columns(await driver.poll()) == {7: (7.0, Quality.GOOD)}
    assert driver.line.strangers == 1 and driver.server.connections == 1, "one silence is no reason to hang up"


async def test_a_connection_on_which_nothing_is_heard_is_made_anew(served, echo, point, columns):
    """Half open: a device that lost its power says nothing at all, on a connection that only we still know."""
    bank, asked = echo(), []

    def say(unit, request):
        asked.append(request)
        return None if len(asked) <= 2 else answer(bank, unit, request)

    driver = await served([point(7)], say, timeout_s=0.05)
    for _ in range(2):
        with pytest.raises(DeviceError):
            await driver.poll()
    assert columns(await driver.poll()) == {7: (7.0, Quality.GOOD)}
    assert driver.server.connections == 2


async def test_a_silent_unit_costs_its_neighbours_little(served, echo, point, book):
    """Of the polls that the others make without it they keep most; peers keep 7 to 40 % (our trial)."""
    bank, clock = echo(units=(1, 2)), SystemClock()

    def say(unit, request):
        return None if unit == 2 else answer(bank, unit, request)

    drivers = [await served([point(1)], say, unit=unit, name=f"unit{unit}", timeout_s=0.1) for unit in (1, 2)]
    pollers = [
        Poller(driver, poll_s=0.02, phase_s=0.0, take=lambda scan: None, journal=book, clock=clock)
        for driver in drivers
    ]
    began_s = wall_s()
    tasks = [asyncio.ensure_future(poller.run()) for poller in pollers]
    await asyncio.sleep(2.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    due = (wall_s() - began_s) / 0.02
    assert pollers[0].counts.polls > 0.75 * due
    assert [text for text in book if "silent" in text] == book and len(book) == 1
