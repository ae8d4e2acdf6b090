"""Commands as only the guard makes them, a journal in a list, columns as a dict, and a real broker."""

import asyncio
import random
import socket
from contextlib import suppress

import numpy as np
import pytest

from agent.core.clock import SystemClock
from agent.core.command import Proposal
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusPoint
from agent.safety import guard
from simulator.wires.broker import Broker
from simulator.wires.modbus_server import HEADER, ModbusServer, Refused


class Book(list):
    """A journal: its texts."""

    def write(self, entry):
        self.append(entry.text)


def make_command(point, value):
    """None relinquishes."""
    now = SystemClock().read()
    limit = Limit(point=point, low=-1e9, high=1e9)
    if value is None:
        return guard.release(limit, "test", now)
    table = PointTable([PointSpec(id=point, unit="count", kind=Kind.SETPOINT, poll_s=1, fresh_s=9, writable=True)])
    seen = Image(
        at=now, table=table, values=np.zeros(1), quality=np.zeros(1, np.uint8), sampled_mono_s=np.array([now.mono_s])
    )
    wish = Proposal(point=point, value=value, source="test", reason="test", until_mono_s=now.mono_s + 9)
    return guard.review(wish, limit, None, seen).command


def take_columns(scans):
    """Handle -> value, quality; a later scan outranks an earlier one."""
    return {
        int(handle): (float(value), Quality(int(quality)))
        for scan in scans
        for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True)
    }


async def wait_until(is_so, *, within_s=5.0):
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def book():
    return Book()


@pytest.fixture(scope="session")
def command():
    return make_command


@pytest.fixture(scope="session")
def columns():
    return take_columns


@pytest.fixture(scope="session")
def until():
    return wait_until


def _quiet_port():
    """Outside the kernel's own range, so that a client that knocks there is never given it as its own."""
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture(scope="session")
def free_port():
    """The port of the room's broker."""
    return _quiet_port()


@pytest.fixture
def own_port():
    """For a server that only one test has."""
    return _quiet_port()


@pytest.fixture(scope="session")
def broker(tmp_path_factory, free_port):
    """One for all tests of this room: topics keep them apart."""
    broker = Broker(tmp_path_factory.mktemp("broker"), port=free_port)
    asyncio.run(broker.start())
    yield broker
    broker.kill()


class Echo:
    """Each register answers with its own address, unless it was written; `holes` answer exception 2."""

    def __init__(self, holes=(), trouble=None, units=(1,), most=125):
        self.holes = set(holes)
        self.trouble = trouble
        self.units = units
        self.most = most
        self.written = {}
        self.requests = []
        self.writes = []
        self.forget = 0
        """Writes that are acknowledged and not done."""

    def has_unit(self, unit):
        return unit in self.units

    def read(self, unit, table, address, count):
        self.requests.append((table, address, count))
        span = range(address, address + count)
        if self.trouble:
            raise Refused(self.trouble)
        if count > self.most:
            raise Refused(3)
        if self.holes.intersection(span):
            raise Refused(2)
        return [self.written.get(register, register) for register in span]

    def write(self, unit, table, address, values):
        self.writes.append((table, address, list(values)))
        if self.holes.intersection(range(address, address + len(values))):
            raise Refused(2)
        if self.forget:
            self.forget -= 1
            return
        self.written.update({address + place: value for place, value in enumerate(values)})


class Fickle:
    """Modbus TCP on a socket. `say(unit, request)` returns a PDU; b"": close; None: silence; (all,): just that."""

    def __init__(self, say):
        self.say = say
        self.connections = 0
        self._writers = set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                transaction, _, length, unit = HEADER.unpack(await reader.readexactly(HEADER.size))
                told = self.say(unit, await reader.readexactly(length - 1))
                if told == b"":
                    break
                if isinstance(told, bytes):
                    writer.write(HEADER.pack(transaction, 0, len(told) + 1, unit) + told)
                elif told is not None:
                    writer.write(told[0])  # A tuple: these bytes and no header of ours.
        self._writers.discard(writer)
        writer.close()


@pytest.fixture
def echo():
    return Echo


@pytest.fixture(scope="session")
def point():
    def make(register, **more):
        return ModbusPoint(point=f"e.p{register}", handle=register, unit="count", register=register, **more)

    return make


@pytest.fixture
async def served(book):
    """Give points and a bank (or what a fickle server says), get a driver."""
    servers, drivers, lines = [], [], {}

    async def serve(points, bank, **device):
        if bank not in lines:
            server = Fickle(bank) if callable(bank) else ModbusServer(bank)
            await server.start()
            servers.append(server)
            lines[bank] = server, ModbusLine(HostPlace(host="127.0.0.1", port=server.port), SystemClock())
        server, line = lines[bank]
        told = {"name": "bms", "timeout_s": 0.5, **device}
        spec = ModbusDevice(points=tuple(points), **told)
        driver = ModbusDriver(spec, line, book, SystemClock())
        driver.server, driver.line = server, line
        drivers.append(driver)
        return driver

    yield serve
    for driver in drivers:
        await driver.close()
    for server in servers:
        await server.stop()
