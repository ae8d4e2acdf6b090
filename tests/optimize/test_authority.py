"""A machine that changes under the planner's hands: noticed within a day, run by rules, learned anew, regained."""

from dataclasses import replace

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import LiftSystem, Systems
from agent.features.grid import SLOTS
from agent.learn.parameters import Parameters
from agent.learn.site import learn
from agent.optimize.planner import OnnxPlanner
from tests.learn.test_lifts import SLEEPING, STANDING, TRIP_KWH, shown
from tests.optimize.test_lifts import ENVELOPE

SYSTEMS = Systems(lifts=(LiftSystem(lifts="lifts1", cars=4),))
NAMES = shown(1).names
SETPOINTS = ("lifts1.cars_in_service_setpoint", "lifts1.standby_depth_setpoint")


class House:
    """A lift group that obeys at once, by quarters of an hour; its cars may take more power from some day on."""

    def __init__(self) -> None:
        self.rows = [*shown(8).values]
        self.unix_s = shown(8).at.unix_s
        self.planner = OnnxPlanner(SYSTEMS, ENVELOPE, learn(self.features(), SYSTEMS))
        self.follows = True
        self.lost = []

    def features(self, days: int = 14) -> Features:
        values = np.array(self.rows[-days * SLOTS :], np.float32)
        at = Instant(unix_s=self.unix_s, mono_s=self.unix_s)
        return replace(shown(1), values=values, mask=np.isfinite(values), at=at)

    def live(self, days: float, *, factor: float = 1.0) -> set[str]:
        """Who wished in these days."""
        sources = set()
        for _ in range(round(days * SLOTS)):
            wishes = self.planner.propose(self.features(4), self.features(4).at)
            sources |= {wish.source for wish in wishes}
            self.lost += self.planner.news.lost
            held = {wish.point: wish.value for wish in wishes} if self.follows else {}
            self._step(held, factor)
        return sources

    def learn_anew(self) -> Parameters:
        """As `agent/learner.py` does."""
        told = self.planner.evidence.distrusts
        learned = learn(self.features(), SYSTEMS, told)
        self.planner.adopt(learned)
        return learned

    def _step(self, held: dict[str, float], factor: float) -> None:
        hour = self.unix_s % 86_400.0 / 3600.0
        trips = 20.0 if 8.0 <= hour < 18.0 else 0.0
        row = self.rows[-1].copy()
        for point in SETPOINTS:
            row[NAMES.index(point)] = held.get(point, row[NAMES.index(point)])
        cars, depth = row[NAMES.index(SETPOINTS[0])], row[NAMES.index(SETPOINTS[1])]
        row[NAMES.index("lifts1.cars_in_service")] = cars
        row[NAMES.index("lifts1.trips_count")] += trips
        dark = 0.4 * (depth > 0.0) * (trips == 0.0)
        kw = cars * (STANDING - (STANDING - SLEEPING) * dark) + (4 - cars) * SLEEPING + 4.0 * trips * TRIP_KWH
        row[NAMES.index("lifts1.electric_power")] = factor * kw
        self.rows.append(row)
        self.unix_s += 900.0


def test_a_sound_planner_keeps_its_authority():
    house = House()
    assert house.live(2.0) == {"planner"} and house.lost == []


def test_a_changed_machine_is_noticed_learned_anew_and_regained():
    house = House()
    house.live(0.5)
    sources = house.live(1.0, factor=2.5)
    (lost,) = house.lost
    assert sources == {"planner", "baseline"}
    assert lost.machine == "lifts1" and lost.error < -0.4
    assert house.learn_anew().lifts == ()  # What came since is too little.
    assert house.live(3.5, factor=2.5) == {"baseline"}
    assert house.learn_anew().lifts[0].standing_kw == pytest.approx(2.5 * STANDING, rel=0.15)
    assert house.live(1.5, factor=2.5) == {"planner"} and house.lost == [lost]


def test_in_shadow_nothing_is_proved():
    """Own control goes on: what the plans promised was never tried, so they cannot have been wrong."""
    house = House()
    house.follows = False
    assert house.live(2.0, factor=2.5) == {"planner"} and house.lost == []


def test_a_model_that_refuses_leaves_the_machine_to_the_rules():
    house = House()
    for entry in house.planner.hosts.get("lift_group").promise["inputs"]:
        if entry["name"] == "trips":
            entry["high"] = 1.0
    assert "baseline" in house.live(1.0)
    assert house.planner.news.faults == [] or "trips spans" in house.planner.news.faults[0]
