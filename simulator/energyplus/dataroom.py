"""The small data room for EnergyPlus: four racks inside a building, one CRAC with DX and a UPS.

Ordinary control: supply air at 17 C, the fan at 100 %. Server curves are ours, as the numpy data room has them:
computing does not care for the inlet, server fans do above 23 C.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from simulator.energyplus.airloop import AirLoop
from simulator.energyplus.epjson import Hours, Model, frame, vertices
from simulator.energyplus.zone_parts import add_thermostat

ROOM = "room1"
RACKS = ("rack1", "rack2", "rack3", "rack4")
SIDE_M, HEIGHT_M = 8.0, 3.5
SUPPLY_C = 17.0
FAN_PCT = 100.0
FLOW_M3_S, FAN_PA = 2.75, 450.0
COOLING_W = 46_000.0
RACK_W = (9000.0, 8000.0, 8500.0, 7000.0)
"""Full load with full server fans."""
SERVER_FAN_SHARE = 0.12
"""Of a server's full power, at full fan speed (our assumption)."""
SERVER_M3_S_W = 1.0e-4
"""Air at full fan speed a W of full power: 8 K of warming, 17 K at the fans' floor (our assumption)."""
IDLE_SHARE = 0.35
"""Of the computing power that servers draw without work (our assumption)."""
FAN_FLOOR, FAN_KNEE_C, FAN_PER_K = 0.5, 23.0, 0.03
"""Speed of server fans: `simulator/physics/dataroom.py` has the same."""
LEAK = (0.05, 0.08, 0.12, 0.06)
"""Share of the inlet that comes round from behind, rack by rack (our assumption)."""
UPS_EFFICIENCY = 0.94

WORK: tuple[Hours, ...] = (
    ((7.0, 0.35), (9.0, 0.6), (18.0, 0.85), (22.0, 0.6), (24.0, 0.4)),
    ((6.0, 0.5), (20.0, 0.7), (24.0, 0.55)),
    ((1.0, 0.4), (5.0, 0.95), (8.0, 0.5), (19.0, 0.65), (24.0, 0.45)),
    ((24.0, 0.6),),
)
"""Load of the servers on weekdays, rack by rack: people's day, steady, a nightly batch, storage."""
REST: tuple[Hours, ...] = (
    ((24.0, 0.35),),
    ((24.0, 0.5),),
    ((1.0, 0.4), (5.0, 0.95), (24.0, 0.4)),
    ((24.0, 0.6),),
)


def build(_weather: Path, first: date, days: int, steps_an_hour: int) -> Model:
    """The machines have fixed sizes, so the climate does not matter here."""
    model = Model()
    frame(model, first, days, steps_an_hour)
    _add_room(model)
    _add_schedules(model)
    _add_curves(model)
    for n, rack in enumerate(RACKS):
        _add_rack(model, rack, RACK_W[n], LEAK[n])
    _crac().add(model)
    _add_terminal(model)
    add_thermostat(model, ROOM, "never", "never mind")
    return model


def _crac() -> AirLoop:
    return AirLoop(
        name="crac1",
        zones=(ROOM,),
        terminal_kind="AirTerminal:SingleDuct:VAV:NoReheat",
        supply_schedule="crac1 supply air",
        on_schedule="always",
        fan_pa=FAN_PA,
        flow_m3_s=FLOW_M3_S,
        cooling_w=COOLING_W,
    )


def _add_room(model: Model) -> None:
    """A box within a building: no heat through its walls, only what they hold."""
    model.add("Building", "data room", minimum_number_of_warmup_days=3)
    model.add(
        "GlobalGeometryRules",
        "rules",
        starting_vertex_position="UpperLeftCorner",
        vertex_entry_direction="Counterclockwise",
        coordinate_system="World",
    )
    block: dict[str, Any] = {"thickness": 0.1, "conductivity": 0.5, "density": 1400.0, "specific_heat": 900.0}
    model.add("Material", "block", roughness="MediumRough", **block)
    model.add("Construction", "block wall", outside_layer="block")
    model.add("Zone", ROOM, volume=SIDE_M * SIDE_M * HEIGHT_M)
    corners = ((0.0, 0.0), (SIDE_M, 0.0), (SIDE_M, SIDE_M), (0.0, SIDE_M))
    low, high = [(*c, 0.0) for c in reversed(corners)], [(*c, HEIGHT_M) for c in corners]
    _add_surface(model, "floor", "Floor", low)
    _add_surface(model, "ceiling", "Ceiling", high)
    for n, (a, b) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True), start=1):
        _add_surface(model, f"wall {n}", "Wall", [(*a, HEIGHT_M), (*a, 0.0), (*b, 0.0), (*b, HEIGHT_M)])


def _add_surface(model: Model, name: str, kind: str, points: list[tuple[float, float, float]]) -> None:
    model.add(
        "BuildingSurface:Detailed",
        f"{ROOM} {name}",
        surface_type=kind,
        construction_name="block wall",
        zone_name=ROOM,
        outside_boundary_condition="Adiabatic",
        sun_exposure="NoSun",
        wind_exposure="NoWind",
        vertices=vertices(points),
    )


def _add_schedules(model: Model) -> None:
    for name, value in (("always", 1.0), ("never", 0.0), ("never mind", 90.0), ("dual", 4.0)):
        model.constant(name, value)
    model.constant("crac1 supply air", SUPPLY_C)
    model.constant("crac1 fan", FAN_PCT / 100.0)
    for n, rack in enumerate(RACKS):
        model.schedule(f"{rack} work", WORK[n], REST[n])


def _add_curves(model: Model) -> None:
    """Of load x and inlet y."""
    _add_plane(model, "computing", constant=IDLE_SHARE, load=1.0 - IDLE_SHARE)
    draws = {"minimum_curve_output": FAN_FLOOR, "maximum_curve_output": 1.0}
    _add_plane(model, "server air", constant=FAN_FLOOR - FAN_PER_K * FAN_KNEE_C, inlet=FAN_PER_K, **draws)
    _add_plane(model, "leak", constant=1.0)
    cubic = {"coefficient1_constant": 0.0, "coefficient2_x": 0.0, "coefficient3_x_2": 0.0, "coefficient4_x_3": 1.0}
    model.add("Curve:Cubic", "server fan", **cubic, minimum_value_of_x=0.0, maximum_value_of_x=1.5)


def _add_plane(
    model: Model, name: str, *, constant: float = 0.0, load: float = 0.0, inlet: float = 0.0, **bounds: float
) -> None:
    model.add(
        "Curve:Biquadratic",
        name,
        coefficient1_constant=constant,
        coefficient2_x=load,
        coefficient3_x_2=0.0,
        coefficient4_y=inlet,
        coefficient5_y_2=0.0,
        coefficient6_x_y=0.0,
        minimum_value_of_x=0.0,
        maximum_value_of_x=1.5,
        minimum_value_of_y=-10.0,
        maximum_value_of_y=90.0,
        **bounds,
    )


def _add_rack(model: Model, rack: str, full_w: float, leak: float) -> None:
    model.add(
        "ElectricEquipment:ITE:AirCooled",
        rack,
        zone_or_space_name=ROOM,
        air_flow_calculation_method="FlowFromSystem",
        design_power_input_calculation_method="Watts/Unit",
        watts_per_unit=full_w,
        number_of_units=1.0,
        design_power_input_schedule_name="always",
        cpu_loading_schedule_name=f"{rack} work",
        cpu_power_input_function_of_loading_and_air_temperature_curve_name="computing",
        design_fan_power_input_fraction=SERVER_FAN_SHARE,
        design_fan_air_flow_rate_per_power_input=SERVER_M3_S_W,
        air_flow_function_of_loading_and_air_temperature_curve_name="server air",
        fan_power_input_function_of_flow_curve_name="server fan",
        design_entering_air_temperature=20.0,
        environmental_class="A1",
        air_inlet_connection_type="AdjustedSupply",
        supply_air_node_name=f"{ROOM} supply",
        design_recirculation_fraction=leak,
        recirculation_function_of_loading_and_supply_temperature_curve_name="leak",
        design_electric_power_supply_efficiency=UPS_EFFICIENCY,
        fraction_of_electric_power_supply_losses_to_zone=1.0,
    )


def _add_terminal(model: Model) -> None:
    """The room's thermostat never asks for more air, so the least flow is the fan's speed."""
    model.add(
        "AirTerminal:SingleDuct:VAV:NoReheat",
        f"{ROOM} terminal",
        air_outlet_node_name=f"{ROOM} supply",
        air_inlet_node_name=f"{ROOM} branch duct",
        maximum_air_flow_rate=FLOW_M3_S,
        zone_minimum_air_flow_input_method="Scheduled",
        minimum_air_flow_fraction_schedule_name="crac1 fan",
    )
    managers = [
        {"availability_manager_object_type": "AvailabilityManager:Scheduled", "availability_manager_name": "crac1 runs"}
    ]
    model.add("AvailabilityManager:Scheduled", "crac1 runs", schedule_name="always")
    model.add("AvailabilityManagerAssignmentList", "crac1 managers", managers=managers)
