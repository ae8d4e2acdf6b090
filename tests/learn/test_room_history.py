"""What a step of a data room may tell: a trial that is broken off at once still counts."""

import numpy as np

from agent.learn.air import SHORT_SHARE, Air
from agent.learn.room_history import RoomHistory

KW, STREAM_KW_K = 20.0, 3.0
STARVED = 0.05
"""Where servers count as short of air."""
DRAW, LEAK = 0.59, 0.06
"""Fan speed that just suffices, and return air in each inlet all the same."""


def lived(speeds, supply_c=20.0, per_k=0.0):
    """Steps at these speeds; the room answers at once, and what is missing comes round from behind.

    `per_k`: how much more air the servers draw a kelvin above 23 C.
    """
    speed = np.array(speeds)
    count = len(speed)
    supply = np.full(count, supply_c) if np.isscalar(supply_c) else np.array(supply_c)
    rise = KW / (STREAM_KW_K * speed)
    share = np.full(count, LEAK)
    for _ in range(20):
        draw = DRAW * (1.0 + per_k * np.maximum(0.0, supply + share * rise - 23.0))
        share = LEAK + (1.0 - LEAK) * np.maximum(0.0, 1.0 - speed / draw)
    knobs = np.stack([supply, speed], axis=1)
    moved = np.abs(np.diff(knobs, axis=0, prepend=knobs[:1]))
    even = np.full(count, KW)
    return RoomHistory(
        step=np.arange(count),
        end_unix_s=900.0 * np.arange(1, count + 1),
        slot=np.arange(count) % 96,
        day_kind=np.zeros(count, np.int64),
        inlet=(supply + share * rise)[:, None] * np.ones(3),
        supply=supply,
        back=supply + rise,
        speed=speed,
        fan=2.0 * speed**3,
        cool=0.2 * even,
        room_kw=even,
        outdoor=np.full(count, 15.0),
        knobs=knobs,
        water=np.full(count, np.nan),
        is_settled=(moved <= [0.06, 0.006]).all(axis=1),
        is_even=(moved <= [0.06, 0.06]).all(axis=1),
    )


def least(past):
    return float(Air.seen(past.calm.breath).least_speed(np.array([KW]), np.array([[20.5]]))[0, 0])


def test_what_a_trial_of_one_step_told_is_not_forgotten():
    past = lived([*[0.65] * 4, *[0.62] * 4, 0.565, 0.62, 0.62])
    assert Air.seen(past.calm.breath).is_measured
    assert not Air.seen(past.where(past.is_settled).breath).is_measured, "else it would be tried again and again"


def test_down_by_trials_and_up_where_air_runs_short_starves_nobody():
    speeds = [0.65] * 4
    for _ in range(40):
        lack = max(0.0, 1.0 - speeds[-1] / DRAW)
        if lack > 2.0 * SHORT_SHARE:
            speeds += [speeds[-1] * (1.0 + lack)] * 2
        else:
            speeds += [min(speeds[-1], least(lived(speeds)))]
    assert min(speeds) > (1.0 - STARVED) * DRAW
    assert speeds[-1] < 1.05 * DRAW, "air is spared all the same"


def test_warmer_inlets_that_were_tried_leave_no_doubt_of_the_draw():
    """A few steps of warmer air at a speed that barely does: whether servers speed up is seen."""
    load, at = np.array([KW]), np.array([[22.0]])
    cool = lived([*[0.65] * 4, *[0.6] * 4, 0.57, 0.6, 0.6])
    assert Air.seen(cool.calm.breath).is_unsure(load, at)
    speeds, supply = [*[0.65] * 4, *[0.6] * 4, 0.57, *[0.6] * 7], [*[20.0] * 11, *[21.0] * 2, *[22.0] * 3]
    tried = Air.seen(lived(speeds, supply, per_k=0.03).calm.breath)
    assert not tried.is_unsure(load, at)
    assert tried.least_speed(load, at)[0, 0] < 1.02 * DRAW


def test_a_step_in_which_the_supply_moved_tells_nothing():
    supply = [*[20.0] * 8, 21.0, 21.0]
    past = lived([*[0.65] * 4, *[0.62] * 6], supply)
    assert 8 not in past.calm.step
    assert 9 in past.calm.step
