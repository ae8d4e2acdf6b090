"""The data hall keeps its heat balance; warmer inlets save compressor and cost server fans; short air recirculates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.parts import MINUTES, Dice
from simulator.physics.dataroom import LEAK_KG_S, DataHall
from simulator.physics.psychrometrics import LATENT_J_KG
from simulator.sites import building
from tests.simulator.still import live, still_sky, value

SUPPLY, FAN = "supply_air_temperature_setpoint", "fan_speed_setpoint"


class Water:
    def __init__(self, celsius: float) -> None:
        self.water_c = np.array([celsius])


def hall(racks=4, cracs=1, share=0.9, seeds=(0,), spread=0.0, chilled=None, **kinds) -> DataHall:
    dice = Dice(list(seeds), spread)
    plan = building.hall(dice, racks, cracs, **kinds)
    watts = building.rack_w(dice, racks)
    return DataHall(plan, lambda _: np.broadcast_to(share * watts, (MINUTES, *watts.shape)), chilled=chilled)


def held(part: DataHall, supply_c: float = 17.0, fan_pct: float = 100.0) -> dict[str, float]:
    return {f"{crac}.{SUPPLY}": supply_c for crac in part.cracs} | {f"{crac}.{FAN}": fan_pct for crac in part.cracs}


def kwh(part: DataHall, sky=None, **orders) -> dict[str, float]:
    used = live(part, sky or still_sky(25.0), held(part, **orders))[:, 0]
    return dict(zip(part.uses, used.tolist(), strict=True))


@given(
    supply_c=st.floats(14.0, 27.0), fan_pct=st.floats(30.0, 100.0), share=st.floats(0.4, 1.0), cracs=st.integers(1, 3)
)
@settings(max_examples=20, deadline=None)
def test_heat_in_is_heat_out_or_stored(supply_c, fan_pct, share, cracs):
    part = hall(cracs=cracs, share=share)
    sky, plan = still_sky(28.0), part.plan
    orders = np.array([[supply_c]] * cracs + [[fan_pct]] * cracs)
    part.begin_day(0, sky)
    before, flows = part.room_c.copy(), 0.0
    for minute in range(120):
        wall = plan.wall_w_k * (plan.surround_c - part.room_c)
        part.advance(minute, sky, orders)
        flows += 60.0 * (part.power_w[[0, 2, 3, 4]].sum(axis=0) - part.coil_w + wall)
    assert (part.room_c - before) * plan.room_j_k == pytest.approx(flows, rel=1e-6, abs=1.0)


def test_warmer_supply_saves_compressor_and_costs_server_fans():
    cold, warm = hall(), hall()
    cold_kwh, warm_kwh = kwh(cold), kwh(warm, supply_c=24.0)
    assert warm_kwh["compressor"] < 0.85 * cold_kwh["compressor"]
    assert warm_kwh["it"] > cold_kwh["it"]
    assert warm.inlet_c.mean() > cold.inlet_c.mean() + 5.0


def test_too_little_air_comes_round_from_behind():
    part = hall()
    kwh(part, fan_pct=35.0)
    assert part.inlet_c.max() > value(part, "crac1.supply_air_temperature") + 4.0
    assert part.books.sums["short_s"][0] > 0.0


def test_hot_days_take_more_compressor():
    mild, hot = (kwh(hall(), still_sky(c))["compressor"] for c in (20.0, 38.0))
    assert hot > 1.4 * mild


def test_fan_power_is_cubic():
    full, half = (kwh(hall(), fan_pct=pct)["crac_fan"] for pct in (100.0, 50.0))
    assert full / half == pytest.approx(8.0)


def test_of_three_cracs_one_may_fail():
    part = hall(racks=8, cracs=3)
    kwh(part)
    cool = part.inlet_c.max()
    part.ail("chiller-trip", "crac2", 0.0)
    kwh(part)
    assert cool < part.inlet_c.max() < 32.0
    assert value(part, "crac2.compressor_power") == 0.0 < value(part, "crac1.compressor_power")
    part.ail("chiller-trip", "crac2", None)
    kwh(part)
    assert part.inlet_c.max() == pytest.approx(cool, abs=0.2)


def test_one_crac_that_trips_lets_the_room_run_hot():
    part = hall()
    part.ail("chiller-trip", "crac1", 0.0)
    part.begin_day(0, still_sky(25.0))
    for minute in range(30):
        part.advance(minute, still_sky(25.0), np.array([[17.0], [100.0]]))
    assert part.inlet_c.max() > 27.0
    assert part.books.sums["inlet_ks"][0] > 0.0


def test_a_crah_cools_no_colder_than_its_water_allows():
    water = Water(20.0)
    part = hall(chilled=water)
    used = kwh(part)
    assert used["compressor"] == 0.0
    assert value(part, "crac1.supply_air_temperature") == pytest.approx(23.0, abs=0.2)
    assert part.coil_w[0] > 40_000.0


def test_distribution_loss_is_heat_and_electricity():
    plain, lossy = hall(), hall(pdu_share=0.05, ups_square=0.01, ups_rated_w=100e3)
    plain_kwh, lossy_kwh = kwh(plain), kwh(lossy)
    assert lossy_kwh["pdu"] == pytest.approx(0.05 * lossy_kwh["it"])
    assert lossy_kwh["ups"] > plain_kwh["ups"]
    assert lossy_kwh["compressor"] > plain_kwh["compressor"]


def test_each_world_lives_alone():
    together, alone = hall(seeds=(3, 4), spread=0.2), hall(seeds=(4,), spread=0.2)
    live(together, still_sky(25.0, worlds=2), held(together), 200)
    live(alone, still_sky(25.0), held(alone), 200)
    assert np.array_equal(together.values[:, 1], alone.values[:, 0])


def test_ailments_are_those_of_the_machine():
    assert set(hall().ailments) == {"fouled-filter", "chiller-trip"}
    assert set(hall(chilled=Water(7.0)).ailments) == {"fouled-filter", "stuck-valve"}


def test_a_fouled_filter_takes_air_for_the_same_power():
    part = hall()
    clean = kwh(part)
    cool = part.inlet_c.max()
    part.ail("fouled-filter", "crac1", 0.7)
    assert kwh(part)["crac_fan"] == clean["crac_fan"]
    assert part.inlet_c.max() > cool + 3.0
    part.ail("fouled-filter", "crac1", None)
    kwh(part)
    assert part.inlet_c.max() == pytest.approx(cool, abs=0.2)


def test_a_valve_that_sticks_cools_too_little_or_too_much():
    part = hall(chilled=Water(7.0))
    kwh(part)
    asked = part.coil_w[0]
    part.ail("stuck-valve", "crac1", 0.2)
    kwh(part)
    assert part.inlet_c.max() > 27.0
    part.ail("stuck-valve", "crac1", 0.9)
    kwh(part)
    assert value(part, "crac1.supply_air_temperature") < 13.0
    assert part.coil_w[0] == pytest.approx(asked, rel=0.1)  # In the long run heat out is heat in, only colder.
    part.ail("stuck-valve", "crac1", None)
    kwh(part)
    assert value(part, "crac1.supply_air_temperature") == pytest.approx(17.0, abs=0.2)


def test_several_cracs_mix_their_air_below_one_floor():
    """One warm, one cold: racks get the mean, weighted by air."""
    part = hall(cracs=3)
    orders = {f"crac{n}.{SUPPLY}": celsius for n, celsius in ((1, 15.0), (2, 15.0), (3, 24.0))}
    live(part, still_sky(25.0), orders | {f"crac{n}.{FAN}": 80.0 for n in (1, 2, 3)})
    around = part.plan.racks.leak[:, 0] * (part.room_c[0] - 18.0)
    assert part.inlet_c[:, 0] == pytest.approx(18.0 + around, abs=0.05)


@given(
    outdoor=st.floats(0.3, 0.95),
    cracs=st.integers(1, 3),
    supply_c=st.floats(14.0, 24.0),
    water_c=st.one_of(st.none(), st.floats(5.0, 14.0)),
)
@settings(max_examples=20, deadline=None)
def test_what_coils_drain_has_leaked_in_and_is_paid_for(outdoor, cracs, supply_c, water_c):
    chilled = None if water_c is None else Water(water_c)
    part, sky = hall(cracs=cracs, chilled=chilled, is_coil_wet=True), still_sky(30.0, humidity=outdoor)
    orders = np.array([[supply_c]] * cracs + [[80.0]] * cracs)
    part.begin_day(0, sky)
    outside, air_kg = sky.humidity_kg_kg[0, 0], part.plan.room_j_k[0] / 1006.0
    before, gained, room_c, heat = part.damp_kg_kg[0], 0.0, part.room_c.copy(), 0.0
    for minute in range(200):
        leaked = LEAK_KG_S * (outside - part.damp_kg_kg[0])
        wall = part.plan.wall_w_k * (part.plan.surround_c - part.room_c)
        part.advance(minute, sky, orders)
        gained += 60.0 * (leaked - part.drained_kg_s[0])
        sensible = part.coil_w - part.drained_kg_s * LATENT_J_KG
        heat += 60.0 * (part.power_w[[0, 2, 3, 4]].sum(axis=0) - sensible + wall)
        assert part.drained_kg_s[0] >= 0.0
    assert air_kg * (part.damp_kg_kg[0] - before) == pytest.approx(gained, abs=1e-9)
    assert (part.room_c - room_c) * part.plan.room_j_k == pytest.approx(heat, rel=1e-6, abs=1.0)


def test_damp_that_no_coil_takes_out_is_booked():
    def damp_kh(supply_c: float, **kinds) -> float:
        part = hall(**kinds)
        live(part, still_sky(30.0, humidity=0.9), held(part, supply_c=supply_c), 3 * MINUTES)
        return float(part.books.sums.get("humid_ks", np.zeros(1))[0]) / 3600.0

    assert damp_kh(17.0) > 10.0  # Dry coils: it only leaks in.
    assert damp_kh(17.0, is_coil_wet=True) == 0.0
    assert damp_kh(26.0, is_coil_wet=True) > 1.0


def test_only_what_blows_too_much_is_idle():
    """At full speed this CRAC moves over 1.3 times the servers' air, at 60 % it does not."""
    for percent, share in ((100.0, 1.0), (60.0, 0.0)):
        part = hall()
        kwh(part, fan_pct=percent)
        sums = part.books.sums
        assert sums["idle_s/crac1"][0] == share * sums["running_s/crac1"][0]
        assert bool(sums["idle_j/crac1"][0] > 0.0) is bool(share)
