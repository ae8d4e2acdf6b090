"""What every zone of an EnergyPlus building has: people, lights, plugs, a thermostat, a place for its machine."""

from __future__ import annotations

from typing import Any

from simulator.energyplus.epjson import Model
from simulator.energyplus.shell import FLOOR_M2

FLOOR_M2_PERSON = 15.0
"""Our assumption."""
PERSON_RADIANT = 0.3
"""Radiant share of people's sensible heat; EnergyPlus's default."""
LIGHT_W_M2, LIGHT_RADIANT = 6.9, 0.5
"""ASHRAE 90.1-2019, table 9.5.1, office; radiant share between those of recessed and surface-mounted luminaires."""
PLUG_W_M2, PLUG_RADIANT = 8.0, 0.3
"""Our assumption, between the light and medium load densities of ASHRAE Fundamentals."""
FRESH_L_S_PERSON = 8.5
"""ASHRAE 62.1, office, for people and area together."""


def people(zone: str) -> float:
    """When all are in."""
    return FLOOR_M2[zone] / FLOOR_M2_PERSON


def fresh_m3_s(zone: str) -> float:
    return people(zone) * FRESH_L_S_PERSON / 1000.0


def add_gains(model: Model, zone: str, person: str, **of_people: Any) -> None:
    """By the schedules `people`, `lights`, `plugs`, and the heat of `person`; `of_people`: more fields of People."""
    within = {"zone_or_zonelist_or_space_or_spacelist_name": zone}
    model.add(
        "People",
        f"{zone} people",
        number_of_people_schedule_name="people",
        number_of_people=people(zone),
        fraction_radiant=PERSON_RADIANT,
        activity_level_schedule_name=person,
        **within,
        **of_people,
    )
    model.add(
        "Lights",
        f"{zone} lights",
        schedule_name="lights",
        lighting_level=LIGHT_W_M2 * FLOOR_M2[zone],
        fraction_radiant=LIGHT_RADIANT,
        **within,
    )
    model.add(
        "ElectricEquipment",
        f"{zone} plugs",
        schedule_name="plugs",
        design_level=PLUG_W_M2 * FLOOR_M2[zone],
        fraction_radiant=PLUG_RADIANT,
        **within,
    )


def add_zone_equipment(model: Model, zone: str, kind: str, name: str) -> None:
    """One piece of air conditioning that serves a zone from the node `<zone> supply`."""
    model.add(
        "ZoneHVAC:EquipmentList",
        f"{zone} equipment",
        equipment=[
            {
                "zone_equipment_object_type": kind,
                "zone_equipment_name": name,
                "zone_equipment_cooling_sequence": 1,
                "zone_equipment_heating_or_no_load_sequence": 1,
            }
        ],
    )
    model.add(
        "ZoneHVAC:EquipmentConnections",
        f"{zone} connections",
        zone_name=zone,
        zone_conditioning_equipment_list_name=f"{zone} equipment",
        zone_air_inlet_node_or_nodelist_name=f"{zone} supply",
        zone_air_node_name=f"{zone} air",
        zone_return_air_node_or_nodelist_name=f"{zone} return",
    )


def add_thermostat(model: Model, zone: str, heating: str, cooling: str) -> None:
    """Schedules of the two set-points."""
    model.add(
        "ThermostatSetpoint:DualSetpoint",
        f"{zone} setpoints",
        heating_setpoint_temperature_schedule_name=heating,
        cooling_setpoint_temperature_schedule_name=cooling,
    )
    model.add(
        "ZoneControl:Thermostat",
        f"{zone} thermostat",
        zone_or_zonelist_name=zone,
        control_type_schedule_name="dual",
        control_1_object_type="ThermostatSetpoint:DualSetpoint",
        control_1_name=f"{zone} setpoints",
    )
