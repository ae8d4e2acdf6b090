"""The numpy zones against EnergyPlus in five climates: hourly loads and temperatures of the same office for a year."""

import math
import time

from simulator.energyplus import api, compare
from simulator.energyplus.api import EnergyPlusFault
from simulator.energyplus.shell import FLOOR_M2

CV_RMSE_GOAL, NMBE_GOAL, AIR_GOAL_K = 30.0, 10.0, 1.0
"""%, % and K; Guideline 14-2014 itself asks 30 % and 10 % of hourly calibrations (5.3.3.3.10)."""
LEAST_KWH_M2 = 1.0
"""A load below this in a year is shown and not judged: a few mornings, against a mean of next to nothing."""
DAYS = 365


def main() -> int:
    try:
        api.load()
    except EnergyPlusFault as fault:
        print(f"cannot run: {fault}")
        return 0
    files = api.weather_files()
    began_s = time.perf_counter()
    models = compare.numpy_zones(list(files.values()), DAYS)
    print(f"numpy zones, {len(files)} climates at once, {DAYS} days: {time.perf_counter() - began_s:.0f} s")
    began_s = time.perf_counter()
    found = {
        place: compare.Comparison.of(compare.energyplus(path, DAYS), model)
        for (place, path), model in zip(files.items(), models, strict=True)
    }
    print(f"EnergyPlus, one climate after the other: {time.perf_counter() - began_s:.0f} s\n")
    print(f"{'':15}{'cooling':^32}{'heating':^32}{'air':>8}")
    print(f"{'climate':15}" + 2 * f"{'kWh/m2':>8}{'CV(RMSE) %':>12}{'NMBE %':>8}    " + f"{'RMSE K':>8}")
    for place, comparison in found.items():
        loads = "".join(
            f"{_kwh_m2(fit):8.1f}{fit.cv_rmse:12.1f}{fit.nmbe:+8.1f}{_mark(fit):4}" for fit in _fits(comparison)
        )
        print(f"{place:15}{loads}{comparison.air_rmse_k:8.2f}")
    print(f"\nAll hours count; * below {LEAST_KWH_M2:g} kWh/m2 a year, not judged.")
    print(f"goals: CV(RMSE) <= {CV_RMSE_GOAL:g} %, NMBE within +-{NMBE_GOAL:g} %, air <= {AIR_GOAL_K:g} K in each zone")
    return 0 if all(_is_reached(comparison) for comparison in found.values()) else 1


def _fits(comparison):
    return comparison.cooling, comparison.heating


def _kwh_m2(fit):
    return fit.reference_kwh / sum(FLOOR_M2.values())


def _mark(fit):
    return "" if _kwh_m2(fit) >= LEAST_KWH_M2 else " *"


def _is_reached(comparison):
    return comparison.air_rmse_k <= AIR_GOAL_K and all(
        (fit.cv_rmse <= CV_RMSE_GOAL and math.fabs(fit.nmbe) <= NMBE_GOAL)
        for fit in _fits(comparison)
        if _kwh_m2(fit) >= LEAST_KWH_M2
    )
