"""The points of `office-tower`: what can be read, in which order, and what can be written, within which range."""

from __future__ import annotations

from simulator.plant import WritablePoint

ZONES = tuple(f"zone{n}" for n in range(1, 5))
RACKS = range(1, 5)

WRITABLE = {
    **{f"{zone}.zone_air_heating_temperature_setpoint": WritablePoint(12.0, 25.0) for zone in ZONES},
    **{f"{zone}.zone_air_cooling_temperature_setpoint": WritablePoint(18.0, 32.0) for zone in ZONES},
    "ahu1.on_off_command": WritablePoint(0.0, 1.0),
    "ahu1.supply_air_temperature_setpoint": WritablePoint(12.0, 22.0),
    "crac1.supply_air_temperature_setpoint": WritablePoint(14.0, 27.0),
    "crac1.fan_speed_setpoint": WritablePoint(30.0, 100.0),
    "lifts1.cars_in_service_setpoint": WritablePoint(1.0, 4.0),
}
"""Each device's own range."""

ZONE_ROLES = (
    "zone_air_temperature",
    "occupancy_count",
    "supply_air_flow",
    "co2_level",
    "zone_air_heating_temperature_setpoint",
    "zone_air_cooling_temperature_setpoint",
)
ROLES = {
    "site": ("outdoor_air_temperature", "solar_irradiance"),
    **dict.fromkeys(ZONES, ZONE_ROLES),
    "ahu1": (
        "on_off_command",
        "on_off_status",
        "supply_air_temperature",
        "return_air_temperature",
        "supply_air_temperature_setpoint",
        "supply_air_flow",
        "fan_power",
        "cooling_power",
        "heating_power",
        "electric_power",
        "electric_energy",
    ),
    "room1": (*(f"rack_inlet_temperature_{n}" for n in RACKS), "it_power"),
    "crac1": (
        "on_off_status",
        "supply_air_temperature",
        "return_air_temperature",
        "supply_air_temperature_setpoint",
        "fan_speed_setpoint",
        "fan_speed",
        "fan_power",
        "compressor_power",
        "electric_power",
        "electric_energy",
    ),
    "lifts1": (
        "cars_in_service_setpoint",
        "cars_in_service",
        "cars_moving",
        "trips_count",
        "waiting_time_mean",
        "electric_power",
        "electric_energy",
    ),
    "meter1": ("electric_power", "electric_energy"),
    "meter2": ("electric_power", "electric_energy"),
}
NAMES = tuple(f"{equipment}.{role}" for equipment, roles in ROLES.items() for role in roles)
"""Order of `Plant.read()`."""
