"""The tower meets its design point, never cools below wet bulb, keeps its balance; its fans follow the NTU model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.cooling_tower import (
    DESIGN_APPROACH_K,
    DESIGN_WET_BULB_C,
    NATURAL_SHARE,
    SUB_STEP_S,
    WATER_J_KG_K,
    WATER_TO_AIR,
    CoolingTower,
    TowerPlan,
    design_ntu,
    effectiveness,
    fan_speed,
    saturated_j_kg,
)

HEAT_W = 120_000.0
ONE = np.ones(1)


def tower(start_c: float = 30.0, cells: int = 1) -> CoolingTower:
    return CoolingTower(TowerPlan.for_heat(HEAT_W * ONE, 1500.0 * ONE, cells), start_c)


def settled(heat_w: float, wet_c: float, aim_c: float) -> CoolingTower:
    part = tower()
    for _ in range(600):
        part.reject(heat_w * ONE, ONE, wet_c * ONE, aim_c * ONE)
    return part


def test_the_design_point_comes_out():
    part = settled(HEAT_W, DESIGN_WET_BULB_C, 10.0)
    assert part.water_c[0] == pytest.approx(DESIGN_WET_BULB_C + DESIGN_APPROACH_K, abs=0.01)
    assert part.speed[0] == pytest.approx(1.0)
    assert part.fan_w[0] == pytest.approx(1500.0)


def test_the_approach_grows_as_it_gets_colder_and_shrinks_with_the_load():
    """Cold air holds less vapor; makers' curves of a 4 K tower show 8 to 9 K at 10 C wet bulb."""
    approach = {wet: settled(HEAT_W, wet, -5.0).water_c[0] - wet for wet in (25.0, 10.0, 0.0)}
    assert 7.5 < approach[10.0] < 9.5 < approach[0.0]
    assert settled(0.5 * HEAT_W, 10.0, -5.0).water_c[0] - 10.0 < 0.65 * approach[10.0]


@given(
    heat_w=st.floats(0.0, 2.0 * HEAT_W),
    wet_c=st.floats(-15.0, 32.0),
    aim_c=st.floats(4.0, 32.0),
    cells=st.sampled_from([0.0, 1.0, 2.0]),
    start_c=st.floats(4.0, 40.0),
)
def test_heat_is_given_off_or_stored_and_never_below_wet_bulb(heat_w, wet_c, aim_c, cells, start_c):
    part = tower(start_c, cells=2)
    heat_w = heat_w if cells else 0.0
    for _ in range(30):
        before = part.water_c.copy()
        part.reject(heat_w * ONE, cells * ONE, wet_c * ONE, aim_c * ONE)
        stored = (part.water_c - before) * part.plan.basin_j_k
        assert stored + part.given_w * SUB_STEP_S == pytest.approx(heat_w * SUB_STEP_S, abs=1e-3)
        assert 0.0 <= part.speed[0] <= 1.0
        assert part.water_c[0] >= min(before[0], wet_c) - 1e-9
    assert cells or (part.fan_w[0] == 0.0 and part.water_c[0] == start_c)


def test_a_little_heat_needs_no_fan():
    assert settled(0.03 * HEAT_W, 5.0, 24.0).fan_w[0] == 0.0


@pytest.mark.parametrize("wet_c", [-5.0, 10.0, 25.0])
@pytest.mark.parametrize("speed", [0.2, 0.35, 0.5, 0.7, 0.9, 1.0])
def test_fans_are_as_fast_as_the_ntu_model_asks(wet_c, speed):
    """At a lower speed there is less air, and NTU grows as (water / air)^0.6."""
    entering = np.array(wet_c + 12.0)
    span = saturated_j_kg(entering) - saturated_j_kg(np.array(wet_c))

    def heat(share: float) -> float:
        ratio = span / 12.0 / (WATER_TO_AIR * WATER_J_KG_K) * share
        return float(effectiveness(design_ntu() * share**-0.6, ratio) * share * span)

    forced = heat(speed) / heat(1.0)
    assert fan_speed(np.array(NATURAL_SHARE + (1.0 - NATURAL_SHARE) * forced)) == pytest.approx(speed, abs=0.05)


def test_effectiveness_passes_through_its_singular_point():
    near = effectiveness(1.3, np.array([1.0 - 1e-5, 1.0, 1.0 + 1e-5]))
    assert near == pytest.approx([1.3 / 2.3] * 3, rel=1e-4)
