"""Laws: whatever is appended, flushed and cut off, the file holds a prefix that includes all that was promised."""

import asyncio
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import SystemClock
from agent.store.columns import Series, on_grid
from agent.store.reader import open_reader
from agent.store.store import Store

START = 1_750_000_000.0
POINT = "zone1.zone_air_temperature"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""What is synced there costs no card; nobody cuts the power here."""
STEPS = st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["flush", "cut", "reopen", "tidy"])), max_size=12)


def cut_off(path, to):
    """What a power switch leaves: the file and its log as they are now, whoever holds them."""
    for file in path.parent.glob(f"{path.name}*"):
        if not file.name.endswith(("-shm", ".lock")):
            shutil.copy(file, file.with_name(file.name.replace(path.name, to.name)))


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_what_flush_promised_is_there_in_order_once(site, steps):
    async def story(folder):
        path = folder / "s.db"
        store = await Store.open(path, site.table, SystemClock())
        appended = promised = 0
        for place, step in enumerate(steps):
            if step == "flush":
                await store.flush()
                promised = appended
            elif step == "cut":
                cut = folder / f"cut{place}.db"
                cut_off(path, cut)
                with open_reader(cut) as reader:
                    found = reader.history([POINT], 0, 3e9)[POINT].values.tolist()
                assert found == list(range(len(found)))
                assert promised <= len(found) <= appended
            elif step == "tidy":
                await store.seal()
                await store.tidy()
                promised = appended
            elif step == "reopen":
                await store.close()
                store = await Store.open(path, site.table, SystemClock())
                promised = appended
            else:
                for _ in range(step):
                    store.append(site.scan(appended, [float(appended)]))
                    appended += 1
        await store.flush()
        records = (await store.outbox.read(0, 10_000)).records
        assert [record.seq for record in records] == list(range(1, appended + 1))
        assert [record.values.tolist() for record in records] == [[float(number)] for number in range(appended)]
        await store.close()

    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        asyncio.run(story(Path(folder)))


SAMPLES = st.lists(
    st.tuples(st.integers(-100, 700), st.sampled_from([1.0, 2.0, 3.0, math.nan]), st.sampled_from([0, 64, 128])),
    max_size=20,
)


@given(samples=SAMPLES, fresh_s=st.integers(0, 300), grid_s=st.integers(1, 200))
def test_the_grid_agrees_with_looking_it_up_one_by_one(samples, fresh_s, grid_s):
    samples = sorted(samples, key=lambda sample: sample[0])
    series = Series(
        unix_s=np.array([sample[0] for sample in samples], np.float64),
        values=np.array([sample[1] for sample in samples], np.float64),
        quality=np.array([sample[2] for sample in samples], np.uint8),
    )
    grid = on_grid([("p", series, float(fresh_s))], 0.0, 600.0, float(grid_s))
    for row, instant in enumerate(range(0, 601, grid_s)):
        good = [s for s in samples if s[0] <= instant and s[2] == 0 and not math.isnan(s[1])]
        wanted = good[-1][1] if good and instant - good[-1][0] <= fresh_s else math.nan
        np.testing.assert_equal(grid.values[row, 0], wanted)
    assert len(grid.values) == 600 // grid_s + 1
