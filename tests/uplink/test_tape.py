"""The tape in virtual time, with the upstream in memory."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.runtime.loops import SteeredLoop
from agent.store.store import Store
from agent.uplink.memory import MemoryLink
from agent.uplink.tape import Tape

START = 1_750_000_000.0


class World:
    """Store, link and tape in one steered loop."""

    def __init__(self, path, table, *, answer=None, window=3, batch_records=10):
        self.loop = SteeredLoop(start_unix_s=START)
        self._path, self._table, self._answer = path, table, answer
        self._window, self._batch_records = window, batch_records

    def play(self, story):
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return runner.run(self._play(story))

    async def _play(self, story):
        clock = self.loop.clock()
        self.store = await Store.open(self._path, self._table, clock)
        self.link = MemoryLink(self._answer, delay_s=0.5)
        self.tape = Tape(self.store, self.link, clock, window=self._window, batch_records=self._batch_records)
        tasks = [asyncio.ensure_future(self.store.run()), asyncio.ensure_future(self.tape.run())]
        try:
            await story()
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await self.store.close()
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended

    def seqs(self):
        return [record["seq"] for batch in self.link.batches for record in batch.records]


@pytest.fixture
def world(tmp_path, table):
    return World(tmp_path / "s.db", table)


def test_a_night_without_upstream_is_made_good_and_does_not_stop_the_clock(world, scan_of):
    async def story():
        world.link.go_down()
        for minute in range(480):
            world.store.append(scan_of(60 * minute))
            await asyncio.sleep(60)
        assert world.loop.time() == START + 480 * 60
        assert world.seqs() == []
        world.link.come_up()
        assert await world.tape.drain(600)
        assert world.seqs() == list(range(1, 481))
        assert world.tape.counts.repeated == 0

    world.play(story)


def test_a_few_records_travel_together(world, scan_of):
    async def story():
        for number in range(8):
            world.store.append(scan_of(number))
            await asyncio.sleep(0.2)
        await asyncio.sleep(30)
        assert [len(batch.records) for batch in world.link.batches] == [8]

    world.play(story)


def test_a_fault_is_journalled_when_it_starts_and_when_it_ends(world, scan_of):
    async def story():
        world.store.append(scan_of(0))
        await world.store.flush()
        world.link._up.clear()
        world.link.ready = lambda: asyncio.sleep(0)  # The link believes that it is up.
        await asyncio.sleep(3600)
        world.link.come_up()
        assert await world.tape.drain(1200)
        texts = [entry.text for entry in await world.store.entries(kind="uplink")]
        assert len(texts) == 2
        assert texts[1] == "the uplink is interrupted, records wait in the store: the link in memory is down"
        assert texts[0].startswith("upstream keeps records again after")
        assert 10 < world.tape.counts.faults < 60  # The pauses grow.

    world.play(story)


LIES = st.lists(st.sampled_from(["keep", "nothing", "half", "beyond"]), max_size=12)


@settings(max_examples=25, deadline=None)
@given(lies=LIES, window=st.integers(1, 4))
def test_whatever_upstream_answers_nothing_is_let_go_before_it_was_kept(tmp_path_factory, table, scan_of, lies, window):
    kept, script = [0], iter(lies)

    def answer(batch):
        word = next(script, "keep")
        if word == "nothing" or batch.first_seq > kept[0] + 1:
            return kept[0]
        last = (batch.first_seq + batch.last_seq) // 2 if word == "half" else batch.last_seq
        kept[0] = max(kept[0], last)
        return 10**6 if word == "beyond" else kept[0]

    world = World(tmp_path_factory.mktemp("tape") / "s.db", table, answer=answer, window=window)

    async def story():
        for number in range(35):
            world.store.append(scan_of(number))
        async with asyncio.timeout(36_000):
            while world.store.outbox.acked < 35:
                assert world.store.outbox.acked <= kept[0]
                await asyncio.sleep(1)
        assert set(range(1, 36)) <= set(world.seqs())

    world.play(story)
