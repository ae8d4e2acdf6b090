"""The chilled-water plant keeps its balances, stages by load, and costs less with warmer water and cooler towers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.parts import Dice
from simulator.physics.chillers import ChillerPlant
from simulator.sites import building
from tests.simulator.still import live, still_sky, value

LEAVING = "chilled_water1.leaving_chilled_water_temperature_setpoint"
CONDENSER = "chilled_water1.entering_condenser_water_temperature_setpoint"
ENABLED = "chilled_water1.chillers_enabled_setpoint"


@dataclass
class Coil:
    coil_w: np.ndarray


def plant(load_w=120_000.0, own=None, chillers=2, **kinds) -> ChillerPlant:
    part = ChillerPlant(building.chillers(Dice([0], 0.0), chillers, 100_000.0, **kinds), own)
    part.serve([Coil(np.array([load_w]))])
    return part


def kwh(part: ChillerPlant, sky=None, **held) -> dict[str, float]:
    names = {"leaving": LEAVING, "condenser": CONDENSER, "enabled": ENABLED}
    used = live(part, sky or still_sky(25.0), {names[key]: told for key, told in held.items()})[:, 0]
    return dict(zip(part.uses, used.tolist(), strict=True))


@given(
    load_w=st.floats(0.0, 220_000.0),
    outdoor_c=st.floats(-10.0, 38.0),
    leaving=st.floats(5.0, 14.0),
    is_free=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_what_goes_in_comes_out(load_w, outdoor_c, leaving, is_free):
    part = plant(load_w, economizer=is_free)
    sky, held = still_sky(outdoor_c), np.array([[leaving], [np.nan], [np.nan]])
    before, into = part.water_c.copy(), 0.0
    part.begin_day(0, sky)
    for minute in range(180):
        part.advance(minute, sky, held)
        into += 60.0 * (part.load_w - part.cooled_w - part.free_w)[0]
        assert part.rejected_w[0] == pytest.approx(part.cooled_w[0] + part.work_w[0] + part.free_w[0])
    assert (part.water_c - before)[0] * part.plan.loop_j_k[0] == pytest.approx(into, abs=1e-3 * load_w + 1.0)


@given(leaving=st.floats(4.0, 18.0), condenser=st.floats(16.0, 34.0), share=st.floats(0.02, 1.0))
@settings(max_examples=60)
def test_no_chiller_beats_carnot(leaving, condenser, share):
    plan = plant().plan
    told = np.array([leaving]), np.array([condenser])
    load = share * plan.capacity(*told)
    cop = load / plan.power_w(load, *told)
    assert 0.5 < cop[0] < (leaving + 273.15) / max(condenser - leaving, 1.0)


def test_warmer_water_and_cooler_condensers_cost_less():
    assert kwh(plant(), leaving=12.0)["chiller"] < 0.88 * kwh(plant(), leaving=6.0)["chiller"]
    sky = still_sky(14.0)
    assert kwh(plant(), sky, condenser=20.0)["chiller"] < 0.9 * kwh(plant(), sky, condenser=29.0)["chiller"]


def test_it_stages_by_load():
    small, large = plant(40_000.0), plant(170_000.0)
    kwh(small), kwh(large)
    assert (small.running[0], large.running[0]) == (1.0, 2.0)
    assert large.water_c[0] == pytest.approx(6.5, abs=0.3)
    assert small.books.sums["starts/chiller2"][0] == 0.0


def test_a_trip_leaves_what_the_other_can_do():
    part = plant(170_000.0)
    kwh(part)
    part.ail("chiller-trip", "chiller1", 0.0)
    live(part, still_sky(25.0), minutes=30)
    assert part.running[0] == 1.0
    assert part.water_c[0] > 12.0
    assert value(part, "chiller1.on_off_status") == 0.0 < value(part, "chiller2.on_off_status")
    part.ail("chiller-trip", "chiller1", None)
    live(part, still_sky(25.0), minutes=240)
    assert part.water_c[0] == pytest.approx(6.5, abs=0.5)


def test_an_economizer_lets_the_chillers_rest_in_winter():
    winter = still_sky(-2.0)
    plain, free = (plant(80_000.0, {"least_chillers": 0.0}, economizer=told) for told in (False, True))
    assert kwh(free, winter, leaving=12.0)["chiller"] < 0.05 * kwh(plain, winter, leaving=12.0)["chiller"]


def test_a_plant_without_load_runs_for_nobody_and_the_books_know():
    part = plant(0.0)
    used = kwh(part)
    assert used["pump"] > 5.0
    sums = part.books.sums
    assert sums["idle_s/chilled_water1"][0] == pytest.approx(sums["running_s/chilled_water1"][0])


def test_tower_fans_work_harder_in_damp_heat():
    cool, hot = (kwh(plant(150_000.0), still_sky(c, humidity=0.7))["tower_fan"] for c in (12.0, 32.0))
    assert hot > 5.0 * cool
