"""A link that breaks at each byte of what the broker says, drips, or floods: nothing false, and it comes back."""

import asyncio
import json
import random
from contextlib import suppress

import aiomqtt

from agent.core.clock import SystemClock
from agent.core.points import Quality
from agent.drivers.mqtt import MqttDriver
from agent.drivers.mqtt_wire import MqttDevice

HOST = "127.0.0.1"
SAID = 75
"""Bytes of CONNACK, SUBACK and the first PUBLISH, and some more."""


class Wire:
    """Between a client and the broker: its first connection breaks after so many bytes of the broker's."""

    def __init__(self, port, *, cut=None, drip_s=0.0):
        self._to, self._cut, self._drip_s = port, cut, drip_s
        self.connections = 0

    async def start(self):
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self):
        self._server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        left = self._cut if self.connections == 1 else None
        away, to = await asyncio.open_connection(HOST, self._to)
        up = asyncio.ensure_future(self._pump(reader, to, None))
        with suppress(OSError, asyncio.CancelledError):
            await self._pump(away, writer, left)
        up.cancel()
        for each in (writer, to):
            each.transport.abort()

    async def _pump(self, reader, writer, left):
        while data := await reader.read(1 if self._drip_s else 4096):
            some = data if left is None else data[:left]
            writer.write(some)
            await writer.drain()
            if left is not None:
                left -= len(some)
                if left == 0:
                    return
            if self._drip_s:
                await asyncio.sleep(self._drip_s)


async def listen(wire, connect, book, degrees, topic):
    connection = connect(wire.port)
    driver = MqttDriver(MqttDevice(name="telemetry", points=(degrees(0, topic),)), connection, book, SystemClock())
    connection.start()
    return connection, driver


async def poll(driver):
    with suppress(Exception):
        return await driver.poll()
    return []


async def test_a_link_that_breaks_at_any_byte_says_nothing_false(broker, connect, book, degrees, columns):
    async def one(cut):
        wire = await Wire(broker.port, cut=cut).start()
        connection, driver = await listen(wire, connect, book, degrees, f"cuts/{cut}")
        scans = []
        async with asyncio.timeout(20), aiomqtt.Client(HOST, broker.port) as voice:
            while not (wire.connections > 1 and connection.is_up and scans):
                if wire.connections > 1:
                    scans.clear()
                await voice.publish(f"cuts/{cut}", json.dumps({"v": 20.25}), qos=1)
                await asyncio.sleep(0.05)
                scans += await poll(driver)
        wire.stop()
        return columns(scans)

    for told in await asyncio.gather(*(one(cut) for cut in range(1, SAID))):
        assert told == {0: (20.25, Quality.GOOD)}


async def test_a_link_that_drips_is_slow_and_right(broker, connect, book, degrees, until, drained, columns):
    wire = await Wire(broker.port, drip_s=0.002).start()
    connection, driver = await listen(wire, connect, book, degrees, "drip/zone")
    await until(lambda: connection.is_up)
    async with aiomqtt.Client(HOST, broker.port) as voice:
        await voice.publish("drip/zone", json.dumps({"v": 19.5}), qos=1)
    assert columns(await drained(driver, 1)) == {0: (19.5, Quality.GOOD)}
    wire.stop()


async def test_what_is_no_mqtt_is_no_broker(connect, book, degrees, until):
    """Whatever a stranger on that port says: told once, tried again, and nothing is heard."""
    dice = random.Random(5)

    async def babble(reader, writer):
        with suppress(OSError):
            for _ in range(20):
                writer.write(dice.randbytes(50_000))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, HOST, 0)
    connection = connect(server.sockets[0].getsockname()[1])
    driver = MqttDriver(MqttDevice(name="telemetry", points=(degrees(0, "x"),)), connection, book, SystemClock())
    connection.start()
    await until(lambda: book, within_s=12.0)  # What looks like a packet is waited for.
    await asyncio.sleep(1.0)
    server.close()
    assert not connection.is_up and await poll(driver) == []
    assert len(book) == 1 and "is gone" in book[0] and "trying again" in book[0]


async def test_a_payload_beyond_all_measure_is_refused_with_its_broker(heard, broker, say, book, until, degrees):
    driver = await heard(degrees(0, "huge/zone"))
    await say("huge/zone", b'{"v": ' + b"9" * 900_000 + b"}")
    await until(lambda: driver.broken == 1)
    assert "huge/zone" in book[0] and f"(from broker plant at {HOST}:{broker.port})" in book[0]
    assert len(book[0]) < 500
    assert await poll(driver) == []
