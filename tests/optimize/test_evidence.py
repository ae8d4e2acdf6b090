"""A planner that is wrong loses authority by itself, and regains it; each time it stays away longer."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.optimize.evidence import AWAY_S, Evidence

METER = "ahu1.electric_power"


def day_of(evidence: Evidence, foretold: float, measured: float, *, hours: int = 24, first: int = 0, seen: float = 1.0):
    """Lives hours with a promise each; returns the distrusts that came of it."""
    lost = []
    for hour in range(first, first + hours):
        now_s = 1e9 + 3600.0 * hour
        values = np.full((12, 1), measured, np.float32)
        values[: round(12 * (1.0 - seen))] = np.nan
        at = Instant(unix_s=now_s, mono_s=now_s)
        features = Features(names=(METER,), units=("kW",), values=values, mask=np.isfinite(values), grid_s=300.0, at=at)
        evidence.look("ahu1", (METER,), features)
        told = evidence.judge("ahu1", "ahu", now_s)
        if told is not None:
            lost.append(told)
        if evidence.is_trusted("ahu1", now_s):
            evidence.promise("ahu1", foretold, now_s)
    return lost


MISSES = [  # kWh foretold and measured each hour, is authority lost
    (5.0, 5.2, False),
    (5.0, 4.0, False),
    (5.0, 9.0, True),
    (9.0, 5.0, True),
    (0.0, 0.0, False),
    (0.02, 0.01, False),  # A machine that stands still proves nothing.
]


@pytest.mark.parametrize(("foretold", "measured", "is_lost"), MISSES)
def test_a_day_of_misses_costs_authority(foretold, measured, is_lost):
    assert bool(day_of(Evidence(), foretold, measured)) == is_lost


def test_chance_evens_out():
    evidence = Evidence()
    for hour in range(24):
        assert not day_of(evidence, 5.0, 2.0 if hour % 2 else 8.0, hours=1, first=hour)


def test_it_is_away_longer_each_time():
    evidence = Evidence()
    first = day_of(evidence, 5.0, 12.0)[0]
    assert first.until_unix_s - first.since_unix_s == AWAY_S and first.times == 1
    assert not evidence.is_trusted("ahu1", first.until_unix_s - 1.0)
    assert evidence.is_trusted("ahu1", first.until_unix_s + 1.0)
    second = day_of(evidence, 5.0, 12.0, first=60)[0]
    assert second.until_unix_s - second.since_unix_s == 2.0 * AWAY_S and second.times == 2


def test_what_is_remembered_survives_new_parameters():
    evidence = Evidence()
    lost = day_of(evidence, 5.0, 12.0)[0]
    again = Evidence()
    again.restore(evidence.distrusts)
    assert not again.is_trusted("ahu1", lost.since_unix_s + 60.0)


def test_a_meter_with_holes_proves_nothing():
    assert day_of(Evidence(), 5.0, 12.0, seen=0.5) == []


def test_what_was_not_followed_proves_nothing():
    evidence = Evidence()
    evidence.promise("ahu1", 5.0, 1e9)
    evidence.drop("ahu1")
    assert day_of(evidence, 5.0, 12.0, hours=1, first=1) == [] and evidence.error("ahu1") == 0.0
