"""Writes EnergyPlus input as epJSON: objects by class and name, schedules by hours, the parts every run needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
QUIET = dict.fromkeys(("output_audit", "output_bnd", "output_dxf", "output_eio", "output_end", "output_eso"), "No")
QUIET |= dict.fromkeys(("output_mdd", "output_mtd", "output_mtr", "output_rdd", "output_shd"), "No")
QUIET |= dict.fromkeys(("output_sqlite", "output_tabular", "output_json", "output_csv", "output_perflog"), "No")

Hours = Sequence[tuple[float, float]]
"""(until this hour of the day, value), the last until 24."""


class Model:
    """An input file in the making."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, kind: str, name: str, **fields: Any) -> str:
        """An object of EnergyPlus class `kind`; fields as its schema names them. Raises ValueError for a second one."""
        members = self.objects.setdefault(kind, {})
        if name in members:
            raise ValueError(f"{kind} {name} is there already")
        members[name] = fields
        return name

    def constant(self, name: str, value: float) -> str:
        return self.add("Schedule:Constant", name, schedule_type_limits_name="any", hourly_value=value)

    def schedule(self, name: str, weekday: Hours, weekend: Hours, saturday: Hours | None = None) -> str:
        """A year of the same weeks; holidays count as Sundays."""
        data: list[Any] = ["Through: 12/31"]
        for days, hours in (("WeekDays", weekday), ("Saturday", saturday or weekend), ("AllOtherDays", weekend)):
            data.append(f"For: {days}")
            for until, value in hours:
                data += [f"Until: {int(until):02d}:{round(until % 1 * 60):02d}", value]
        fields = [{"field": entry} for entry in data]
        return self.add("Schedule:Compact", name, schedule_type_limits_name="any", data=fields)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.objects, indent=1, sort_keys=True), encoding="utf-8")


def frame(model: Model, first: date, days: int, steps_an_hour: int, *, is_sized: bool = False) -> None:
    """Version, run period, and as few output files as EnergyPlus lets one have. The year is told, so days of the week
    follow."""
    last = first + timedelta(days=days - 1)
    yes = "Yes" if is_sized else "No"
    model.add("Version", "version", version_identifier="25.2")
    model.add(
        "SimulationControl",
        "control",
        do_zone_sizing_calculation=yes,
        do_system_sizing_calculation=yes,
        do_plant_sizing_calculation="No",
        run_simulation_for_sizing_periods="No",
        run_simulation_for_weather_file_run_periods="Yes",
    )
    model.add("Timestep", "timestep", number_of_timesteps_per_hour=steps_an_hour)
    model.add(
        "RunPeriod",
        "run",
        begin_year=first.year,
        begin_month=first.month,
        begin_day_of_month=first.day,
        end_year=last.year,
        end_month=last.month,
        end_day_of_month=last.day,
        day_of_week_for_start_day=WEEK[first.weekday()],
        use_weather_file_holidays_and_special_days="No",
        use_weather_file_daylight_saving_period="No",
    )
    model.add("ScheduleTypeLimits", "any")
    model.add("OutputControl:Files", "files", **QUIET)


def vertices(points: Sequence[tuple[float, float, float]]) -> list[Mapping[str, float]]:
    return [{f"vertex_{axis}_coordinate": value for axis, value in zip("xyz", point, strict=True)} for point in points]
