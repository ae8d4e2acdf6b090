"""Strategies: proposals that the guard need not touch, hands off when blind, reasons and figures for people."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.energy import Energy
from agent.core.clock import Instant
from agent.core.features import Features
from agent.core.limits import Limit
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, RoomSystem, Systems
from agent.learn.parameters import Distrust
from agent.learn.site import learn
from agent.optimize.baseline import Baseline
from agent.optimize.planner import OnnxPlanner
from agent.optimize.shape import Shaper
from simulator.scenarios import load

ZONES = ("zone1", "zone2", "zone3", "zone4")
SYSTEMS = Systems(
    ahus=(AhuSystem(ahu="ahu1", zones=ZONES),),
    cracs=(CracSystem(crac="crac1", room="room1", it_meter="meter2"),),
    rooms=(RoomSystem(room="room1", cracs=("crac1",), it_meter="meter2"),),
    lifts=(LiftSystem(lifts="lifts1", zones=ZONES),),
)


def limit(point: str, low: float, high: float, step: float) -> Limit:
    return Limit(point=point, low=low, high=high, step=step, hold_s=600.0)


ENVELOPE = {
    told.point: told
    for told in (
        *(limit(f"{zone}.zone_air_heating_temperature_setpoint", 16.0, 23.0, 1.5) for zone in ZONES),
        *(limit(f"{zone}.zone_air_cooling_temperature_setpoint", 21.0, 30.0, 1.5) for zone in ZONES),
        limit("ahu1.on_off_command", 0.0, 1.0, 1.0),
        limit("ahu1.supply_air_temperature_setpoint", 13.0, 19.0, 0.7),
        limit("crac1.supply_air_temperature_setpoint", 17.5, 25.0, 0.4),
        limit("crac1.fan_speed_setpoint", 50.0, 95.0, 3.0),
        limit("lifts1.cars_in_service_setpoint", 2.0, 4.0, 1.0),
    )
}


def features_of(plant, rows: list[np.ndarray]) -> Features:
    values = np.array(rows, np.float32)
    now = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s)
    units = ("",) * len(plant.names)
    return Features(names=plant.names, units=units, values=values, mask=np.isfinite(values), grid_s=300.0, at=now)


def watch(hours: float, days: int = 8, start: str = "2019-07-01") -> Features:
    """Own control until so many hours into day `days` (Monday 0)."""
    plant = load("office-tower", seed=3, start=start)
    rows = []
    for _ in range(round(days * 288 + hours * 12)):
        plant.step({})
        rows.append(plant.read())
    return features_of(plant, rows)


def without(features: Features, *points: str) -> Features:
    values = np.array(features.values)
    for point in points:
        values[:, features.names.index(point)] = np.nan
    return Features(
        names=features.names,
        units=features.units,
        values=values,
        mask=np.isfinite(values),
        grid_s=features.grid_s,
        at=features.at,
    )


@pytest.fixture(scope="module")
def noon():
    return watch(12.0)


@pytest.fixture(scope="module")
def night():
    return watch(26.0)


@pytest.fixture(scope="module")
def learned(noon):
    return learn(noon, SYSTEMS)


def propose(strategy, features):
    return {wish.point: wish for wish in strategy.propose(features, features.at)}


@pytest.fixture(params=["planner", "baseline"])
def make(request, learned):
    if request.param == "planner":
        return lambda: OnnxPlanner(SYSTEMS, ENVELOPE, learned)
    return lambda: Baseline(SYSTEMS, ENVELOPE)


def test_the_guard_finds_nothing_to_clip(make, noon, night):
    """Within low..high, and within one step of what is in force unless the band itself asks for more."""
    for features in (noon, night):
        wishes = propose(make(), features)
        assert set(ENVELOPE) - set(wishes) <= {"ahu1.supply_air_temperature_setpoint"}  # The rules leave it alone.
        for point, wish in wishes.items():
            rule, start = ENVELOPE[point], float(features.column(point)[-1])
            assert rule.low <= wish.value <= rule.high
            near = min(max(start, rule.low), rule.high)
            assert abs(wish.value - near) <= rule.step + 0.01
            assert math.isfinite(wish.value) and wish.until_mono_s > features.at.mono_s


def test_no_limit_no_wish(noon, learned):
    assert OnnxPlanner(SYSTEMS, {}, learned).propose(noon, noon.at) == []
    assert Baseline(SYSTEMS, {}).propose(noon, noon.at) == []


def test_air_while_people_are_in(make, noon):
    assert propose(make(), noon)["ahu1.on_off_command"].value == 1.0


def test_no_air_for_nobody_by_night(make, night):
    wish = propose(make(), night)["ahu1.on_off_command"]
    assert wish.value == 0.0
    assert "nobody" in wish.reason


def test_somebody_by_night_gets_air(make, night):
    values = np.array(night.values)
    values[-1, night.names.index("zone2.occupancy_count")] = 1.0
    seen = Features(
        names=night.names, units=night.units, values=values, mask=np.isfinite(values), grid_s=300.0, at=night.at
    )
    assert propose(make(), seen)["ahu1.on_off_command"].value == 1.0


@pytest.mark.parametrize(
    ("lost", "equipment"),
    [
        ("zone1.zone_air_temperature", "ahu1"),
        ("zone3.occupancy_count", "ahu1"),
        ("room1.rack_inlet_temperature_4", "crac1"),
    ],
)
def test_blind_means_hands_off(make, noon, lost, equipment):
    """No wish for the machine that cannot be seen; the other machines are planned all the same."""
    points = propose(make(), without(noon, lost))
    served = (*ZONES, "ahu1") if equipment == "ahu1" else (equipment,)
    assert points
    assert not [point for point in points if point.partition(".")[0] in served]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.9), rows=st.integers(1, 3))
def test_a_nan_anywhere_is_never_wished(learned, noon, seed, share, rows):
    """Whatever cannot be seen, of late or in the past: each wish that is left is a number within its band."""
    dice = np.random.default_rng(seed)
    values = np.array(noon.values)
    values[dice.random(values.shape) < share * 0.1] = np.nan
    values[-rows:, dice.random(values.shape[1]) < share] = np.nan
    holed = replace(noon, values=values, mask=np.isfinite(values))
    for point, wish in propose(OnnxPlanner(SYSTEMS, ENVELOPE, learned), holed).items():
        assert ENVELOPE[point].low <= wish.value <= ENVELOPE[point].high
        assert all(math.isfinite(value) for value in wish.expects.values())


def test_the_planner_is_blind_without_weather(learned, noon):
    points = propose(OnnxPlanner(SYSTEMS, ENVELOPE, learned), without(noon, "site.outdoor_air_temperature"))
    assert {point.partition(".")[0] for point in points} == {"lifts1"}


def test_reasons_and_figures(learned, noon):
    for point, wish in propose(OnnxPlanner(SYSTEMS, ENVELOPE, learned), noon).items():
        assert len(wish.reason) > 15
        if not point.startswith("lifts1"):
            assert {"saving_kwh", "saving_pct", "cost_best", "cost_hold"} <= set(wish.expects)
            assert all(math.isfinite(value) for value in wish.expects.values())


def test_the_same_inputs_give_the_same_plan(learned, noon):
    first, second = (propose(OnnxPlanner(SYSTEMS, ENVELOPE, learned), noon) for _ in range(2))
    assert first == second


def test_a_poor_fit_gives_the_model_no_authority(noon, learned):
    poor_zones = tuple(replace(zone, error_k=9.0) for zone in learned.ahus[0].zones)
    poor = replace(
        learned,
        ahus=(replace(learned.ahus[0], zones=poor_zones),),
        rooms=(replace(learned.rooms[0], inlet_error_k=9.0),),
        lifts=(replace(learned.lifts[0], power_error=9.0),),
    )
    wishes = OnnxPlanner(SYSTEMS, ENVELOPE, poor).propose(noon, noon.at)
    assert {wish.source for wish in wishes} == {"baseline", "ladder"}


def test_zones_that_were_foretold_wrongly_go_down_the_ladder(noon, learned):
    """What was learned of people and thermostats needs no model of the machine, so it is kept."""
    since_s = noon.at.unix_s - 3600.0
    lost = Distrust(machine="ahu1", since_unix_s=since_s, until_unix_s=since_s + 86_400.0, times=1, error=0.7)
    wishes = propose(OnnxPlanner(SYSTEMS, ENVELOPE, replace(learned, distrusts=(lost,))), noon).values()
    assert {wish.source for wish in wishes if wish.point.startswith(("ahu1", *ZONES))} == {"ladder"}


def test_nothing_learned_yet_runs_the_rules(noon):
    wishes = OnnxPlanner(SYSTEMS, ENVELOPE).propose(noon, noon.at)
    assert {wish.source for wish in wishes} == {"baseline"}


def test_a_hot_rack_is_cooled_at_once(make, noon):
    values = np.array(noon.values)
    values[-1, noon.names.index("room1.rack_inlet_temperature_2")] = 26.9
    values[-1, noon.names.index("crac1.supply_air_temperature_setpoint")] = 22.0
    values[-1, noon.names.index("crac1.fan_speed_setpoint")] = 70.0
    hot = Features(
        names=noon.names, units=noon.units, values=values, mask=np.isfinite(values), grid_s=300.0, at=noon.at
    )
    wishes = propose(make(), hot)
    assert wishes["crac1.supply_air_temperature_setpoint"].value == pytest.approx(21.6)
    assert wishes["crac1.fan_speed_setpoint"].value == pytest.approx(73.0)


def test_half_of_the_cars_rest_by_night(noon, night):
    rules = Baseline(SYSTEMS, ENVELOPE)
    assert propose(rules, noon)["lifts1.cars_in_service_setpoint"].value == 4.0
    assert propose(rules, night)["lifts1.cars_in_service_setpoint"].value == 3.0  # One car a move.


STORY = [  # second, wish, in force, bent
    (0, 20.0, 22.0, 21.0),  # At most one kelvin a move.
    (300, 20.0, 21.0, 21.0),  # It moved five minutes ago: the last wish stands.
    (900, 20.0, 21.0, 20.0),
    (1800, 19.9, 20.0, 20.0),  # Not worth a move.
    (2700, 5.0, 20.0, 19.0),
    (3600, 5.0, 19.0, 18.0),  # The band.
    (4500, 5.0, 18.0, 18.0),
    (4600, 25.0, 22.0, 23.0),  # Somebody else moved it: a first move again.
]


def test_wishes_are_bent_into_the_envelope():
    shaper = Shaper({"a.b": Limit(point="a.b", low=18.0, high=24.0, step=1.0, hold_s=600.0)})
    for second, wish, present, bent in STORY:
        now = Instant(unix_s=second, mono_s=second)
        assert shaper.bend("a.b", wish, present, now, dead_band=0.15) == pytest.approx(bent)
    assert shaper.bend("a.b", 20.0, math.nan, now) is None
    assert shaper.bend("no.limit", 20.0, 20.0, now) is None


def test_the_tariff_moves_the_plan_not_its_safety(learned, noon):
    """Under a dear afternoon the costs are told in its prices; the wishes still pass the gate untouched."""
    bands = [{"start": "12:00", "stop": "18:00", "price": 1.0}]
    told = replace(SYSTEMS, aim="cost", tariff=Energy.model_validate({"price": 0.1, "bands": bands}).tariff())
    planner, plain = OnnxPlanner(told, ENVELOPE, learned), OnnxPlanner(SYSTEMS, ENVELOPE, learned)
    dear, usual = propose(planner, noon), propose(plain, noon)
    assert dear.keys() == usual.keys()
    point = "crac1.fan_speed_setpoint"
    assert dear[point].expects["cost_best"] != pytest.approx(usual[point].expects["cost_best"], rel=0.02)
    for point, wish in dear.items():
        assert ENVELOPE[point].low <= wish.value <= ENVELOPE[point].high


@pytest.fixture(scope="module")
def dawn():
    """Five in the morning: nobody is in, the zones are hot."""
    seen = watch(29.0)
    values = np.array(seen.values)
    for zone in ZONES:
        values[-48:, seen.names.index(f"{zone}.zone_air_temperature")] += 2.0
    return replace(seen, values=values)


@pytest.mark.parametrize(("outdoor_c", "way"), [(13.0, "night purge"), (27.0, "pre-cooling")])
def test_before_a_dear_day_the_zones_are_cooled_and_told_how(learned, dawn, outdoor_c, way):
    dear = [{"start": "06:00", "stop": "20:00", "price": 3.0}]
    told = replace(SYSTEMS, aim="cost", tariff=Energy.model_validate({"price": 0.02, "bands": dear}).tariff())
    values = np.array(dawn.values)
    values[-48:, dawn.names.index("site.outdoor_air_temperature")] = outdoor_c
    economical = tuple(replace(fit, has_economizer=True) for fit in learned.ahus)
    planner = OnnxPlanner(told, ENVELOPE, replace(learned, ahus=economical))
    wishes = propose(planner, replace(dawn, values=values))
    assert wishes["ahu1.on_off_command"].value == 1.0
    assert {
        wishes[f"{zone}.zone_air_cooling_temperature_setpoint"].reason.split(" with")[0].split(":")[0] for zone in ZONES
    } == {way}


def test_plans_are_told_by_the_hour(learned, noon):
    planner = OnnxPlanner(SYSTEMS, ENVELOPE, learned)
    planner.propose(noon, noon.at)
    told = {plan.machine: plan for plan in planner.news.plans}
    assert set(told) == {"ahu1", "room1", "lifts1"}
    for plan in told.values():
        unit, hours = plan.series["energy_kwh"]
        assert unit == "kWh" and len(hours) == 24 and min(hours) >= 0.0
        assert plan.reason and {"saving_kwh", "cost_hold", "cost_baseline"} <= set(plan.expects)
