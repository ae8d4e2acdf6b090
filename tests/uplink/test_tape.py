"""The tape in virtual time, with the far end in memory."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.errors import BrokerError
from agent.core.points import Kind, PointSpec, PointTable
from agent.runtime.loops import SteeredLoop
from agent.store.store import Store
from agent.uplink.memory import MemorySink
from agent.uplink.packer import Packer, Rules
from agent.uplink.sink import RefusedError
from agent.uplink.tape import Feeding, Tape

START = 1_750_000_000.0


def rules(spans_s, table):
    return Rules(spans_s=spans_s, units={spec.id: spec.unit for spec in table})


class World:
    """Store, sink and tape in one steered loop."""

    def __init__(self, path, table, *, take=None, delay_s=0.1, spans_s=None, **feeding):
        self.loop = SteeredLoop(start_unix_s=START)
        self._path, self._table, self._take, self._delay_s = path, table, take, delay_s
        self._rules = rules(spans_s or {"meter1.electric_power": 0}, table)
        self._feeding = Feeding(**{"window": 3, "batch_records": 10, "gather_s": 2.0} | feeding)

    def play(self, story):
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return runner.run(self._play(story))

    async def _play(self, story):
        clock = self.loop.clock()
        self.store = await Store.open(self._path, self._table, clock)
        for name in set(self.store.outbox.sinks()) - {"cloud"}:
            self.store.outbox.forget(name)
        self.sink = MemorySink(self._take, delay_s=self._delay_s)
        self.tape = Tape(
            "cloud",
            self.sink,
            self.store.outbox,
            lambda: Packer(self._rules, self.store.outbox),
            clock,
            self.store,
            feeding=self._feeding,
        )
        tasks = [asyncio.ensure_future(self.store.run()), asyncio.ensure_future(self.tape.run())]
        try:
            await story()
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await self.store.close()
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended

    async def drain(self, timeout_s=600.0):
        await self.store.flush()
        return await self.tape.drain(timeout_s)

    def seqs(self):
        return [seq for parcel in self.sink.parcels for block in parcel.blocks for seq in block.seq.tolist()]

    def entries(self):
        return [record.entry for parcel in self.sink.parcels for record in parcel.entries]


@pytest.fixture
def world(tmp_path, table):
    return World(tmp_path / "s.db", table)


def test_a_night_without_upstream_is_made_good_and_does_not_stop_the_clock(world, scan_of):
    async def story():
        world.sink.go_down()
        for minute in range(480):
            world.store.append(scan_of(60 * minute))
            await asyncio.sleep(60)
        assert world.loop.time() == START + 480 * 60
        assert world.seqs() == []
        world.sink.come_up()
        assert await world.drain()
        assert sorted(world.seqs()) == list(range(1, 481)), "nothing is lost, nothing is doubled"

    world.play(story)


def test_after_an_outage_the_newest_comes_first_and_the_backlog_behind_it(world, scan_of):
    async def story():
        world.sink.go_down()
        for number in range(200):
            world.store.append(scan_of(number))
        await world.store.flush()
        world.sink.come_up()
        await asyncio.sleep(0.11)
        assert max(world.seqs()) == 200, "the newest is there at once"
        world.store.append(scan_of(200))
        assert await world.drain()
        assert sorted(world.seqs()) == list(range(1, 202))
        assert [parcel.is_live for parcel in world.sink.parcels if parcel.last_seq <= 190] == [False] * 19
        assert (await world.store.counts()).outbox == 0

    world.play(story)


def test_thirty_days_without_upstream(tmp_path, table, scan_of):
    world = World(tmp_path / "s.db", table, batch_records=500, delay_s=0.02)
    came = {}

    async def story():
        world.sink.go_down()
        number = 0
        for _ in range(30 * 24):
            for _ in range(60):
                world.store.append(scan_of(60 * number))
                number += 1
            await asyncio.sleep(3600)
        world.sink.come_up()
        back = world.loop.time()
        # Live data goes on while the backlog drains.
        for _ in range(3):
            world.store.append(scan_of(60 * number))
            number += 1
            await asyncio.sleep(1.0)
            came[number] = world.loop.time() - back
        newest = [parcel for parcel in world.sink.parcels if parcel.is_live]
        assert newest and newest[0].last_seq >= 30 * 24 * 60 - 500
        assert await world.drain()
        assert sorted(world.seqs()) == list(range(1, number + 1)), "0 lost, 0 doubled"

    world.play(story)


def test_the_backlog_keeps_to_its_share_of_the_line_and_live_data_does_not_wait(tmp_path, table, scan_of):
    world = World(tmp_path / "s.db", table, backlog_kbit_s=0.08, gather_s=0.1, delay_s=0.0)
    world.sent = []

    async def story():
        send = world.sink.send

        async def weighed(parcel):
            await send(parcel)
            world.sent.append((world.loop.time(), parcel))
            return 100  # Bytes: ten seconds of the backlog's share.

        world.sink.send = weighed
        world.sink.go_down()
        for number in range(300):
            world.store.append(scan_of(number))
        await world.store.flush()
        world.sink.come_up()
        began = world.loop.time()
        for number in range(300, 360):
            world.store.append(scan_of(number))
            await asyncio.sleep(1.0)
        late = [at for at, parcel in world.sent if not parcel.is_live]
        assert 4 <= len(late) <= 10, "a minute's worth of the share"
        assert world.loop.time() - began == 60.0
        live = {seq for _, parcel in world.sent if parcel.is_live for block in parcel.blocks for seq in block.seq}
        assert set(range(301, 358)) <= live

    world.play(story)


def test_a_few_records_travel_together(world, scan_of):
    async def story():
        world.store.append(scan_of(0))
        await asyncio.sleep(10)
        for number in range(1, 9):
            world.store.append(scan_of(number))
            await asyncio.sleep(0.2)
        await asyncio.sleep(30)
        assert [parcel.samples for parcel in world.sink.parcels] == [1, 8]

    world.play(story)


def test_a_fault_is_journalled_when_it_starts_and_when_it_ends(world, scan_of):
    async def story():
        world.store.append(scan_of(0))
        await world.store.flush()
        world.sink._up.clear()
        world.sink.ready = lambda: asyncio.sleep(0)  # The way believes that it is open.
        await asyncio.sleep(3600)
        assert world.tape.is_down
        world.sink.come_up()
        assert await world.drain(1200)
        texts = [entry.text for entry in await world.store.entries(kind="uplink")]
        assert len(texts) == 2
        assert texts[1] == "cloud is interrupted, records wait in the store: the link in memory is down"
        assert texts[0].startswith("cloud keeps records again after")
        assert 10 < world.tape.counts.faults < 90  # The pauses grow.

    world.play(story)


def test_what_is_refused_is_set_aside_alone_and_the_rest_goes_on(tmp_path, table, scan_of):
    bad = {13, 14, 37}
    kept = []

    def take(parcel):
        if bad & {seq for block in parcel.blocks for seq in block.seq.tolist()}:
            raise RefusedError("that column is a string here")
        kept.append(parcel)

    world = World(tmp_path / "s.db", table, take=take)

    async def story():
        for number in range(60):
            world.store.append(scan_of(number))
        assert await world.drain()
        seqs = [seq for parcel in kept for block in parcel.blocks for seq in block.seq.tolist()]
        assert sorted(seqs) == [seq for seq in range(1, 61) if seq not in bad]
        letters = await world.store.outbox.dead("cloud")
        assert {letter.first_seq <= seq <= letter.last_seq for letter, seq in zip(letters, sorted(bad), strict=True)}
        assert {letter.reason for letter in letters} == {"that column is a string here"}
        assert world.tape.counts.dead == len(letters) == 3

    world.play(story)


def test_a_restart_goes_on_where_it_was_also_in_the_middle_of_a_backlog(tmp_path, table, scan_of):
    seqs = []
    for life in range(4):
        world = World(tmp_path / "s.db", table, delay_s=0.3, window=1)

        async def story(life=life, world=world):
            if life == 0:
                world.sink.go_down()
                for number in range(400):
                    world.store.append(scan_of(number))
                await world.store.flush()
            if life < 3:
                world.sink.come_up()
                await asyncio.sleep(1.7)
                await world.store.flush()
            else:
                assert await world.drain()

        world.play(story)
        seqs += world.seqs()
    assert set(seqs) == set(range(1, 401))
    assert len(seqs) < 430, "at most what was under way when a life ended comes again"


def test_a_change_of_the_config_keeps_the_backlog(tmp_path, table, scan_of):
    world = World(tmp_path / "s.db", table)

    async def away():
        world.sink.go_down()
        for number in range(100):
            world.store.append(scan_of(number))
        await world.store.flush()

    world.play(away)
    more = PointTable([*table, PointSpec(id="zone2.co2_level", unit="ppm", kind=Kind.SENSOR, poll_s=60, fresh_s=300)])
    changed = World(tmp_path / "s.db", more, batch_records=33, window=1, gather_s=0.0)

    async def back():
        changed.store.append(scan_of(100))
        assert await changed.drain()
        assert sorted(changed.seqs()) == list(range(1, 102))

    changed.play(back)


MOODS = st.lists(st.sampled_from(["keep", "lost", "unsaid"]), max_size=14)


@settings(max_examples=25, deadline=None)
@given(moods=MOODS, window=st.integers(1, 4), first=st.integers(1, 60))
def test_whatever_happens_on_the_way_nothing_is_let_go_before_it_was_kept(
    tmp_path_factory, table, scan_of, moods, window, first
):
    kept, script = set(), iter(moods)

    def take(parcel):
        mood = next(script, "keep")
        if mood == "lost":
            raise BrokerError("lost on the way")
        kept.update(range(parcel.first_seq, parcel.last_seq + 1))
        if mood == "unsaid":
            raise BrokerError("the answer was lost")

    world = World(tmp_path_factory.mktemp("tape") / "s.db", table, take=take, window=window)

    async def story():
        for number in range(75):
            world.store.append(scan_of(number))
            if number == first:
                await world.store.flush()
        async with asyncio.timeout(36_000):
            while world.store.outbox.acked < 75:
                assert set(range(1, world.store.outbox.acked + 1)) <= kept
                await asyncio.sleep(1)
        assert set(range(1, 76)) <= kept

    world.play(story)


def test_means_leave_in_the_place_of_samples_and_a_repeat_is_the_same(tmp_path, table, scan_of):
    """A minute's mean, whichever lane tells it: 60 polls a minute apart by one second."""
    told = {}

    def take(parcel):
        for block in parcel.blocks:
            for seq, unix_s, value in zip(block.seq.tolist(), block.unix_s.tolist(), block.values[:, 0], strict=True):
                assert told.setdefault(seq, (unix_s, value)) == (unix_s, value)

    for delay_s in (0.0, 3.0):
        path = tmp_path / f"s{delay_s}.db"
        world = World(path, table, take=take, spans_s={"meter1.electric_power": 60}, delay_s=delay_s)

        async def story(world=world):
            world.sink.go_down()
            for number in range(300):
                world.store.append(scan_of(number))
            await world.store.flush()
            world.sink.come_up()
            assert await world.drain()

        world.play(story)
    first = 60 - START % 60
    assert [round(unix_s) for unix_s, _ in told.values()] == [round(START + first + 60 * n - 60) for n in range(5)]
    # The second minute is whole: its mean is that of 60 numbers in a row.
    assert list(told.values())[1][1] == sum(range(int(first), int(first) + 60)) / 60


def test_an_entry_leaves_only_where_its_point_may(tmp_path, table, scan_of):
    from agent.core.clock import Instant
    from agent.core.journal import Entry

    at = Instant(unix_s=START, mono_s=0.0)

    def entry(subject):
        return Entry(at=at, kind="verdict", subject=subject, text="x")

    for spans_s, left in (
        ({"meter1.electric_power": 0}, ["meter1.electric_power", "ahu1"]),
        ({"meter1.electric_power": 60}, []),
    ):
        world = World(tmp_path / f"{len(left)}.db", table, spans_s=spans_s)

        async def story(world=world, left=left):
            for subject in ("meter1.electric_power", "zone1.occupancy_count", "ahu1"):
                world.store.write(entry(subject))
            assert await world.drain()
            assert [told.subject for told in world.entries()] == left

        world.play(story)
