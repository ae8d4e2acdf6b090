"""What a sink refused: it stays readable, is sent again when a person asks, and is gone once it was kept."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.runtime.loops import SteeredLoop
from agent.store.store import Store
from agent.uplink.letters import FOLDER, LOOK_S, wish
from agent.uplink.memory import MemorySink
from agent.uplink.packer import Rules
from agent.uplink.sink import RefusedError
from agent.uplink.tape import Feeding
from agent.uplink.uplink import Uplink, Way

START = 1_750_000_000.0
BAD = 3
SITE = """\
version: 1
site: {name: tower, gateway: gw1}
store: {path: store.db}
devices:
  rooms: {driver: memory, poll_s: 60, points: {zone1.zone_air_temperature: {}}}
equipment: {zone1: {kind: zone}}
"""


class Picky:
    """Refuses one record until it has learned better."""

    def __init__(self):
        self.kept = []
        self.has_learned = False

    def take(self, parcel):
        seqs = [seq for block in parcel.blocks for seq in block.seq.tolist()]
        if BAD in seqs and not self.has_learned:
            raise RefusedError("that column is a string here")
        self.kept += seqs


class Desk:
    """A store, a picky sink and their uplink, in steered time."""

    def __init__(self, folder, table):
        self.folder, self._table = folder, table
        self.picky = Picky()

    def play(self, story, *, name="cloud"):
        loop = SteeredLoop(start_unix_s=START)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._play(story, loop.clock(), name))

    async def _play(self, story, clock, name):
        self.store = store = await Store.open(self.folder / "store.db", self._table, clock)
        self.sink = MemorySink(self.picky.take)
        rules = Rules(spans_s={"meter1.electric_power": 0}, units={"meter1.electric_power": "kW"})
        ways = {name: Way(sink=self.sink, rules=rules, feeding=Feeding())}
        told = {"site": "tower", "gateway": "gw1", "replay": self.folder / FOLDER}
        self.uplink = Uplink(ways, store.outbox, store, clock, **told)
        tasks = [asyncio.ensure_future(store.run()), *(asyncio.ensure_future(w) for _, w in self.uplink.tasks())]
        try:
            await story()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await store.close()

    async def refuse(self, scan_of):
        for number in range(6):
            self.store.append(scan_of(number))
        await self.store.flush()
        assert await self.uplink.drain(60.0) == []

    async def ask(self):
        [letter] = await self.store.outbox.dead()
        wish(self.folder / FOLDER, letter.id)
        await asyncio.sleep(LOOK_S + 1)
        await self.store.flush()

    async def last_word(self):
        return (await self.store.entries(kind="uplink", limit=1))[0].text


@pytest.fixture
def desk(tmp_path, table):
    return Desk(tmp_path, table)


def test_a_letter_that_is_taken_at_last_is_gone(desk, scan_of):
    async def story():
        await desk.refuse(scan_of)
        assert sorted(desk.picky.kept) == [1, 2, 4, 5, 6]
        desk.picky.has_learned = True
        await desk.ask()
        assert sorted(desk.picky.kept) == [1, 2, 3, 4, 5, 6]
        assert await desk.store.outbox.dead() == []
        assert await desk.last_word() == "dead letter 1 for cloud was replayed, and is kept"
        assert not list((desk.folder / FOLDER).iterdir())

    desk.play(story)


def test_a_letter_that_is_refused_again_stays(desk, scan_of):
    async def story():
        await desk.refuse(scan_of)
        await desk.ask()
        assert len(await desk.store.outbox.dead()) == 1
        assert "refused again: that column is a string here" in await desk.last_word()
        assert not list((desk.folder / FOLDER).iterdir()), "it is not tried for ever"

    desk.play(story)


def test_while_nobody_answers_the_wish_waits(desk, scan_of):
    async def story():
        await desk.refuse(scan_of)
        desk.picky.has_learned = True
        desk.sink.go_down()
        await desk.ask()
        await asyncio.sleep(300)
        assert len(await desk.store.outbox.dead()) == 1
        desk.sink.come_up()
        await asyncio.sleep(120)
        assert await desk.store.outbox.dead() == []

    desk.play(story)


def test_a_letter_for_a_sink_that_left_the_config_is_told_and_stays(desk, scan_of):
    desk.play(lambda: desk.refuse(scan_of))
    desk.picky.has_learned = True

    async def story():
        await desk.ask()
        assert len(await desk.store.outbox.dead()) == 1
        assert "there is no such sink any more" in await desk.last_word()

    desk.play(story, name="other")


def test_people_see_letters_and_ask_for_them_by_their_id(desk, scan_of):
    desk.play(lambda: desk.refuse(scan_of))
    site = desk.folder / "site.yaml"
    site.write_text(SITE)

    def type_(*words):
        return CliRunner().invoke(app, ["letters", "--site", str(site), *words])

    shown = type_()
    assert shown.exit_code == 0 and "that column is a string here" in shown.output and "3 to 3" in shown.output
    assert json.loads(type_("--show", "1").output)["first"] == BAD
    assert "within 30 s" in type_("--replay", "1").output
    assert [path.name for path in (desk.folder / FOLDER).iterdir()] == ["1"]
    assert type_("--replay", "9").exit_code == 2
