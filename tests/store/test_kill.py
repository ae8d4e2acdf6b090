"""Real processes, really killed: what `flush()` promised is there, in order, once."""

import time

import pytest

from agent.core.clock import SystemClock
from agent.store.reader import open_reader
from agent.store.store import Store
from tests.store.nursery import Nursery

KILLS = 20


@pytest.fixture(scope="module")
def nursery():
    with Nursery() as nursery:
        yield nursery


@pytest.mark.parametrize("mode", ["keep", "ack"])
def test_twenty_kills_lose_nothing_that_was_promised(tmp_path, nursery, mode):
    path = tmp_path / "s.db"
    first = 0
    for kill in range(KILLS // 2):
        life = nursery.life(path, first, mode, promises=1 + kill % 4, after_s=0.0007 * (first % 5))
        last = life.promises[-1]
        with open_reader(path) as reader:
            numbers = reader.history(["a.b"], 0, 3e9)["a.b"].values.tolist()
            assert numbers == list(range(len(numbers)))  # In order, once, none missing.
            assert len(numbers) > last.number
            counts = reader.counts()
            assert counts.last_seq >= last.seq
            assert counts.last_seq == len(numbers)
            assert counts.acknowledged >= last.acked
            found = reader.records(0, 10**6, counts.last_seq, newest=False).records
            assert [record.seq for record in found] == list(range(1, len(numbers) + 1))
        first = len(numbers)


async def test_a_killed_agents_file_opens_at_once(tmp_path, nursery, site):
    path = tmp_path / "s.db"
    nursery.life(path, 0, "keep", promises=2)
    began = time.monotonic()
    store = await Store.open(path, site.table, SystemClock())
    assert time.monotonic() - began < 2
    await store.close()
