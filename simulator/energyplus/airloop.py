"""An air handler as EnergyPlus objects: dampers, DX cooling, perhaps a gas coil, a fan, ducts to and from the zones.

Curves are straight lines of our own: what an ordinary packaged machine loses by heat outdoors and by part load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.energyplus.epjson import Model
from simulator.energyplus.zone_parts import add_zone_equipment

COOLING_COP = 3.3
"""Gross, at 35 C outdoors: near the least that ASHRAE 90.1 asks of packaged units of 20 to 70 kW (our assumption)."""
LOW_SPEED = 0.4
"""Share of capacity and air at the low of two compressor speeds (our assumption)."""
SENSIBLE = 0.8
"""Share of the rated capacity that cools rather than dries, where we size the machine (our assumption)."""
FAN_PA_PER_EFFICIENCY = 1.6
"""W a m3/s and Pa: a total efficiency of 0.62 (our assumption)."""
FAN_FLOOR = 0.12
"""Share of the design power that remains at no flow; above it cubic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AirLoop:
    """What an air handler is; `zones` get a terminal of `terminal_kind`, which the caller adds."""

    name: str
    zones: Sequence[str]
    terminal_kind: str
    supply_schedule: str
    on_schedule: str
    fan_pa: float
    outdoor_m3_s: float | None = None
    """Least outdoor air while on; None: no dampers at all."""
    has_heating: bool = False
    flow_m3_s: float | None = None
    """Of the fan; None, here and below: sized by EnergyPlus."""
    cooling_w: float | None = None
    """Gross, at 35 C outdoors."""

    def node(self, place: str) -> str:
        return f"{self.name} {place}"

    def add(self, model: Model) -> None:
        _add_curves(model)
        self._add_machine(model)
        self._add_ducts(model)
        self._add_setpoints(model)

    def _add_machine(self, model: Model) -> None:
        parts: list[tuple[str, str, str, str]] = []
        inlet = self.node("return")
        if self.outdoor_m3_s is not None:
            self._add_outdoor_air(model, self.outdoor_m3_s)
            parts.append(("AirLoopHVAC:OutdoorAirSystem", self.node("outdoor air"), inlet, self.node("mixed")))
            inlet = self.node("mixed")
        self._add_cooling(model, inlet)
        parts.append(("CoilSystem:Cooling:DX", self.node("cooling"), inlet, self.node("cooled")))
        inlet = self.node("cooled")
        if self.has_heating:
            model.add(
                "Coil:Heating:Fuel",
                self.node("gas coil"),
                fuel_type="NaturalGas",
                burner_efficiency=0.8,
                nominal_capacity="Autosize",
                air_inlet_node_name=inlet,
                air_outlet_node_name=self.node("warmed"),
                temperature_setpoint_node_name=self.node("warmed"),
            )
            parts.append(("Coil:Heating:Fuel", self.node("gas coil"), inlet, self.node("warmed")))
            inlet = self.node("warmed")
        self._add_fan(model, inlet)
        parts.append(("Fan:SystemModel", self.node("fan"), inlet, self.node("supply")))
        keys = ("object_type", "name", "inlet_node_name", "outlet_node_name")
        components = [{f"component_{key}": value for key, value in zip(keys, part, strict=True)} for part in parts]
        model.add("Branch", self.node("branch"), components=components)
        model.add("BranchList", self.node("branches"), branches=[{"branch_name": self.node("branch")}])
        model.add(
            "AirLoopHVAC",
            self.name,
            availability_manager_list_name=self.node("managers"),
            design_supply_air_flow_rate=sized(self.flow_m3_s),
            branch_list_name=self.node("branches"),
            supply_side_inlet_node_name=self.node("return"),
            demand_side_outlet_node_name=self.node("collected"),
            demand_side_inlet_node_names=self.node("duct"),
            supply_side_outlet_node_names=self.node("supply"),
        )

    def _add_outdoor_air(self, model: Model, least_m3_s: float) -> None:
        mixer, controller = self.node("mixer"), self.node("dampers")
        model.add(
            "OutdoorAir:Mixer",
            mixer,
            mixed_air_node_name=self.node("mixed"),
            outdoor_air_stream_node_name=self.node("outdoors"),
            relief_air_stream_node_name=self.node("relief"),
            return_air_stream_node_name=self.node("return"),
        )
        model.add(
            "Controller:OutdoorAir",
            controller,
            relief_air_outlet_node_name=self.node("relief"),
            return_air_node_name=self.node("return"),
            mixed_air_node_name=self.node("mixed"),
            actuator_node_name=self.node("outdoors"),
            minimum_outdoor_air_flow_rate=least_m3_s,
            maximum_outdoor_air_flow_rate="Autosize",
            economizer_control_type="DifferentialDryBulb",
            minimum_limit_type="FixedMinimum",
            minimum_outdoor_air_schedule_name=self.on_schedule,
        )
        model.add(
            "AirLoopHVAC:ControllerList",
            self.node("controllers"),
            controller_1_object_type="Controller:OutdoorAir",
            controller_1_name=controller,
        )
        model.add(
            "AirLoopHVAC:OutdoorAirSystem:EquipmentList",
            self.node("outdoor parts"),
            component_1_object_type="OutdoorAir:Mixer",
            component_1_name=mixer,
        )
        model.add(
            "AirLoopHVAC:OutdoorAirSystem",
            self.node("outdoor air"),
            controller_list_name=self.node("controllers"),
            outdoor_air_equipment_list_name=self.node("outdoor parts"),
        )
        nodes = [{"node_or_nodelist_name": self.node("outdoors")}]
        model.add("OutdoorAir:NodeList", self.node("intakes"), nodes=nodes)

    def _add_cooling(self, model: Model, inlet: str) -> None:
        coil, outlet = self.node("DX coil"), self.node("cooled")
        ratio = sized(None if self.cooling_w is None else SENSIBLE)
        model.add(
            "CoilSystem:Cooling:DX",
            self.node("cooling"),
            availability_schedule_name="always",
            dx_cooling_coil_system_inlet_node_name=inlet,
            dx_cooling_coil_system_outlet_node_name=outlet,
            dx_cooling_coil_system_sensor_node_name=outlet,
            cooling_coil_object_type="Coil:Cooling:DX:TwoSpeed",
            cooling_coil_name=coil,
        )
        model.add(
            "Coil:Cooling:DX:TwoSpeed",
            coil,
            availability_schedule_name="always",
            high_speed_gross_rated_total_cooling_capacity=sized(self.cooling_w),
            high_speed_rated_sensible_heat_ratio=ratio,
            high_speed_gross_rated_cooling_cop=COOLING_COP,
            high_speed_rated_air_flow_rate=sized(self.flow_m3_s),
            low_speed_gross_rated_total_cooling_capacity=sized(self.cooling_w, LOW_SPEED),
            low_speed_gross_rated_sensible_heat_ratio=ratio,
            low_speed_gross_rated_cooling_cop=COOLING_COP,
            low_speed_rated_air_flow_rate=sized(self.flow_m3_s, LOW_SPEED),
            air_inlet_node_name=inlet,
            air_outlet_node_name=outlet,
            total_cooling_capacity_function_of_temperature_curve_name="DX capacity",
            total_cooling_capacity_function_of_flow_fraction_curve_name="flat",
            energy_input_ratio_function_of_temperature_curve_name="DX input",
            energy_input_ratio_function_of_flow_fraction_curve_name="flat",
            part_load_fraction_correlation_curve_name="DX cycling",
            low_speed_total_cooling_capacity_function_of_temperature_curve_name="DX capacity",
            low_speed_energy_input_ratio_function_of_temperature_curve_name="DX input",
            minimum_outdoor_dry_bulb_temperature_for_compressor_operation=-30.0,
        )

    def _add_fan(self, model: Model, inlet: str) -> None:
        model.add(
            "Fan:SystemModel",
            self.node("fan"),
            availability_schedule_name=self.on_schedule,
            air_inlet_node_name=inlet,
            air_outlet_node_name=self.node("supply"),
            design_maximum_air_flow_rate=sized(self.flow_m3_s),
            speed_control_method="Continuous",
            electric_power_minimum_flow_rate_fraction=0.1,
            design_pressure_rise=self.fan_pa,
            design_electric_power_consumption="Autosize",
            design_power_sizing_method="PowerPerFlowPerPressure",
            electric_power_per_unit_flow_rate_per_unit_pressure=FAN_PA_PER_EFFICIENCY,
            electric_power_function_of_flow_fraction_curve_name="fan law",
        )

    def _add_ducts(self, model: Model) -> None:
        splitter, mixer = self.node("splitter"), self.node("collector")
        supply = [{"component_object_type": "AirLoopHVAC:ZoneSplitter", "component_name": splitter}]
        model.add(
            "AirLoopHVAC:SupplyPath",
            self.node("supply path"),
            supply_air_path_inlet_node_name=self.node("duct"),
            components=supply,
        )
        nodes = [{"outlet_node_name": f"{zone} branch duct"} for zone in self.zones]
        model.add("AirLoopHVAC:ZoneSplitter", splitter, inlet_node_name=self.node("duct"), nodes=nodes)
        back = [{"component_object_type": "AirLoopHVAC:ZoneMixer", "component_name": mixer}]
        model.add(
            "AirLoopHVAC:ReturnPath",
            self.node("return path"),
            return_air_path_outlet_node_name=self.node("collected"),
            components=back,
        )
        nodes = [{"inlet_node_name": f"{zone} return"} for zone in self.zones]
        model.add("AirLoopHVAC:ZoneMixer", mixer, outlet_node_name=self.node("collected"), nodes=nodes)
        for zone in self.zones:
            self._connect(model, zone)

    def _connect(self, model: Model, zone: str) -> None:
        unit = f"{zone} unit"
        model.add(
            "ZoneHVAC:AirDistributionUnit",
            unit,
            air_distribution_unit_outlet_node_name=f"{zone} supply",
            air_terminal_object_type=self.terminal_kind,
            air_terminal_name=f"{zone} terminal",
        )
        add_zone_equipment(model, zone, "ZoneHVAC:AirDistributionUnit", unit)

    def _add_setpoints(self, model: Model) -> None:
        """The supply air's, and nodes before the fan colder by what the fan warms."""
        model.add(
            "SetpointManager:Scheduled",
            self.node("supply manager"),
            control_variable="Temperature",
            schedule_name=self.supply_schedule,
            setpoint_node_or_nodelist_name=self.node("supply"),
        )
        places = ["cooled"]
        places += ["warmed"] if self.has_heating else []
        places += ["mixed"] if self.outdoor_m3_s is not None else []
        for place in places:
            model.add(
                "SetpointManager:MixedAir",
                self.node(f"{place} manager"),
                control_variable="Temperature",
                reference_setpoint_node_name=self.node("supply"),
                fan_inlet_node_name=self.node("warmed" if self.has_heating else "cooled"),
                fan_outlet_node_name=self.node("supply"),
                setpoint_node_or_nodelist_name=self.node(place),
            )


def sized(value: float | None, share: float = 1.0) -> float | str:
    return "Autosize" if value is None else value * share


def _add_curves(model: Model) -> None:
    """1 at 19.4 C wet bulb at the coil and 35 C outdoors."""
    _plane(model, "DX capacity", wet_bulb=0.025, outdoors=-0.009)
    _plane(model, "DX input", wet_bulb=-0.010, outdoors=0.022)
    ends = {"minimum_value_of_x": 0.0, "maximum_value_of_x": 1.5}
    model.add("Curve:Quadratic", "flat", **_numbers(1.0, 0.0, 0.0), **ends)
    model.add("Curve:Quadratic", "DX cycling", **_numbers(0.85, 0.15, 0.0), **ends)
    model.add("Curve:Cubic", "fan law", **_numbers(FAN_FLOOR, 0.0, 0.0, 1.0 - FAN_FLOOR), **ends)


def _numbers(*values: float) -> dict[str, float]:
    names = ("coefficient1_constant", "coefficient2_x", "coefficient3_x_2", "coefficient4_x_3")
    return dict(zip(names, values, strict=False))


def _plane(model: Model, name: str, *, wet_bulb: float, outdoors: float) -> None:
    model.add(
        "Curve:Biquadratic",
        name,
        coefficient1_constant=1.0 - 19.4 * wet_bulb - 35.0 * outdoors,
        coefficient2_x=wet_bulb,
        coefficient3_x_2=0.0,
        coefficient4_y=outdoors,
        coefficient5_y_2=0.0,
        coefficient6_x_y=0.0,
        minimum_value_of_x=8.0,
        maximum_value_of_x=26.0,
        minimum_value_of_y=5.0,
        maximum_value_of_y=48.0,
    )
