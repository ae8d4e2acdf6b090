"""The cautious ladder: whatever a site lacks, the rest is done, within the envelope, and never at the cost of air."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.core.limits import Limit
from agent.equipment.systems import AhuSystem, Systems
from agent.learn.parameters import Parameters
from agent.learn.site import learn
from agent.optimize.floor import COOLING, HEATING
from agent.optimize.planner import OnnxPlanner
from simulator.scenarios import load

UNITS = ("ahu1", "ahu2", "ahu3", "ahu4")
SYSTEMS = Systems(ahus=tuple(AhuSystem(ahu=unit, zones=(f"zone{n + 1}",)) for n, unit in enumerate(UNITS)))
DAYS = 8


@pytest.fixture(scope="module")
def lived():
    """Roof-top units under own control until Tuesday noon, and what they permit."""
    plant = load("roof-top-units", seed=3, learn_days=DAYS, days=2)
    rows = []
    for _ in range(round((DAYS + 0.5) * 288)):
        plant.step({})
        rows.append(plant.read())
    values = np.array(rows, np.float32)
    at = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s)
    told = Features(
        names=plant.names,
        units=("",) * len(plant.names),
        values=values,
        mask=np.isfinite(values),
        grid_s=300.0,
        at=at,
    )
    envelope = {
        point: Limit(point=point, low=permit.low, high=permit.high, step=permit.step, hold_s=permit.hold_s)
        for point, permit in plant.permits.items()
    }
    return told, envelope


def less(told: Features, *roles: str) -> Features:
    """A site that never had these points."""
    keep = [n for n, name in enumerate(told.names) if not name.endswith(roles)]
    return replace(
        told,
        names=tuple(told.names[n] for n in keep),
        units=tuple(told.units[n] for n in keep),
        values=told.values[:, keep],
        mask=told.mask[:, keep],
    )


def until(told: Features, hours_back: float) -> Features:
    """The same, looked at earlier."""
    rows = round(hours_back * 12)
    at = Instant(unix_s=told.at.unix_s - hours_back * 3600.0, mono_s=told.at.mono_s - hours_back * 3600.0)
    return replace(told, values=told.values[:-rows], mask=told.mask[:-rows], at=at)


def wishes_of(told: Features, envelope: dict, learned: Parameters | None = None) -> dict:
    planner = OnnxPlanner(SYSTEMS, envelope, learned or learn(told, SYSTEMS))
    return {wish.point: wish for wish in planner.propose(told, told.at)}


def test_by_day_the_edges_of_the_band_and_air(lived):
    told, envelope = lived
    wishes = wishes_of(told, envelope)
    for n, unit in enumerate(UNITS):
        assert wishes[f"{unit}.on_off_command"].value == 1.0
        assert 20.5 <= wishes[f"zone{n + 1}.{HEATING}"].value <= 21.6
        assert 24.4 <= wishes[f"zone{n + 1}.{COOLING}"].value <= 25.5
        assert wishes[f"{unit}.on_off_command"].source == "ladder"


def test_by_night_nothing_runs_for_nobody(lived):
    told, envelope = lived
    wishes = wishes_of(until(told, 10.0), envelope, learn(told, SYSTEMS))  # Two in the morning.
    assert [wishes[f"{unit}.on_off_command"].value for unit in UNITS] == [0.0] * 4
    assert "nobody" in wishes["ahu1.on_off_command"].reason


@pytest.mark.parametrize(
    "gone",
    [
        ("on_off_command", "on_off_status"),
        ("occupancy_count",),
        ("occupancy_count", "co2_level"),
        ("_power", "_energy", "supply_air_flow"),
        ("outdoor_air_temperature", "solar_irradiance"),
        ("on_off_command", "on_off_status", "_power", "_energy", "supply_air_flow", "occupancy_count", "co2_level"),
    ],
)
def test_what_a_site_does_not_have_is_left_out_and_the_rest_is_done(lived, gone):
    told, envelope = lived
    short = less(told, *gone)
    permitted = {point: limit for point, limit in envelope.items() if point in short.names}
    wishes = wishes_of(short, permitted)
    assert set(wishes) == set(permitted)
    for point, wish in wishes.items():
        rule, start = permitted[point], float(short.column(point)[-1])
        assert rule.low <= wish.value <= rule.high and math.isfinite(wish.value)
        assert abs(wish.value - min(max(start, rule.low), rule.high)) <= rule.step + 0.01
    assert all(wishes[point].value == 1.0 for point in wishes if point.endswith("on_off_command"))  # It is noon.


def test_what_cannot_be_switched_is_set_back_not_deeper_than_it_was(lived):
    told, envelope = lived
    short = less(told, "on_off_command", "on_off_status")
    permitted = {point: limit for point, limit in envelope.items() if point in short.names}
    wishes = wishes_of(until(short, 10.0), permitted, learn(short, SYSTEMS))
    for n in range(4):
        assert wishes[f"zone{n + 1}.{HEATING}"].value >= 17.9  # Its own set-back is 18 C.
        assert wishes[f"zone{n + 1}.{COOLING}"].value >= 27.0


def test_a_blind_zone_keeps_our_hands_off_its_machine_only(lived):
    told, envelope = lived
    values = np.array(told.values)
    values[:, told.names.index("zone2.zone_air_temperature")] = np.nan
    blind = replace(told, values=values, mask=np.isfinite(values))
    points = wishes_of(blind, envelope, learn(told, SYSTEMS))
    assert points and not [point for point in points if point.startswith(("ahu2.", "zone2."))]


def cold(told: Features, zone_c: float, at_hour_back: float = 10.0) -> Features:
    night = until(told, at_hour_back)
    values = np.array(night.values)
    for n in range(4):
        values[-12:, night.names.index(f"zone{n + 1}.zone_air_temperature")] = zone_c
        values[-12:, night.names.index(f"{UNITS[n]}.on_off_command")] = 0.0
        values[-12:, night.names.index(f"{UNITS[n]}.on_off_status")] = 0.0
    return replace(night, values=values, mask=np.isfinite(values))


def test_in_a_cold_night_the_machine_s_own_guard_is_let_free(lived):
    """Our command would open its dampers; a guard that fails is not trusted again that night."""
    told, envelope = lived
    learned = learn(told, SYSTEMS)
    learned = replace(
        learned, thermostats=tuple(replace(way, coldest_c=17.0, lead_h=2.0) for way in learned.thermostats)
    )
    wishes = wishes_of(cold(told, 16.5), envelope, learned)
    assert "ahu1.on_off_command" not in wishes
    assert wishes[f"zone1.{HEATING}"].value < 20.0
    freezing = wishes_of(cold(told, 12.0), envelope, learned)
    assert freezing["ahu1.on_off_command"].value == 1.0
    assert "set-back" in freezing["ahu1.on_off_command"].reason
