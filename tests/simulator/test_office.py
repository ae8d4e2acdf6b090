"""The floor obeys its laws: heat is kept, hotter days cost more, idle machines take nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.physics.office import Drive, Office, OfficeOrders
from simulator.sites import building

DAY = 1440


def floor(seed: int = 0, spread: float = 0.0, start_c: float = 23.0) -> Office:
    house = building.draw(seed, spread)
    return Office(house.zones, house.ahu, [start_c] * 4, [start_c] * 4)


def orders(
    is_on: bool = True, heating_c: float = 21.0, cooling_c: float = 24.0, supply_c: float = 14.0
) -> OfficeOrders:
    return OfficeOrders(is_on=is_on, heating_c=[heating_c] * 4, cooling_c=[cooling_c] * 4, supply_c=supply_c)


def day(outdoor_c: float, sun_w_m2: float = 150.0, people: float = 8.0) -> Drive:
    return Drive(outdoor_c=outdoor_c, sun_w_m2=[sun_w_m2] * 4, gain_w=[2500.0] * 4, people=[people] * 4)


def run(office: Office, drive: Drive, follow: OfficeOrders, minutes: int = DAY) -> float:
    """Electricity of the machine over the last half, kWh, when the start is forgotten."""
    total = 0.0
    for minute in range(minutes):
        office.advance(60.0, drive, follow)
        if minute >= minutes // 2:
            total += office.fan_w + office.cooling_w + office.heating_w
    return total / 60e3


@given(
    seed=st.integers(0, 1000),
    outdoor_c=st.floats(-15.0, 40.0),
    supply_c=st.floats(12.0, 22.0),
    start_c=st.floats(12.0, 32.0),
    is_on=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_what_flows_in_is_what_is_stored(seed, outdoor_c, supply_c, start_c, is_on):
    office = floor(seed, 0.2, start_c)
    before = office.stored_j()
    run(office, day(outdoor_c), orders(is_on, supply_c=supply_c), 300)
    heat = office.heat
    flows = (heat.inside, heat.sun, heat.envelope, heat.outdoor_air, heat.coils, heat.fan)
    assert office.stored_j() - before == pytest.approx(heat.total(), abs=1e-6 * sum(map(abs, flows)))


def test_hotter_outside_takes_more_cooling():
    powers = [run(floor(), day(outdoor_c), orders()) for outdoor_c in (24.0, 28.0, 32.0, 36.0)]
    assert all(warmer > cooler * 1.03 for cooler, warmer in pairwise(powers)), powers


def test_colder_outside_takes_more_heating():
    powers = [run(floor(), day(outdoor_c, 0.0, 0.0), orders()) for outdoor_c in (10.0, 4.0, -2.0, -8.0)]
    assert all(colder > milder * 1.03 for milder, colder in pairwise(powers)), powers


def test_a_lower_cooling_setpoint_is_reached_and_paid_for():
    low, high = floor(), floor()
    low_kwh, high_kwh = run(low, day(30.0), orders(cooling_c=22.5)), run(high, day(30.0), orders(cooling_c=25.0))
    assert low.air_c == pytest.approx([22.5] * 4, abs=0.2)
    assert high.air_c == pytest.approx([25.0] * 4, abs=0.2)
    assert low_kwh > high_kwh


def test_warmer_supply_air_needs_more_flow():
    cold, warm = floor(), floor()
    run(cold, day(28.0), orders(supply_c=13.0))
    run(warm, day(28.0), orders(supply_c=17.0))
    assert warm.total_flow_kg_s > 1.2 * cold.total_flow_kg_s
    assert warm.fan_w > cold.fan_w


def test_cold_supply_air_is_reheated_on_mild_days():
    """The waste of a constant 14 C: air cooled down and warmed again, zone by zone."""
    quiet = Drive(outdoor_c=14.0, sun_w_m2=[0.0] * 4, gain_w=[400.0] * 4, people=[0.0] * 4)
    kwh = [run(floor(), quiet, orders(supply_c=supply_c, cooling_c=23.0)) for supply_c in (14.0, 19.0)]
    assert kwh[0] > 1.1 * kwh[1]


def test_off_means_no_flow_no_coil_and_stale_air():
    office = floor()
    run(office, day(30.0), orders(), 240)
    fresh_ppm = max(office.co2_ppm)
    run(office, day(30.0), orders(is_on=False), 120)
    assert (office.total_flow_kg_s, office.fan_w, office.cooling_w, office.heating_w) == (0.0, 0.0, 0.0, 0.0)
    assert max(office.co2_ppm) > fresh_ppm + 200.0


def test_co2_settles_where_breath_and_outdoor_air_balance():
    """8 people a zone: 420 ppm + breath over outdoor air (0.70 kg/s on the floor and 0.035 kg/s of leaks a zone)."""
    office = floor()
    run(office, day(25.0), orders())
    outdoor_m3_s = (0.70 + 4 * 0.035) / 1.2
    assert sum(office.co2_ppm) / 4 == pytest.approx(420.0 + 4 * 8 * 5.2 / outdoor_m3_s, rel=0.03)


def test_fan_law():
    ahu = building.draw(0, 0.0).ahu
    moving = [ahu.fan_w(flow) - ahu.fan_w(0.0) for flow in (1.0, 2.0)]
    assert moving[1] / moving[0] == pytest.approx(8.0)


@given(outdoor_c=st.floats(-25.0, 45.0), supply_c=st.floats(12.0, 22.0), heat_w=st.floats(100.0, 58_000.0))
def test_the_coefficients_of_performance_stay_believable(outdoor_c, supply_c, heat_w):
    ahu = building.draw(0, 0.0).ahu
    assert 2.0 < heat_w / ahu.cooling_w(heat_w, outdoor_c, supply_c) < 6.5
    assert 1.4 < heat_w / ahu.heating_w(heat_w, outdoor_c) < 5.0
