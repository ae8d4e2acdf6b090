"""Cells make by day and lose in heat; a battery gives back less than it took, and never from nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import scenarios
from simulator.physics.electrical import Battery, BatteryPlan, Pv
from tests.simulator.still import live, still_sky

ONE = np.ones(1)


def test_cells_make_by_day_and_less_when_hot():
    def made(outdoor_c, sun):
        return -float(live(Pv(10_000.0 * ONE), still_sky(outdoor_c, sun_w_m2=sun))[0, 0])

    assert made(20.0, 0.0) == 0.0
    assert made(20.0, 800.0) == pytest.approx(12 * 10 * 0.86 * 0.8 * 0.92, rel=0.01)
    assert made(35.0, 800.0) == pytest.approx(made(20.0, 800.0) * (1.0 - 0.004 * 35.0) / 0.92, rel=0.01)


@given(wishes=st.lists(st.floats(-40.0, 40.0), min_size=30, max_size=30))
@settings(max_examples=40, deadline=None)
def test_what_a_battery_gives_it_has_taken(wishes):
    plan = BatteryPlan(capacity_j=3.6e6 * 50.0 * ONE, power_w=25_000.0 * ONE)
    part = Battery(plan, [])
    sky, before = still_sky(20.0), part.charge_j.copy()
    inside = lost = 0.0
    for minute, wish in enumerate(wishes):
        part.advance(minute, sky, np.array([[wish]]))
        inside += 60.0 * part.power_w[0, 0]
        lost += 60.0 * part.power_w[1, 0]
        assert 0.0 <= part.charge_j[0] <= plan.capacity_j[0] + 1e-6
        assert abs(part.power_w.sum()) <= 25_000.0 + 1e-6
        assert part.power_w[1, 0] >= -1e-9
    assert part.charge_j[0] - before[0] == pytest.approx(inside, abs=1e-3)
    assert lost >= 0.0


def test_a_house_with_cells_and_battery_buys_less_than_one_without():
    def account(**sizes):
        plan = scenarios.read("heat-pumps-and-solar")
        bare = scenarios.changed(plan, sizes={**plan.sizes, **sizes}, learn_days=0, days=2)
        worlds = scenarios.worlds(bare, [1])
        while worlds.unix_s < worlds.end_unix_s:
            worlds.step()
        return worlds.accounts()[0]

    none, cells, both = account(pv_kw=0, battery_kwh=0), account(pv_kw=60, battery_kwh=0), account(pv_kw=60)
    assert none.import_kwh == pytest.approx(none.site_kwh)
    assert cells.import_kwh < none.import_kwh and cells.export_kwh > 5.0
    assert both.import_kwh < cells.import_kwh and both.export_kwh < cells.export_kwh
    assert both.cost < cells.cost < none.cost
