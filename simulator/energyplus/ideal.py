"""The office with ideal air conditioning and fixed hours: what zones need, without any machine, to compare models."""

from __future__ import annotations

from datetime import date

from simulator.energyplus.epjson import Hours, Model, frame
from simulator.energyplus.run import Watch
from simulator.energyplus.shell import ZONES, add_shell
from simulator.energyplus.zone_parts import add_gains, add_thermostat, add_zone_equipment, fresh_m3_s

PERSON_W = 75.0
"""Sensible heat of a seated office worker, ASHRAE Fundamentals; moisture is left out here."""
HEATING_C, COOLING_C = 21.0, 24.0
HEATING_OFF_C, COOLING_OFF_C = 16.0, 29.0

OFF, ON = 0.0, 1.0
PEOPLE: Hours = (
    (7.0, OFF),
    (8.0, 0.3),
    (9.0, 0.8),
    (12.0, ON),
    (13.0, 0.6),
    (17.0, ON),
    (18.0, 0.5),
    (19.0, 0.2),
    (24.0, OFF),
)
LIGHTS: Hours = ((7.0, 0.05), (8.0, 0.5), (18.0, ON), (19.0, 0.5), (24.0, 0.05))
PLUGS: Hours = ((7.0, 0.3), (8.0, 0.6), (18.0, ON), (19.0, 0.6), (24.0, 0.3))
FRESH: Hours = ((7.0, OFF), (19.0, ON), (24.0, OFF))
HEATING: Hours = ((6.0, HEATING_OFF_C), (19.0, HEATING_C), (24.0, HEATING_OFF_C))
COOLING: Hours = ((6.0, COOLING_OFF_C), (19.0, COOLING_C), (24.0, COOLING_OFF_C))


def build(first: date, days: int, steps_an_hour: int, ground_c: tuple[float, ...]) -> Model:
    model = Model()
    frame(model, first, days, steps_an_hour)
    add_shell(model, ground_c)
    model.schedule("people", PEOPLE, ((24.0, OFF),))
    model.schedule("lights", LIGHTS, ((24.0, 0.05),))
    model.schedule("plugs", PLUGS, ((24.0, 0.3),))
    model.schedule("fresh", FRESH, ((24.0, OFF),))
    model.schedule("heating", HEATING, ((24.0, HEATING_OFF_C),))
    model.schedule("cooling", COOLING, ((24.0, COOLING_OFF_C),))
    model.constant("person", PERSON_W)
    model.constant("dual", 4.0)
    for zone in ZONES:
        add_gains(model, zone, "person", sensible_heat_fraction=1.0)
        _add_air(model, zone)
    return model


def _add_air(model: Model, zone: str) -> None:
    """Fresh air comes straight from outdoors in the occupied hours."""
    model.add(
        "ZoneVentilation:DesignFlowRate",
        f"{zone} fresh air",
        zone_or_zonelist_or_space_or_spacelist_name=zone,
        schedule_name="fresh",
        design_flow_rate=fresh_m3_s(zone),
        ventilation_type="Balanced",
    )
    model.add("ZoneHVAC:IdealLoadsAirSystem", f"{zone} ideal", zone_supply_air_node_name=f"{zone} supply")
    add_zone_equipment(model, zone, "ZoneHVAC:IdealLoadsAirSystem", f"{zone} ideal")
    add_thermostat(model, zone, "heating", "cooling")


def watch() -> Watch:
    """Zone air temperature, then sensible heating, then sensible cooling rate; each by zone, as means."""
    asked: tuple[str, ...] = ("Zone Air Temperature", "Zone Ideal Loads Zone Sensible Heating Rate")
    asked += ("Zone Ideal Loads Zone Sensible Cooling Rate",)
    return Watch(means=tuple((name, f"{zone} ideal" if "Ideal" in name else zone) for name in asked for zone in ZONES))
