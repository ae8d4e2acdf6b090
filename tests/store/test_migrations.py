"""Files that earlier versions wrote (`tests/store/earlier`) are opened, and all that was in them is there."""

import io
import math
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from agent.core.clock import SystemClock
from agent.core.errors import StoreError
from agent.core.points import Quality
from agent.store.faults import StoreRefused
from agent.store.reader import open_reader
from agent.store.schema import MIGRATIONS, migrate
from agent.store.store import Store
from tests.store.conftest import NAMES, START

EARLIER = sorted((Path(__file__).parent / "earlier").glob("version-*.tar.gz"))
SCANS = 200
"""A minute apart; each fifth of the fourth point only, which is not shared; each seventh without CO2."""
ENTRIES = 8
UNDATED = 3
"""Scans of before the clock was set."""


@pytest.fixture(params=EARLIER, ids=lambda path: path.name.partition(".")[0])
def earlier(request, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(request.param.read_bytes())) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "store.db"


def wanted(name):
    """Minutes and values of one point."""
    place = NAMES.index(name)
    minutes = [number for number in range(SCANS) if number % 5 != 4 or place == 3]
    values = [
        [21 + number * 0.01, math.nan if number % 7 == 0 else 800.0 + number, 123_456_789.01 + number, float(number)]
        for number in minutes
    ]
    return minutes, [row[place] for row in values]


def test_every_version_but_the_next_has_a_file():
    assert [path.name.partition(".")[0] for path in EARLIER] == [f"version-{n + 1}" for n in range(len(MIGRATIONS))]


async def test_all_that_was_in_it_is_there_and_goes_on(earlier, site):
    store = await Store.open(earlier, site.table, SystemClock())
    history = await store.history(NAMES, START - 1, START + 60 * SCANS)
    for name in NAMES:
        minutes, values = wanted(name)
        assert history[name].unix_s.tolist() == [START + 60 * minute for minute in minutes]
        assert history[name].values.tolist() == pytest.approx(values, nan_ok=True)
        assert set(history[name].quality[:UNDATED].tolist()) == {Quality.UNCERTAIN, *history[name].quality[:1].tolist()}
    agents = await store.entries(kind="agent")
    assert [entry.data["number"] for entry in agents] == list(range(199, 0, -25))
    learned = await store.get_parameters("zone1")
    assert (learned.version, learned.values) == (2, {"ua_kw_k": 2.0})
    counts = await store.counts()
    others = len(await store.entries()) - len(agents)  # Of the store and the clock.
    assert (counts.samples, counts.entries - others) == (4 * 160 + 40, ENTRIES)
    (sink,) = store.outbox.sinks()
    assert store.outbox.cursor(sink).acked == 50
    waiting = (await store.outbox.read(50, 1000)).records
    assert [record.seq for record in waiting][:118] == list(range(51, 169))
    store.append(site.scan(60 * SCANS, [1.0]))
    await store.seal()
    await store.tidy()
    assert len((await store.history([NAMES[0]], START, START + 1e9))[NAMES[0]]) == 161
    await store.close()
    assert not list(earlier.parent.glob("*.damaged*"))
    with closing(sqlite3.connect(earlier)) as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def tables_of(path):
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()


async def test_a_migrated_file_has_the_tables_of_a_new_one(earlier, tmp_path, site):
    for path in (earlier, tmp_path / "new.db"):
        await (await Store.open(path, site.table, SystemClock())).close()
    assert tables_of(earlier) == tables_of(tmp_path / "new.db")


@pytest.mark.parametrize("opcodes", [50, 500, 2000, 4000, 8000, 20_000])
async def test_a_migration_that_is_cut_off_begins_again(earlier, site, opcodes):
    with closing(sqlite3.connect(earlier, isolation_level=None)) as conn:
        left = iter(range(opcodes))
        conn.set_progress_handler(lambda: next(left, None) is None, 1)
        try:
            migrate(conn, earlier)
        except sqlite3.OperationalError as fault:
            assert "interrupted" in str(fault)
    store = await Store.open(earlier, site.table, SystemClock())
    for name in NAMES:
        assert len((await store.history([name], START - 1, START + 1e9))[name]) == len(wanted(name)[0])
    await store.close()


async def test_a_reader_of_an_earlier_file_says_that_it_must_be_opened_by_the_agent_first(earlier):
    with closing(sqlite3.connect(earlier)) as conn:
        (version,) = conn.execute("PRAGMA user_version").fetchone()
    if version == len(MIGRATIONS):
        with open_reader(earlier) as reader:
            assert set(reader.names()) == set(NAMES)
    else:
        with pytest.raises(StoreError, match=f"store version {version}, this one reads {len(MIGRATIONS)}"):
            open_reader(earlier)


async def test_a_newer_file_is_refused_in_a_sentence_and_not_touched(earlier, site):
    with closing(sqlite3.connect(earlier)) as conn:
        conn.execute("PRAGMA user_version = 99")
    before = earlier.read_bytes()
    with pytest.raises(StoreRefused, match=r"newer hushwatt \(store version 99"):
        await Store.open(earlier, site.table, SystemClock())
    assert earlier.read_bytes() == before
    with pytest.raises(StoreError, match="newer hushwatt"):
        open_reader(earlier)
