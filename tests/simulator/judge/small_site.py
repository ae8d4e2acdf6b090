"""A site small enough that its best plan can be reckoned by hand: a heated room, and a fan that knows nothing of it."""

from datetime import date

import numpy as np

from simulator.parts import Part, follow
from simulator.physics.weather import SEASONS, SyntheticSky
from simulator.plant import Permit, WritablePoint
from simulator.world import Site, Span, Worlds

SETPOINT = "zone1.zone_air_heating_temperature_setpoint"
AIR = "zone1.zone_air_temperature"
FAN = "ahu1.on_off_command"
SPEED = "crac1.fan_speed_setpoint"
START = date(2019, 1, 7)
W_K, J_K, HEAT_MAX_W = 200.0, 3.0e6, 10_000.0


class OneKnob(Part):
    """A part with one writable point and one end use."""

    def __init__(self, worlds, knob, kind, use, permit, *shown):
        self.points = (knob, *shown)
        self.writable = {knob: WritablePoint(permit.low, permit.high)}
        self.permits = {knob: permit}
        self.equipment = {knob.partition(".")[0]: {"kind": kind}}
        self.uses = (use,)
        self.ailments = {}
        super().__init__(worlds)


class Room(OneKnob):
    """People from 8 to 18; own control keeps 22 C day and night. Loses W_K to 5 C."""

    def __init__(self, worlds):
        super().__init__(worlds, SETPOINT, "zone", "heating", Permit(14.0, 24.0, 10.0, 600.0), AIR)
        self.air_c = np.full(worlds, 22.0)

    def open_books(self):
        self.books.add("zone_lo_ks", np.zeros((1, self.worlds)))

    def advance(self, minute, sky, held):
        goal = follow(held[0], 22.0)
        power = np.minimum(HEAT_MAX_W, np.maximum(0.0, W_K * (goal - 5.0) + 2000.0 * (goal - self.air_c)))
        self.air_c = self.air_c + 60.0 * (power - W_K * (self.air_c - 5.0)) / J_K
        self.power_w[0] = power
        cold = np.maximum(0.0, 20.5 - 0.1 - self.air_c) if 480 <= minute < 1080 else np.zeros(self.worlds)
        self.books.add("zone_lo_ks", 60.0 * cold[None])
        self.show(SETPOINT, goal)
        self.show(AIR, self.air_c)


class Fan(OneKnob):
    """2 kW while on; own control never stops it, and it must run from 9 to 17."""

    def __init__(self, worlds):
        super().__init__(worlds, FAN, "ahu", "fan", Permit(0.0, 1.0, 1.0, 900.0))

    def advance(self, minute, sky, held):
        is_on = follow(held[0], 1.0) >= 0.5
        self.power_w[0] = 2000.0 * is_on
        is_needed = 540 <= minute < 1020
        self.books.add("unvent_s", 60.0 * (~is_on & is_needed))
        self.books.idle("ahu1", 60.0 * is_on, 60.0 * (is_on & (not is_needed)), self.power_w[0] * 0.0)
        self.show(FAN, is_on)


class Pump(OneKnob):
    """Its power follows that of the room: the two are one cluster."""

    def __init__(self, room):
        super().__init__(room.worlds, SPEED, "crac", "pump", Permit(0.0, 100.0, 100.0, 600.0))
        self.room = room

    def advance(self, minute, sky, held):
        speed = follow(held[0], 100.0)
        self.power_w[0] = self.room.power_w[0] * (0.1 + 0.001 * speed)
        self.show(SPEED, speed)


def small_site(worlds, days=3, *, is_coupled=False, step_s=600.0):
    """Same dice in all worlds."""
    room = Room(worlds)
    parts = (room, Fan(worlds), *([Pump(room)] if is_coupled else []))
    span = Span(learn_days=1, days=days, wire_step_s=step_s)
    sky = SyntheticSky(SEASONS["winter"], [START] * worlds, START, span.total_days, 48.0, [1] * worlds)
    return Worlds(Site(parts=parts, meters={"meter1": ()}), sky, span, [START] * worlds)
