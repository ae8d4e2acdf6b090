"""The disk fails and the agent goes on: full for real, unwritable, damaged."""

import asyncio
import logging
import os
import resource
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import SystemClock
from agent.core.errors import StoreError
from agent.store.log import frame_of, frames
from agent.store.reader import open_reader
from agent.store.store import Store

START = 1_750_000_000.0
POINT = "zone1.zone_air_temperature"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


async def until(true, within_s=10.0):
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_full_disk_is_told_once_survived_and_made_good(disk_of, site, caplog):
    small_disk = disk_of(600)
    caplog.set_level(logging.WARNING)
    ballast = small_disk / "ballast"
    store = await Store.open(small_disk / "s.db", site.table, SystemClock(), commit_s=0.01)
    keeper = asyncio.ensure_future(store.run())
    store.append(site.scan(0, [0.0]))
    await store.flush()
    try:
        ballast.write_bytes(bytes(2**20))
    except OSError as fault:
        assert fault.strerror == "No space left on device"
    for number in range(1, 3000):
        store.append(site.scan(number, [float(number)] * 4))
    await until(lambda: "cannot write" in caplog.text)
    for number in range(3000, 3010):
        store.append(site.scan(number, [float(number)] * 4))
    with pytest.raises(StoreError, match="full"):
        await store.flush()
    assert (await store.history([POINT], START, START + 1))[POINT].values.tolist() == [0.0]  # Reading goes on.
    ballast.unlink()
    await until(lambda: store.unsaved == 0)
    found = (await store.history([POINT], START, START + 9999))[POINT].values.tolist()
    assert found == list(range(3010))
    assert store.dropped == 0
    assert sum("cannot write" in record.message for record in caplog.records) == 1
    assert sum("writes again" in record.message for record in caplog.records) == 1
    assert [entry.text for entry in await store.entries(kind="store")] == [
        "the store writes again",
        "the store cannot write",
    ]
    keeper.cancel()
    await store.close()


@contextmanager
def files_end_at(size):
    """No file may grow beyond it: a write that reaches it is cut short, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_memory_is_bounded_while_the_disk_is_full_and_what_is_lost_is_counted(tmp_path, site):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock(), max_unsaved=100)
    for number in range(250):
        store.append(site.scan(number, [float(number)]))
        if number % 60 == 0:
            with files_end_at(0), pytest.raises(StoreError, match="too large"):
                await store.flush()
    assert store.unsaved == 100
    assert store.dropped == 150
    await store.flush()
    found = (await store.history([POINT], START, START + 9999))[POINT].values.tolist()
    assert found == list(range(150, 250))
    await store.close()
    store = await Store.open(path, site.table, SystemClock())
    assert (await store.counts()).dropped == 150
    await store.close()


@pytest.mark.parametrize("room", [0, 1, 11, 12, 60])
async def test_half_a_commit_is_taken_back_and_made_again(tmp_path, site, room):
    store = await Store.open(tmp_path / "s.db", site.table, SystemClock())
    store.append(site.scan(0, [0.0]))
    await store.flush()
    (segment,) = tmp_path.glob("s.db.hot-*")
    size = segment.stat().st_size
    for number in range(1, 50):
        store.append(site.scan(number, [number * 1.7] * 4))
    with files_end_at(size + room), pytest.raises(StoreError):
        await store.flush()
    assert segment.stat().st_size == size
    await store.flush()
    assert len((await store.history([POINT], START, START + 9999))[POINT]) == 50
    await store.close()


async def test_a_folder_that_cannot_be_made_does_not_stop_the_agent(tmp_path, site, caplog):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    store = await Store.open(blocked / "s.db", site.table, SystemClock())
    assert "cannot write" in caplog.text
    store.append(site.scan(0, [1.0]))
    with pytest.raises(StoreError):
        await store.flush()
    blocked.unlink()
    await store.flush()
    assert (await store.history([POINT], START, START + 1))[POINT].values.tolist() == [1.0]
    assert [entry.text for entry in await store.entries()] == ["the store writes again", "the store cannot write"]
    await store.close()


def spoil(path, at, what=b"\xa5" * 3000):
    handle = os.open(path, os.O_WRONLY)
    os.pwrite(handle, what, at)
    os.close(handle)


async def fill(path, site, *, runs=20, scans=50):
    """A store of some compacted runs and a log behind them, closed."""
    store = await Store.open(path, site.table, SystemClock())
    number = 0
    for run in range(runs + 1):
        for _ in range(scans):
            store.append(site.scan(60 * number, [float(number), number * 0.37, number * 1.01]))
            number += 1
        store.write(site.entry(60 * number, f"run {run}"))
        if run < runs:
            await store.seal()
            await store.tidy()
    await store.put_parameters("zone1", {"ua_kw_k": 1.0}, {})
    await store.close()
    return number


async def found_in(path, site):
    store = await Store.open(path, site.table, SystemClock())
    series = (await store.history([POINT], START, START + 1e9))[POINT]
    told = [entry.text for entry in await store.entries(kind="store")]
    store.append(site.scan(1e8, [7.0]))
    await store.flush()
    last_seq = store.outbox.last_seq
    await store.close()
    return series.values.tolist(), told, last_seq


@pytest.mark.parametrize("page", range(0, 60, 3))
async def test_a_damaged_page_costs_only_what_stood_on_it(tmp_path, site, page):
    path = tmp_path / "s.db"
    count = await fill(path, site)
    spoil(path, 4096 * page, b"\xa5" * 4096)
    values, told, last_seq = await found_in(path, site)
    assert last_seq > count
    assert values == sorted(set(values))  # Nothing twice, nothing that was never there.
    assert set(values) <= set(range(count))
    assert set(values) >= set(range(count - 50, count))  # The log does not need the database.
    if list(tmp_path.glob("s.db.damaged-*Z")):
        assert "the store was damaged" in told[0]
    assert len(values) >= 0.6 * count


@pytest.mark.parametrize(
    ("at", "what"),
    [(0, b"nonsense"), (16, b"\0\0"), (18, b"\7\7"), (56, b"\0\0\0\7"), (100, b"\0" * 3996)],
)
async def test_a_spoiled_first_page_costs_nothing(tmp_path, site, at, what):
    path = tmp_path / "s.db"
    count = await fill(path, site)
    spoil(path, at, what)
    values, told, last_seq = await found_in(path, site)
    assert values == list(range(count))
    assert "the store was damaged" in told[0]
    assert last_seq < 2 * count  # The count goes on: it was not lost.
    assert not [*tmp_path.glob("s.db.mended*"), *tmp_path.glob("s.db.salvaged*")]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.9, 0.999])
async def test_a_file_that_was_cut_off_is_salvaged_as_far_as_it_goes(tmp_path, site, share):
    path = tmp_path / "s.db"
    count = await fill(path, site)
    os.truncate(path, int(share * path.stat().st_size))
    values, told, last_seq = await found_in(path, site)
    assert last_seq > count or share < 0.01
    assert set(values) >= set(range(count - 50, count))
    assert len(values) == count or not share or "the store was damaged" in told[0]


@pytest.fixture(scope="module")
def sound(site, tmp_path_factory):
    """A store's files, and how many scans are in them."""
    folder = tmp_path_factory.mktemp("sound")
    count = asyncio.run(fill(folder / "s.db", site))
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".lock")}, count


HARM = st.tuples(
    st.sampled_from(["flip", "wipe", "cut"]),
    st.floats(0, 1, exclude_max=True),  # Where, as a share of the file.
    st.integers(0, 7),  # Which bit; how many hundred bytes.
)


@settings(max_examples=60, deadline=None)
@given(harms=st.lists(st.tuples(st.booleans(), HARM), min_size=1, max_size=12))
def test_whatever_is_damaged_the_agent_runs_and_no_figure_is_made_up(site, sound, harms):
    files, count = sound
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        for name, data in files.items():
            spoiled = bytearray(data)
            for is_database, harm in harms:
                if is_database == (name == "s.db"):
                    spoil_bytes(spoiled, *harm)
            (Path(folder) / name).write_bytes(spoiled)
        began_s = time.monotonic()
        values, _, last_seq = asyncio.run(found_in(Path(folder) / "s.db", site))
        assert time.monotonic() - began_s < 5
    assert set(values) <= set(range(count))
    assert len(values) == len(set(values))
    assert last_seq >= 1
    if not any(is_database for is_database, _ in harms):
        assert len(values) >= count - 50  # At most the log's own.
    if all(is_database for is_database, _ in harms):
        assert set(values) >= set(range(count - 50, count))


def spoil_bytes(data, kind, share, size):
    at = int(share * len(data))
    if kind == "cut":
        del data[at:]
    elif kind == "wipe":
        data[at : at + 100 * (size + 1)] = bytes(len(data[at : at + 100 * (size + 1)]))
    elif data:
        data[at] ^= 1 << size


@given(cut=st.integers(0, 5000), flip=st.none() | st.tuples(st.integers(0, 5000), st.integers(0, 7)))
def test_a_spoiled_log_gives_every_other_frame(cut, flip):
    bodies = [f"commit {number} ".encode() * 9 for number in range(40)]
    data = bytearray(b"".join(frame_of(body) for body in bodies))
    ends = [frame.end for frame in frames(bytes(data))]
    assert len(ends) == 40
    if flip is not None:
        data[flip[0] % len(data)] ^= 1 << flip[1]
    data = bytes(data[: cut % (len(data) + 1)])
    found = [frame.body for frame in frames(data)]
    whole = bodies[: sum(end <= len(data) for end in ends)]
    assert [body for body in whole if body in found] == found
    assert len(found) >= len(whole) - (flip is not None)


async def test_damage_while_running_is_survived_too(tmp_path, site):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock(), commit_s=0.01)
    for number in range(300):
        store.append(site.scan(number, [float(number)]))
    await store.seal()
    await store.tidy()
    await store._workers.keep(lambda keeper: keeper.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    for page in range(1, path.stat().st_size // 4096):
        spoil(path, 4096 * page)
    await store._workers.keep(lambda keeper: keeper.conn.execute("PRAGMA cache_size = 0"))
    store.append(site.scan(300, [300.0]))
    await store.seal()
    with pytest.raises(StoreError):
        await store.tidy()
    await store.tidy()
    assert list(tmp_path.glob("s.db.damaged-*Z"))
    assert 300.0 in (await store.history([POINT], START, START + 9999))[POINT].values
    assert "the store was damaged" in (await store.entries(kind="store"))[0].text
    await store.close()


def test_no_store_is_told_in_words(tmp_path):
    with pytest.raises(StoreError, match="there is no store here"):
        open_reader(tmp_path / "s.db")
