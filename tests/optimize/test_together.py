"""What no machine keeps alone: the site's peak and the units in reserve. Each row is a cycle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.features import Features
from agent.equipment.energy import Together, Units
from agent.optimize.together import agree

KINDS = {"ahu1": "ahu", "ahu2": "ahu", "crac1": "crac"}
NOW = Instant(unix_s=1e9, mono_s=1e3)


def features(**points) -> Features:
    names = tuple(name.replace("__", ".") for name in points)
    values = np.array([[*points.values()]] * 8, np.float32)
    return Features(
        names=names, units=("",) * len(names), values=values, mask=np.isfinite(values), grid_s=300.0, at=NOW
    )


def wish(point, value):
    return Proposal(point=point, value=value, source="planner", reason="it pays", until_mono_s=2e3)


STARTS = [wish("ahu1.on_off_command", 1.0), wish("ahu2.on_off_command", 1.0), wish("crac1.fan_speed_setpoint", 80.0)]
PEAK = [  # site's kW, limit, who starts
    (100.0, 200.0, {"ahu1", "ahu2"}),
    (100.0, 145.0, {"ahu1"}),  # Room for one: the other waits.
    (100.0, 110.0, set()),
    (250.0, 200.0, set()),  # Above the peak already.
    (np.nan, 110.0, {"ahu1", "ahu2"}),  # Nobody sees it: the machines' own limits hold.
]


@pytest.mark.parametrize(("site_kw", "peak_kw", "starts"), PEAK)
def test_machines_wait_for_one_another_below_the_peak(site_kw, peak_kw, starts):
    seen = features(
        meter1__electric_power=site_kw,
        ahu1__on_off_command=0.0,
        ahu2__on_off_command=0.0,
        ahu1__electric_power=0.0,
        ahu2__electric_power=0.0,
        crac1__electric_power=20.0,
        crac1__fan_speed_setpoint=90.0,
    )
    kw = {"ahu1": 30.0, "ahu2": 30.0, "crac1": 18.0}
    granted = agree(STARTS, Together(peak_kw=peak_kw, meter="meter1"), seen, KINDS, kw)
    on = {one.point.partition(".")[0] for one in granted if one.point.endswith("on_off_command") and one.value == 1.0}
    assert on == starts
    for one in granted:
        if one.point.endswith("on_off_command") and one.value == 0.0:
            assert one.limits == ("peak",) and f"{peak_kw:g} kW in all" in one.reason
    assert granted[2].value == 80.0  # It falls: nothing stands against it.


def test_a_start_counts_with_the_most_it_ever_took():
    seen = features(meter1__electric_power=100.0, ahu1__on_off_command=0.0, ahu1__electric_power=0.0)
    seen.values[0, 2] = 60.0
    granted = agree(STARTS[:1], Together(peak_kw=150.0, meter="meter1"), seen, KINDS, {})
    assert granted[0].value == 0.0


@given(
    wanted=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    present=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    least=st.integers(1, 9),
)
def test_units_stay_in_reserve(wanted, present, least):
    """Law: together never below `least` by our doing; and no wish is changed without need."""
    points = tuple(f"p{n}.chillers_enabled_setpoint" for n in range(3))
    seen = features(**{point.replace(".", "__"): float(now) for point, now in zip(points, present, strict=True)})
    wishes = [wish(point, float(value)) for point, value in zip(points, wanted, strict=True)]
    granted = agree(wishes, Together(units=(Units(points=points, least=float(least)),)), seen, {}, {})
    total = sum(one.value for one in granted)
    kept = sum(max(now, value) for now, value in zip(present, wanted, strict=True))
    assert total >= min(least, kept)
    if sum(wanted) >= least:
        assert granted == wishes
