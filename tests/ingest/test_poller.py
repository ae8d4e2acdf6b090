"""Polling told as stories in virtual time: on the minute, never two at once, silence is a device's own affair."""

import asyncio
from contextlib import suppress

import numpy as np
import pytest

from agent.core.clock import Instant, SteeredClock
from agent.core.errors import DeviceError
from agent.drivers.memory import MemoryDriver
from agent.ingest.poller import LONGEST_PAUSE_S, LONGEST_SHARED_PAUSE_S, Poller
from agent.runtime.loops import SteeredLoop

START = 1_750_000_000.0
"""800 s after a full hour."""


class Book(list):
    def write(self, entry):
        self.append((entry.at.unix_s - START, entry.text))


class Device:
    """Registers that are silent in given spans, and a driver that takes a while to answer."""

    def __init__(self, clock, *, silent=(), takes_s=0.0, name="bms", cost_s=0.0):
        self.clock = clock
        self.cost_s = cost_s
        self.silent = silent
        self.takes_s = takes_s
        self.asked = []
        self.under_way = 0
        self.name = name
        self.driver = MemoryDriver(name, {"e.a": 0, "e.b": 1}, self, clock)

    def read(self):
        return {"e.a": 1.0, "e.b": 2.0}

    async def poll(self):
        self.asked.append(self.clock.read().unix_s - START)
        self.under_way += 1
        assert self.under_way == 1, "one poll under way at a time"
        await asyncio.sleep(self.takes_s)
        self.under_way -= 1
        if any(begin <= self.clock.read().unix_s - START < end for begin, end in self.silent):
            fault = DeviceError("no answer in time")
            fault.cost_s = self.cost_s
            raise fault
        return await self.driver.poll()


def play(seconds, *devices, poll_s=60.0, phase_s=0.0, loop=None, clock=None):
    """Run the devices' pollers for so long; gives (pollers, scans, journal)."""
    loop = loop or SteeredLoop(start_unix_s=START)
    clock = clock or SteeredClock(loop.time)  # It does not hold: what a device takes is simulated time as well.
    scans, book = [], Book()

    async def main():
        made = [make(clock) for make in devices]
        pollers = [
            Poller(device, poll_s=poll_s, phase_s=phase_s, take=scans.append, journal=book, clock=clock)
            for device in made
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for poller in pollers:
                    group.create_task(poller.run(), name=poller.name)
        return made, pollers

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        made, pollers = runner.run(main())
    return made, pollers, scans, book


def test_polls_fall_on_full_multiples_of_the_wall_clock():
    (device,), (poller,), scans, book = play(600, Device)
    assert [(START + at_s) % 60 for at_s in device.asked] == [0.0] * 10
    assert [scan.at.unix_s for scan in scans] == [START + at_s for at_s in device.asked]
    assert (poller.counts.polls, poller.counts.samples, poller.counts.missed) == (10, 20, 0)
    assert book == []


def test_a_phase_moves_the_polls_of_a_device():
    (device,), *_ = play(300, Device, phase_s=7.5)
    assert [(START + at_s) % 60 for at_s in device.asked] == [7.5] * 5


def test_a_slow_device_is_asked_again_when_it_is_done_and_the_missed_polls_are_counted():
    (device,), (poller,), *_ = play(600, lambda clock: Device(clock, takes_s=70.0))
    assert np.diff(device.asked).tolist() == [120.0] * (len(device.asked) - 1)
    assert poller.counts.missed == poller.counts.polls == 5


def test_a_days_polls_do_not_drift():
    (device,), (poller,), *_ = play(86_400, lambda clock: Device(clock, takes_s=0.7), poll_s=8.0)
    assert max((START + at_s) % 8 for at_s in device.asked) < 1e-3
    assert poller.counts.polls == 86_400 // 8


def test_silence_is_told_once_and_the_others_go_on():
    silent = lambda clock: Device(clock, silent=[(100, 1000)], name="bms")  # noqa: E731
    well = lambda clock: Device(clock, name="meter")  # noqa: E731
    made, pollers, _, book = play(1200, silent, well)
    assert [text for _, text in book] == ["bms silent: no answer in time", "bms answers again after 900 s"]
    assert pollers[1].counts.polls == len(made[1].asked) == 20
    assert pollers[0].counts.failed == 15 and not pollers[0].counts.silent


def test_pauses_grow_up_to_a_minute_and_never_end():
    (device,), (poller,), _, book = play(3600, lambda clock: Device(clock, silent=[(0, 1e9)]), poll_s=1.0)
    pauses = np.diff(device.asked)
    assert pauses[0] <= 2.0
    assert pauses[8:].min() >= LONGEST_PAUSE_S / 2 and pauses.max() <= LONGEST_PAUSE_S + 1.0
    assert len(book) == 1 and poller.counts.silent


def test_a_device_that_answers_again_is_polled_as_before():
    (device,), *_ = play(200, lambda clock: Device(clock, silent=[(10, 30)]), poll_s=1.0)
    assert np.diff(device.asked)[-100:].tolist() == [1.0] * 100


def silent_from(begin_s, cost_s):
    return lambda clock: Device(clock, silent=[(begin_s, 1e9)], takes_s=3.0, cost_s=cost_s)


def test_silence_that_costs_others_is_asked_for_seldom_but_for_ever():
    (device,), *_ = play(6000, silent_from(10, 3.0), poll_s=1.0)
    pauses = np.diff([at_s for at_s in device.asked if at_s + 3.0 >= 10])
    assert pauses[0] <= 5.0, "one lost answer costs one poll"
    assert pauses[1:].min() >= 3.0 / 0.05, "then its silence may take a twentieth of its line"
    assert pauses[1:].max() <= 80.0


def test_silence_at_the_start_may_be_for_ever():
    (device,), *_ = play(300, silent_from(0, 3.0), poll_s=1.0)
    assert device.asked[1] - device.asked[0] >= 3.0 / 0.05


def test_silence_that_costs_nobody_is_asked_for_each_minute():
    (device,), *_ = play(1200, silent_from(0, 0.0), poll_s=1.0)
    assert np.diff(device.asked).max() <= LONGEST_PAUSE_S + 5.0


def test_however_dear_the_silence_there_is_always_a_next_try():
    (device,), *_ = play(3000, silent_from(0, 1e6), poll_s=1.0)
    assert np.diff(device.asked).max() <= LONGEST_SHARED_PAUSE_S + 5.0


@pytest.mark.parametrize("jump_s", [3600.0 + 20, -7.0, 1e9 + 11])
def test_a_clock_that_jumps_moves_the_polls_to_its_full_multiples(jump_s):
    loop = SteeredLoop(start_unix_s=0.0)

    class Jumping(SteeredClock):
        def read(self):
            mono_s = loop.time()
            return Instant(unix_s=START + mono_s + (jump_s if mono_s > 300 else 0.0), mono_s=mono_s)

    (device,), (poller,), *_ = play(900, Device, loop=loop, clock=Jumping(loop.time))
    assert all(abs((START + at_s + 30) % 60 - 30) < 1e-3 for at_s in device.asked[-8:])
    assert poller.counts.missed == 0 and 14 <= poller.counts.polls <= 16


def test_our_own_bugs_unwind_the_house():
    class Broken(Device):
        async def poll(self):
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        play(600, Broken)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
