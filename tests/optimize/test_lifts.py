"""A lift group's plan: nobody waits longer than the budget allows, cars are there before the rush, reasons are told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.limits import Limit
from agent.equipment.systems import LiftSystem
from agent.features.grid import SLOTS, grid_of
from agent.learn.lifts import learn_lifts
from agent.optimize.host import ModelHost
from agent.optimize.lifts import LiftPlanner
from agent.optimize.planner import MODELS
from agent.optimize.shape import Shaper
from models.lift_group.example import example
from tests.learn.test_lifts import shown

GROUP = LiftSystem(lifts="lifts1", cars=4, wait_longer_pct=1.0)
ENVELOPE = {
    point: Limit(point=point, low=low, high=high, step=high, hold_s=600.0)
    for point, low, high in (("lifts1.cars_in_service_setpoint", 1.0, 4.0), ("lifts1.standby_depth_setpoint", 0.0, 2.0))
}
HOST = ModelHost(MODELS / "lift_group")


def planner(features, system=GROUP, envelope=ENVELOPE):
    learned = learn_lifts(grid_of(features), system, 0.0)
    return LiftPlanner(system, learned, HOST, Shaper(envelope), utc_offset_h=0.0)


def at_hour(features, hour: float):
    """The window that ends at that hour of its last day."""
    rows = len(features.values) - SLOTS + round(hour * 4)
    values = features.values[:rows]
    back_s = (len(features.values) - rows) * 900.0
    now = replace(features.at, unix_s=features.at.unix_s - back_s)
    return replace(features, values=values, mask=np.isfinite(values), at=now)


def wish(hour: float, **other):
    week = shown(8, **other)
    told = at_hour(week, hour)
    return {proposal.point: proposal for proposal in planner(week).propose(told, told.at)}


STORY = [  # hour, cars at most, cars at least
    (2.0, 1, 1),  # The dead of night.
    (7.9, 4, 4),  # The rush comes within a quarter of an hour: awake before it.
    (12.0, 4, 4),
    (23.0, 1, 1),
]


@pytest.mark.parametrize(("hour", "most", "least"), STORY)
def test_cars_rest_by_night_and_are_there_for_the_rush(hour, most, least):
    told = wish(hour)["lifts1.cars_in_service_setpoint"]
    assert least <= told.value <= most
    assert "trips an hour" in told.reason and told.expects["longer_waits_s"] >= 0.0


def test_light_and_fan_rest_whenever_a_car_stands():
    assert wish(12.0)["lifts1.standby_depth_setpoint"].value == 1.0


def test_without_the_point_no_depth_is_wished():
    week = shown(8)
    gone = np.array(week.values)
    gone[:, 4] = np.nan
    told = at_hour(replace(week, values=gone, mask=np.isfinite(gone)), 2.0)
    points = {proposal.point for proposal in planner(week).propose(told, told.at)}
    assert points == {"lifts1.cars_in_service_setpoint"}


def test_blind_means_hands_off():
    week = shown(8)
    gone = np.array(week.values)
    gone[-3:, 0] = np.nan
    assert planner(week).propose(replace(week, values=gone, mask=np.isfinite(gone)), week.at) == []


def test_spent_waiting_is_taken_off():
    """Where rested cars were measured to cost more than the budget, all cars serve."""
    week = shown(8)
    values = np.array(week.values)
    values[-2 * SLOTS :, 3] = 1.0
    values[-2 * SLOTS :, 5] = 60.0
    told = at_hour(replace(week, values=values, mask=np.isfinite(values)), 2.0)
    inputs = planner(week).inputs(told, told.at, 4.0)
    assert float(inputs["wait_budget_s"]) == 0.0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), budget_s=st.floats(0.0, 500.0), slow=st.floats(0.0, 50.0))
def test_the_budget_of_waiting_is_kept(seed, budget_s, slow):
    """Law: the chosen plan keeps both budgets, and takes no more energy than all cars awake."""
    inputs = example(seed) | {"wait_budget_s": np.float32(budget_s), "slow_budget": np.float32(slow)}
    inputs["bar"] = np.zeros_like(inputs["bar"])
    plan = HOST.run(inputs)
    assert plan["plan_delay_s"][0] <= budget_s + 0.01
    assert plan["plan_slow"][0] <= slow + 0.01
    assert plan["plan_energy_kwh"][0] <= plan["plan_energy_kwh"][1] + 0.01
    assert set(plan["cars_plan"]) <= {1.0, 2.0, 3.0, 4.0} and set(plan["depth_plan"]) <= {0.0, 1.0, 2.0}


def test_cars_park_where_calls_come_from():
    inputs = example(1)
    share = np.zeros_like(inputs["call_share"])
    share[:48, 0], share[48:, 7] = 1.0, 1.0
    plan = HOST.run(inputs | {"call_share": share})
    assert set(plan["park_plan"][:48]) == {0.0} and set(plan["park_plan"][48:]) == {7.0}
