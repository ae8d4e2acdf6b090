"""Lockstep told on a connection in memory: all that is due is done before the step is acknowledged."""

import asyncio
import json

from agent.core.errors import BrokerError
from agent.runtime.lockstep import AFTER_STEP_S, Follower, read_clock
from agent.runtime.loops import SteeredLoop

START = 1_750_000_000.0


class Line:
    """The plant's end of the connection: it publishes steps and hears acknowledgements."""

    def __init__(self):
        self.acks = asyncio.Queue()
        self.is_down = False

    def subscribe(self, topic_filter, handler):
        self.topic, self.handler = topic_filter, handler

    async def publish(self, topic, payload, *, qos=0, retain=False):
        if self.is_down:
            self.is_down = False
            self.acks.put_nowait(None)
            raise BrokerError("gone")
        self.acks.put_nowait((topic, json.loads(payload)["v"]))

    def step(self, number):
        self.handler(self.topic, json.dumps({"step": number, "unix": START + 300 * number}).encode())


def story(main):
    loop = SteeredLoop(start_unix_s=START, horizon_unix_s=START)

    async def scene():
        line, seen = Line(), []

        async def minutes():
            while True:
                await asyncio.sleep(60)
                seen.append(round(loop.time() - START))

        follower = Follower(loop, line, "plant")
        tasks = [asyncio.ensure_future(follower.run()), asyncio.ensure_future(minutes())]
        await main(loop, line, follower, seen)
        for task in tasks:
            task.cancel()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene())


def test_a_step_is_acknowledged_when_all_that_was_due_is_done():
    async def main(loop, line, follower, seen):
        for number in (1, 2, 3):
            line.step(number)
            assert await line.acks.get() == ("plant/clock/ack", number)
            assert loop.time() == START + 300 * number + AFTER_STEP_S
            assert len(seen) == 5 * number

    story(main)


def test_a_lost_acknowledgement_is_repeated_when_the_clock_comes_again():
    async def main(loop, line, follower, seen):
        line.is_down = True
        line.step(1)
        assert await line.acks.get() is None
        line.step(1)
        assert await line.acks.get() == ("plant/clock/ack", 1)

    story(main)


def test_a_broken_clock_is_counted_and_moves_nothing():
    async def main(loop, line, follower, seen):
        for payload in (b"", b"{}", b'{"step": "x", "unix": 1}', b"[1]", b"\xff"):
            line.handler(line.topic, payload)
            assert read_clock(payload) is None
        line.step(1)
        await line.acks.get()
        assert follower.broken == 5

    story(main)
