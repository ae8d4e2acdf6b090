"""An edge node over a real broker, as its host sees it: born, told by alias, reborn, dead."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from agent.core.clock import SystemClock
from agent.core.errors import BrokerError
from agent.core.sparkplug import Payload, Type, decode, encode
from agent.runtime.mqtt_broker import Broker
from agent.uplink.sparkplug import SparkplugSink
from tests.uplink.parcels import LAYOUT, START, parcel

NODE = "spBv1.0/plant/{}/tower-gw1"


@asynccontextmanager
async def running(broker, **told):
    sink = SparkplugSink(
        Broker(host="127.0.0.1", port=broker.port),
        SystemClock(),
        group="plant",
        node="tower-gw1",
        points=LAYOUT.points,
        **{"host_id": None} | told,
    )
    task = asyncio.ensure_future(sink.run())
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def host(broker):
    """Hears all of the group."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("spBv1.0/plant/+/tower-gw1")
        yield client


async def hear(host, types=None):
    async with asyncio.timeout(10):
        message = await anext(host.messages)
    return str(message.topic).split("/")[2], decode(message.payload, types or {})


async def born(host):
    word, birth = await hear(host)
    assert word == "NBIRTH"
    return birth, dict(zip(birth.names, birth.values, strict=True))


async def test_it_is_born_with_every_metric_and_then_tells_by_alias(broker, host):
    async with running(broker) as sink:
        birth, values = await born(host)
        assert birth.seq == 0
        assert values == {"bdSeq": 0, "Node Control/Rebirth": False, **dict.fromkeys(LAYOUT.points)}
        aliases = dict(zip(birth.aliases, birth.names, strict=True))
        await sink.ready()
        await sink.send(parcel(1, 2, bad=(2,)))
        await sink.send(parcel(3, 3, is_live=False))
        types = dict.fromkeys(aliases, Type.DOUBLE)
        word, data = await hear(host, types)
        assert (word, data.seq) == ("NDATA", 1)
        told = list(zip([aliases[alias] for alias in data.aliases], data.values, data.times_ms, strict=True))
        first, second = LAYOUT.points
        ms = round(START * 1000)
        assert told == [
            (first, 0.1, ms + 1000),
            (first, 0.2, ms + 2000),
            (second, 1.0, ms + 1000),
            (second, None, ms + 2000),
        ]
        assert data.qualities == [None, None, None, 0]
        assert not any(data.historical)
        word, late = await hear(host, types)
        assert (word, late.seq) == ("NDATA", 2)
        assert all(late.historical)


async def test_the_sequence_begins_again_after_255(broker, host):
    async with running(broker) as sink:
        await born(host)
        await sink.ready()
        seqs = []
        for number in range(1, 260):
            await sink.send(parcel(number, number))
            seqs.append((await hear(host))[1].seq)
        assert seqs == [number % 256 for number in range(1, 260)]


async def test_a_host_that_asks_gets_a_birth_with_what_is_known(broker, host):
    async with running(broker) as sink:
        await born(host)
        await sink.ready()
        await sink.send(parcel(7, 7))
        await hear(host)
        command = Payload(names=["Node Control/Rebirth"], types=[Type.BOOLEAN], values=[True])
        await host.publish(NODE.format("NCMD"), encode(command))
        word, _ = await hear(host)
        assert word == "NCMD"
        birth, values = await born(host)
        assert (birth.seq, values["bdSeq"], values[LAYOUT.points[0]]) == (0, 0, 0.7)
        assert sink.rebirths == 1
        await sink.ready()
        await sink.send(parcel(8, 8))
        assert (await hear(host))[1].seq == 1


async def test_a_death_carries_the_number_of_its_birth(broker, host):
    async with running(broker):
        _, values = await born(host)
    word, death = await hear(host)
    assert (word, death.names, death.values) == ("NDEATH", ["bdSeq"], [values["bdSeq"]])
    assert death.seq is None


async def test_a_broken_link_is_a_death_by_will_and_the_next_birth_counts_on(broker, host):
    async with running(broker) as sink:
        await born(host)
        sink._connection._client._client.socket().shutdown(socket.SHUT_RDWR)  # As if the network had gone.
        words = []
        async with asyncio.timeout(40):
            while words[-1:] != ["NBIRTH"]:
                word, told = await hear(host)
                words.append(word)
        assert words == ["NDEATH", "NBIRTH"]
        assert dict(zip(told.names, told.values, strict=True))["bdSeq"] == 1


async def test_while_the_primary_host_is_away_records_wait(broker, host):
    state = "spBv1.0/STATE/scada"

    async def say(online):
        told = json.dumps({"online": online, "timestamp": 1}).encode()
        await host.publish(state, told, qos=1, retain=True)

    await say(False)
    async with running(broker, host_id="scada") as sink:
        await born(host)
        with pytest.raises(BrokerError, match="host is away"):
            await sink.send(parcel(1, 1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await sink.ready()
        await say(True)
        async with asyncio.timeout(5):
            await sink.ready()
        await sink.send(parcel(1, 1))
        assert (await hear(host))[0] == "NDATA"
