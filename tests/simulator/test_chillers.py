"""The chilled-water plant keeps its balances, stages by load, and costs less with warmer water and cooler towers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.parts import Dice
from simulator.physics.chillers import ChillerPlant
from simulator.physics.dataroom import DataHall
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
    """Over the whole plant: load and electricity but the fans' are given off by the tower, or stored in the water."""
    part = plant(load_w, economizer=is_free)
    sky, held = still_sky(outdoor_c), np.array([[leaving], [np.nan], [np.nan]])
    loop, basin, into = part.water_c.copy(), part.tower.water_c.copy(), 0.0
    part.begin_day(0, sky)
    for minute in range(180):
        part.advance(minute, sky, held)
        into += 60.0 * (part.load_w + part.power_w[:2].sum(axis=0) - part.tower.given_w)[0]
        assert part.power_w[0, 0] == part.work_w[0]
        assert part.cooled_w[0] >= 0.0 and part.free_w[0] >= 0.0
    stored = (part.water_c - loop) * part.plan.loop_j_k + (part.tower.water_c - basin) * part.tower.plan.basin_j_k
    assert stored[0] == pytest.approx(into, rel=1e-9, abs=1.0)


@given(leaving=st.floats(4.0, 18.0), condenser=st.floats(16.0, 34.0), share=st.floats(0.02, 1.0))
@settings(max_examples=60)
def test_no_chiller_beats_carnot(leaving, condenser, share):
    plan = plant().plan
    told = np.array([leaving]), np.array([condenser])
    cop = share / (plan.input_ratio(*told) * plan.power_share(np.array([share])))
    assert 1.0 < cop[0] < (leaving + 273.15) / max(condenser - leaving, 1.0)


@given(leaving=st.floats(4.0, 17.0), condenser=st.floats(16.0, 33.0))
def test_a_unit_of_cold_never_gets_cheaper_with_more_lift(leaving, condenser):
    ratio = plant().plan.input_ratio
    here = ratio(np.array([leaving]), np.array([condenser]))
    assert here >= ratio(np.array([leaving + 1.0]), np.array([condenser]))
    assert here <= ratio(np.array([leaving]), np.array([condenser + 1.0]))


def test_where_a_published_curve_holds_ours_is_near_it():
    """DOE-2 Centrifugal/5.50COP of EnergyPlus' chiller data, input ratio by temperatures: 5..10 C and 24..35 C."""
    leaving, condenser = np.meshgrid(np.linspace(5.0, 10.0, 11), np.linspace(24.0, 35.0, 12))
    published = 0.933884 - 0.058212 * leaving + 0.00450036 * leaving**2 + 0.00243 * condenser
    published += 0.000486 * condenser**2 - 0.001215 * leaving * condenser
    plan = plant().plan
    ours = plan.input_ratio(leaving, condenser) * plan.cop
    assert np.abs(ours / published - 1.0).max() < 0.06
    assert np.sqrt(np.mean((ours / published - 1.0) ** 2)) < 0.02
    rated = np.array([6.67]), np.array([29.4])
    assert plan.capacity(*rated) == pytest.approx(plan.capacity_w, rel=0.005)
    assert plan.input_ratio(*rated) == pytest.approx(1.0 / plan.cop, rel=1e-9)


def test_half_loaded_chillers_cost_more_a_unit():
    def ratio(share: float) -> float:
        return float(plant().plan.power_share(np.array(share))) / share

    assert ratio(1.0) == pytest.approx(1.0)
    assert 0.9 < ratio(0.7) < 1.0
    assert ratio(0.3) > 1.15
    assert ratio(0.1) == pytest.approx(ratio(0.2))  # Below, it cycles.


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


def test_the_economizer_makes_cold_water_with_the_towers_fans_and_pumps_and_pays_for_them():
    own = {"least_chillers": 0.0, "chilled_water_c": 12.0}
    part = plant(80_000.0, own, economizer=True)
    used = kwh(part, still_sky(4.0))
    assert part.free_w[0] == pytest.approx(80_000.0 + part.loop_pumps_w[0], rel=0.02)
    assert part.tower.water_c[0] < 12.0
    assert used["chiller"] == 0.0 < used["tower_fan"]
    assert part.condenser_pumps_w[0] == pytest.approx(2.0 * part.plan.condenser_pump_w[0])
    assert value(part, "chiller1.on_off_status") == 0.0


def test_on_a_mild_day_exchanger_and_chiller_share_the_load():
    part = plant(160_000.0, {"chilled_water_c": 10.0}, economizer=True)
    kwh(part, still_sky(3.0))
    assert part.free_w[0] > 20_000.0 and part.cooled_w[0] > 20_000.0
    assert part.water_c[0] == pytest.approx(10.0, abs=0.3)


def test_warmer_water_takes_more_flow_through_the_coils():
    cold, warm = plant(), plant()
    cold_kwh, warm_kwh = kwh(cold, leaving=6.5), kwh(warm, leaving=14.0)
    assert warm.loop_kg_s[0] > 1.5 * cold.loop_kg_s[0]
    assert warm_kwh["pump"] > cold_kwh["pump"]
    assert warm_kwh["chiller"] + warm_kwh["pump"] < cold_kwh["chiller"] + cold_kwh["pump"]


def test_the_secondary_pump_follows_the_load_down_to_its_floor():
    powers = []
    for load_w in (1.0, 30_000.0, 100_000.0, 195_000.0):
        part = plant(load_w)
        kwh(part)
        powers.append(float(part._secondary_w[0] / part.plan.secondary_w[0]))
    assert powers == sorted(powers)
    assert powers[0] == powers[1] == pytest.approx(0.3 * (0.33 + 0.67 * 0.3**2))
    assert powers[-1] > 0.9


def test_a_chiller_far_below_its_least_load_starts_again_and_again():
    cycling, steady = plant(10_000.0), plant(60_000.0)
    for part in (cycling, steady):
        kwh(part)
    assert 40 < cycling.books.sums["starts/chiller1"][0] < 73
    assert steady.books.sums["starts/chiller1"][0] < 5


def test_who_may_not_run_does_not():
    part = plant(170_000.0)
    kwh(part, enabled=1.0)
    assert part.running[0] == 1.0 and part.water_c[0] > 8.0
    none = plant(0.0, {"least_chillers": 0.0})
    used = kwh(none)
    assert sum(used.values()) == 0.0


def test_each_world_lives_alone():
    loads = np.array([150_000.0, 40_000.0])
    together = ChillerPlant(building.chillers(Dice([3, 4], 0.2), 2, 100_000.0, economizer=True))
    together.serve([Coil(loads)])
    alone = ChillerPlant(building.chillers(Dice([4], 0.2), 2, 100_000.0, economizer=True))
    alone.serve([Coil(loads[1:])])
    live(together, still_sky(12.0, worlds=2), minutes=300)
    live(alone, still_sky(12.0), minutes=300)
    assert np.array_equal(together.values[:, 1], alone.values[:, 0])


def test_a_hall_on_the_loop_gives_its_heat_to_the_tower():
    """Servers, UPS and every fan and pump inside: what they draw leaves through walls and tower, or is stored."""
    dice = Dice([1], 0.2)
    part = ChillerPlant(building.chillers(dice, 2, 120_000.0))
    watts = building.rack_w(dice, 8)
    plan = building.hall(dice, 8, 3, pdu_share=0.02)
    room = DataHall(plan, lambda _: np.broadcast_to(watts, (1440, *watts.shape)), chilled=part)
    part.serve([room])
    sky = still_sky(24.0)
    none = [np.full((len(each.writable), 1), np.nan) for each in (room, part)]
    room.begin_day(0, sky)
    into = np.zeros(1)
    stores = []
    for minute in range(1440):
        wall = plan.wall_w_k * (plan.surround_c - room.room_c)
        room.advance(minute, sky, none[0])
        part.advance(minute, sky, none[1])
        into += 60.0 * (room.power_w.sum(axis=0) + part.power_w[:2].sum(axis=0) + wall - part.tower.given_w)
        stores.append(
            room.room_c * plan.room_j_k
            + part.water_c * part.plan.loop_j_k
            + part.tower.water_c * part.tower.plan.basin_j_k
        )
        if minute == 0:
            into[:] = 0.0
    assert stores[-1] - stores[0] == pytest.approx(into, rel=1e-6, abs=10.0)
    assert room.inlet_c.max() < 20.0


def test_a_plant_without_load_runs_for_nobody_and_the_books_know():
    part = plant(0.0)
    used = kwh(part)
    assert used["pump"] > 5.0
    sums = part.books.sums
    assert sums["idle_s/chilled_water1"][0] == pytest.approx(sums["running_s/chilled_water1"][0])


def test_a_chiller_that_is_kept_on_beside_the_exchanger_is_idle():
    part = plant(60_000.0, {"chilled_water_c": 14.0}, economizer=True)
    live(part, still_sky(-3.0))
    sums = part.books.sums
    assert sums["idle_s/chilled_water1"][0] > 0.9 * sums["running_s/chilled_water1"][0]
    assert sums["idle_j/chilled_water1"][0] > 0.9 * part.plan.primary_w[0] * sums["idle_s/chilled_water1"][0]


def test_tower_fans_work_harder_in_damp_heat():
    cool, hot = (kwh(plant(150_000.0), still_sky(c, humidity=0.7))["tower_fan"] for c in (12.0, 32.0))
    assert hot > 5.0 * cool
