"""The wheel told as a story on a plant in memory: take hold, be touched, go blind, hand back."""

import asyncio
import math

import numpy as np
import pytest

from agent.control import arbiter
from agent.control.dispatch import Dispatch
from agent.control.wheel import Pace, Wheel
from agent.core.clock import Instant
from agent.core.command import Outcome, Proposal
from agent.core.features import Features
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.runtime.loops import SteeredLoop

SUPPLY, FAN, INLET, BEAT = "crac1.supply", "crac1.fan", "room1.inlet", "gateway.heartbeat"
TABLE = PointTable(
    [
        PointSpec(id=name, unit="degC", kind=Kind.SETPOINT, poll_s=60, fresh_s=180, writable=True)
        for name in (SUPPLY, FAN, INLET, BEAT)
    ]
)
ENVELOPE = {
    SUPPLY: Limit(point=SUPPLY, low=16, high=24, step=2, needs=(INLET,), release="relinquish"),
    FAN: Limit(point=FAN, low=50, high=100, needs=(INLET,), release=100.0),
    BEAT: Limit(point=BEAT, low=0, high=30_000, release=0.0),
}
START = 1_750_000_200.0


class Cabinet:
    """A CRAC whose own control says 17 and 100; at once its driver, its live image and its history."""

    name = "cabinet"

    def __init__(self, clock):
        self.clock = clock
        self.own = {SUPPLY: 17.0, FAN: 100.0, INLET: 22.0, BEAT: 0.0}
        self.remote = {}
        self.seen_mono_s = {}
        self.written = []
        self.deaf = False
        self.entries = []
        self.blind_since = None

    async def write(self, command):
        self.written.append((command.point, command.value))
        at = self.clock.read()
        if self.deaf:
            return Outcome(command=command, kind="failed", read_back=None, detail="silent", at=at)
        if command.value is None:
            self.remote.pop(command.point, None)
        else:
            self.remote[command.point] = command.value
        return Outcome(command=command, kind="confirmed", read_back=command.value, detail="", at=at)

    def image(self, now: Instant) -> Image:
        values = {**self.own, **self.remote}
        sampled = [self.blind_since if name == INLET and self.blind_since else now.mono_s for name in values]
        return Image(
            at=now,
            table=TABLE,
            values=np.array([values[spec.id] for spec in TABLE]),
            quality=np.full(len(TABLE), Quality.GOOD, np.uint8),
            sampled_mono_s=np.array(sampled),
        )

    def add(self, image):
        self.latest = image

    def features(self, now):
        nothing = np.zeros((1, 0))
        return Features(
            names=(), units=(), values=nothing.astype(np.float32), mask=nothing.astype(bool), grid_s=300, at=now
        )

    def write_entry(self, entry):
        self.entries.append(entry)


class Wishes:
    """A strategy that wishes what the story says."""

    name = "story"

    def __init__(self):
        self.values = {SUPPLY: 20.0, FAN: 80.0}

    def propose(self, features, now):
        return [
            Proposal(point=point, value=value, source="planner", reason="story", until_mono_s=now.mono_s + 700)
            for point, value in self.values.items()
        ]


class Book:
    def __init__(self):
        self.entries = []

    def write(self, entry):
        self.entries.append(entry)

    def texts(self, kind):
        return [entry.text for entry in self.entries if entry.kind == kind]


def story(main, mode="full"):
    loop = SteeredLoop(start_unix_s=START)
    clock = loop.clock()
    cabinet, wishes, book = Cabinet(clock), Wishes(), Book()
    drivers = dict.fromkeys((SUPPLY, FAN, BEAT), cabinet)
    wheel = Wheel(
        live=cabinet,
        history=cabinet,
        strategy=wishes,
        envelope=ENVELOPE,
        dispatch=Dispatch(drivers, book, clock),
        journal=book,
        clock=clock,
        mode=lambda: mode,
        pace=Pace(cycle_s=300, watch_s=60, doubt_pause_s=600, touch_pause_s=1200),
        heartbeat=BEAT,
    )

    async def scene():
        task = asyncio.ensure_future(wheel.run())
        await main(cabinet, wishes, book, wheel)
        task.cancel()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene())


def test_it_takes_hold_in_steps_and_beats():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(1)
        assert cabinet.remote[SUPPLY] == 19.0
        assert cabinet.remote[FAN] == 80.0
        await asyncio.sleep(300)
        assert cabinet.remote[SUPPLY] == 20.0
        assert cabinet.remote[BEAT] > 5
        assert wheel.verdicts == {"clip": 1, "allow": 2, "hold": 1}, "stepped, then there"

    story(main)


def test_shadow_writes_nothing_and_tells_what_it_would():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(601)
        assert cabinet.written == []
        assert any(text.startswith("shadow: planner wishes crac1.supply 20") for text in book.texts("verdict"))

    story(main, mode="shadow")


def test_a_persons_touch_hands_the_whole_machine_back_for_a_while():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(301)
        cabinet.remote[SUPPLY] = 18.2
        await asyncio.sleep(120)
        assert wheel.held == ()
        assert SUPPLY not in cabinet.remote and cabinet.remote[FAN] == 100.0
        assert "somebody else moved it" in book.texts("lease")[0]
        await asyncio.sleep(600)
        assert wheel.held == ()
        await asyncio.sleep(900)
        assert set(wheel.held) == {SUPPLY, FAN}

    story(main)


def test_blindness_hands_back():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(301)
        cabinet.blind_since = cabinet.clock.read().mono_s
        await asyncio.sleep(240)
        assert wheel.held == ()
        assert SUPPLY not in cabinet.remote and cabinet.remote[FAN] == 100.0

    story(main)


def test_a_deaf_device_is_let_go_again_and_again_until_it_answers():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(301)
        cabinet.deaf = True
        wishes.values[SUPPLY] = 21.0
        await asyncio.sleep(400)
        assert wheel.held == (FAN, SUPPLY)
        assert len(book.texts("lease")) == 1
        cabinet.deaf = False
        await asyncio.sleep(60)
        assert wheel.held == ()

    story(main)


def test_without_wishes_the_machine_is_let_go():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(301)
        wishes.values = {FAN: math.nan}
        await asyncio.sleep(780)
        assert wheel.held == ()
        assert cabinet.remote[FAN] == 100.0

    story(main)


def test_shutdown_hands_everything_back():
    async def main(cabinet, wishes, book, wheel):
        await asyncio.sleep(301)
        outcomes = await wheel.let_go("the agent stops")
        assert [outcome.kind for outcome in outcomes] == ["confirmed", "confirmed"]
        assert wheel.held == () and SUPPLY not in cabinet.remote

    story(main)


@pytest.mark.parametrize(
    ("sources", "heard"), [(["planner", "operator"], "operator"), (["baseline", "planner"], "planner")]
)
def test_who_is_heard(sources, heard):
    wishes = [Proposal(point=FAN, value=1.0, source=source, reason="", until_mono_s=0) for source in sources]
    assert [wish.source for wish in arbiter.choose(wishes)] == [heard]
