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

PHASES = (
    *(_sensor(f"voltage_phase_{n}", "V") for n in (1, 2, 3)),
    *(_sensor(f"current_phase_{n}", "A") for n in (1, 2, 3)),
    *(_sensor(f"electric_power_phase_{n}", "kW") for n in (1, 2, 3)),
)
"""Each phase to neutral, for who looks for an uneven load or a lost phase."""

QUALITY = (
    *(_sensor(f"voltage_phase_{a}_{b}", "V") for a, b in ((1, 2), (2, 3), (3, 1))),
    _sensor("voltage_phase_to_phase", "V"),
    _sensor("current_neutral", "A"),
    *(_sensor(f"apparent_power_phase_{n}", "kVA") for n in (1, 2, 3)),
    *(_sensor(f"reactive_power_phase_{n}", "kvar") for n in (1, 2, 3)),
    _sensor("power_factor", "1"),
    *(_sensor(f"power_factor_phase_{n}", "1") for n in (1, 2, 3)),
    *(_sensor(f"voltage_distortion_phase_{n}", "pct") for n in (1, 2, 3)),
    *(_sensor(f"current_distortion_phase_{n}", "pct") for n in (1, 2, 3)),
    _sensor("electric_power_demand", "kW"),
    _sensor("electric_power_demand_max", "kW"),
)
"""What the supply is like: for who pays for demand or reactive power. Distortion is total harmonic distortion (THD)."""

ENERGIES = tuple(
    _sensor(name + phase, unit)
    for name, unit in (
        ("electric_energy", "kWh"),
        ("exported_electric_energy", "kWh"),
        ("apparent_energy", "kVAh"),
        ("exported_apparent_energy", "kVAh"),
        ("reactive_energy", "kvarh"),
        ("exported_reactive_energy", "kvarh"),
        ("inductive_reactive_energy", "kvarh"),
        ("capacitive_reactive_energy", "kvarh"),
    )
    for phase in ("", "_phase_1", "_phase_2", "_phase_3")
)

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
        _sensor("pm2_5_level", "ug/m3"),
        _sensor("pm10_level", "ug/m3"),
        _sensor("battery_level", "pct"),
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
        _sensor("outdoor_air_temperature", "degC"),
        _sensor("return_air_relative_humidity", "pct"),
        _status("effective_supply_air_temperature_setpoint", "degC"),
        _sensor("heat_recovery_efficiency", "pct"),
        _status("heat_recovery_command", "pct"),
        _status("heating_command", "pct"),
        _status("cooling_command", "pct"),
        _status("supply_fan_speed", "pct"),
        _status("return_fan_speed", "pct"),
        _status("operating_mode", "count"),
        _status("filter_alarm", "onoff"),
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
        _sensor("air_temperature", "degC"),
        _setpoint("air_temperature_setpoint", "degC"),
        _status("effective_air_temperature_setpoint", "degC"),
        _setpoint("humidity_setpoint", "pct"),
        _setpoint("fan_speed_max_setpoint", "pct"),
        _setpoint("fan_speed_min_setpoint", "pct"),
        _sensor("return_air_relative_humidity", "pct"),
        _sensor("outdoor_air_temperature", "degC"),
        _sensor("thermal_power", "kW"),
        _status("cooling_capacity", "pct"),
        _status("compressor_1_status", "onoff"),
        _status("compressor_2_status", "onoff"),
        _sensor("fan_run_time", "s"),
        _sensor("compressor_1_run_time", "s"),
        _sensor("compressor_2_run_time", "s"),
        _status("operating_mode", "count"),
        _status("alarm_status", "count"),
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
    "lift": (
        _status("gateway_status", "onoff"),
        _status("car_position", "count"),
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
        _command("on_off_command", "onoff"),
        _status("on_off_status", "onoff"),
        _sensor("electric_power", "kW"),
        _sensor("thermal_power", "kW"),
        _sensor("electric_energy", "kWh"),
        _status("effective_leaving_chilled_water_temperature_setpoint", "degC"),
        _sensor("leaving_chilled_water_temperature", "degC"),
        _sensor("entering_chilled_water_temperature", "degC"),
        _sensor("outdoor_air_temperature", "degC"),
        _status("cooling_capacity", "pct"),
        _status("cooling_capacity_limit", "pct"),
        _sensor("current", "A"),
        _status("remote_status", "onoff"),
        _status("run_permission_status", "onoff"),
        _status("capacity_limited_status", "onoff"),
        _status("alarm_status", "onoff"),
        _status("water_flow_status", "onoff"),
        _status("operating_mode", "count"),
        _status("operating_state", "count"),
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
        _sensor("apparent_power", "kVA"),
        _sensor("reactive_power", "kvar"),
        _sensor("voltage", "V"),
        _sensor("current", "A"),
        _sensor("frequency", "Hz"),
        *ENERGIES,
        *PHASES,
        *QUALITY,
    ),
    "pdu": (
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
        _sensor("voltage", "V"),
        _sensor("current", "A"),
        _sensor("apparent_power", "kVA"),
        _sensor("reactive_power", "kvar"),
        _sensor("current_max", "A"),
        _sensor("current_unbalance", "pct"),
        _sensor("frequency", "Hz"),
        *(_sensor(f"outlet_{n}_current", "A") for n in (1, 2, 3)),
        *(_sensor(f"breaker_{n}_current", "A") for n in (1, 2, 3)),
    ),
    "vfd": (
        _status("on_off_status", "onoff"),
        _status("fault_status", "onoff"),
        _status("warning_status", "onoff"),
        _status("remote_status", "onoff"),
        _status("speed_reference", "pct"),
        _sensor("motor_speed", "pct"),
        _sensor("output_frequency", "Hz"),
        _sensor("output_voltage", "V"),
        _sensor("motor_current", "A"),
        _sensor("dc_bus_voltage", "V"),
        _sensor("electric_power", "kW"),
        _sensor("electric_energy", "kWh"),
        _sensor("run_time", "s"),
        _sensor("power_on_time", "s"),
        _sensor("motor_thermal_load", "pct"),
        _sensor("heat_sink_temperature", "degC"),
    ),
    "gateway": (_command("heartbeat", "count"),),
}


def role_of(kind: str, name: str) -> Role | None:
    """The role of that name, or None when the kind has none such."""
    return next((role for role in KINDS.get(kind, ()) if role.name == name), None)
