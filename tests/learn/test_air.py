"""The servers' draw: found from above by small steps, never missed by what would starve them, whatever it follows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.learn.air import SHORT_SHARE, TRY_SHARE, Air, Breath

STARVED = 0.05
"""Where servers count as short of air."""
RISE_KW = 7.0
"""Rise of the air at full fan and full load, K."""


class Room:
    """Three racks that breathe as told; the truth that nobody measures."""

    def __init__(self, need, load_share, per_k, knee_c, noise, seed=1):
        self.need = need * np.array([0.95, 1.0, 1.05])
        self.load_share, self.per_k, self.knee_c, self.noise = load_share, per_k, knee_c, noise
        self.rng = np.random.default_rng(seed)
        self.rows = []

    def draw(self, load, inlet):
        by_load = 1.0 + self.load_share * (load - 1.0)
        return self.need * by_load * (1.0 + self.per_k * np.maximum(0.0, inlet - self.knee_c))

    def breathe(self, speed, load, supply_c):
        """One settled step; the share of the draw that was missing."""
        inlet, rise = np.full(3, supply_c + 0.5), RISE_KW * load / speed
        for _ in range(30):
            short = np.maximum(0.0, 1.0 - speed / self.draw(load, inlet))
            share = 0.06 + 0.94 * short
            inlet = 0.5 * inlet + 0.5 * (supply_c + share * rise)
        told = share + self.rng.normal(0.0, self.noise, 3)
        self.rows.append((speed, 20.0 * load, inlet, told))
        drawn = float(np.sum(self.draw(load, inlet)))
        return max(0.0, 1.0 - 3.0 * speed / drawn), float(np.mean(inlet))

    def air(self):
        speed, load, inlet, share = (np.array(column) for column in zip(*self.rows, strict=True))
        return Air.seen(Breath(speed=speed, load_kw=load, inlet_c=inlet, share=share))


@settings(max_examples=12, deadline=None)
@given(
    need=st.floats(0.4, 0.85),
    load_share=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
    per_k=st.sampled_from([0.0, 0.03, 0.05, 0.09]),
    knee_c=st.sampled_from([16.0, 21.0, 24.0]),
    noise=st.sampled_from([0.0, 0.002]),
)
def test_the_way_down_starves_nobody(need, load_share, per_k, knee_c, noise):
    room = Room(need, load_share, per_k, knee_c, noise)
    loads = 0.85 + 0.15 * np.sin(np.arange(48) / 48.0 * 2.0 * np.pi)
    for load in loads:
        _, inlet = room.breathe(1.0, load, 17.0)
    reached = 1.0
    for load in [*loads, *loads]:
        least = room.air().least_speed(np.array([20.0 * load]), np.array([[inlet]]))[0, 0]
        reached = min(1.0, max(least, reached - 0.05))
        missing, inlet = room.breathe(reached, load, 17.0)
        assert missing <= STARVED, f"{missing:.3f} of the draw is missing at {reached:.2f}"
    true = float(np.mean(room.draw(loads[-1], np.full(3, inlet))))
    assert reached <= true * 1.12, "air is spared where it was told"


def test_what_was_never_tried_is_left_by_small_steps():
    room = Room(0.5, 0.0, 0.0, 23.0, 0.0)
    for _ in range(20):
        room.breathe(1.0, 0.9, 17.0)
    air = room.air()
    assert not air.is_measured
    assert air.least_speed(np.array([18.0]), np.array([[17.5]]))[0, 0] == pytest.approx(1.0 - TRY_SHARE, abs=0.01)


def test_more_load_than_was_seen_asks_for_more_air():
    room = Room(0.5, 0.0, 0.0, 23.0, 0.0)
    for speed in (1.0, 0.9, 0.8):
        room.breathe(speed, 0.8, 17.0)
    inlet = np.array([[17.5]])
    low, high = (room.air().least_speed(np.array([20.0 * load]), inlet)[0, 0] for load in (0.8, 1.0))
    assert high == pytest.approx(low / 0.8, rel=0.02)


def test_a_sensor_that_jumped_once_is_refuted():
    room = Room(0.5, 0.0, 0.0, 23.0, 0.0)
    for speed in (1.0, 0.95, 0.9):
        room.breathe(speed, 0.9, 17.0)
    speed, load, inlet, share = room.rows[-1]
    room.rows.append((speed, load, inlet, share + 4.0 * SHORT_SHARE))
    assert room.air().is_measured
    room.breathe(0.9, 0.9, 17.0)
    assert not room.air().is_measured


def test_a_filter_that_fouls_is_noticed():
    """What sufficed yesterday does so no more: the newer word counts."""
    room = Room(0.5, 0.0, 0.0, 23.0, 0.0)
    for speed in [0.6] * 3 + [0.52] * 10:
        room.breathe(speed, 0.9, 17.0)
    load, inlet = np.array([18.0]), np.array([[18.0]])
    before = room.air().least_speed(load, inlet)[0, 0]
    room.need = room.need * 1.1
    for _ in range(4):
        room.breathe(0.53, 0.9, 17.0)
    assert room.air().least_speed(load, inlet)[0, 0] >= 1.05 * before
