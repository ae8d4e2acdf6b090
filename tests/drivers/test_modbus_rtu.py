"""RTU on a pseudo terminal and over TCP: whatever a bad line does, a value is the register's own or it is none."""

import asyncio
import os
import tty
from contextlib import suppress

import pytest

from agent.core.clock import SystemClock, wall_s
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusWrite, SerialPlace
from simulator.wires.modbus_pdu import answer
from simulator.wires.rtu import RtuLine, frame, split

BAUD = 115_200
"""A pseudo terminal takes no time for a byte; our own pauses between frames are shorter at this speed."""


class Bus:
    """A serial line, or a converter on TCP. `say(unit, request)` gives [(seconds, bytes), ..] to be sent then."""

    def __init__(self, say):
        self.say = say
        self.heard = []
        self._tasks = set()

    def open(self):
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.place = SerialPlace(path=os.ttyname(self._theirs), baud=BAUD)
        asyncio.get_running_loop().add_reader(
            self._ours, lambda: self._take(os.read(self._ours, 4096), lambda data: os.write(self._ours, data))
        )

    async def listen(self):
        async def serve(reader, writer):
            with suppress(OSError):
                while data := await reader.read(4096):
                    self._take(data, writer.write)
            writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.place = HostPlace(host="127.0.0.1", port=port, framing="rtu")

    def _take(self, data, send):
        for told in split(data)[0]:
            self.heard.append((told[0], told[1:-2]))
            task = asyncio.ensure_future(self._answer(told[0], told[1:-2], send))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, unit, request, send):
        began_s = wall_s()
        for after_s, data in self.say(unit, request):
            await asyncio.sleep(max(0.0, began_s + after_s - wall_s()))
            send(data)

    def close(self):
        for task in self._tasks:
            task.cancel()
        if hasattr(self, "_server"):
            self._server.close()
        else:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)


@pytest.fixture(params=["serial", "converter"])
async def bus(request, book):
    """Give `say` and devices (points, keywords), get their drivers on one line."""
    buses, lines = [], []

    async def make(say, *devices):
        bus = Bus(say)
        if request.param == "serial":
            bus.open()
        else:
            await bus.listen()
        line = ModbusLine(bus.place, SystemClock())
        buses.append(bus)
        lines.append(line)
        specs = [
            ModbusDevice(**{"name": f"u{place}", "unit": place, "timeout_s": 0.2, "points": tuple(points), **more})
            for place, (points, more) in enumerate(devices, start=1)
        ]
        drivers = [ModbusDriver(spec, line, book, SystemClock()) for spec in specs]
        for driver in drivers:
            driver.bus, driver.line = bus, line
        return drivers

    yield make
    for line in lines:
        line.close()
    for bus in buses:
        bus.close()


def good(*registers):
    return {register: (float(register), Quality.GOOD) for register in registers}


async def polled(driver, columns):
    """Columns, or None for silence."""
    try:
        return columns(await driver.poll())
    except DeviceError:
        return None


@pytest.fixture
def at_once(echo):
    bank = echo(units=range(1, 248))

    def say(unit, request):
        return [(0.0, frame(unit, answer(bank, unit, request)))]

    say.bank = bank
    return say


async def test_units_on_a_line_are_read_and_written(bus, at_once, point, columns, command):
    write = ModbusWrite(register=20, mode_register=21)
    one, two = await bus(at_once, ([point(1), point(2), point(20, write=write)], {}), ([point(7)], {}))
    assert columns(await one.poll()) == good(1, 2, 20)
    assert columns(await two.poll()) == good(7)
    assert (await one.write(command("e.p20", 5.0))).kind == "confirmed"
    assert at_once.bank.writes == [("holding", 20, [5, 1])]


async def test_a_refusal_is_heard_on_a_serial_line(bus, echo, point, columns, book):
    bank = echo(holes={2})
    (driver,) = await bus(
        lambda unit, request: [(0.0, frame(unit, answer(bank, unit, request)))], ([point(n) for n in (1, 2, 3)], {})
    )
    await driver.poll()
    seen = columns(await driver.poll())
    assert seen.pop(2)[1] == Quality.BAD and seen == good(1, 3)
    assert "illegal address" in book[0]


async def test_an_answer_in_drips_is_put_together(bus, echo, point, columns):
    bank = echo()

    def say(unit, request):
        told = frame(unit, answer(bank, unit, request))
        return [(0.004 * place, told[place : place + 1]) for place in range(len(told))]

    (driver,) = await bus(say, ([point(1), point(2)], {}))
    assert columns(await driver.poll()) == good(1, 2)


async def test_noise_before_an_answer_is_passed_over(bus, echo, point, columns):
    bank = echo()
    (driver,) = await bus(
        lambda unit, request: [(0.0, b"\x00\xff\x01"), (0.01, frame(unit, answer(bank, unit, request)))],
        ([point(1), point(2)], {}),
    )
    assert columns(await driver.poll()) == good(1, 2)


async def test_one_spoiled_answer_is_asked_for_again_at_once(bus, echo, point, columns):
    bank, spoiled = echo(), []

    def say(unit, request):
        told = bytearray(frame(unit, answer(bank, unit, request)))
        if not spoiled:
            spoiled.append(told)
            told[4] ^= 0x10
        return [(0.0, bytes(told))]

    (driver,) = await bus(say, ([point(1), point(2)], {}))
    assert columns(await driver.poll()) == good(1, 2)


@pytest.mark.parametrize("late_s", [0.25, 0.5])
async def test_the_trap_of_the_late_answer(bus, echo, point, columns, late_s):
    """Two blocks of one size; an answer that comes after its time-out would fit the other question.

    Were it taken, register 300 would show 1: so it is with libraries that ask on as if nothing had happened.
    """
    bank, slow = echo(), []

    def say(unit, request):
        delay_s = 0.0
        if len(slow) < 3:
            slow.append(request)
            delay_s = late_s
        return [(delay_s, frame(unit, answer(bank, unit, request)))]

    (driver,) = await bus(say, ([point(1), point(300)], {}))
    seen = {}
    for _ in range(12):
        told = await polled(driver, columns)
        seen.update(told or {})
        assert all(value == handle for handle, (value, quality) in seen.items() if quality == Quality.GOOD)
    assert seen == good(1, 300)
    if isinstance(driver.bus.place, SerialPlace):  # To a converter the connection may have been made anew meanwhile.
        assert driver.line.strangers > 0, "it did come, and was known for what it is"


async def test_after_a_cancel_the_line_waits_for_what_is_under_way(bus, echo, point, columns):
    bank, asked = echo(units=(1, 2)), []

    def say(unit, request):
        asked.append(wall_s())
        return [(0.1 if len(asked) == 1 else 0.0, frame(unit, answer(bank, unit, request)))]

    one, two = await bus(say, ([point(1)], {}), ([point(300)], {}))
    poll = asyncio.ensure_future(one.poll())
    await asyncio.sleep(0.03)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    assert columns(await two.poll()) == good(300)
    assert asked[1] - asked[0] >= 0.1, "nobody speaks into an answer"
    assert asked[1] - asked[0] <= 0.19, "nor waits longer than for its end"
    assert columns(await one.poll()) == good(1)


async def test_a_silent_unit_leaves_its_neighbours_their_values(bus, echo, point, columns):
    bank = echo(units=(1, 3))

    def say(unit, request):
        return [] if unit == 2 else [(0.0, frame(unit, answer(bank, unit, request)))]

    one, two, three = await bus(say, ([point(1)], {}), ([point(2)], {"timeout_s": 0.05}), ([point(3)], {}))
    for _ in range(3):
        assert columns(await one.poll()) == good(1)
        with pytest.raises(DeviceError, match=r"u2, unit 2, holding 2\.\.2 at .*: no answer in time"):
            await two.poll()
        assert columns(await three.poll()) == good(3)


async def test_a_serial_port_that_is_not_there_is_named_and_found_again(tmp_path, echo, point, columns, book):
    path = tmp_path / "port"
    line = ModbusLine(SerialPlace(path=str(path), baud=BAUD), SystemClock())
    driver = ModbusDriver(ModbusDevice(name="m", timeout_s=0.2, points=(point(1),)), line, book, SystemClock())
    with pytest.raises(DeviceError, match=f"m, unit 1, holding 1..1 at {path}: .*cannot be opened"):
        await driver.poll()
    for _ in range(2):  # An adapter that is pulled out and put in again.
        wires = RtuLine(echo())
        wires.open()
        path.symlink_to(wires.path)
        assert columns(await driver.poll()) == good(1)
        wires.close()
        path.unlink()
        for _ in range(2):
            with pytest.raises(DeviceError):
                await driver.poll()
    await driver.close()
