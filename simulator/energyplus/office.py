"""The small office for EnergyPlus: the shell, people who stay, a variable-air-volume machine with reheat.

Its ordinary control is that of the numpy floors: a clock from 05:00 to 21:00 all seven days, 22 to 23 C in these hours
and 18 to 28 C outside them, supply air constant at 14 C, and a night guard for zones that leave their set-points.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from simulator.energyplus.airloop import AirLoop
from simulator.energyplus.design import Design, add_system_sizing, add_zone_sizing, ground_c
from simulator.energyplus.epjson import Hours, Model, frame
from simulator.energyplus.shell import ZONES, add_shell
from simulator.energyplus.zone_parts import add_gains, add_thermostat, fresh_m3_s

SUPPLY_C = 14.0
START_H, STOP_H = 5.0, 21.0
"""Of the clock."""
HEATING_C, COOLING_C = 22.0, 23.0
HEATING_OFF_C, COOLING_OFF_C = 18.0, 28.0
FAN_PA = 900.0
LEAST_FLOW = 0.3
"""Of a zone's design flow; what makes a machine reheat cold air (ordinary for older control)."""
PERSON_W = 120.0
"""Sensible and latent, seated, light work: ASHRAE Fundamentals, nonresidential loads."""
CO2_M3_S_W = 3.82e-8
"""EnergyPlus's default, from ASHRAE 62.1's 0.31 l/min at 1.2 met."""
OUTDOOR_CO2_PPM = 420.0

PEOPLE: Hours = (
    (7.0, 0.0),
    (8.0, 0.3),
    (9.0, 0.8),
    (12.0, 1.0),
    (13.0, 0.6),
    (17.0, 1.0),
    (18.0, 0.5),
    (20.0, 0.2),
    (22.0, 0.1),
    (24.0, 0.0),
)
SATURDAY: Hours = ((9.0, 0.0), (13.0, 0.15), (24.0, 0.0))
NOBODY: Hours = ((24.0, 0.0),)
LIGHTS: Hours = ((7.0, 0.05), (8.0, 0.5), (18.0, 1.0), (22.0, 0.4), (24.0, 0.05))
PLUGS: Hours = ((7.0, 0.3), (8.0, 0.6), (18.0, 1.0), (22.0, 0.5), (24.0, 0.3))


def by_clock(on: float, off: float) -> Hours:
    return ((START_H, off), (STOP_H, on), (24.0, off))


def build(weather: Path, first: date, days: int, steps_an_hour: int) -> Model:
    """The machines are sized for the climate of the weather file."""
    model = Model()
    frame(model, first, days, steps_an_hour, is_sized=True)
    Design.of(weather).add(model)
    add_shell(model, ground_c(weather))
    _add_schedules(model)
    for zone in ZONES:
        add_gains(model, zone, "person", carbon_dioxide_generation_rate=CO2_M3_S_W)
        _add_terminal(model, zone)
        add_thermostat(model, zone, f"{zone} heating", f"{zone} cooling")
        add_zone_sizing(model, zone, SUPPLY_C, fresh_m3_s(zone))
    _ahu(sum(fresh_m3_s(zone) for zone in ZONES)).add(model)
    add_system_sizing(model, "ahu1", SUPPLY_C, SUPPLY_C + 3.0)  # A gas coil with some to spare.
    _add_night_guard(model)
    outdoor = model.constant("outdoor CO2", OUTDOOR_CO2_PPM)
    model.add(
        "ZoneAirContaminantBalance",
        "CO2",
        carbon_dioxide_concentration="Yes",
        outdoor_carbon_dioxide_schedule_name=outdoor,
    )
    return model


def _ahu(outdoor_m3_s: float) -> AirLoop:
    return AirLoop(
        name="ahu1",
        zones=ZONES,
        terminal_kind="AirTerminal:SingleDuct:VAV:Reheat",
        supply_schedule="ahu1 supply air",
        on_schedule="ahu1 on",
        fan_pa=FAN_PA,
        outdoor_m3_s=outdoor_m3_s,
        has_heating=True,
    )


def _add_schedules(model: Model) -> None:
    model.schedule("people", PEOPLE, NOBODY, SATURDAY)
    model.schedule("lights", LIGHTS, ((24.0, 0.05),))
    model.schedule("plugs", PLUGS, ((24.0, 0.3),))
    model.schedule("ahu1 on", by_clock(1.0, 0.0), by_clock(1.0, 0.0))
    model.constant("ahu1 supply air", SUPPLY_C)
    model.constant("person", PERSON_W)
    model.constant("dual", 4.0)
    heating, cooling = by_clock(HEATING_C, HEATING_OFF_C), by_clock(COOLING_C, COOLING_OFF_C)
    for zone in ZONES:
        model.schedule(f"{zone} heating", heating, heating)
        model.schedule(f"{zone} cooling", cooling, cooling)


def _add_terminal(model: Model, zone: str) -> None:
    model.add(
        "AirTerminal:SingleDuct:VAV:Reheat",
        f"{zone} terminal",
        damper_air_outlet_node_name=f"{zone} damper",
        air_inlet_node_name=f"{zone} branch duct",
        maximum_air_flow_rate="Autosize",
        zone_minimum_air_flow_input_method="Constant",
        constant_minimum_air_flow_fraction=LEAST_FLOW,
        reheat_coil_object_type="Coil:Heating:Electric",
        reheat_coil_name=f"{zone} reheat",
        air_outlet_node_name=f"{zone} supply",
        damper_heating_action="Normal",
        maximum_reheat_air_temperature=40.0,
    )
    model.add(
        "Coil:Heating:Electric",
        f"{zone} reheat",
        efficiency=1.0,
        nominal_capacity="Autosize",
        air_inlet_node_name=f"{zone} damper",
        air_outlet_node_name=f"{zone} supply",
    )


def _add_night_guard(model: Model) -> None:
    model.add(
        "AvailabilityManager:NightCycle",
        "ahu1 night guard",
        applicability_schedule_name="always",
        fan_schedule_name="ahu1 on",
        control_type="CycleOnAny",
        thermostat_tolerance=1.0,
        cycling_run_time_control_type="FixedRunTime",
        cycling_run_time=1800.0,
    )
    managers = [
        {
            "availability_manager_object_type": "AvailabilityManager:NightCycle",
            "availability_manager_name": "ahu1 night guard",
        }
    ]
    model.add("AvailabilityManagerAssignmentList", "ahu1 managers", managers=managers)
