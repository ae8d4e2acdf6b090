"""Units on loopback, a site file around them, and the command as people type it."""

import asyncio
import random
import socket
import subprocess
import sys
from contextlib import suppress

import pytest
from ruamel.yaml import YAML

from simulator.wires.broker import Broker
from simulator.wires.modbus_pdu import Refused
from simulator.wires.modbus_server import ModbusServer


class Shelf:
    """Units with words in their tables; what a unit lacks it refuses, and every request is written down."""

    def __init__(self, units):
        """unit -> table -> register -> word"""
        self.units = units
        self.requests = []
        self.written = []

    def has_unit(self, unit):
        return unit in self.units

    def read(self, unit, table, address, count):
        self.requests.append((unit, table, address, count))
        words = self.units[unit].get(table)
        if words is None:
            raise Refused(1)
        if any(at not in words for at in range(address, address + count)):
            raise Refused(2)
        return [words[at] for at in range(address, address + count)]

    def write(self, unit, table, address, values):
        self.written.append((unit, table, address, list(values)))
        for place, value in enumerate(values):
            self.units[unit][table][address + place] = value


@pytest.fixture
def shelf():
    return Shelf


@pytest.fixture
async def serve():
    servers = []

    async def start(bank):
        server = ModbusServer(bank)
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
def write_site(tmp_path):
    def write(**told):
        whole = {"version": 1, "site": {"name": "house", "gateway": "gateway1"}, **told}
        path = tmp_path / "site.yaml"
        YAML().dump(whole, path)
        return path

    return write


@pytest.fixture
def hushwatt():
    """The command in a process of its own, while servers answer in this one."""

    async def run(*arguments, within_s=60.0):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", *map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        async with asyncio.timeout(within_s):
            out, complaints = await child.communicate()
        return child.returncode, out.decode(), complaints.decode()

    return run


@pytest.fixture(scope="session")
def broker(tmp_path_factory, free_port):
    broker = Broker(tmp_path_factory.mktemp("broker"), port=free_port)
    asyncio.run(broker.start())
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def free_port():
    """One outside the kernel's own range that nobody serves."""
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture
def unserved_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
