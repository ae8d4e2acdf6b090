"""A real broker, a receiver that keeps what it gets, and a small site."""

import asyncio
import random
import socket
import threading
from contextlib import suppress

import aiomqtt
import numpy as np
import pytest

from agent.core.clock import Instant, SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.store import Store
from agent.uplink.answers import Answer, encode_answer
from agent.uplink.columns import UnknownLayout, decode
from agent.uplink.ranges import Ranges
from simulator.wires.broker import Broker
from simulator.wires.upstream import rows_of

START = 1_750_000_000.0


class Receiver:
    """Keeps records by seq, in memory, and says which it has; can be told to misbehave."""

    def __init__(self, port):
        self._port = port
        self.records = {}
        self.batches = 0
        self.repeats = 0
        self.kept = Ranges()
        self.layouts = {}
        self.lose = lambda number: False
        """Whether to forget the batch of this number, counted from 1, without an answer."""
        self.say = encode_answer

    async def run(self):
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self._port,
                    identifier="receiver",
                    clean_session=False,
                    timeout=5,
                    socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                ) as client:
                    await client.subscribe("up/tower/gw1/batch", qos=1)
                    async for message in client.messages:
                        await self._take(client, message.payload)
            await asyncio.sleep(0.05)

    async def _take(self, client, payload):
        self.batches += 1
        if self.lose(self.batches):
            return
        try:
            opened = decode(payload, self.layouts.get)
        except UnknownLayout as unknown:
            answer = Answer(chain=unknown.chain, unknown=tuple(unknown.ids))
        else:
            self.layouts |= opened.layouts
            parcel = opened.parcel
            for record in rows_of(parcel):
                self.repeats += record["seq"] in self.records
                self.records[record["seq"]] = record
            self.kept.add(parcel.first_seq, parcel.last_seq)
            answer = Answer(chain=parcel.chain, kept=tuple(self.kept))
        await client.publish("up/tower/gw1/answer", self.say(answer), qos=0)
        if asyncio.current_task().cancelling():  # See `agent/runtime/tasks.py`, `obey_cancel`.
            raise asyncio.CancelledError


def free_port():
    """A port outside the kernel's own range.

    While the broker is dead, a client on this machine that knocks at a port of that range is now and then given the
    very same port as its own, and talks to itself: then the broker cannot come back (seen here).
    """
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture
async def broker(tmp_path):
    broker = Broker(tmp_path / "broker", port=free_port())
    await broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def distant_receiver(broker):
    """A receiver on a thread of its own, in wall time, whatever the test's loop does."""
    receiver = Receiver(broker.port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = asyncio.run_coroutine_threadsafe(receiver.run(), loop)
    yield receiver
    running.cancel()
    loop.call_soon_threadsafe(loop.call_later, 0.2, loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
async def receiver(broker):
    receiver = Receiver(broker.port)
    task = asyncio.ensure_future(receiver.run())
    yield receiver
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def build_table():
    return PointTable(
        [
            PointSpec(id=name, unit="kW", kind=Kind.SENSOR, poll_s=60.0, fresh_s=300.0, share=share)
            for name, share in (("meter1.electric_power", True), ("zone1.occupancy_count", False))
        ]
    )


@pytest.fixture(scope="session")
def table():
    return build_table()


@pytest.fixture(scope="session")
def scan_of():
    def scan(number):
        return Scan(
            device="bms",
            handles=np.array([0, 1], np.int32),
            values=np.array([float(number), 3.0]),
            quality=np.zeros(2, np.uint8),
            at=Instant(unix_s=START + number, mono_s=float(number)),
        )

    return scan


@pytest.fixture
async def store(tmp_path, table):
    store = await Store.open(tmp_path / "store.db", table, SystemClock(), commit_s=0.02)
    keeper = asyncio.ensure_future(store.run())
    yield store
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await store.close()
