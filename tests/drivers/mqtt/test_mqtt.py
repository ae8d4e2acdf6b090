"""The MQTT driver on a real broker: what arrives, when it was measured, what was shown of what was set."""

import asyncio
import json

import aiomqtt
import numpy as np
import pytest

from agent.core.clock import SystemClock
from agent.core.errors import BrokerError
from agent.core.points import Quality
from agent.drivers import samples
from agent.drivers.mqtt import MqttDriver
from agent.drivers.mqtt_wire import MqttDevice, MqttSet
from agent.runtime import mqtt_connection, mqtt_waiting
from simulator.wires.broker import Broker

HOST = "127.0.0.1"


async def test_what_arrives_is_polled_once_in_order(heard, say, columns, degrees, drained):
    driver = await heard(degrees(0, "a/zone"), degrees(1, "a/room", path=None))
    assert await driver.poll() == []
    await say("a/zone", {"v": 20.5})
    await say("a/zone", {"v": 21.5})
    await say("a/room", b"23.25")
    scans = await drained(driver, 3)
    assert columns(scans) == {0: (21.5, Quality.GOOD), 1: (23.25, Quality.GOOD)}
    assert await driver.poll() == []


async def test_one_topic_may_carry_many_points_and_lack_one(heard, say, columns, book, degrees, drained):
    driver = await heard(*(degrees(n, "b/all", path=f"t.{n}") for n in range(3)))
    await say("b/all", {"t": [18, 19]})
    (scan,) = await drained(driver, 2)
    assert columns([scan]) == {0: (18.0, Quality.GOOD), 1: (19.0, Quality.GOOD)}
    assert (driver.broken, len(book)) == (
        1,
        1,
    ) and "telemetry: b/all: e.p2 cannot be read: found nothing at `t.2`" in book[0]


async def test_the_devices_own_time_counts_and_samples_of_one_instant_are_one_scan(heard, say, degrees, drained):
    points = [degrees(n, f"c/{n}", time_path="ts", quality_path="q") for n in range(4)]
    driver = await heard(*points)
    measured_s = float(int(SystemClock().read().unix_s) - 100)
    for n in (2, 0, 3, 1):
        await say(f"c/{n}", {"v": 20 + n, "ts": measured_s, "q": "good" if n else "bad"})
    await asyncio.sleep(0.1)
    (scan,) = await drained(driver, 4)  # Not a row a sample.
    assert scan.at.unix_s == measured_s
    assert abs(SystemClock().read().mono_s - scan.at.mono_s - 100) < 2
    assert [int(n) for n in scan.handles] == [2, 0, 3, 1]
    assert scan.quality.tolist() == [0, 128, 0, 0] and np.isnan(scan.values[1])


@pytest.mark.parametrize(
    ("age_s", "is_retained", "quality", "is_dated"),
    [
        (60, True, Quality.GOOD, True),
        (None, True, Quality.UNCERTAIN, False),  # The broker kept it, nobody knows how long.
        (2 * 86_400, True, Quality.UNCERTAIN, False),
        (-3600, True, Quality.UNCERTAIN, False),
        (None, False, Quality.GOOD, False),
        (2 * 86_400, False, Quality.UNCERTAIN, False),  # It was kept somewhere.
        (-3600, False, Quality.GOOD, False),  # The device's clock runs ahead; the value is new.
    ],
)
async def test_how_old_is_it(heard, say, age_s, is_retained, quality, is_dated, degrees, drained):
    topic = f"d/{age_s}/{is_retained}"
    now = SystemClock().read()
    payload = {"v": 20} if age_s is None else {"v": 20, "ts": now.unix_s - age_s}
    point = degrees(0, topic, time_path=None if age_s is None else "ts")
    if is_retained:
        await say(topic, payload, retain=True)
    driver = await heard(point)
    if not is_retained:
        await say(topic, payload)
    (scan,) = await drained(driver, 1)
    assert scan.quality.tolist() == [quality]
    assert abs(scan.at.unix_s - now.unix_s) < 5 or (is_dated and abs(scan.at.unix_s - now.unix_s + age_s) < 5)


async def test_broken_payloads_are_counted_and_told_when_they_start_and_end(heard, say, book, broker, degrees, drained):
    driver = await heard(degrees(0, "e/zone"))
    for payload in (b"{", b'{"v": NaN}', b'{"v": "warm"}', b"\xff"):
        await say("e/zone", payload)
    await say("e/zone", {"v": 20})
    await drained(driver, 1)
    assert driver.broken == 4
    assert len(book) == 2, "told once when it starts and once when it ends"
    assert "telemetry: e/zone: e.p0 cannot be read: found b'{'" in book[0] and "can be read again" in book[1]
    assert f"(from broker plant at 127.0.0.1:{broker.port})" in book[0]


async def test_a_flood_is_dropped_oldest_first_and_counted(heard, say, columns, until, monkeypatch, degrees):
    monkeypatch.setattr("agent.drivers.samples.MOST_WAITING", 5)
    monkeypatch.setattr("agent.drivers.samples.SLACK", 1)
    driver = await heard(degrees(0, "f/zone"))
    for n in range(12):
        await say("f/zone", {"v": n})
    await until(lambda: driver.dropped == 7)
    assert columns(await driver.poll()) == {0: (11.0, Quality.GOOD)}


async def test_what_is_set_is_confirmed_by_its_own_topic(heard, broker, command, until, degrees):
    point = degrees(0, "g/zone", set=MqttSet(topic="g/zone/set", path="v"))
    driver = await heard(point)

    async def obey():
        async with aiomqtt.Client(HOST, broker.port) as client:
            await client.subscribe("g/zone/set", qos=1)
            ready.set()
            async for message in client.messages:
                told = json.loads(message.payload)
                seen.append(told)
                await client.publish("g/zone", json.dumps({"v": 18.0}).encode())
                if told["v"] is not None:
                    await client.publish("g/zone", json.dumps({"v": round(told["v"], 1)}).encode(), qos=1)

    seen, ready = [], asyncio.Event()
    device = asyncio.ensure_future(obey())
    await ready.wait()
    outcome = await driver.write(command("e.p0", 21.57))
    assert (outcome.kind, outcome.read_back) == ("confirmed", 21.6)
    outcome = await driver.write(command("e.p0", None))
    assert outcome.kind == "confirmed"
    await until(lambda: seen == [{"v": 21.57}, {"v": None}])
    device.cancel()
    await asyncio.gather(device, return_exceptions=True)


async def test_what_is_not_shown_is_not_confirmed(heard, say, command, until, degrees, drained):
    points = [degrees(0, "h/zone", set=MqttSet(topic="h/zone/set")), degrees(1, "h/other")]
    driver = await heard(*points, timeout_s=0.2)
    await say("h/zone", {"v": 21})
    await drained(driver, 1)
    outcome = await driver.write(command("e.p0", 21.0))
    assert (outcome.kind, outcome.detail) == ("unconfirmed", "h/zone shows nothing new"), "it was so before we spoke"
    outcome = await driver.write(command("e.p1", 21.0))
    assert (outcome.kind, outcome.detail) == ("failed", "telemetry has no topic to set e.p1")


async def test_without_a_broker_polls_fail_and_writes_are_outcomes(connect, book, free_port, command, until, degrees):
    connection = connect(free_port + 1)
    driver = MqttDriver(
        MqttDevice(name="telemetry", points=(degrees(0, "t", set=MqttSet(topic="t/set")),)),
        connection,
        book,
        SystemClock(),
    )
    connection.start()
    await until(lambda: book)
    with pytest.raises(BrokerError, match=rf"telemetry: broker plant at 127\.0\.0\.1:{free_port + 1} is not connected"):
        await driver.poll()
    outcome = await driver.write(command("e.p0", 1.0))
    assert outcome.kind == "failed" and "is not connected" in outcome.detail
    assert len(book) == 1, "told once, however often it is tried"


async def test_wild_cards_and_plain_topics_are_heard_in_order_of_arrival(connect, broker, say, until):
    connection, seen = connect(broker.port), []
    connection.subscribe("i/+/clock", lambda topic, payload: seen.append(("clock", payload)))
    connection.subscribe("i/a/zone", lambda topic, payload: seen.append(("zone", payload)))
    connection.start()
    await until(lambda: connection.is_up)
    for n in range(20):
        await say("i/a/zone", n)
        await say("i/a/clock", n)
    await until(lambda: len(seen) == 40)
    assert seen == [(name, b"%d" % n) for n in range(20) for name in ("zone", "clock")]


def scripted(codes, flood=b""):
    """A broker that answers SUBSCRIBE with these codes and then sends `flood`."""

    async def serve(reader, writer):
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")  # CONNACK
        packet_id = (await reader.read(1000))[2:4]
        writer.write(bytes([0x90, 2 + len(codes)]) + packet_id + bytes(codes) + flood)
        while await reader.read(1000):
            pass
        writer.close()

    return asyncio.start_server(serve, HOST, 0)


async def test_of_a_flood_the_oldest_messages_are_dropped_counted_and_told(connect, book, until, monkeypatch):
    monkeypatch.setattr(mqtt_waiting, "MOST_WAITING", 3)
    server = await scripted([0], b"".join(b"\x30\x05\x00\x01j%02d" % n for n in range(60)))
    connection, seen = connect(server.sockets[0].getsockname()[1]), []
    connection.subscribe("j", lambda topic, payload: seen.append(int(payload)))
    connection.start()
    await until(lambda: seen and seen[-1] == 59)
    assert seen == sorted(seen) and 0 < connection.dropped == 60 - len(seen)
    assert len(book) == 1 and "faster than we can take it" in book[0]
    server.close()


async def test_a_topic_that_the_broker_refuses_is_told(connect, book, until):
    server = await scripted([1, 0x80])
    connection = connect(server.sockets[0].getsockname()[1])
    for topic in ("open", "secret"):
        connection.subscribe(topic, lambda topic, payload: None)
    connection.start()
    await until(lambda: connection.is_up)
    assert len(book) == 1 and book[0].endswith("refuses to give us secret")
    server.close()


async def test_a_broker_that_dies_and_comes_back_is_told_and_used(tmp_path, connect, book, free_port, until):
    broker = Broker(tmp_path, port=free_port + 2)
    await broker.start()
    try:
        connection, seen = connect(broker.port, longest_pause_s=0.2), []
        connection.subscribe("k/zone", lambda topic, payload: seen.append(payload))
        connection.start()
        await until(lambda: connection.is_up)
        broker.kill()
        await until(lambda: not connection.is_up)
        with pytest.raises(BrokerError):
            await connection.publish("k/zone", b"lost")
        await broker.start()
        await until(lambda: connection.is_up)
        await connection.publish("k/zone", b"found", qos=1)
        await until(lambda: seen == [b"found"])
        assert connection.connections == 2
        assert len(book) == 2 and "is gone" in book[0] and "is back after" in book[1]
    finally:
        broker.kill()


async def test_a_broker_that_takes_and_never_confirms_is_left(connect, book, until, monkeypatch):
    """The client would keep the set-point and send it when nobody wants it any more."""
    monkeypatch.setattr(mqtt_connection, "CONNECT_S", 0.3)
    gone = []

    async def deaf(reader, writer):
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")  # CONNACK; and not a word after that.
        while await reader.read(1000):
            pass
        gone.append(1)
        writer.close()

    server = await asyncio.start_server(deaf, HOST, 0)
    connection = connect(server.sockets[0].getsockname()[1])
    connection.start()
    await until(lambda: connection.is_up)
    with pytest.raises(BrokerError, match="timed out"):
        await connection.publish("t", b"1", qos=1)
    await until(lambda: gone)
    server.close()


async def test_samples_that_come_faster_than_they_are_polled_are_counted_and_told(heard, book, degrees, monkeypatch):
    monkeypatch.setattr(samples, "MOST_WAITING", 10)
    driver = await heard(degrees(0, "l/zone"))
    for n in range(30):
        driver._hear("l/zone", b'{"v": %d}' % n)
    kept = sum(len(scan) for scan in await driver.poll())
    assert 0 < driver.dropped == 30 - kept
    await driver.poll()
    assert len(book) == 2 and "oldest are dropped and counted" in book[0]
    assert f"no longer dropped; {driver.dropped} were since the start" in book[1]
