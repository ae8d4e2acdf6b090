"""The floor obeys its laws: heat is kept, hotter days cost more, idle machines take nothing, worlds do not mix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.parts import Dice
from simulator.physics.floor import Floor
from simulator.physics.inhabited import COOLING_SETPOINT, HEATING_SETPOINT
from simulator.sites import building
from tests.simulator.still import Stay, live, still_sky, value

ZONES = ("zone1", "zone2", "zone3", "zone4")


def floor(seeds=(0,), spread=0.0, people=8.0, start_c=23.0, **kinds) -> Floor:
    dice = Dice(list(seeds), spread)
    drawn = building.zones(dice, 4)
    handler = building.air_handler(dice, **kinds)
    gains = building.gains(dice(1300.0), dice(400.0), 4)
    part = Floor(building.floor_plan(drawn, handler, gains), Stay(4, people, len(seeds)), slice(0, 4))
    part.zones.air_c[:] = part.zones.mass_c[:] = start_c
    return part


def orders(is_on=True, heating_c=21.0, cooling_c=24.0, supply_c=14.0) -> dict[str, float]:
    return {
        **{f"{zone}.{HEATING_SETPOINT}": heating_c for zone in ZONES},
        **{f"{zone}.{COOLING_SETPOINT}": cooling_c for zone in ZONES},
        "ahu1.on_off_command": float(is_on),
        "ahu1.supply_air_temperature_setpoint": supply_c,
    }


def machine_kwh(part: Floor, sky, held, minutes=1440) -> float:
    return float(live(part, sky, held, minutes)[:3].sum())


@given(
    seed=st.integers(0, 1000),
    outdoor_c=st.floats(-15.0, 40.0),
    supply_c=st.floats(12.0, 22.0),
    start_c=st.floats(12.0, 32.0),
    is_on=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_what_flows_in_is_what_is_stored(seed, outdoor_c, supply_c, start_c, is_on):
    part = floor([seed], 0.2, start_c=start_c)
    part.zones.is_ledger_kept = True
    before = part.zones.stored_j()
    live(part, still_sky(outdoor_c, sun_w_m2=150.0), orders(is_on, supply_c=supply_c), 300)
    flows = part.zones.ledger_j
    into_zones = sum(flows[name] for name in ("gains", "envelope", "supply", "coils"))
    assert part.zones.stored_j() - before == pytest.approx(into_zones, abs=1e-6 * sum(map(abs, flows.values())).max())


def test_hotter_outside_takes_more_cooling():
    kwh = [machine_kwh(floor(), still_sky(c, sun_w_m2=150.0), orders()) for c in (24.0, 28.0, 32.0, 36.0)]
    assert all(warmer > cooler * 1.03 for cooler, warmer in pairwise(kwh)), kwh


def test_colder_outside_takes_more_heating():
    kwh = [machine_kwh(floor(people=0.0), still_sky(c), orders()) for c in (10.0, 4.0, -2.0, -8.0)]
    assert all(colder > milder * 1.03 for milder, colder in pairwise(kwh)), kwh


def test_a_lower_cooling_setpoint_is_reached_and_paid_for():
    sky = still_sky(30.0, sun_w_m2=150.0)
    low, high = floor(), floor()
    low_kwh, high_kwh = (machine_kwh(p, sky, orders(cooling_c=c)) for p, c in ((low, 22.5), (high, 25.0)))
    assert low.zones.air_c == pytest.approx(22.5, abs=0.2)
    assert high.zones.air_c == pytest.approx(25.0, abs=0.2)
    assert low_kwh > high_kwh


def test_warmer_supply_air_needs_more_flow():
    sky = still_sky(28.0, sun_w_m2=150.0)
    cold, warm = floor(), floor()
    cold_w, warm_w = (live(p, sky, orders(supply_c=c))[0, 0] for p, c in ((cold, 13.0), (warm, 17.0)))
    assert value(warm, "ahu1.supply_air_flow") > 1.2 * value(cold, "ahu1.supply_air_flow")
    assert warm_w > cold_w


def test_cold_supply_air_is_reheated_on_mild_days():
    """The waste of a constant 14 C: air cooled down and warmed again, zone by zone."""
    kwh = [
        machine_kwh(floor(people=0.0), still_sky(14.0), orders(supply_c=supply_c, cooling_c=23.0))
        for supply_c in (14.0, 19.0)
    ]
    assert kwh[0] > 1.1 * kwh[1]


def test_off_means_no_flow_no_coil_and_stale_air():
    part = floor()
    sky = still_sky(30.0, sun_w_m2=150.0)
    live(part, sky, orders(), 240)
    fresh_ppm = part.zones.co2_ppm.max()
    assert live(part, sky, orders(is_on=False), 120)[:3] == pytest.approx(0.0)
    assert value(part, "ahu1.supply_air_flow") == 0.0
    assert part.zones.co2_ppm.max() > fresh_ppm + 200.0


def test_co2_settles_where_breath_and_outdoor_air_balance():
    """8 people a zone: 420 ppm + breath over outdoor air (0.70 kg/s on the floor and 0.035 kg/s of leaks a zone)."""
    part = floor()
    live(part, still_sky(25.0), orders())
    outdoor_m3_s = (0.70 + 4 * 0.035) / 1.2
    assert part.zones.co2_ppm.mean() == pytest.approx(420.0 + 4 * 8 * 5.2 / outdoor_m3_s, rel=0.03)


def test_an_economizer_cools_with_outdoor_air_when_that_is_cool():
    sky = still_sky(12.0, sun_w_m2=250.0)
    shut, opened = floor(people=12.0), floor(people=12.0, economizer="dry-bulb")
    shut_kwh, open_kwh = (live(part, sky, orders())[1, 0] for part in (shut, opened))
    assert open_kwh < 0.3 * shut_kwh
    assert opened.zones.co2_ppm.max() < shut.zones.co2_ppm.max() - 50.0


def test_an_economizer_stays_shut_when_it_is_hot():
    sky = still_sky(33.0, sun_w_m2=150.0)
    shut, opened = (live(floor(economizer=kind), sky, orders())[1, 0] for kind in ("none", "dry-bulb"))
    assert opened == pytest.approx(shut)


def test_a_wet_coil_dries_the_room_and_is_paid_for():
    sky = still_sky(32.0, humidity=0.7)
    dry, wet = floor(), floor(is_coil_wet=True)
    dry_kwh, wet_kwh = (live(part, sky, orders())[1, 0] for part in (dry, wet))
    assert wet_kwh > 1.15 * dry_kwh
    damp = [value(part, "zone1.zone_air_relative_humidity") for part in (dry, wet)]
    assert damp[1] < 70.0 < damp[0]


def test_each_world_lives_alone():
    """Three worlds together do, to the last digit, what each does on its own."""
    seeds = (3, 4, 5)
    together = floor(seeds, 0.2)
    sky = still_sky(29.0, sun_w_m2=120.0, worlds=3)
    live(together, sky, orders(), 300)
    for w, seed in enumerate(seeds):
        alone = floor([seed], 0.2)
        live(alone, still_sky(29.0, sun_w_m2=120.0), orders(), 300)
        assert np.array_equal(together.values[:, w], alone.values[:, 0])


def test_a_fouled_filter_takes_air_and_a_stuck_valve_goes_on_cooling():
    sky = still_sky(20.0)
    part = floor()
    live(part, sky, orders(cooling_c=22.0), 240)
    before = value(part, "ahu1.supply_air_flow")
    part.ail("fouled-filter", "ahu1", 0.4)
    live(part, sky, orders(cooling_c=22.0), 2)
    assert value(part, "ahu1.supply_air_flow") < 0.7 * before
    part.ail("fouled-filter", "ahu1", None)
    part.ail("stuck-valve", "ahu1", 0.5)
    live(part, sky, orders(cooling_c=26.0), 120)
    assert value(part, "ahu1.supply_air_temperature") < 12.0


def test_fan_law():
    handler = building.air_handler(Dice([0], 0.0))
    still, moving, twice = (handler.fan_w(np.array([flow]))[0] for flow in (0.0, 1.0, 2.0))
    assert (twice - still) / (moving - still) == pytest.approx(8.0)


@given(outdoor_c=st.floats(-25.0, 45.0), supply_c=st.floats(12.0, 22.0), heat_w=st.floats(100.0, 58_000.0))
def test_the_coefficients_of_performance_stay_believable(outdoor_c, supply_c, heat_w):
    handler = building.air_handler(Dice([0], 0.0))
    heat, outdoor, supply = (np.array([told]) for told in (heat_w, outdoor_c, supply_c))
    assert 2.0 < heat_w / handler.cooling_w(heat, outdoor, supply)[0] < 6.5
    assert 1.4 < heat_w / handler.heating_w(heat, outdoor)[0] < 5.0
