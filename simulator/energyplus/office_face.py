"""The points of the EnergyPlus office: five zones on one air handler, as the numpy floors name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.energyplus import office
from simulator.energyplus.face import Look, Place, Seen, scalar
from simulator.energyplus.shell import ZONES
from simulator.parts import Books
from simulator.physics.comfort import COMFORT_HIGH_C, COMFORT_LOW_C, COMFORT_SLACK_K, DAMP_KG_KG, DEW_POINT_MAX_C
from simulator.physics.floor import AHU_ROLES
from simulator.physics.inhabited import COOLING_SETPOINT, DEADBAND_K, HEATING_SETPOINT, ZONE_ROLES
from simulator.physics.psychrometrics import dew_point
from simulator.plant import Permit, WritablePoint

Array = NDArray[np.float64]

AHU = "ahu1"
SUPPLY, ON_OFF = f"{AHU}.supply_air_temperature_setpoint", f"{AHU}.on_off_command"
SCHEDULE_VALUE = "Schedule Value"
FORCE_OFF, CYCLE_ON = 1.0, 2.0
"""EnergyPlus's words for the availability of an air loop."""
FLOWING_KG_S = 1e-3
OUTDOORS: tuple[Place, ...] = (
    ("Site Outdoor Air Drybulb Temperature", "Environment"),
    ("Site Direct Solar Radiation Rate per Area", "Environment"),
    ("Site Diffuse Solar Radiation Rate per Area", "Environment"),
    ("Site Solar Altitude Angle", "Environment"),
)


def outdoors(seen: Seen) -> dict[str, float]:
    """The site's own points."""
    air, beam, diffuse, altitude = (seen(*place) for place in OUTDOORS)
    on_ground = diffuse + beam * max(0.0, float(np.sin(np.radians(altitude))))
    return {"site.outdoor_air_temperature": air, "site.solar_irradiance": on_ground}


class OfficeFace:
    """Zone set-points do nothing while the machine is off, but for the night guard; a held command silences it too."""

    meters: Mapping[str, tuple[str, ...]] = {"meter1": ()}
    room_uses: tuple[str, ...] = ()

    def __init__(self) -> None:
        zones = tuple(f"{zone}.{role}" for zone in ZONES for role in ZONE_ROLES)
        site = ("site.outdoor_air_temperature", "site.solar_irradiance")
        self.points: tuple[str, ...] = (*site, *zones, *(f"{AHU}.{role}" for role in AHU_ROLES))
        self.writable: Mapping[str, WritablePoint] = _writable()
        self.permits: Mapping[str, Permit] = _permits()
        zone = {"kind": "zone", "served_by": AHU, "comfort_low_c": COMFORT_LOW_C, "comfort_high_c": COMFORT_HIGH_C}
        self.equipment: Mapping[str, Mapping[str, Any]] = {name: dict(zone) for name in ZONES} | {AHU: {"kind": "ahu"}}
        self.means = _means()
        self.states = _states()
        setpoints = tuple(
            ("Schedule:Compact", SCHEDULE_VALUE, f"{zone} {side}") for side in ("heating", "cooling") for zone in ZONES
        )
        self.actuators: tuple[tuple[str, str, str], ...] = (
            *setpoints,
            ("Schedule:Constant", SCHEDULE_VALUE, f"{AHU} supply air"),
            ("Schedule:Compact", SCHEDULE_VALUE, f"{AHU} on"),
            ("AirLoopHVAC", "Availability Status", AHU),
        )
        self._was_on = False

    def orders(self, held: Mapping[str, float], hour: float) -> Array:
        is_hour = office.START_H <= hour < office.STOP_H
        own = office.HEATING_C if is_hour else office.HEATING_OFF_C
        own_cooling = office.COOLING_C if is_hour else office.COOLING_OFF_C
        heating, cooling = [], []
        for zone in ZONES:
            cool = held.get(f"{zone}.{COOLING_SETPOINT}", np.nan)
            heat = held.get(f"{zone}.{HEATING_SETPOINT}", np.nan)
            most = (own_cooling if np.isnan(cool) else cool) - DEADBAND_K
            heating.append(most if (own if np.isnan(heat) else heat) > most else heat)
            cooling.append(cool)
        on = held.get(ON_OFF, np.nan)
        status = np.nan if np.isnan(on) else CYCLE_ON if on >= 0.5 else FORCE_OFF
        command = np.nan if np.isnan(on) else float(on >= 0.5)
        return np.array([*heating, *cooling, held.get(SUPPLY, np.nan), command, status])

    def look(self, seen: Seen) -> Look:
        values = outdoors(seen)
        for zone in ZONES:
            values |= {f"{zone}.{role}": seen(*place) for role, place in _zone_places(zone).items()}
        fan, cooling = (
            seen("Fan Electricity Rate", f"{AHU} fan"),
            seen("Cooling Coil Electricity Rate", f"{AHU} DX coil"),
        )
        heating = sum(seen("Heating Coil Electricity Rate", f"{zone} reheat") for zone in ZONES)
        plugs = sum(seen("Zone Lights Electricity Rate", zone) for zone in ZONES)
        plugs += sum(seen("Zone Electric Equipment Electricity Rate", zone) for zone in ZONES)
        flow = seen("System Node Mass Flow Rate", f"{AHU} supply")
        told = {
            "on_off_command": float(seen(SCHEDULE_VALUE, f"{AHU} on") >= 0.5),
            "on_off_status": float(flow > FLOWING_KG_S),
            "supply_air_temperature": seen("System Node Temperature", f"{AHU} supply"),
            "return_air_temperature": seen("System Node Temperature", f"{AHU} return"),
            "supply_air_temperature_setpoint": seen(SCHEDULE_VALUE, f"{AHU} supply air"),
            "supply_air_flow": flow,
            "fan_power": fan / 1000.0,
            "cooling_power": cooling / 1000.0,
            "heating_power": heating / 1000.0,
            "electric_power": (fan + cooling + heating) / 1000.0,
        }
        values |= {f"{AHU}.{role}": value for role, value in told.items()}
        return Look(
            values=values,
            power_w={"fan": fan, "cooling": cooling, "heating": heating, "plug": plugs},
            gas_w=seen("Heating Coil NaturalGas Rate", f"{AHU} gas coil"),
            more={"damp_kg_kg": np.array([seen("Zone Air Humidity Ratio", zone) for zone in ZONES])},
        )

    def book(self, books: Books, look: Look, seconds: float) -> None:
        is_on = look.values[f"{AHU}.on_off_status"] >= 0.5
        people = np.array([look.values[f"{zone}.occupancy_count"] for zone in ZONES])
        is_in = people > 0.0
        idle_s = seconds * (is_on and not is_in.any())
        machine_w = sum(look.power_w[use] for use in ("fan", "cooling", "heating"))
        books.idle(AHU, scalar(seconds * is_on), scalar(idle_s), scalar(machine_w * idle_s))
        books.add(f"starts/{AHU}", scalar(float(is_on and not self._was_on)))
        self._was_on = is_on
        books.add("occupied_s", scalar(seconds * is_in.any()))
        books.add("unvent_s", scalar(seconds * (is_in.any() and not is_on)))
        self._book_zones(books, look, seconds, is_in)

    def _book_zones(self, books: Books, look: Look, seconds: float, is_in: NDArray[np.bool_]) -> None:
        air = np.array([look.values[f"{zone}.zone_air_temperature"] for zone in ZONES])
        co2 = np.array([look.values[f"{zone}.co2_level"] for zone in ZONES])
        books.peak("co2_max_ppm", scalar(float((co2 * is_in).max())))
        for side, kelvin in (("hi", air - COMFORT_HIGH_C), ("lo", COMFORT_LOW_C - air)):
            out_k = np.maximum(kelvin, 0.0) * (is_in & (kelvin > COMFORT_SLACK_K))
            books.add(f"zone_{side}_ks", (out_k * seconds)[:, None])
            books.peak(f"worst_{side}_k", scalar(float(out_k.max())))
        damp = look.more["damp_kg_kg"]
        over_k = (dew_point(damp) - DEW_POINT_MAX_C) * (is_in & (damp > DAMP_KG_KG))
        books.add("humid_ks", scalar(float(over_k.sum()) * seconds))


def _zone_places(zone: str) -> dict[str, Place]:
    """Where each role of a zone is told."""
    return {
        "zone_air_temperature": ("Zone Air Temperature", zone),
        "occupancy_count": ("Zone People Occupant Count", zone),
        "supply_air_flow": ("System Node Mass Flow Rate", f"{zone} supply"),
        "co2_level": ("Zone Air CO2 Concentration", zone),
        "zone_air_relative_humidity": ("Zone Air Relative Humidity", zone),
        HEATING_SETPOINT: ("Zone Thermostat Heating Setpoint Temperature", zone),
        COOLING_SETPOINT: ("Zone Thermostat Cooling Setpoint Temperature", zone),
    }


def _means() -> tuple[Place, ...]:
    machine: tuple[Place, ...] = (
        ("Fan Electricity Rate", f"{AHU} fan"),
        ("Cooling Coil Electricity Rate", f"{AHU} DX coil"),
        ("Heating Coil NaturalGas Rate", f"{AHU} gas coil"),
        ("System Node Mass Flow Rate", f"{AHU} supply"),
    )
    zones = tuple(
        place
        for zone in ZONES
        for place in (
            ("Heating Coil Electricity Rate", f"{zone} reheat"),
            ("Zone Lights Electricity Rate", zone),
            ("Zone Electric Equipment Electricity Rate", zone),
            _zone_places(zone)["supply_air_flow"],
        )
    )
    return machine + zones


def _states() -> tuple[Place, ...]:
    machine: tuple[Place, ...] = (
        ("System Node Temperature", f"{AHU} supply"),
        ("System Node Temperature", f"{AHU} return"),
        (SCHEDULE_VALUE, f"{AHU} supply air"),
        (SCHEDULE_VALUE, f"{AHU} on"),
    )
    rows = tuple(place for zone in ZONES for role, place in _zone_places(zone).items() if role != "supply_air_flow")
    return OUTDOORS + machine + rows + tuple(("Zone Air Humidity Ratio", zone) for zone in ZONES)


def _writable() -> dict[str, WritablePoint]:
    """Each device's own range, as the numpy floors have them."""
    return {
        **{f"{zone}.{HEATING_SETPOINT}": WritablePoint(12.0, 25.0) for zone in ZONES},
        **{f"{zone}.{COOLING_SETPOINT}": WritablePoint(18.0, 32.0) for zone in ZONES},
        ON_OFF: WritablePoint(0.0, 1.0),
        SUPPLY: WritablePoint(12.0, 22.0),
    }


def _permits() -> dict[str, Permit]:
    """What an agent may do: our choice, as on the numpy floors."""
    seen = {zone: (f"{zone}.zone_air_temperature",) for zone in ZONES}
    all_seen = tuple(point for points in seen.values() for point in points)
    return {
        **{f"{zone}.{HEATING_SETPOINT}": Permit(16.0, 23.0, 6.0, 600.0, seen[zone]) for zone in ZONES},
        **{f"{zone}.{COOLING_SETPOINT}": Permit(21.0, 30.0, 6.0, 600.0, seen[zone]) for zone in ZONES},
        ON_OFF: Permit(0.0, 1.0, 1.0, 900.0, all_seen),
        SUPPLY: Permit(12.0, 20.0, 2.0, 600.0, all_seen),
    }
