"""What goes in comes out: samples, grid, journal, parameters, outbox."""

import asyncio
import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from agent.core.clock import Instant, SystemClock
from agent.core.pauses import Pauses
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.core.scan import Scan
from agent.runtime.loops import SteeredLoop
from agent.store.faults import StoreRefused
from agent.store.reader import open_reader
from agent.store.store import Store
from agent.store.table import csv_lines, rows
from agent.store.writer import SEGMENT_SAMPLES

START = 1_750_000_000.0
TEMPERATURE, CO2, ENERGY, PEOPLE = (
    "zone1.zone_air_temperature",
    "zone1.co2_level",
    "meter1.electric_energy",
    "zone1.occupancy_count",
)


async def test_samples_come_back_as_they_were_nan_and_all(store, site):
    assert await store.first_unix_s() is None
    store.append(site.scan(0, [21.5, math.nan, 123_456_789.01], quality=[0, 128, 0]))
    store.append(site.scan(60, [21.6, 800.0], handles=[0, 1]))
    history = await store.history([TEMPERATURE, CO2, ENERGY, "zone9.unheard_of"], START, START + 61)
    assert history[TEMPERATURE].values.tolist() == [21.5, 21.6]
    assert history[TEMPERATURE].unix_s.tolist() == [START, START + 60]
    assert math.isnan(history[CO2].values[0])
    assert history[CO2].quality.tolist() == [Quality.BAD, Quality.GOOD]
    assert history[ENERGY].values.tolist() == [123_456_789.01]
    assert len(history["zone9.unheard_of"]) == 0
    assert await store.first_unix_s() == START


async def test_history_takes_the_first_instant_and_leaves_the_last(store, site):
    for minute in range(4):
        store.append(site.scan(60 * minute, [float(minute)]))
    history = await store.history([TEMPERATURE], START + 60, START + 180)
    assert history[TEMPERATURE].values.tolist() == [1.0, 2.0]


STORY = [  # second, temperature, quality
    (-200, 20.0, 0),
    (50, 21.0, 0),
    (110, 99.0, 128),  # BAD: never on the grid.
    (120, 22.0, 0),  # Exactly on the grid counts.
    (700, 23.0, 0),
]
ON_GRID = [20.0, 21.0, 22.0, 22.0, 22.0, 22.0, 22.0, 22.0, math.nan, math.nan, math.nan, math.nan, 23.0]


async def test_the_grid_holds_the_last_good_fresh_sample(store, site):
    for second, value, quality in STORY:
        store.append(site.scan(second, [value], quality=[quality]))
    grid = await store.grid([TEMPERATURE, CO2], START, START + 720, 60.0)
    np.testing.assert_array_equal(grid.values[:, 0], ON_GRID)
    np.testing.assert_array_equal(grid.mask[:, 0], np.isfinite(ON_GRID))
    assert grid.values.shape == (13, 2)
    assert not grid.mask[:, 1].any()
    assert grid.unix_s[-1] == START + 720


async def test_the_journal_is_read_newest_first_and_by_subject(store, site):
    store.write(site.entry(0, "started", version="0.1.0"))
    store.write(site.entry(1, "a figure", subject=CO2, ratio=np.float64(0.5), gone=math.nan, many=np.arange(2)))
    newest, first = await store.entries()
    assert (newest.text, first.text) == ("a figure", "started")
    assert newest.data == {"ratio": 0.5, "gone": None, "many": [0, 1]}
    assert newest.at.unix_s == START + 1
    assert [entry.text for entry in await store.entries(subject="agent")] == ["started"]
    assert await store.entries(kind="verdict") == []


async def test_parameters_keep_every_version_and_give_the_newest(store):
    assert await store.get_parameters("zone1") is None
    assert await store.put_parameters("zone1", {"ua_kw_k": 1.0}, {"rmse_k": 0.4}) == 1
    assert await store.put_parameters("zone1", {"ua_kw_k": 1.2}, {"rmse_k": 0.3}) == 2
    learned = await store.get_parameters("zone1")
    assert (learned.version, learned.values, learned.fit) == (2, {"ua_kw_k": 1.2}, {"rmse_k": 0.3})


async def test_counts(store, site):
    store.append(site.scan(0, [1.0, 2.0]))
    store.append(site.scan(1, [1.0]))
    store.write(site.entry(1, "hello"))
    await store.flush()
    store.outbox.open("upstream")
    store.outbox.ack("upstream", 1)
    await store.flush()
    store.append(site.scan(2, [1.0]))
    counts = await store.counts()
    assert (counts.samples, counts.entries, counts.outbox) == (3, 1, 2)
    assert (counts.acknowledged, counts.last_seq) == (1, 3)
    assert (counts.unsaved, counts.dropped) == (1, 0)
    assert counts.bytes > 4096


async def test_samples_from_before_the_clock_was_set_are_uncertain_and_dated_later(store, site):
    ten_s_before = site.scan(-10, [21.0])
    in_1970 = Instant(unix_s=42.0, mono_s=ten_s_before.at.mono_s, is_set=False)
    store.append(replace(ten_s_before, at=in_1970))
    await store.flush()
    store.append(site.scan(0, [22.0]))
    history = await store.history([TEMPERATURE], 0, START + 1)
    assert history[TEMPERATURE].unix_s.tolist() == [START - 10, START]
    assert history[TEMPERATURE].quality.tolist() == [Quality.UNCERTAIN, Quality.GOOD]


async def test_a_point_that_changes_its_unit_does_not_mix_with_its_past(tmp_path, site, table_of):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock())
    store.append(site.scan(0, [21.0]))
    await store.close()
    store = await Store.open(path, table_of(units=("K", "ppm", "kWh", "count")), SystemClock())
    store.append(site.scan(1, [294.0]))
    history = await store.history([TEMPERATURE], START, START + 9)
    assert history[TEMPERATURE].values.tolist() == [294.0]
    assert "the unit changed" in (await store.entries(kind="store"))[0].text
    await store.close()


def lines_of(reader, points, since_unix_s=0.0, until_unix_s=math.inf):
    return csv_lines(reader, points, rows(reader, points, since_unix_s, until_unix_s, "raw"), "raw")


async def test_a_person_reads_along_while_the_agent_writes(store, site):
    store.append(site.scan(0, [21.0, math.nan], quality=[0, 128]))
    await store.flush()
    with open_reader(store.path) as reader:
        store.append(site.scan(0.25, [21.125]))
        store.write(site.entry(1, "hello"))
        await store.flush()
        lines = list(lines_of(reader, reader.names()))
        assert lines == [
            "utc,point,value,unit,quality\n",
            "2025-06-15T15:06:40.000+00:00,zone1.zone_air_temperature,21,degC,good\n",
            "2025-06-15T15:06:40.000+00:00,zone1.co2_level,,ppm,bad\n",
            "2025-06-15T15:06:40.250+00:00,zone1.zone_air_temperature,21.125,degC,good\n",
        ]
        assert reader.entries()[0].text == "hello"
        assert reader.counts().samples == 3
        assert len(list(lines_of(reader, [CO2], START, START + 1))) == 2


async def test_a_newer_file_is_refused_in_a_sentence(tmp_path, site):
    path = tmp_path / "s.db"
    await (await Store.open(path, site.table, SystemClock())).close()
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA user_version = 99")
    conn.close()
    with pytest.raises(StoreRefused, match=r"newer hushwatt \(store version 99"):
        await Store.open(path, site.table, SystemClock())
    assert path.exists()


async def test_a_second_agent_on_the_same_file_is_refused(store, site):
    with pytest.raises(StoreRefused, match="in use by another"):
        await Store.open(store.path, site.table, SystemClock())


def test_pauses_grow_to_their_longest_and_begin_anew():
    pauses = Pauses(first_s=1.0, longest_s=60.0, seed="gw1")
    seen = [pauses.next() for _ in range(20)]
    assert all(step / 2 <= pause <= step for step, pause in zip((1, 2, 4, 8, 16, 32, 60, 60), seen, strict=False))
    pauses.reset()
    assert pauses.next() <= 1.0
    assert [Pauses(first_s=1.0, longest_s=60.0, seed="gw2").next()] != seen[:1]


def test_a_virtual_day_is_committed_in_groups_and_time_waits_for_the_disk(tmp_path, site):
    loop = SteeredLoop(start_unix_s=START)

    async def main():
        store = await Store.open(tmp_path / "s.db", site.table, loop.clock(), commit_s=60.0)
        keeper = asyncio.ensure_future(store.run())
        for minute in range(600):
            store.append(site.scan(60 * minute, [float(minute)]))
            await asyncio.sleep(60)
        assert loop.time() == START + 36_000
        assert store.unsaved <= 2
        history = await store.history([TEMPERATURE], START, START + 36_000)
        assert history[TEMPERATURE].values.tolist() == list(range(600))
        keeper.cancel()
        await store.close()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


async def test_minute_means_stand_in_a_plain_table(store, site):
    for second in range(0, 300, 5):
        store.append(site.scan(second, [float(second), 800.0]))
    await store.seal()
    await store.tidy()
    with closing(sqlite3.connect(store.path)) as conn:
        found = conn.execute(f"SELECT utc, mean, low, high, n, unit FROM minute_means WHERE point = '{TEMPERATURE}'")
        assert found.fetchall()[:2] == [
            ("2025-06-15 15:06:00", 7.5, 0.0, 15.0, 4, "degC"),
            ("2025-06-15 15:07:00", 47.5, 20.0, 75.0, 12, "degC"),
        ]


async def test_a_segment_that_a_kill_left_without_a_head_hides_nothing(store, site):
    store.append(site.scan(0, [1.0]))
    await store.seal()
    await store.tidy()
    store.path.with_name(f"{store.path.name}.hot-00000099").touch()
    with open_reader(store.path) as reader:
        assert (reader.counts().samples, reader.counts().last_seq) == (1, 1)


async def test_a_segment_of_values_that_never_move_ends_too(tmp_path):
    """They are small on disk at any number, but not in a reader's memory."""
    names = [f"meter{n}.voltage" for n in range(2000)]
    table = PointTable([PointSpec(id=name, unit="V", kind=Kind.SENSOR, poll_s=1.0, fresh_s=9.0) for name in names])
    clock = SystemClock()
    store = await Store.open(tmp_path / "store.db", table, clock)
    columns = {"handles": np.arange(2000, dtype=np.int32), "values": np.full(2000, 230.0)}
    for _ in range(SEGMENT_SAMPLES // 2000 + 1):
        store.append(Scan(device="meters", quality=np.zeros(2000, np.uint8), at=clock.read(), **columns))
        if store.unsaved > 100:
            await store.flush()
    await store.flush()
    await store.tidy()
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM blocks").fetchone()[0] > 0
    await store.close()
