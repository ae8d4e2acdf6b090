"""How fast the Modbus driver is, against bare asyncio streams in the same run; what a silent neighbour costs.

    python -m tests.bench modbus

One unit of 100 int16 registers, x 0.01, in one block, as fast as it goes on one connection. The server is a process of
its own. The bare side sends one fixed request, decodes all registers at once and scales them; no qualities, no
time-outs, no journal, no lock. Between the two stands pymodbus alone, its registers a list. CPU is this process's.
"""

import asyncio
import multiprocessing
import time

import numpy as np
from pymodbus.client import AsyncModbusTcpClient

from agent.core.clock import SystemClock, wall_s
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_codec import BlockDecoder
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusPoint
from agent.ingest.poller import Poller
from simulator.wires.modbus_server import HEADER, ModbusServer, answer

POINTS, POLLS, ROUNDS, DECODES = 100, 2000, 3, 5000
REQUEST = HEADER.pack(1, 0, 6, 1) + b"\x03\x00\x00" + POINTS.to_bytes(2, "big")
NEIGHBOURS, POLL_S, TIMEOUT_S, SILENT_S = 4, 0.05, 0.3, 12.0


class Echo:
    def has_unit(self, unit):
        return True

    def read(self, unit, table, address, count):
        return range(address, address + count)

    def write(self, unit, table, address, values):
        pass


class Book:
    def write(self, entry):
        pass


def serve(pipe):
    async def run():
        server = ModbusServer(Echo())
        await server.start()
        pipe.send(server.port)
        await asyncio.to_thread(pipe.recv)
        await server.stop()

    asyncio.run(run())


def points():
    return tuple(
        ModbusPoint(point=f"e.p{n}", handle=n, unit="degC", register=n, scale=0.01, absent=(-32768.0,))
        for n in range(POINTS)
    )


async def bare(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(POLLS):
        writer.write(REQUEST)
        header = await reader.readexactly(HEADER.size)
        body = await reader.readexactly(HEADER.unpack(header)[2] - 1)
        values = np.frombuffer(body, ">i2", offset=2).astype(np.float64) * 0.01
        assert len(values) == POINTS
    writer.close()


async def library(port):
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    await client.connect()
    for _ in range(POLLS):
        answer = await client.read_holding_registers(0, count=POINTS, device_id=1)
        assert len(answer.registers) == POINTS
    client.close()


async def ours(port):
    clock = SystemClock()
    device = ModbusDevice(name="bms", points=points())
    driver = ModbusDriver(device, ModbusLine(HostPlace(host="127.0.0.1", port=port), clock), Book(), clock)
    for _ in range(POLLS):
        (scan,) = await driver.poll()
        assert len(scan) == POINTS
    await driver.close()


def measure(run, port):
    """Polls a second, and CPU in us a sample."""
    began_s, used_s = wall_s(), time.process_time()
    asyncio.run(run(port))
    took_s, used_s = wall_s() - began_s, time.process_time() - used_s
    return POLLS / took_s, 1e6 * used_s / (POLLS * POINTS)


async def beside_a_silent_unit():
    """Share of their polls that the neighbours of a silent unit on one line make: (first seconds, after)."""
    clock = SystemClock()

    async def half_deaf(reader, writer):
        try:
            while True:
                head = await reader.readexactly(HEADER.size)
                transaction, _, length, unit = HEADER.unpack(head)
                request = await reader.readexactly(length - 1)
                if unit:
                    reply = answer(Echo(), unit, request)
                    writer.write(HEADER.pack(transaction, 0, len(reply) + 1, unit) + reply)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(half_deaf, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = ModbusLine(HostPlace(host="127.0.0.1", port=port), clock)
    pollers = []
    for unit in range(NEIGHBOURS + 1):
        device = ModbusDevice(name=f"u{unit}", unit=unit, timeout_s=TIMEOUT_S, points=points())
        driver = ModbusDriver(device, line, Book(), clock)
        pollers.append(Poller(driver, poll_s=POLL_S, phase_s=0.0, take=lambda scan: None, journal=Book(), clock=clock))
    tasks = [asyncio.ensure_future(poller.run()) for poller in pollers]
    shares, before = [], 0
    for _ in range(2):
        began_s = wall_s()
        await asyncio.sleep(SILENT_S / 2)
        made = sum(poller.counts.polls for poller in pollers[1:])
        shares.append((made - before) / NEIGHBOURS / ((wall_s() - began_s) / POLL_S))
        before = made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    server.close()
    line.close()
    return shares


def main():
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    port = here.recv()
    rows = {"bare streams": [], "pymodbus": [], "driver": []}
    for _ in range(ROUNDS):  # In turns, so that a slow minute hits both.
        rows["bare streams"].append(measure(bare, port))
        rows["pymodbus"].append(measure(library, port))
        rows["driver"].append(measure(ours, port))
    here.send("end")
    process.join(5)
    best = {name: (max(r for r, _ in told), min(c for _, c in told)) for name, told in rows.items()}
    floor = best["bare streams"]
    for name, (rate, cpu) in best.items():
        ratios = f"ratio {rate / floor[0]:.2f} of the polls, {cpu / floor[1]:.2f} x the CPU"
        print(f"{name:14s} {rate:7.0f} polls/s {cpu:7.3f} us CPU a sample  {ratios}")
    decoder, words = BlockDecoder(0, points()), np.arange(POINTS, dtype=">u2").tobytes()
    began_s = wall_s()
    for _ in range(DECODES):
        decoder.decode(words)
    print(f"decoding alone {1e6 * (wall_s() - began_s) / (DECODES * POINTS):.3f} us a sample")
    first, after = asyncio.run(beside_a_silent_unit())
    print(f"beside a silent unit ({TIMEOUT_S:g} s time-out, polls each {POLL_S:g} s): neighbours make ", end="")
    print(f"{100 * first:.0f} % of their polls in the first {SILENT_S / 2:g} s, {100 * after:.0f} % after")


if __name__ == "__main__":
    main()
