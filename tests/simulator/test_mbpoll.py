"""Debian's `mbpoll`, a client that others wrote, against the simulated devices; skipped where it is not installed."""

import asyncio
import re
import shutil

import pytest

from simulator.wires.modbus_server import ModbusServer

pytestmark = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")


class Words:
    """Registers hold ten times their number until they are written."""

    def __init__(self):
        self.written = {}

    def has_unit(self, unit):
        return unit == 7

    def read(self, unit, table, address, count):
        return [self.written.get(n, 10 * n) for n in range(address, address + count)]

    def write(self, unit, table, address, values):
        self.written |= dict(enumerate(values, address))


async def mbpoll(port, *arguments):
    """Register -> value, of one poll; addresses count from 0."""
    command = ("mbpoll", "-m", "tcp", "-p", str(port), "-a", "7", "-0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, out.decode()
    return {int(n): int(value) for n, value in re.findall(r"^\[(\d+)\]:\s+(-?\d+)", out.decode(), re.MULTILINE)}


async def test_mbpoll_reads_and_writes_what_we_serve():
    words = Words()
    server = ModbusServer(words)
    await server.start()
    try:
        assert await mbpoll(server.port, "-1", "-t", "4", "-r", "3", "-c", "4", "127.0.0.1") == {
            3: 30, 4: 40, 5: 50, 6: 60,
        }  # fmt: skip
        await mbpoll(server.port, "-t", "4", "-r", "4", "127.0.0.1", "217", "218")
        assert words.written == {4: 217, 5: 218}
        assert await mbpoll(server.port, "-1", "-t", "3", "-r", "4", "-c", "1", "127.0.0.1") == {4: 217}
    finally:
        await server.stop()
