"""A true `Plant` without physics: every value is told by the step and by what is held, so that a test knows it."""

from __future__ import annotations

from dataclasses import MISSING, fields

import numpy as np

from simulator.plant import Account, Permit, ScenarioEndedError, WritablePoint

MIDNIGHT_S = 1_561_939_200.0
"""2019-07-01."""
OWN = {
    "zone1.zone_air_heating_temperature_setpoint": 21.0,
    "zone1.zone_air_cooling_temperature_setpoint": 24.0,
    "crac1.supply_air_temperature_setpoint": 17.0,
    "crac1.fan_speed_setpoint": 100.0,
}
WRITABLE = {
    "zone1.zone_air_heating_temperature_setpoint": WritablePoint(12.0, 25.0),
    "zone1.zone_air_cooling_temperature_setpoint": WritablePoint(18.0, 32.0),
    "crac1.supply_air_temperature_setpoint": WritablePoint(14.0, 27.0),
    "crac1.fan_speed_setpoint": WritablePoint(30.0, 100.0),
}

PERMITS = {name: Permit(low, high, 10.0, 0.0) for name, (low, high) in WRITABLE.items()}
EQUIPMENT = {
    "site": {"kind": "site"},
    "zone1": {"kind": "zone", "comfort_low_c": 20.5, "comfort_high_c": 25.5},
    "room1": {"kind": "data_room"},
    "crac1": {"kind": "crac", "serves": "room1", "inlet_max_c": 27.0},
    "meter1": {"kind": "meter"},
}


class SmallPlant:
    """A zone, a CRAC with its room, a meter; `learn_days` and `days` of `step_s`."""

    writable = WRITABLE
    permits = PERMITS
    equipment = EQUIPMENT

    def __init__(self, *, step_s=3600.0, learn_days=0, days=1):
        self.step_s = step_s
        self.start_unix_s = self.unix_s = MIDNIGHT_S
        self.judge_unix_s = MIDNIGHT_S + 86_400.0 * learn_days
        self.end_unix_s = self.judge_unix_s + 86_400.0 * days
        self.held = {}
        self._since_s = MIDNIGHT_S
        self.names = tuple(self.true())

    def true(self):
        """Point -> value now."""
        hours = (self.unix_s - self.start_unix_s) / 3600.0
        follows = OWN | self.held
        supply_c = follows["crac1.supply_air_temperature_setpoint"]
        return {
            "site.outdoor_air_temperature": 20.0 + hours / 10.0,
            "zone1.zone_air_temperature": 22.0 + hours / 10.0,
            "zone1.occupancy_count": hours % 5,
            "zone1.supply_air_flow": 0.5 + hours / 100.0,
            "zone1.co2_level": 400.0 + hours,
            "zone1.zone_air_heating_temperature_setpoint": follows["zone1.zone_air_heating_temperature_setpoint"],
            "zone1.zone_air_cooling_temperature_setpoint": follows["zone1.zone_air_cooling_temperature_setpoint"],
            "room1.rack_inlet_temperature_1": supply_c + 3.0,
            "crac1.on_off_status": 1.0,
            "crac1.supply_air_temperature": supply_c,
            "crac1.return_air_temperature": supply_c + 12.0,
            "crac1.supply_air_temperature_setpoint": supply_c,
            "crac1.fan_speed_setpoint": follows["crac1.fan_speed_setpoint"],
            "crac1.electric_power": 7.5,
            "crac1.electric_energy": 7.5 * hours,
            "meter1.electric_power": 40.0 + hours,
            "meter1.electric_energy": 1000.0 + 40.0 * hours,
        }

    def step(self, overrides):
        if self.unix_s >= self.end_unix_s:
            raise ScenarioEndedError
        for name, value in overrides.items():
            low, high = self.writable[name]
            if not low <= value <= high:
                raise ValueError(f"{name}: {value}")
        self.held = dict(overrides)
        self.unix_s += self.step_s

    def read(self):
        return np.array(list(self.true().values()))

    def start_account(self):
        self._since_s = self.unix_s

    def account(self):
        empty = {"kwh": {}, "starts": {}, "idle": {}, "zone_hi_kh": (), "zone_lo_kh": ()}
        told = {f.name: empty.get(f.name, 0.0) for f in fields(Account) if f.default is MISSING}
        return Account(**told | {"hours": (self.unix_s - self._since_s) / 3600.0})
