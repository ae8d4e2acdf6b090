"""The points of the EnergyPlus data room: racks, one CRAC and the UPS, as the numpy data rooms name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.books import INLET_MAX_C
from simulator.energyplus.dataroom import RACKS, ROOM
from simulator.energyplus.face import Look, Place, Seen, scalar
from simulator.energyplus.office_face import OUTDOORS, SCHEDULE_VALUE, outdoors
from simulator.parts import Books
from simulator.physics.comfort import DEW_POINT_MAX_C
from simulator.physics.dataroom import CRAC_ROLES, EXCESS_AIR, SHORT_AIR
from simulator.plant import Permit, WritablePoint

Array = NDArray[np.float64]

CRAC = "crac1"
SUPPLY, SPEED = f"{CRAC}.supply_air_temperature_setpoint", f"{CRAC}.fan_speed_setpoint"
INLETS = tuple(f"{ROOM}.rack_inlet_temperature_{1 + n}" for n in range(len(RACKS)))
ITE_POWERS = ("ITE CPU Electricity Rate", "ITE Fan Electricity Rate", "ITE UPS Electricity Rate")


class DataRoomFace:
    """EnergyPlus lets servers draw more air than is supplied, for nothing: what is missing is mixed in here from the
    room. The server fans do not feel it; the account does."""

    meters: Mapping[str, tuple[str, ...]] = {"meter1": (), "meter2": ("it", "ups")}
    room_uses: tuple[str, ...] = ("it", "ups", "crac_fan", "compressor")

    def __init__(self) -> None:
        site = ("site.outdoor_air_temperature", "site.solar_irradiance")
        self.points: tuple[str, ...] = (*site, *INLETS, f"{ROOM}.it_power", *(f"{CRAC}.{role}" for role in CRAC_ROLES))
        self.writable: Mapping[str, WritablePoint] = {
            SUPPLY: WritablePoint(14.0, 27.0),
            SPEED: WritablePoint(30.0, 100.0),
        }
        self.permits: Mapping[str, Permit] = {
            SUPPLY: Permit(16.0, 26.0, 1.0, 600.0, INLETS),
            SPEED: Permit(45.0, 100.0, 5.0, 600.0, INLETS),
        }
        self.equipment: Mapping[str, Mapping[str, Any]] = {
            ROOM: {"kind": "data_room"},
            CRAC: {"kind": "crac", "serves": ROOM, "inlet_max_c": INLET_MAX_C, "it_meter": "meter2"},
        }
        machine: tuple[Place, ...] = (
            ("Fan Electricity Rate", f"{CRAC} fan"),
            ("Cooling Coil Electricity Rate", f"{CRAC} DX coil"),
        )
        self.means: tuple[Place, ...] = machine + tuple((power, rack) for power in ITE_POWERS for rack in RACKS)
        told = ("ITE Air Inlet Dry-Bulb Temperature", "ITE Air Mass Flow Rate", "ITE Air Inlet Dewpoint Temperature")
        self.states: tuple[Place, ...] = (
            *OUTDOORS,
            ("Zone Air Temperature", ROOM),
            ("System Node Temperature", f"{CRAC} supply"),
            ("System Node Temperature", f"{CRAC} return"),
            ("System Node Mass Flow Rate", f"{CRAC} supply"),
            (SCHEDULE_VALUE, f"{CRAC} supply air"),
            (SCHEDULE_VALUE, f"{CRAC} fan"),
            *((name, rack) for name in told for rack in RACKS),
        )
        self.actuators: tuple[tuple[str, str, str], ...] = (
            ("Schedule:Constant", SCHEDULE_VALUE, f"{CRAC} supply air"),
            ("Schedule:Constant", SCHEDULE_VALUE, f"{CRAC} fan"),
        )

    def orders(self, held: Mapping[str, float], hour: float) -> Array:
        return np.array([held.get(SUPPLY, np.nan), held.get(SPEED, np.nan) / 100.0])

    def look(self, seen: Seen) -> Look:
        fan, compressor = (seen(*place) for place in self.means[:2])
        cpu, server_fan, ups = (sum(seen(power, rack) for rack in RACKS) for power in ITE_POWERS)
        inlets, drawn, supplied = _inlets(seen)
        percent = 100.0 * seen(SCHEDULE_VALUE, f"{CRAC} fan")
        told = {
            "on_off_status": float(supplied > 0.0),
            "supply_air_temperature": seen("System Node Temperature", f"{CRAC} supply"),
            "return_air_temperature": seen("System Node Temperature", f"{CRAC} return"),
            "supply_air_temperature_setpoint": seen(SCHEDULE_VALUE, f"{CRAC} supply air"),
            "fan_speed_setpoint": percent,
            "fan_speed": percent,
            "fan_power": fan / 1000.0,
            "compressor_power": compressor / 1000.0,
            "electric_power": (fan + compressor) / 1000.0,
        }
        values = outdoors(seen) | dict(zip(INLETS, inlets.tolist(), strict=True))
        values |= {f"{ROOM}.it_power": (cpu + server_fan) / 1000.0}
        values |= {f"{CRAC}.{role}": value for role, value in told.items()}
        dew = np.array([seen("ITE Air Inlet Dewpoint Temperature", rack) for rack in RACKS])
        return Look(
            values=values,
            power_w={"crac_fan": fan, "compressor": compressor, "it": cpu + server_fan, "ups": ups},
            more={"air": np.array([drawn, supplied]), "server_fan_w": scalar(server_fan), "dew_c": dew},
        )

    def book(self, books: Books, look: Look, seconds: float) -> None:
        inlets = np.array([look.values[name] for name in INLETS])
        drawn, supplied = look.more["air"].tolist()
        books.add("server_fan_j", look.more["server_fan_w"] * seconds)
        books.peak("worst_inlet_c", scalar(float(inlets.max())))
        books.add("inlet_ks", scalar(float(np.maximum(0.0, inlets - INLET_MAX_C).sum()) * seconds))
        books.add("short_s", scalar(seconds * (drawn > SHORT_AIR * supplied)))
        over_k = np.maximum(0.0, look.more["dew_c"] - DEW_POINT_MAX_C).max()
        books.add("humid_ks", scalar(float(over_k) * seconds))
        needed = EXCESS_AIR * drawn / supplied if supplied > 0.0 else 1.0
        idle_s = seconds * (needed < 1.0)
        wasted_j = look.power_w["crac_fan"] * (1.0 - needed**3) * idle_s
        books.idle(CRAC, scalar(seconds), scalar(idle_s), scalar(wasted_j))


def _inlets(seen: Seen) -> tuple[Array, float, float]:
    """Rack inlets, C; air that the servers draw and that the CRAC gives, kg/s."""
    drawn = sum(seen("ITE Air Mass Flow Rate", rack) for rack in RACKS)
    supplied = seen("System Node Mass Flow Rate", f"{CRAC} supply")
    room = seen("Zone Air Temperature", ROOM)
    short = max(0.0, 1.0 - supplied / drawn) if drawn > 0.0 else 0.0
    told = np.array([seen("ITE Air Inlet Dry-Bulb Temperature", rack) for rack in RACKS])
    return told + short * (room - told), drawn, supplied
