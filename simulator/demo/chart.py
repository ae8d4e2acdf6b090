"""The day as a picture: own control against planner."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

Series = dict[str, npt.NDArray[np.float64]]

OWN, PLANNER = "#8a8f98", "#0a7d5a"
LIMIT = "#c0392b"
COOLING_SETPOINT = ".zone_air_cooling_temperature_setpoint"
SUPPLY_SETPOINT = "crac1.supply_air_temperature_setpoint"
MACHINES = (("ahu1", "-", "air handler"), ("crac1", "--", "CRAC"))


def read_series(path: Path) -> Series:
    """A run's `series.csv`: one row a wire step; float64 [t] by column, NaN where a cell is empty."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    cells = np.array([[float(cell or "nan") for cell in row] for row in rows[1:]], dtype=np.float64)
    return {name: cells[:, column] for column, name in enumerate(rows[0])}


def draw(own: Series, planner: Series, target: Path) -> None:
    """Write an SVG with temperatures, set-points and power of both runs.

    matplotlib is imported here: the run itself does not need it, and it takes a second to come up.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    # A fixed salt and no date: the same day gives the same file.
    mpl.rcParams["svg.hashsalt"] = "hushwatt"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(4, 1, figsize=(13, 12), sharex=True, layout="constrained")
    for series, color, label in ((own, OWN, "own control"), (planner, PLANNER, "planner")):
        _draw_office(axes[0], series, color, label)
        _draw_data_room(axes[1], series, color, label)
        for machine, line, name in MACHINES:
            if (power := series.get(f"{machine}.electric_power")) is not None:
                axes[2].plot(_hours(series), power, color=color, ls=line, label=f"{name}, {label}")
        axes[3].plot(_hours(series), series["meter1.electric_power"], color=color, label=f"whole site, {label}")
    _finish_office(axes[0], own)
    axes[1].axhline(27.0, color=LIMIT, lw=0.8, label="rack inlet limit")
    axes[1].set_ylabel("data room, °C")
    axes[2].set_ylabel("machines, kW")
    axes[3].set_ylabel("site, kW")
    axes[3].set_xlabel("hour of the day")
    axes[3].set_ylim(bottom=0)
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
        axis.set_xlim(0, 24)
        axis.set_xticks(range(0, 25, 3))
    figure.suptitle("One simulated day: the devices' own control against the planner")
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _hours(series: Series) -> npt.NDArray[np.float64]:
    first = series["unix_s"][0]
    midnight = first - first % 86400.0
    return (series["unix_s"] - midnight) / 3600.0


def _named(series: Series, part: str) -> list[npt.NDArray[np.float64]]:
    """Columns whose point id has this in it."""
    return [column for name, column in series.items() if part in name]


def _draw_office(axis, series: Series, color: str, label: str) -> None:  # type: ignore[no-untyped-def]
    for n, air in enumerate(_named(series, ".zone_air_temperature")):
        axis.plot(_hours(series), air, color=color, lw=1.0, label=None if n else label)
    for setpoint in _named(series, COOLING_SETPOINT)[:1]:
        name = f"cooling set-point, {label}"
        axis.step(_hours(series), setpoint, color=color, lw=0.7, ls=":", where="pre", label=name)


def _finish_office(axis, series: Series) -> None:  # type: ignore[no-untyped-def]
    people = sum(_named(series, ".occupancy_count"), np.zeros_like(series["unix_s"]))
    axis.fill_between(
        _hours(series), 0, 1, where=people > 0, transform=axis.get_xaxis_transform(), alpha=0.08, label="someone is in"
    )
    axis.set_ylabel("office zones, °C")


def _draw_data_room(axis, series: Series, color: str, label: str) -> None:  # type: ignore[no-untyped-def]
    inlets = _named(series, ".rack_inlet_temperature_")
    if inlets:
        axis.plot(_hours(series), np.max(inlets, axis=0), color=color, label=f"hottest rack inlet, {label}")
    if (setpoint := series.get(SUPPLY_SETPOINT)) is not None:
        axis.step(
            _hours(series), setpoint, color=color, lw=0.7, ls=":", where="pre", label=f"supply set-point, {label}"
        )
