"""What each kind of equipment is: its roles, with units and families. Roles are Brick classes in snake_case."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.points import Kind


@dataclass(frozen=True, slots=True)
class Role:
    """What a point means within its equipment."""

    name: str
    unit: str
    kind: Kind
    writable: bool = False


def _sensor(name: str, unit: str) -> Role:
    return Role(name, unit, Kind.SENSOR)


def _status(name: str, unit: str) -> Role:
    return Role(name, unit, Kind.STATUS)


def _setpoint(name: str, unit: str) -> Role:
    return Role(name, unit, Kind.SETPOINT, writable=True)


def _command(name: str, unit: str) -> Role:
    return Role(name, unit, Kind.COMMAND, writable=True)


MOST_RACKS = 40
"""Inlet sensors a room may have."""

KINDS: dict[str, tuple[Role, ...]] = {
    "site": (
        _sensor("outdoor_air_temperature", "degC"),
        _sensor("solar_irradiance", "W/m2"),
        _sensor("grid_carbon_intensity", "kg/kWh"),
        _sensor("electricity_price", "1/kWh"),
    ),
    "zone": (
        _sensor("zone_air_temperature", "degC"),
        _sensor("occupancy_count", "count"),
        _sensor("supply_air_flow", "kg/s"),
        _sensor("co2_level", "ppm"),
        _sensor("zone_air_relative_humidity", "pct"),
        _setpoint("zone_air_heating_temperature_setpoint", "degC"),
        _setpoint("zone_air_cooling_temperature_setpoint", "degC"),
    ),
    "ahu": (
        _command("on_off_command", "onoff"),
        _status("on_off_status", "onoff"),
        _sensor("supply_air_temperature", "degC"),
        _sensor("return_air_temperature", "degC"),
        _setpoint("supply_air_temperature_setpoint", "degC"),
        _sensor("supply_air_flow", "kg/s"),
        _sensor("fan_power", "kW"),
        _sensor("cooling_power", "kW"),
        _sensor("heating_power", "kW"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "data_room": (
        *(_sensor(f"rack_inlet_temperature_{n}", "degC") for n in range(1, MOST_RACKS + 1)),
        _sensor("it_power", "kW"),
    ),
    "crac": (
        _status("on_off_status", "onoff"),
        _sensor("supply_air_temperature", "degC"),
        _sensor("return_air_temperature", "degC"),
        _setpoint("supply_air_temperature_setpoint", "degC"),
        _setpoint("fan_speed_setpoint", "pct"),
        _sensor("fan_speed", "pct"),
        _sensor("fan_power", "kW"),
        _sensor("compressor_power", "kW"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "lift_group": (
        _setpoint("cars_in_service_setpoint", "count"),
        _setpoint("standby_depth_setpoint", "count"),
        _setpoint("parking_floor_setpoint", "count"),
        _status("cars_in_service", "count"),
        _status("cars_moving", "count"),
        _sensor("trips_count", "count"),
        _sensor("waiting_time_mean", "s"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "boiler": (
        _command("on_off_command", "onoff"),
        _status("on_off_status", "onoff"),
        _setpoint("leaving_hot_water_temperature_setpoint", "degC"),
        _sensor("leaving_hot_water_temperature", "degC"),
        _sensor("entering_hot_water_temperature", "degC"),
        _sensor("gas_power", "kW"),
        _sensor("thermal_power", "kW"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "chilled_water_plant": (
        _setpoint("leaving_chilled_water_temperature_setpoint", "degC"),
        _setpoint("entering_condenser_water_temperature_setpoint", "degC"),
        _setpoint("chillers_enabled_setpoint", "count"),
        _sensor("leaving_chilled_water_temperature", "degC"),
        _sensor("entering_chilled_water_temperature", "degC"),
        _sensor("entering_condenser_water_temperature", "degC"),
        _sensor("chilled_water_flow", "kg/s"),
        _sensor("thermal_power", "kW"),
        _sensor("chiller_power", "kW"),
        _sensor("pump_power", "kW"),
        _sensor("tower_fan_power", "kW"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "chiller": (
        _status("on_off_status", "onoff"),
        _sensor("electric_power", "kW"),
        _sensor("thermal_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "pump": (
        _command("on_off_command", "onoff"),
        _status("on_off_status", "onoff"),
        _sensor("supply_water_temperature", "degC"),
        _sensor("return_water_temperature", "degC"),
        _sensor("water_flow", "kg/s"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
    ),
    "pv": (
        _sensor("electric_power", "kW"),
        _sensor("solar_power", "kW"),
    ),
    "battery": (
        _setpoint("charge_power_setpoint", "kW"),
        _sensor("state_of_charge", "pct"),
        _sensor("electric_power", "kW"),
    ),
    "meter": (
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
        _sensor("voltage", "V"),
        _sensor("current", "A"),
        _sensor("frequency", "Hz"),
    ),
    "gateway": (_command("heartbeat", "count"),),
}


def role_of(kind: str, name: str) -> Role | None:
    """The role of that name, or None when the kind has none such."""
    return next((role for role in KINDS.get(kind, ()) if role.name == name), None)
