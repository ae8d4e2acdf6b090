"""A Sparkplug B edge node on a real broker: its births and deaths, its sequence, what it tells and what it is told."""

import asyncio
import math

import aiomqtt
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.clock import Instant, SystemClock
from agent.core.points import Quality
from agent.core.sparkplug import Payload, Type, decode, encode
from agent.drivers import sparkplug_node
from agent.drivers.mqtt_wire import Metric, MqttPoint, SparkplugDevice
from agent.drivers.sparkplug import SparkplugDriver
from agent.drivers.sparkplug_node import EdgeNode

GROUP, NODE = "G", "N"


def metric(handle, name, unit="degC", **more):
    is_set = more.pop("is_set", False)
    return Metric(point=MqttPoint(point=f"e.p{handle}", handle=handle, unit=unit, **more), name=name, is_set=is_set)


METRICS = (
    metric(0, "Supply/Temp"),
    metric(1, "Setpoint", is_set=True),
    metric(2, "Running", unit="onoff"),
    metric(3, "Mode", unit="count", words={"off": 0.0, "cooling": 2.0}),
)


class Edge:
    """An edge node with one device, on its own link; answers a request for rebirth as the specification says."""

    def __init__(self, client, group):
        self.client = client
        self.group = group
        self.seq = 255
        self.bd_seq = 7
        self.commands = []
        self.rebirths = 0
        self.temperature = 20.0
        self.born = asyncio.Event()

    def numbered(self):
        self.seq = (self.seq + 1) % 256
        return self.seq

    async def say(self, kind, device=None, **columns):
        tail = f"/{device}" if device else ""
        told = Payload(time_ms=now_ms(), **{"seq": self.numbered(), **columns})
        await self.client.publish(f"spBv1.0/{self.group}/{kind}/{NODE}{tail}", encode(told))

    async def be_born(self):
        self.seq = 255
        await self.say("NBIRTH", names=["bdSeq"], types=[Type.UINT64], values=[self.bd_seq])
        await self.say(
            "DBIRTH",
            "AHU",
            names=["Other", "Supply/Temp", "Setpoint", "Running", "Mode"],
            aliases=[1, 2, 3, 4, 5],
            types=[Type.INT32, Type.FLOAT, Type.INT16, Type.BOOLEAN, Type.STRING],
            values=[-4, self.temperature, 21, True, "Cooling"],
            times_ms=[now_ms() - 10**9] * 5,
        )
        self.born.set()

    async def die(self, bd_seq=None):
        told = Payload(names=["bdSeq"], types=[Type.UINT64], values=[self.bd_seq if bd_seq is None else bd_seq])
        await self.client.publish(f"spBv1.0/{self.group}/NDEATH/{NODE}", encode(told))

    async def obey(self):
        await self.client.subscribe(f"spBv1.0/{self.group}/NCMD/{NODE}")
        await self.client.subscribe(f"spBv1.0/{self.group}/DCMD/{NODE}/AHU")
        async for message in self.client.messages:
            told = decode(message.payload)
            if list(told.names) == ["Node Control/Rebirth"]:
                self.rebirths += 1
                await self.be_born()
            else:
                self.commands.append((told.names[0], told.types[0], told.values[0]))
                await self.say("DDATA", "AHU", aliases=[3], values=told.values, types=told.types)


def now_ms():
    return int(SystemClock().read().unix_s * 1000)


@pytest.fixture
async def edge(broker, request):
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        edge = Edge(client, f"G-{request.node.name[5:40]}")
        task = asyncio.ensure_future(edge.obey())
        await asyncio.sleep(0.05)
        yield edge
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def driver(broker, book, connect, until, edge, monkeypatch):
    monkeypatch.setattr(sparkplug_node, "FIRST_PAUSE_S", 0.05)
    connection = connect(broker.port)
    node = EdgeNode(connection, edge.group, NODE, book, SystemClock())
    device = SparkplugDevice(name="ahu", group=edge.group, node=NODE, device="AHU", timeout_s=0.5, metrics=METRICS)
    driver = SparkplugDriver(device, node, connection, book, SystemClock())
    driver.node = node
    connection.start()
    await until(lambda: connection.is_up)
    return driver


BORN = {
    0: (20.0, Quality.GOOD),
    1: (21.0, Quality.GOOD),
    2: (1.0, Quality.GOOD),
    3: (2.0, Quality.GOOD),
}


async def test_who_comes_later_asks_for_the_births_and_reads_data_by_alias(driver, edge, drained, columns):
    scans = await drained(driver, 4)
    assert (edge.rebirths, columns(scans)) == (1, BORN)
    await edge.say("DDATA", "AHU", aliases=[2, 1], values=[22.5, 9], types=[0, Type.INT32])
    await edge.say("DDATA", "AHU", aliases=[4], values=[False])
    await asyncio.sleep(0.1)
    assert columns(await driver.poll()) == {**BORN, 0: (22.5, Quality.GOOD), 2: (0.0, Quality.GOOD)}


async def test_what_was_told_last_stands_while_the_node_lives(driver, edge, drained, columns):
    await drained(driver, 4)
    [scan] = await driver.poll()
    assert columns([scan]) == BORN
    assert abs(scan.at.unix_s - SystemClock().read().unix_s) < 1, "it is so now"
    await edge.die()
    await asyncio.sleep(0.1)
    [scan] = await driver.poll()
    assert scan.quality.tolist() == [Quality.BAD] * 4 and np.isnan(scan.values).all()
    assert await driver.poll() == [], "of the dead nothing more is told"


async def test_a_death_of_an_earlier_life_is_none(driver, edge, drained, columns):
    await drained(driver, 4)
    await edge.die(bd_seq=6)
    await asyncio.sleep(0.1)
    assert columns(await driver.poll()) == BORN


async def test_a_device_may_die_alone(driver, edge, drained):
    await drained(driver, 4)
    await edge.say("DDEATH", "Other")
    await asyncio.sleep(0.05)
    assert [scan.quality.max() for scan in await driver.poll()] == [Quality.GOOD]
    await edge.say("DDEATH", "AHU")
    await asyncio.sleep(0.1)
    [scan] = await driver.poll()
    assert scan.quality.tolist() == [Quality.BAD] * 4


async def test_a_gap_makes_all_uncertain_until_the_node_has_told_everything_anew(driver, edge, drained, book, until):
    await drained(driver, 4)
    edge.temperature = 25.0
    edge.seq += 1  # A message was lost on the way.
    await edge.say("DDATA", "AHU", aliases=[2], values=[23.0])
    await until(lambda: edge.rebirths == 2)
    scans = await drained(driver, 5)
    told = [
        (float(value), int(quality))
        for scan in scans
        for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True)
        if handle == 0
    ]
    assert (23.0, Quality.UNCERTAIN) in told and (23.0, Quality.GOOD) not in told
    assert told[-1] == (25.0, Quality.GOOD)
    assert len(book) == 2
    assert "found message 3, wanted 2: its points are uncertain" in book[0] and "told everything anew" in book[1]


async def test_what_is_null_stale_bad_historical_or_unreadable(driver, edge, drained, columns, book):
    await drained(driver, 4)
    now = now_ms()
    await edge.say("DDATA", "AHU", aliases=[2], values=[19.0], qualities=[500])
    await edge.say("DDATA", "AHU", aliases=[3], values=[19], types=[Type.INT16], qualities=[0])
    await edge.say("DDATA", "AHU", aliases=[4], values=[None])
    await edge.say("DDATA", "AHU", aliases=[5], values=["drying"], types=[Type.STRING])
    await asyncio.sleep(0.1)
    told = columns(await driver.poll())
    assert told[0] == (19.0, Quality.UNCERTAIN)
    assert told[1][1] == told[2][1] == Quality.BAD and math.isnan(told[1][0]) and math.isnan(told[2][0])
    assert 3 not in told, "what cannot be read is not told, and what was told before no longer stands"
    assert "DDATA/N/AHU: e.p3 cannot be read: metric `Mode`: found 'drying', wanted one of off, cooling" in book[-1]
    await edge.say("DDATA", "AHU", aliases=[2], values=[18.0], times_ms=[now - 3_600_000], historical=[True])
    await asyncio.sleep(0.1)
    late, *rest = await driver.poll()
    assert (late.values.tolist(), round(late.at.unix_s * 1000)) == ([18.0], now - 3_600_000)
    assert columns(rest)[0] == (19.0, Quality.UNCERTAIN), "history is not what is so now"


async def test_a_metric_is_set_in_the_type_of_its_birth(driver, edge, drained, command):
    outcome = await driver.write(command("e.p1", 22.0))
    await drained(driver, 4)
    outcome = await driver.write(command("e.p1", 22.0))
    assert (outcome.kind, outcome.read_back) == ("confirmed", 22.0)
    assert edge.commands[-1] == ("Setpoint", Type.INT16, 22)
    outcome = await driver.write(command("e.p1", 22.5))
    assert outcome.kind == "failed" and "Setpoint: 22.5 in a metric of data type 2" in outcome.detail
    outcome = await driver.write(command("e.p0", 22.0))
    assert (outcome.kind, outcome.detail) == ("failed", "ahu has no metric to set e.p0")
    assert (await driver.write(command("e.p1", None))).kind == "failed"


async def test_a_birth_that_lacks_a_metric_is_told(driver, edge, drained, book, columns):
    await drained(driver, 4)
    await edge.say("DBIRTH", "AHU", names=["Supply/Temp"], aliases=[9], types=[Type.FLOAT], values=[18.0])
    await asyncio.sleep(0.1)
    told = columns(await driver.poll())
    assert told[0] == (18.0, Quality.GOOD) and [told[n][1] for n in (1, 2, 3)] == [Quality.BAD] * 3
    assert "e.p1 cannot be read: the birth has no metric `Setpoint`" in "".join(book)
    await edge.say("DDATA", "AHU", aliases=[2], values=[30.0])
    await edge.say("DDATA", "AHU", aliases=[9], values=[18.5])
    await asyncio.sleep(0.1)
    assert columns(await driver.poll()) == {0: (18.5, Quality.GOOD)}, "an alias means what the last birth says"


async def test_a_node_that_is_quiet_is_asked_and_when_silent_no_longer_believed(
    driver, edge, drained, until, monkeypatch
):
    await drained(driver, 4)
    monkeypatch.setattr(sparkplug_node, "QUIET_S", 0.1)
    monkeypatch.setattr(sparkplug_node, "SILENT_S", 0.3)
    await asyncio.sleep(0.15)
    await driver.poll()
    await until(lambda: edge.rebirths == 2)
    await drained(driver, 4)

    async def deaf():
        edge.rebirths += 1

    monkeypatch.setattr(edge, "be_born", deaf)
    await driver.poll()
    await asyncio.sleep(0.35)
    assert await driver.poll() == [], "neither it nor what it told last"


class Deaf:
    """What a node needs of a connection, with nobody behind it."""

    is_up = True
    place = "nowhere"

    def subscribe(self, topic_filter, handler, *, retained=None):
        self.hear = handler

    def at_begin(self, call):
        pass

    async def publish(self, topic, payload, *, qos=0):
        pass


ROW = st.tuples(
    st.none() | st.sampled_from(("Supply/Temp", "Setpoint", "Running", "Mode", "x")),
    st.none() | st.integers(0, 5),
    st.none() | st.floats(allow_nan=True, width=32) | st.just(1e30),
    st.sampled_from((0, Type.FLOAT, Type.DOUBLE)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("NBIRTH/N", "NDATA/N", "NDEATH/N", "DBIRTH/N/AHU", "DDATA/N/AHU", "DDEATH/N/AHU")),
            st.binary(max_size=20) | st.tuples(st.none() | st.integers(0, 3), st.lists(ROW, max_size=4)),
        ),
        max_size=12,
    )
)
async def test_whatever_a_node_says_no_value_is_good_that_was_not_told_in_order(book, messages):
    connection = Deaf()
    node = EdgeNode(connection, GROUP, NODE, book, SystemClock())
    device = SparkplugDevice(name="ahu", group=GROUP, node=NODE, device="AHU", metrics=METRICS)
    driver = SparkplugDriver(device, node, connection, book, SystemClock())
    told = set()
    for kind, payload in messages:
        if not isinstance(payload, bytes):
            seq, rows = payload
            names, aliases, values, types = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
            told.update(values)
            payload = encode(Payload(seq=seq, names=names, aliases=aliases, values=values, types=types))
        connection.hear(f"spBv1.0/{GROUP}/{kind}", payload)
    for scan in await driver.poll():
        for value, quality in zip(scan.values.tolist(), scan.quality.tolist(), strict=True):
            assert quality != Quality.GOOD or value in told or value in (0.0, 1.0)
            assert math.isnan(value) == (quality == Quality.BAD)
    if node._asking is not None:
        await node._asking


def test_a_node_is_believed_for_a_bounded_time(book):
    node = EdgeNode(Deaf(), GROUP, NODE, book, SystemClock())
    assert not node.is_alive(Instant(unix_s=0.0, mono_s=0.0))
