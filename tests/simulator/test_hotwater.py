"""Hot water: heat in is heat out, stored or lost; cooler water is cheaper; an idle boiler still burns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.physics.hotwater import BOILER, HEAT_PUMP, HotWater, HotWaterPlan
from tests.simulator.still import live, still_sky, value


@dataclass
class Coil:
    hot_water_w: np.ndarray


def plant(source=BOILER, asked_w=20_000.0, own=None) -> HotWater:
    one = np.ones(1)
    plan = HotWaterPlan(
        source=source, heat_max_w=60e3 * one, water_j_k=4e6 * one, loss_w_k=15.0 * one, pump_w=400.0 * one
    )
    return HotWater(plan, [Coil(asked_w * one)], own)


def gas_kwh(part: HotWater, sky, held=None) -> float:
    total = 0.0
    part.begin_day(0, sky)
    orders = np.array([[(held or {}).get(name, np.nan)] for name in part.writable])
    for minute in range(1440):
        part.advance(minute, sky, orders)
        total += part.gas_w[0] / 60e3
    return total


@given(asked_w=st.floats(0.0, 50_000.0), outdoor_c=st.floats(-20.0, 35.0), is_pump=st.booleans())
@settings(max_examples=25, deadline=None)
def test_heat_in_is_heat_out_stored_or_lost(asked_w, outdoor_c, is_pump):
    part = plant(HEAT_PUMP if is_pump else BOILER, asked_w)
    sky, orders = still_sky(outdoor_c), np.full((2, 1), np.nan)
    before, into, out = part.water_c.copy(), 0.0, 0.0
    for minute in range(120):
        part.advance(minute, sky, orders)
        into += part.heat_w[0] * 60.0
        out += (part.asked_w[0] + part.loss_w[0]) * 60.0
    assert (part.water_c - before)[0] * 4e6 == pytest.approx(into - out, abs=1e-6 * (into + out + 1.0))


def test_cooler_water_condenses_and_costs_less_gas():
    name = "boiler1.leaving_hot_water_temperature_setpoint"
    hot, cool = (gas_kwh(plant(), still_sky(0.0), {name: c}) for c in (80.0, 45.0))
    assert cool < 0.95 * hot


def test_a_heat_pump_likes_mild_days_and_cool_water():
    def kwh(outdoor_c, water_c):
        held = {"boiler1.leaving_hot_water_temperature_setpoint": water_c}
        return float(live(plant(HEAT_PUMP), still_sky(outdoor_c), held)[0, 0])

    assert kwh(-5.0, 55.0) > 1.15 * kwh(8.0, 55.0) > 1.3 * kwh(8.0, 40.0)


def test_an_idle_boiler_burns_for_nobody_and_the_books_know():
    part = plant(asked_w=0.0)
    part.books.clear()
    assert gas_kwh(part, still_sky(25.0)) > 5.0
    assert part.books.sums["idle_s/boiler1"][0] == part.books.sums["running_s/boiler1"][0] == 86400.0


def test_off_lets_the_water_cool_and_the_coils_go_cold():
    part = plant()
    assert live(part, still_sky(0.0), {"boiler1.on_off_command": 0.0}).sum() == 0.0
    assert value(part, "boiler1.leaving_hot_water_temperature") < 30.0
    assert part.readiness[0] == 0.0
