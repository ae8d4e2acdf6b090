"""Lives of a gateway and of a receiver, each a process of its own, to be killed; one import of numpy for all of them.

python -m tests.soak.lives     reads lines `gateway FOLDER MQTT_PORT feed|drain` or `receiver NATS_URL DSN`
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import numpy as np

from agent.core.clock import SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.runtime.mqtt_broker import Broker
from agent.store.store import Store
from agent.uplink.mqtt import MqttSink
from agent.uplink.packer import Packer, Rules
from agent.uplink.tape import Feeding, Tape
from deploy.receiver.consumer import Ends, Receiver

SITE, GATEWAY, SINK = "tower", "gw1", "cloud"
POINTS = ("meter1.electric_power", "zone1.zone_air_temperature")
FEED_S = 0.005
TABLE = PointTable(
    [PointSpec(id=name, unit="kW", kind=Kind.SENSOR, poll_s=1.0, fresh_s=9.0, share=True) for name in POINTS]
)


def say(**told):
    os.write(1, (json.dumps(told) + "\n").encode())  # In one write: a killed print may leave half a line.


async def gateway(folder, port, mode):
    """A store that is fed, and its way upstream. Each scan carries its number: how many are stored before it."""
    began_s = time.monotonic()
    clock = SystemClock()
    store = await Store.open(f"{folder}/s.db", TABLE, clock, commit_s=0.02)
    say(open_s=time.monotonic() - began_s)
    outbox = store.outbox
    sink = MqttSink(
        Broker(host="127.0.0.1", port=int(port)),
        clock,
        prefix="hushwatt",
        site=SITE,
        gateway=GATEWAY,
        newest=lambda: outbox.last_seq,
        answer_s=3.0,
    )
    rules = Rules(spans_s=dict.fromkeys(POINTS, 0), units=dict.fromkeys(POINTS, "kW"))
    feeding = Feeding(batch_records=50, gather_s=0.02)
    tape = Tape(SINK, sink, outbox, lambda: Packer(rules, outbox), clock, store, feeding=feeding)
    tasks = [asyncio.ensure_future(work) for work in (store.run(), sink.run(), tape.run())]
    if mode == "feed":
        await feed(store, clock)
    await store.flush()
    is_drained = await tape.drain(120.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()
    say(drained=is_drained)


async def feed(store, clock):
    number = (await store.counts()).samples // len(POINTS)
    while True:
        values = np.array([float(number), number / 10])
        handles, quality = np.arange(2, dtype=np.int32), np.zeros(2, np.uint8)
        store.append(Scan(device="d", handles=handles, values=values, quality=quality, at=clock.read()))
        number += 1
        await asyncio.sleep(FEED_S)


async def receiver(nats_url, dsn):
    await Receiver(Ends(nats_url=nats_url, postgres=dsn)).run()


class Nursery:
    """Gives birth to lives by a word; they end when they are killed, at the latest with it."""

    def __init__(self):
        pipe = subprocess.PIPE
        told = [sys.executable, "-m", "tests.soak.lives"]
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as we live
        self._process = subprocess.Popen(told, stdin=pipe, stdout=pipe, stderr=self._said, text=True, bufsize=1)
        self._living = set()
        self.starts_s = []
        self.drained = None
        self.fallen = 0
        """Those that were dead already when they were to be killed."""

    def bear(self, *words):
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        while True:
            told = self.hear()
            if "born" in told:
                self._living.add(told["born"])
                return told["born"]

    def hear(self):
        """The next thing that any of them says."""
        told = json.loads(self._process.stdout.readline() or '{"end": true}')
        assert "end" not in told, "the nursery ended"
        self.starts_s += [told["open_s"]] if "open_s" in told else []
        self.drained = told.get("drained", self.drained)
        return told

    def kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            self.fallen += 1
        while pid in self._living:
            self._living.discard(self.hear().get("gone"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in tuple(self._living):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait()
        self._said.close()

    def last_words(self, most=3000):
        """Of those that fell: the last trace among all that was said."""
        self._said.seek(0)
        *_, last = self._said.read().rpartition("Traceback")
        return last[:most]


def main():
    roles = {"gateway": gateway, "receiver": receiver}

    def bury(*_):
        with suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                say(gone=pid)

    signal.signal(signal.SIGCHLD, bury)
    for line in sys.stdin:
        role, *words = line.split()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(roles[role](*words))
            os._exit(0)
        say(born=child)


if __name__ == "__main__":
    main()
