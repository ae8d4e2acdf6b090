"""Cells make by day and lose in heat; a battery gives back less than it took, and never from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import scenarios
from simulator.physics.electrical import Battery, BatteryPlan, Pv, PvPlan, is_between
from simulator.physics.weather import CLIMATES, SyntheticSky
from tests.simulator.still import live, still_sky, value

ONE = np.ones(1)
PLAN = BatteryPlan(capacity_j=3.6e6 * 50.0 * ONE, power_w=25_000.0 * ONE)


@dataclass
class House:
    """Another part behind the meter that draws so much."""

    power_w: np.ndarray


def battery(house_w: float = 0.0, own: dict[str, float] | None = None) -> Battery:
    return Battery(PLAN, [House(np.array([[house_w]]))], own)


def test_cells_make_by_day_and_less_when_hot():
    def made(outdoor_c, sun):
        return -float(live(Pv(10_000.0 * ONE, tilt_deg=0.0), still_sky(outdoor_c, sun_w_m2=sun))[0, 0])

    assert made(20.0, 0.0) == 0.0
    assert made(20.0, 800.0) == pytest.approx(12 * 10 * 0.86 * 0.96 * 0.8 * 0.92)
    assert made(35.0, 800.0) == pytest.approx(made(20.0, 800.0) * (1.0 - 0.004 * 35.0) / 0.92)


def test_the_inverter_cuts_off_at_its_rating():
    part = Pv(12_000.0 * ONE)
    live(part, still_sky(-10.0, sun_w_m2=1200.0))
    assert value(part, "pv1.solar_power") == pytest.approx(10.0)
    assert value(part, "pv1.electric_power") == pytest.approx(-10.0)


def test_a_slope_to_the_south_makes_more_in_winter_and_a_flat_roof_sees_the_ground():
    """At 48 degrees north a slope of 30 gains a half and more at the winter solstice's noon sun of 19 degrees."""

    def day(first: date, **slope: float) -> float:
        sky = SyntheticSky(CLIMATES["hot-dry"]["year"], [first], first, 1, 48.0, [1]).day(0)
        sun = PvPlan(peak_w=ONE, **slope).sun(sky)
        assert sun.min() >= 0.0 and sun.max() < 1300.0
        if not slope["tilt_deg"]:
            assert sun == pytest.approx(sky.irradiance_w_m2)
        return float(sun.sum()) / 60e3

    winter, summer = date(2019, 12, 21), date(2019, 6, 21)
    assert day(winter, tilt_deg=30.0) > 1.5 * day(winter, tilt_deg=0.0)
    assert day(winter, tilt_deg=30.0, azimuth_deg=180.0) < day(winter, tilt_deg=0.0)
    assert day(summer, tilt_deg=30.0) == pytest.approx(day(summer, tilt_deg=0.0), rel=0.1)


@given(wishes=st.lists(st.floats(-40.0, 40.0), min_size=30, max_size=30))
@settings(max_examples=40, deadline=None)
def test_what_a_battery_gives_it_has_taken(wishes):
    part = battery()
    sky, before = still_sky(20.0), part.charge_j.copy()
    inside = 0.0
    for minute, wish in enumerate(wishes):
        part.advance(minute, sky, np.array([[wish]]))
        inside += 60.0 * part.power_w[0, 0]
        grid_w = part.power_w.sum() - PLAN.standby_w
        assert 0.0 <= part.charge_j[0] <= PLAN.capacity_j[0] + 1e-6
        assert abs(grid_w) <= 25_000.0 + 1e-6
        assert part.power_w[1, 0] - PLAN.standby_w == pytest.approx(
            grid_w * 0.05 if grid_w > 0.0 else -grid_w * (1.0 / 0.95 - 1.0), abs=1e-6
        )
        assert value(part, "battery1.electric_power") * 1000.0 == pytest.approx(part.power_w.sum())
    assert part.charge_j[0] - before[0] == pytest.approx(inside, abs=1e-3)


def test_it_takes_what_would_be_sold_and_gives_what_would_be_bought():
    """A row is an hour: what the house draws without it, kW; what the meter sees then; how full it is."""
    story = [(-8.0, 0.0, "rises"), (6.0, 0.0, "falls"), (40.0, 15.0, "falls"), (0.0, 0.0, "stays")]
    for house_kw, meter_kw, charge in story:
        part = battery(1000.0 * house_kw)
        before = part.charge_j[0]
        part.advance(0, still_sky(20.0), np.full((1, 1), np.nan))
        seen = house_kw + value(part, "battery1.electric_power") - PLAN.standby_w / 1000.0
        assert seen == pytest.approx(meter_kw)
        assert {"rises": 1, "falls": -1, "stays": 0}[charge] == np.sign(part.charge_j[0] - before)


def test_the_reserve_is_kept_back():
    part = battery(20_000.0, {"battery_reserve_pct": 30.0})
    live(part, still_sky(20.0))
    assert value(part, "battery1.state_of_charge") == pytest.approx(30.0)


def test_a_clock_charges_at_night_and_the_day_empties_it():
    part = battery(3000.0, {"battery_clock_pct": 90.0})
    sky, held = still_sky(20.0), np.full((1, 1), np.nan)
    charge = []
    for minute in range(1440):
        part.advance(minute, sky, held)
        charge.append(value(part, "battery1.state_of_charge"))
    assert charge[59] < 50.0 and charge[5 * 60 - 1] == pytest.approx(90.0)
    assert charge[23 * 60] == pytest.approx(10.0)


@pytest.mark.parametrize(("hour", "is_on"), [(21.9, False), (22.0, True), (0.0, True), (4.9, True), (5.0, False)])
def test_a_clock_runs_over_midnight(hour, is_on):
    assert is_between(hour, 22.0, 5.0) is is_on
    assert is_between(hour, 5.0, 22.0) is not is_on


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
