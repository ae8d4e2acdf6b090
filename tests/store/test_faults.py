"""The disk fails and the agent goes on: full for real, unwritable, damaged."""

import asyncio
import logging
import os
import subprocess

import pytest

from agent.core.clock import SystemClock
from agent.core.errors import StoreError
from agent.store.reader import open_reader
from agent.store.store import Store

START = 1_750_000_000.0
POINT = "zone1.zone_air_temperature"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 600 kB, or a skipped test where nobody lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def until(true, within_s=10.0):
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_full_disk_is_told_once_survived_and_made_good(small_disk, site, caplog):
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


async def test_memory_is_bounded_while_the_disk_is_full_and_what_is_lost_is_counted(tmp_path, site):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock(), max_unsaved=100)
    await store._write(lambda writer: writer._conn.execute("PRAGMA query_only = ON"))
    for number in range(250):
        store.append(site.scan(number, [float(number)]))
        if number % 60 == 0:
            with pytest.raises(StoreError, match="readonly"):
                await store.flush()
    assert store.unsaved == 100
    assert store.dropped == 150
    await store._write(lambda writer: writer._conn.execute("PRAGMA query_only = OFF"))
    await store.flush()
    found = (await store.history([POINT], START, START + 9999))[POINT].values.tolist()
    assert found == list(range(150, 250))
    await store.close()
    store = await Store.open(path, site.table, SystemClock())
    assert (await store.counts()).dropped == 150
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


def spoil(path, at):
    handle = os.open(path, os.O_WRONLY)
    os.pwrite(handle, b"\xa5" * 3000, at)
    os.close(handle)


@pytest.mark.parametrize("at", [0, 2000, 4096 * 3])
async def test_a_damaged_file_is_set_aside_and_no_seq_comes_twice(tmp_path, site, at):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock())
    for number in range(500):
        store.append(site.scan(number, [float(number)]))
    await store.close()
    spoil(path, at)
    store = await Store.open(path, site.table, SystemClock())
    (aside,) = tmp_path.glob("s.db.damaged-*Z")
    assert "is kept as " + aside.name in (await store.entries(kind="store"))[0].text
    store.append(site.scan(1000, [7.0]))
    await store.flush()
    assert (await store.pending(0, 1)).first_seq > 500
    assert store.acknowledged_seq >= 500
    await store.close()


async def test_damage_while_running_is_survived_too(tmp_path, site, caplog):
    path = tmp_path / "s.db"
    store = await Store.open(path, site.table, SystemClock(), commit_s=0.01)
    for number in range(300):
        store.append(site.scan(number, [float(number)]))
    await store.flush()
    await store._write(lambda writer: writer._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    for page in range(1, path.stat().st_size // 4096):
        spoil(path, 4096 * page)
    await store._write(lambda writer: writer._conn.execute("PRAGMA cache_size = 0"))
    keeper = asyncio.ensure_future(store.run())
    store.append(site.scan(300, [300.0]))
    await until(lambda: list(tmp_path.glob("s.db.damaged-*Z")) and store.unsaved == 0)
    assert (await store.history([POINT], START, START + 9999))[POINT].values.tolist() == [300.0]
    keeper.cancel()
    await store.close()


def test_no_store_is_told_in_words(tmp_path):
    with pytest.raises(StoreError, match="there is no store here"):
        open_reader(tmp_path / "s.db")
