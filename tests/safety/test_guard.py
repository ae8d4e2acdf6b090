"""The gate, told as stories and as laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.command import Command, Proposal
from agent.core.image import Image
from agent.core.limits import Interlock, Limit
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.safety import guard

SUPPLY, INLET, DOOR = "crac1.supply_air_temperature_setpoint", "room1.rack_inlet_temperature_1", "room1.door"
TABLE = PointTable(
    [
        PointSpec(id=SUPPLY, unit="degC", kind=Kind.SETPOINT, poll_s=60, fresh_s=300, writable=True),
        PointSpec(id=INLET, unit="degC", kind=Kind.SENSOR, poll_s=60, fresh_s=300),
        PointSpec(id=DOOR, unit="onoff", kind=Kind.STATUS, poll_s=60, fresh_s=300),
    ]
)
LIMIT = Limit(
    point=SUPPLY,
    low=18.0,
    high=24.0,
    step=1.5,
    hold_s=900.0,
    needs=(INLET,),
    interlocks=(Interlock(point=DOOR, low=0.0, high=0.5),),
    release="relinquish",
    source="test",
)


def at(minute: float) -> Instant:
    return Instant(unix_s=1_750_000_000.0 + 60 * minute, mono_s=60.0 * minute)


def image(minute=0.0, setpoint=20.0, inlet=22.0, door=0.0, age_s=0.0, quality=Quality.GOOD) -> Image:
    return Image(
        at=at(minute),
        table=TABLE,
        values=np.array([setpoint, inlet, door]),
        quality=np.array([Quality.GOOD, quality, Quality.GOOD], np.uint8),
        sampled_mono_s=np.array([60 * minute, 60 * minute - age_s, 60 * minute]),
    )


def wish(value: float, *, point=SUPPLY, until_minute=1e9) -> Proposal:
    return Proposal(point=point, value=value, source="planner", reason="test", until_mono_s=60 * until_minute)


STORY = [  # minute, wish, inlet's age s, kind, rule, written
    (0, 21.0, 0, "allow", "within", 21.0),  # The first move of the lease.
    (2, 22.0, 0, "hold", "too-soon", None),  # It moved two minutes ago.
    (15, 25.0, 0, "clip", "step", 22.5),  # Too far in one go.
    (30, 22.5, 0, "hold", "unchanged", None),  # It stands there already.
    (31, 23.0, 301, "refuse", "blind", None),  # The inlet has not been seen for five minutes.
    (32, math.nan, 0, "refuse", "not-a-number", None),
    (33, 26.0, 0, "clip", "step", 24.0),  # The step alone ends just at the band.
    (50, 26.0, 0, "hold", "unchanged", None),  # Clipped, it is the value that stands already.
]


def test_an_hour_at_the_gate():
    last, setpoint = None, 20.0
    for minute, value, age_s, kind, rule, written in STORY:
        verdict = guard.review(wish(value), LIMIT, last, image(minute, setpoint, age_s=age_s))
        assert (verdict.kind, verdict.rule) == (kind, rule), minute
        assert (verdict.command and verdict.command.value) == written, minute
        if verdict.command:
            last, setpoint = verdict.command, verdict.command.value


def test_the_band_has_the_last_word_even_over_the_step():
    verdict = guard.review(wish(18.5), LIMIT, None, image(setpoint=12.0))
    assert (verdict.kind, verdict.rule, verdict.command.value) == ("clip", "band", 18.0)


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ((wish(20.0), None, image()), "no-limit"),
        ((wish(20.0, point=INLET), LIMIT, image()), "no-limit"),
        ((wish(math.inf), LIMIT, image()), "not-a-number"),
        ((wish(20.0, until_minute=4), LIMIT, image(5)), "expired"),
        ((wish(20.0), LIMIT, image(inlet=math.nan)), "blind"),
        ((wish(20.0), LIMIT, image(quality=Quality.UNCERTAIN)), "blind"),
        ((wish(20.0), LIMIT, image(setpoint=math.nan)), "unknown-start"),
        ((wish(20.0), LIMIT, image(door=1.0)), "interlock"),
        ((wish(20.0), LIMIT, image(door=math.nan)), "interlock"),
    ],
)
def test_refusals_have_names(case, rule):
    proposal, limit, seen = case
    verdict = guard.review(proposal, limit, None, seen)
    assert (verdict.kind, verdict.rule, verdict.command) == ("refuse", rule, None)


def test_a_need_that_the_site_does_not_have_is_blindness():
    limit = Limit(point=SUPPLY, low=0, high=30, needs=("nowhere.nothing",))
    assert guard.review(wish(20.0), limit, None, image()).rule == "blind"


def test_letting_go_is_never_held_back():
    assert guard.release(LIMIT, "shutdown", at(0)).value is None
    to_value = Limit(point=SUPPLY, low=18, high=24, release=19.0)
    assert guard.release(to_value, "shutdown", at(0)).value == 19.0


floats = st.floats(allow_nan=True, allow_infinity=True)
temperatures = st.floats(-50, 80)


@given(
    value=floats,
    setpoint=temperatures | st.just(math.nan),
    inlet=temperatures | st.just(math.nan),
    age_s=st.floats(0, 1000),
    low=st.floats(0, 20),
    width=st.floats(0, 20),
    step=st.floats(0, 10),
    since_s=st.none() | st.floats(0, 2000),
    hold_s=st.floats(0, 2000),
)
def test_law_no_command_outside_its_limit(value, setpoint, inlet, age_s, low, width, step, since_s, hold_s):
    limit = Limit(point=SUPPLY, low=low, high=low + width, step=step, hold_s=hold_s, needs=(INLET,))
    seen = image(100, setpoint, inlet, age_s=age_s)
    last = (
        None if since_s is None else Command(point=SUPPLY, value=1.0, source="t", reason="t", at=at(100 - since_s / 60))
    )
    verdict = guard.review(wish(value), limit, last, seen)
    assert (verdict.command is None) == (verdict.kind in ("hold", "refuse"))
    if verdict.command is None:
        return
    written = verdict.command.value
    assert limit.low <= written <= limit.high
    in_band_start = max(limit.low, min(limit.high, setpoint))
    assert abs(written - in_band_start) <= step + 1e-9
    assert math.isfinite(setpoint) and math.isfinite(inlet) and age_s <= 300
    assert since_s is None or since_s >= hold_s - 1e-6
    if verdict.kind == "allow":
        assert written == value


@given(value=floats)
def test_law_the_same_question_has_the_same_answer(value):
    first, second = (guard.review(wish(value), LIMIT, None, image()) for _ in range(2))
    assert (first.kind, first.rule, first.command) == (second.kind, second.rule, second.command)
