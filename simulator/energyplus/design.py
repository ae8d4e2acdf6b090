"""What the header of an EPW file tells of a place: the days on which EnergyPlus sizes the machines, and the ground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.energyplus.epjson import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Winter by 99.6 %, summer by 0.4 % of the hours, from ASHRAE's climatic data in the file's second line."""

    winter_month: int
    winter_c: float
    summer_month: int
    summer_c: float
    summer_wet_bulb_c: float
    summer_range_k: float
    elevation_m: float

    @classmethod
    def of(cls, weather: Path) -> Design:
        """Raises ValueError for a file without these data."""
        with weather.open(encoding="latin-1") as file:
            place, told = file.readline().strip().split(","), file.readline().strip().split(",")
        if "Heating" not in told or "Cooling" not in told:
            raise ValueError(f"{weather} tells no design conditions")
        winter, summer = told.index("Heating"), told.index("Cooling")
        return cls(
            winter_month=int(told[winter + 1]),
            winter_c=float(told[winter + 2]),
            summer_month=int(told[summer + 1]),
            summer_range_k=float(told[summer + 2]),
            summer_c=float(told[summer + 3]),
            summer_wet_bulb_c=float(told[summer + 4]),
            elevation_m=float(place[9]),
        )

    @property
    def pressure_pa(self) -> float:
        """Standard atmosphere, ASHRAE Fundamentals, psychrometrics."""
        return float(101_325.0 * (1.0 - 2.25577e-5 * self.elevation_m) ** 5.2559)

    def add(self, model: Model) -> None:
        common = {"day_of_month": 21, "barometric_pressure": self.pressure_pa, "wind_direction": 0.0}
        model.add(
            "SizingPeriod:DesignDay",
            "winter",
            month=self.winter_month,
            day_type="WinterDesignDay",
            maximum_dry_bulb_temperature=self.winter_c,
            daily_dry_bulb_temperature_range=0.0,
            humidity_condition_type="WetBulb",
            wetbulb_or_dewpoint_at_maximum_dry_bulb=self.winter_c,
            wind_speed=4.0,
            sky_clearness=0.0,
            **common,
        )
        model.add(
            "SizingPeriod:DesignDay",
            "summer",
            month=self.summer_month,
            day_type="SummerDesignDay",
            maximum_dry_bulb_temperature=self.summer_c,
            daily_dry_bulb_temperature_range=self.summer_range_k,
            humidity_condition_type="WetBulb",
            wetbulb_or_dewpoint_at_maximum_dry_bulb=self.summer_wet_bulb_c,
            wind_speed=3.0,
            sky_clearness=1.0,
            **common,
        )


def add_zone_sizing(model: Model, zone: str, supply_c: float, outdoor_m3_s: float) -> None:
    outdoor = f"{zone} outdoor air"
    model.add(
        "DesignSpecification:OutdoorAir",
        outdoor,
        outdoor_air_method="Flow/Zone",
        outdoor_air_flow_per_zone=outdoor_m3_s,
    )
    model.add(
        "Sizing:Zone",
        f"{zone} sizing",
        zone_or_zonelist_name=zone,
        zone_cooling_design_supply_air_temperature=supply_c,
        zone_heating_design_supply_air_temperature=40.0,
        zone_cooling_design_supply_air_humidity_ratio=0.0085,
        zone_heating_design_supply_air_humidity_ratio=0.004,
        design_specification_outdoor_air_object_name=outdoor,
        zone_cooling_sizing_factor=1.2,
        zone_heating_sizing_factor=1.3,
    )


def add_system_sizing(model: Model, loop: str, supply_c: float, warm_c: float) -> None:
    model.add(
        "Sizing:System",
        f"{loop} sizing",
        airloop_name=loop,
        preheat_design_temperature=4.0,
        preheat_design_humidity_ratio=0.004,
        precool_design_temperature=supply_c,
        precool_design_humidity_ratio=0.0085,
        central_cooling_design_supply_air_temperature=supply_c,
        central_heating_design_supply_air_temperature=warm_c,
        central_cooling_design_supply_air_humidity_ratio=0.0085,
        central_heating_design_supply_air_humidity_ratio=0.004,
        type_of_zone_sum_to_use="Coincident",
        central_cooling_capacity_control_method="VAV",
    )


def ground_c(weather: Path, depth_m: float = 2.0) -> tuple[float, ...]:
    """Undisturbed ground by month. Raises ValueError where the file does not tell it."""
    with weather.open(encoding="utf-8", errors="replace") as file:
        line = next(line for line in file if line.startswith("GROUND TEMPERATURES"))
    fields = line.strip().split(",")
    for n in range(int(fields[1])):
        block = fields[2 + 16 * n : 18 + 16 * n]
        if float(block[0]) == depth_m:
            return tuple(float(value) for value in block[4:16])
    raise ValueError(f"{weather} tells no ground temperatures at {depth_m} m")
