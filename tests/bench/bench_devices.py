"""How many devices one simulating process answers for, against a bare asyncio echo in the same run.

    python -m tests.bench devices

2,000 units of the agent's templates over 200 ports, ten units to each, asked without a pause over 200 connections: one
request under way on each, the ten units in turn, 9 to 10 registers each, and a new image of all devices each second.
The bare side is an asyncio protocol that says a fixed answer to whatever comes, asked by the same client over as many
connections; the rest is Modbus: frames, codec, banks. Server and client are processes of their own. Nothing here is
judged by the clock of the machine: what must hold is the ratio to the floor, sound answers, and the memory of a device.
"""

import asyncio
import multiprocessing
import struct

import psutil

from agent.core.clock import wall_s
from simulator.wires.crowd import UNITS_A_PORT, Crowd
from simulator.wires.modbus_server import HEADER

DEVICES = 2000
SECONDS, ROUNDS = 2.0, 2
LEAST_RATIO = 0.2
MOST_KB = 20.0
"""A device's share of the server's memory at its most, connections and all."""
TABLE = {"eastron-sdm630": (4, 0, 10), "example-crac": (4, 0, 10), "example-zone-controller": (4, 0, 6)}
"""Template -> function, first register, registers."""


class Parrot(asyncio.Protocol):
    """Says the same to whatever comes."""

    told = HEADER.pack(1, 0, 23, 1) + b"\x04\x14" + bytes(20)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(self.told)


async def floor(pipe):
    server = await asyncio.get_running_loop().create_server(Parrot, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pipe.send([port] * (DEVICES // UNITS_A_PORT))
    await asyncio.to_thread(pipe.recv)
    server.close()


async def crowd(pipe):
    process, before = psutil.Process(), psutil.Process().memory_info().rss
    devices = Crowd(DEVICES)
    await devices.start()
    pipe.send(devices.ports)
    over, most = asyncio.ensure_future(asyncio.to_thread(pipe.recv)), before
    while not over.done():
        devices.turn(wall_s())
        most = max(most, process.memory_info().rss)
        await asyncio.wait([over], timeout=1.0)
    pipe.send(most - before)
    await devices.stop()


def serve(which, pipe):
    asyncio.run(which(pipe))


class Asker(asyncio.Protocol):
    """One connection: the next request as soon as an answer is whole."""

    def __init__(self, requests, answers):
        self.requests, self.answers = requests, answers
        self.place, self.buffer = 0, b""
        self.count = self.wrong = 0

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.requests[0])

    def data_received(self, data):
        self.buffer += data
        wanted = self.answers[self.place]
        if len(self.buffer) < len(wanted):
            return
        self.wrong += not self.buffer.startswith(wanted[:9])
        self.count += 1
        self.buffer = b""
        self.place = (self.place + 1) % len(self.requests)
        self.transport.write(self.requests[self.place])


def conversation(first, is_bare):
    """What is asked of the units of a port, and how an answer begins; `first`: the number of its first device."""
    templates = Crowd(0).templates
    requests, answers = [], []
    for unit in range(1, UNITS_A_PORT + 1):
        function, register, count = TABLE[templates[(first + unit - 1) % len(templates)]]
        requests.append(HEADER.pack(unit, 0, 6, unit) + struct.pack(">BHH", function, register, count))
        body = bytes([function, 2 * count]) + bytes(2 * count)
        answers.append(Parrot.told if is_bare else HEADER.pack(unit, 0, len(body) + 1, unit) + body)
    return requests, answers


async def ask(ports, is_bare):
    """Answers a second, and how many were wrong."""
    loop = asyncio.get_running_loop()
    askers = []
    for place, port in enumerate(ports):
        told = conversation(place * UNITS_A_PORT, is_bare)
        askers.append((await loop.create_connection(lambda told=told: Asker(*told), "127.0.0.1", port))[1])
    await asyncio.sleep(0.2)
    before, began_s = sum(asker.count for asker in askers), wall_s()
    await asyncio.sleep(SECONDS)
    rate = (sum(asker.count for asker in askers) - before) / (wall_s() - began_s)
    for asker in askers:
        asker.transport.abort()
    return rate, sum(asker.wrong for asker in askers), min(asker.count for asker in askers)


def main():
    context = multiprocessing.get_context("spawn")
    sides = {}
    for which in (floor, crowd):
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(which, there), daemon=True)
        process.start()
        sides[which.__name__] = here, process, here.recv()
    rates = {"floor": [], "crowd": []}
    wrong, least = 0, []
    for _ in range(ROUNDS):  # In turns, so that a slow minute hits both.
        for name, (_, _, ports) in sides.items():
            rate, bad, fewest = asyncio.run(ask(ports, name == "floor"))
            rates[name].append(rate)
            wrong += bad
            least.append(fewest)
    grown = 0
    for name, (pipe, process, _) in sides.items():
        pipe.send("end")
        grown = pipe.recv() if name == "crowd" else grown
        process.join(5)
    best = {name: max(told) for name, told in rates.items()}
    ratio, kb = best["crowd"] / best["floor"], grown / DEVICES / 1024.0
    print(f"{DEVICES} devices over {DEVICES // UNITS_A_PORT} ports and as many connections in one process")
    print(f"bare echo      {best['floor']:7.0f} answers/s")
    print(f"devices        {best['crowd']:7.0f} answers/s  ratio {ratio:.2f}, wanted at least {LEAST_RATIO}")
    print(f"memory         {grown / 2**20:7.1f} MB grown, {kb:.1f} kB a device, wanted at most {MOST_KB:g}")
    print(f"wrong answers  {wrong}, fewest on a connection in a round {min(least)}")
    return int(ratio < LEAST_RATIO or kb > MOST_KB or wrong > 0 or min(least) == 0)


if __name__ == "__main__":
    raise SystemExit(main())
