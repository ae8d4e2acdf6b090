"""What the two days came to, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from simulator.judge.figures import use_label, uses_of

Figures = Mapping[str, Any]


def energy_table(own: Figures, planner: Figures) -> Table:
    """kWh by machine, idle hours, and what must not get worse; from the plant's own books (true values)."""
    table = Table(title="The judged day, by the plant's own books", title_justify="left")
    for heading in ("", "own control", "planner", "change"):
        table.add_column(heading, justify="left" if not heading else "right")
    for use in uses_of((own, planner)):
        table.add_row(f"{use_label(use)}, kWh", *_change(*(run["kwh"].get(use, 0.0) for run in (own, planner))))
    if own["gas_kwh"] or planner["gas_kwh"]:
        table.add_row("gas, kWh", *_change(own["gas_kwh"], planner["gas_kwh"]))
    table.add_section()
    table.add_row("[bold]whole site, kWh", *_change(own["energy_kwh"], planner["energy_kwh"]))
    table.add_row("of it for heating, cooling and air, kWh", *_change(own["hvac_kwh"], planner["hvac_kwh"]))
    table.add_section()
    for machine in own["idle"]:
        hours = [run["idle"][machine]["idle_h"] for run in (own, planner)]
        table.add_row(f"idle: {_machine(machine)}, h", *_change(*hours))
    table.add_section()
    for label, key in _held_rows(own):
        table.add_row(label, *_plain(own[key], planner[key]))
    return table


def _machine(machine: str) -> str:
    return f"{machine} (car-hours)" if machine.startswith("lift") else machine


def _held_rows(own: Figures) -> list[tuple[str, str]]:
    """What must not get worse, as far as the site has it."""
    rows = [("comfort: too warm, K h", "comfort_hi_kh"), ("comfort: too cold, K h", "comfort_lo_kh")]
    rows += [("people without ventilation, h", "unvent_h")]
    if own["kwh"].get("it"):
        rows += [("rack inlets above 27 °C, K h", "inlet_kh"), ("hottest rack inlet, °C", "worst_inlet_c")]
    if own["lift_trips"]:
        rows += [("mean wait for a lift, s", "lift_waiting_mean_s")]
    return rows


def agent_table(own: Figures, planner: Figures) -> Table:
    """What the agent did, from its own counters; `own` ran in shadow: it read and planned and wrote nothing."""
    table = Table(title="The agent", title_justify="left")
    for heading in ("", "own control", "planner"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows: tuple[tuple[str, str, str], ...] = (
        ("samples read", "samples_read", "d"),
        ("samples stored", "samples_stored", "d"),
        ("samples acknowledged upstream", "samples_upstream", "d"),
        ("records still to send", "unsent", "d"),
        ("wishes allowed", "allowed", "d"),
        ("wishes clipped", "clipped", "d"),
        ("wishes held back", "held_back", "d"),
        ("wishes refused", "refused", "d"),
        ("writes confirmed by read-back", "confirmed", "d"),
        ("points handed back at the end", "handed_back", "d"),
        ("start to first sample, s", "first_sample_s", ".2f"),
        ("peak memory, MB", "memory_peak_mb", ".0f"),
        ("CPU, s", "cpu_s", ".1f"),
    )
    for label, key, form in rows:
        table.add_row(label, format(own[key], form), format(planner[key], form))
    return table


def _change(own: float, planner: float) -> tuple[str, str, str]:
    change = f"{100 * (planner - own) / own:+.1f} %" if own > 0.005 else ""
    return f"{own:.1f}", f"{planner:.1f}", change


def _plain(own: float, planner: float) -> tuple[str, str, str]:
    return f"{own:.2f}", f"{planner:.2f}", ""
