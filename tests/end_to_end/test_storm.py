"""The storm: seeded days keep every law, a seed tells the same story again, and the laws can be broken."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from agent.core.errors import BrokerError
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec
from agent.uplink.parcel import Block, Layout, Parcel
from simulator.storm import dice
from simulator.storm.day import folder_of, live
from simulator.storm.laws import LawBroken, Watch
from simulator.storm.pool import run
from simulator.storm.upstream import MoodySink, Upstream

SOME_DAYS = range(1, 25)
"""`make storm` lives thousands."""
COOLING, AIR = "zone1.zone_air_cooling_temperature_setpoint", "zone1.zone_air_temperature"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_days_keep_every_law():
    told = list(run(SOME_DAYS, jobs=2))
    assert not [f"seed {each.seed}: {each.broken}" for each in told if each.day is None]
    days = [each.day for each in told if each.day is not None]
    assert sum(day.lives for day in days) > len(days)  # Some agents died in mid-day.
    assert sum(day.faults for day in days) > 5 * len(days)
    assert all(day.orders and day.samples for day in days)
    assert max(each.memory_mb for each in told) < 200.0


def test_a_seed_tells_the_same_story_again(tmp_path):
    logging.disable(logging.CRITICAL)
    try:
        stories = []
        for _ in range(2):
            with folder_of(13, tmp_path) as folder:
                stories.append(live(13, folder))
    finally:
        logging.disable(logging.NOTSET)
    assert stories[0] == stories[1]
    assert stories[0].lives == 2  # It dies in mid-day, both times at the same instant.


def test_every_layer_of_faults_is_drawn():
    layers = {fault.layer for seed in range(12) for fault in dice.draw(seed).faults}
    assert layers == {"sensor", "wire", "clock", "person", "machine", "link"}


# --- The laws can be broken: otherwise they would prove nothing. ---


@pytest.fixture
def time():
    return [0.0]


@pytest.fixture
def watch(time) -> Watch:
    limit = Limit(point=COOLING, low=21.0, high=30.0, step=2.0, hold_s=600.0, needs=(AIR,))
    spec = PointSpec(id=AIR, unit="degC", kind=Kind.SENSOR, poll_s=300.0, fresh_s=900.0)
    return Watch(envelope={COOLING: limit}, specs={AIR: spec}, mono_s=lambda: time[0], watch_s=300.0)


def see(watch: Watch, celsius: float = 22.0) -> None:
    watch.read("rooms", {AIR: celsius}, watch.mono_s())


def test_an_order_within_the_limits_is_lawful(watch, time):
    see(watch)
    watch.write(COOLING, 24.0)
    time[0] = 600.0
    see(watch)
    watch.write(COOLING, 25.0)
    watch.write(COOLING, None)
    assert [value for _, _, value in watch.story] == [24.0, 25.0, None]


@pytest.mark.parametrize("value", [20.9, 30.1, math.nan])
def test_a_command_outside_its_limit(watch, value):
    see(watch)
    with pytest.raises(LawBroken, match="no command outside its limit"):
        watch.write(COOLING, value)


def test_a_command_without_a_limit(watch):
    with pytest.raises(LawBroken, match="no limit, no write"):
        watch.write("ahu1.on_off_command", 1.0)


def test_too_large_a_step_and_too_early_a_move(watch, time):
    see(watch)
    watch.write(COOLING, 24.0)
    with pytest.raises(LawBroken, match="no move before the hold is over"):
        watch.write(COOLING, 25.0)
    time[0] = 700.0
    see(watch)
    with pytest.raises(LawBroken, match="no larger step"):
        watch.write(COOLING, 27.0)


@pytest.mark.parametrize("shown", [None, math.nan])
def test_a_plan_from_what_was_never_seen(watch, shown):
    if shown is not None:
        see(watch, shown)
    with pytest.raises(LawBroken, match="no plan from stale inputs"):
        watch.write(COOLING, 24.0)


def test_a_plan_from_stale_inputs(watch, time):
    see(watch)
    time[0] = 901.0
    with pytest.raises(LawBroken, match="no plan from stale inputs"):
        watch.write(COOLING, 24.0)


def test_a_machine_held_blind(watch, time):
    see(watch)
    watch.write(COOLING, 24.0)
    with pytest.raises(LawBroken, match="a blind machine is handed back"):
        for _ in range(8):
            time[0] += 300.0
            watch.step(lambda point: True)
    assert time[0] == 2100.0  # Fresh for 900 s, then two turns of 300 s, and no more.


def test_a_machine_that_cannot_be_reached_is_nobodys_fault(watch, time):
    see(watch)
    watch.write(COOLING, 24.0)
    for _ in range(20):
        time[0] += 300.0
        watch.step(lambda point: False)


def record(seq: int, value: float = 22.0) -> dict:
    return {"seq": seq, "kind": "scan", "unix_s": 0.0, "device": "rooms", "points": [AIR], "values": [value]}


def parcel(first: int, last: int, *, value: float = 22.0, without: int = 0) -> Parcel:
    seq = np.array([number for number in range(first, last + 1) if number != without], np.int64)
    block = Block(
        layout=Layout(device="rooms", points=(AIR,), units=("degC",)),
        seq=seq,
        boot=np.ones_like(seq),
        unix_s=np.zeros(len(seq)),
        values=np.full((len(seq), 1), value),
        quality=np.zeros((len(seq), 1), np.uint8),
    )
    return Parcel(chain="c1", first_seq=first, last_seq=last, blocks=(block,))


def test_a_gap_and_a_changed_repeat_are_seen_upstream():
    upstream = Upstream(1)
    upstream.keep(parcel(1, 2))
    upstream.keep(parcel(2, 3))
    assert upstream.last == 3
    upstream.keep(parcel(5, 5))
    assert upstream.last == 0  # The backlog has not come yet.
    with pytest.raises(LawBroken, match="no acknowledged record is missing"):
        upstream.keep(parcel(5, 7, without=6))
    with pytest.raises(LawBroken, match="sent again is the same"):
        upstream.keep(parcel(3, 3, value=23.0))


def test_upstream_has_what_was_shown_and_nothing_else(watch):
    see(watch, 22.0)
    watch.arrived(record(1, 22.0))
    with pytest.raises(LawBroken, match="what upstream has is what was shown"):
        watch.arrived(record(2, 22.1))


async def test_the_way_upstream_has_moods_and_never_lies():
    upstream = Upstream(3)
    sink, faults = MoodySink(upstream), 0
    for _ in range(200):
        last = len(upstream.kept)
        try:
            await sink.send(parcel(last + 1, last + 1))
            assert last + 1 in upstream.kept
        except BrokerError:
            faults += 1
    assert faults > 3
