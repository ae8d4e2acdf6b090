"""`kill -9` of agent, broker and receiver at random moments: all that was stored arrives, and each record once.

    python -m tests.soak upstream --kills 1000

The true agent as a process, nats-server as the broker, and the simulator's receiver, which answers after its commit.
There are a twentieth as many kills as of the store alone, since processes take a second to begin.
"""

import asyncio
import multiprocessing
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from agent.store.reader import open_reader
from simulator.wires.broker import Broker
from simulator.wires.upstream import Receiver
from tests.end_to_end.gateway import SITE, Gateway

LONGEST_PAUSE_S = 1.5
DRAIN_S = 60.0
UPSTREAM = """
brokers:
  up: {{host: 127.0.0.1, port: {port}}}
upstream: {{broker: up, share: all, gather_s: 0}}
"""
SPAWN = multiprocessing.get_context("spawn")


def receive(port, path):
    asyncio.run(Receiver(path, host="127.0.0.1", port=port).run())


class World:
    """The three that are killed."""

    def __init__(self, folder):
        self._folder = folder
        self._runner = asyncio.Runner()
        self._broker = Broker(folder / "broker")
        self._runner.run(self._broker.start())
        self.gateway = Gateway(folder)
        self.gateway.site.write_text(SITE + UPSTREAM.format(port=self._broker.port))
        self.kept = folder / "upstream.db"
        self._start_receiver()
        self.gateway.start()

    def _start_receiver(self):
        self._receiver = SPAWN.Process(target=receive, args=(self._broker.port, self.kept), daemon=True)
        self._receiver.start()

    def kill_agent(self):
        self.gateway.process.kill()
        self.gateway.process.wait()
        self.gateway.start()

    def kill_broker(self):
        self._broker.kill()
        self._runner.run(self._broker.start())

    def kill_receiver(self):
        self._receiver.kill()
        self._receiver.join()
        self._start_receiver()

    def end(self):
        """The agent is asked to stop, and sends what it has."""
        self.gateway.stop()
        self._receiver.terminate()
        self._receiver.join()
        self._broker.kill()
        self._runner.close()


def drained(world):
    """Whether the far end has all but the newest records."""
    with open_reader(world.gateway.path) as reader:
        return reader.counts().outbox <= 10


def main(kills=1000, seed=1):
    """0 when nothing that was stored is missing at the far end, and nothing is there twice."""
    dice, faults, count = random.Random(seed), [], max(6, kills // 20)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for _ in range(count):
            time.sleep(dice.uniform(0, LONGEST_PAUSE_S))
            dice.choice((world.kill_agent, world.kill_broker, world.kill_receiver))()
        began_s = time.monotonic()
        while not drained(world) and time.monotonic() - began_s < DRAIN_S:
            time.sleep(0.1)
        drained_s = time.monotonic() - began_s
        world.end()
        with open_reader(world.gateway.path) as reader:
            counts = reader.counts()
        with closing(sqlite3.connect(world.kept)) as db:
            seqs = [seq for (seq,) in db.execute("SELECT seq FROM records ORDER BY seq")]
            told = dict(db.execute("SELECT name, value FROM counters"))
    if seqs != list(range(1, counts.acknowledged + 1)):
        faults.append(f"acknowledged up to {counts.acknowledged}, kept {len(seqs)} records, the last {seqs[-1:]}")
    if counts.outbox > 2:
        faults.append(f"{counts.outbox} records were never sent")
    if told["conflicts"]:
        faults.append(f"{told['conflicts']} records came twice and said something else")
    print(f"{count} kills of agent, broker and receiver, seed {seed}: {len(seqs)} records kept", end="; ")
    print(f"{told['duplicates']} came again and were told apart; the rest drained in {drained_s:.1f} s")
    print(*faults or ["nothing missing, nothing doubled"], sep="\n")
    return 1 if faults else 0
