"""Space and age: what goes first, what stays, and that it is told."""

import asyncio
import re
from dataclasses import replace

import numpy as np
import pytest

from agent.core.clock import Instant, SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.runtime.loops import SteeredLoop
from agent.store.classes import Class, class_of
from agent.store.reader import open_reader
from agent.store.retention import used_bytes
from agent.store.store import Store

START = 1_750_000_000.0
REST, COMFORT, ENERGY, ALARM = (
    "ahu1.supply_air_flow",
    "zone1.zone_air_temperature",
    "meter1.electric_power",
    "chiller1.trips_count",
)
UNITS = {REST: "kg/s", COMFORT: "degC", ENERGY: "kW", ALARM: "count"}


@pytest.fixture
def table():
    return PointTable(
        [PointSpec(id=p, unit=u, kind=Kind.SENSOR, poll_s=5, fresh_s=60, share=True) for p, u in UNITS.items()]
    )


def scan(number, step_s=5.0, digits=2):
    dice = np.random.default_rng(number)
    return Scan(
        device="bms",
        handles=np.arange(4, dtype=np.int32),
        values=np.round(20 + dice.normal(0, 1, 4), digits),
        quality=np.zeros(4, np.uint8),
        at=Instant(unix_s=START + step_s * number, mono_s=step_s * number),
    )


async def fill(store, runs, scans=720, first=0, digits=2):
    for number in range(first, first + runs * scans):
        store.append(scan(number, digits=digits))
        if number % scans == scans - 1:
            await store.seal()
            await store.tidy()


async def held(store, point):
    return await store.history([point], 0, 4e9)


def test_a_class_follows_from_what_the_field_calls_it(table):
    assert [class_of(spec) for spec in table] == [Class.REST, Class.COMFORT, Class.ENERGY, Class.ALARM]
    setpoint = replace(table[1], kind=Kind.SETPOINT, id="zone1.zone_air_cooling_temperature_setpoint")
    assert class_of(setpoint) is Class.REST


async def leave(store, share):
    """Bound the store so that about this share of what its samples take now can stay."""

    def bytes_but(keeper):
        sizes = dict(keeper.conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        return used_bytes(keeper) - sizes["minutes"], sizes["chunks"]

    if not hasattr(store, "full"):
        store.full = await store._workers.keep(bytes_but)
    used, samples = store.full
    bound = used - (1 - share) * samples
    store._bounds = replace(store._bounds, max_mb=bound / 1e6)
    await store.tidy()
    assert await store._workers.keep(used_bytes) <= bound
    store._bounds = replace(store._bounds, max_mb=None)


class Owned(Store):
    """With room for what the test remembers."""


async def test_short_of_space_the_least_dear_is_thinned_first_then_dropped(tmp_path, table):
    store = await Owned.open(tmp_path / "s.db", table, SystemClock())
    await fill(store, 12, scans=2000)
    every = 12 * 2000
    counts = {}
    for share in (0.95, 0.75, 0.6, 0.5, 0.4):
        await leave(store, share)
        left = counts[share] = {name: len((await held(store, name))[name]) for name in UNITS}
        assert left[REST] <= left[COMFORT] <= left[ENERGY] <= left[ALARM] == every, share
    assert counts[0.95][COMFORT] == counts[0.95][ENERGY] == every > counts[0.95][REST]
    assert counts[0.4][REST] >= 2000  # The newest run stays whole.
    told = [entry.text for entry in await store.entries(kind="store")]
    assert any("became minute means" in text for text in told)
    shown = await store.counts()
    assert shown.lost_samples == 0
    assert shown.thinned_samples > 0
    assert shown.samples == every * 4
    await store.close()


async def test_a_thinned_minute_is_the_mean_of_its_good_samples(tmp_path, table):
    store = await Owned.open(tmp_path / "s.db", table, SystemClock())
    await fill(store, 10, scans=1500)
    before = (await held(store, REST))[REST]
    with open_reader(store.path) as reader:
        before_hours = reader.hours([REST], 0, 4e9)[REST]
    await leave(store, 0.92)
    after = (await held(store, REST))[REST]
    assert len(after) < len(before)
    first_minute = before.values[before.unix_s < (START // 60 + 1) * 60]
    assert after.values[0] == pytest.approx(first_minute.mean(), abs=0.001)
    assert set(after.unix_s) <= set(before.unix_s)
    with open_reader(store.path) as reader:
        after_hours = reader.hours([REST], 0, 4e9)[REST]
    np.testing.assert_array_equal(after_hours, before_hours)  # Hour means are of all samples, also of those that went.
    await store.close()


async def test_what_upstream_waits_for_goes_last_and_is_counted(tmp_path, table):
    store = await Owned.open(tmp_path / "s.db", table, SystemClock())
    store.outbox.open("cloud")
    await fill(store, 10, scans=3000)
    store.outbox.ack("cloud", 15_000)
    await store.flush()
    await leave(store, 0.8)
    found = await store.outbox.read(15_000, 10**6)
    assert [record.seq for record in found.records] == list(range(15_001, 30_001))
    assert all(len(record.points) == 4 for record in found.records)
    assert (await store.counts()).lost_samples == 0
    await leave(store, 0.2)
    assert (await store.counts()).lost_samples > 0
    found = await store.outbox.read(15_000, 10**6)
    seqs = [record.seq for record in found.records if hasattr(record, "device")]
    assert seqs == sorted(set(seqs))
    assert found.last_seq >= 30_000  # Nobody waits for ever for what is gone.
    assert "upstream does not have" in (await store.entries(kind="store"))[0].text
    await store.close()


async def test_a_bound_of_nothing_keeps_the_newest_run(tmp_path, table):
    store = await Store.open(tmp_path / "s.db", table, SystemClock(), max_mb=0.001)
    await fill(store, 5)
    series = (await held(store, ENERGY))[ENERGY]
    assert len(series) == 720
    await store.close()


async def test_on_a_small_disk_the_store_gives_way_before_it_is_full_and_writes_on(disk_of, table, caplog):
    store = await Store.open(disk_of(5500) / "s.db", table, SystemClock(), max_mb=2000.0)
    store.outbox.open("cloud")
    seen, runs, scans = [], 40, 3000
    for run in range(runs):
        await fill(store, 1, scans=scans, first=scans * run, digits=9)  # Noise, so that the disk is full soon.
        store.outbox.ack("cloud", min(store.outbox.last_seq, 12 * scans))  # Then the link goes down.
        counts = await store.counts()
        left = {name: len((await held(store, name))[name]) for name in UNITS}
        seen.append((counts.thinned_samples, counts.shed_samples, counts.lost_samples))
        assert left[REST] <= left[COMFORT] <= left[ENERGY] <= left[ALARM]
        assert sum(left.values()) + sum(seen[-1]) == counts.samples == 4 * scans * (run + 1)
    assert "cannot write" not in caplog.text
    firsts = [[counts[kind] > 0 for counts in seen].index(True) for kind in range(3)]
    assert firsts == sorted(set(firsts))  # Thinned, then dropped what upstream has, then what it waits for.
    assert (await held(store, REST))[REST].unix_s[-1] == START + 5.0 * (runs * scans - 1)
    told = " ".join(entry.text for entry in await store.entries(kind="store", limit=1000))
    for words in ("became minute means", "nobody waited for", "upstream does not have"):
        assert words in told
    await store.close()


def test_a_store_that_keeps_a_day_stops_growing(tmp_path, table):
    loop = SteeredLoop(start_unix_s=START)
    rows = []

    async def main():
        store = await Store.open(tmp_path / "s.db", table, loop.clock(), keep_days=1.0)
        keeper = asyncio.ensure_future(store.run())
        for step in range(4 * 96):
            store.append(replace(scan(step), at=loop.clock().read()))
            await asyncio.sleep(900)
            if step % 96 == 95:
                rows.append(len((await held(store, ENERGY))[ENERGY]))
        keeper.cancel()
        await store.close()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert rows[0] == 96
    assert all(96 <= count <= 96 + 2 * 16 for count in rows[1:])  # A run of 4 h is kept or goes whole.


@pytest.mark.parametrize("jump_s", [10 * 365.25 * 86_400, -10 * 365.25 * 86_400])
async def test_a_clock_that_jumps_ten_years_deletes_nothing_and_is_told(tmp_path, table, jump_s):
    class Clock(SystemClock):
        offset_s = 0.0

        def read(self):
            at = super().read()
            unix_s = at.unix_s + self.offset_s
            return Instant(unix_s=unix_s, mono_s=at.mono_s, is_set=unix_s > 1_735_689_600.0)

    clock = Clock()
    store = await Store.open(tmp_path / "s.db", table, clock, keep_days=30.0)
    began = clock.read()
    for number, offset_s in enumerate((0.0, jump_s, 0.0)):
        clock.offset_s = offset_s
        for _ in range(100):
            store.append(replace(scan(number), at=clock.read()))
        await store.seal()
        await store.tidy()
    texts = [entry.text for entry in await store.entries(kind="clock")]
    assert [re.sub(r"[.\d]+", "N", text) for text in texts] == (
        ["the clock jumped by -N s", "the clock jumped by +N s"]
        if jump_s > 0
        else ["the clock jumped by +N s: it is set now", "the clock jumped by -N s: it is not set any more"]
    )
    assert len((await store.history([ENERGY], -4e9, 4e9))[ENERGY]) == 300
    found = (await store.outbox.read(0, 1000)).records
    assert len(found) == 300 + sum(hasattr(record, "entry") for record in found)
    assert (await store.counts()).shed_samples == 0
    if jump_s < 0:  # Ten years back is before anybody set this clock: dated when it was set again.
        assert len((await store.history([ENERGY], began.unix_s - 1, began.unix_s + 60))[ENERGY]) == 300
    await store.close()
