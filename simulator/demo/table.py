"""What the two days came to, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

Figures = Mapping[str, Any]

KWH_ROWS = (
    ("air handler: fan", "fan_kwh"),
    ("air handler: cooling", "cooling_kwh"),
    ("air handler: heating", "heating_kwh"),
    ("CRAC: fan", "crac_fan_kwh"),
    ("CRAC: compressor", "compressor_kwh"),
    ("servers with their fans", "it_kwh"),
    ("UPS loss", "ups_kwh"),
    ("lifts", "lifts_kwh"),
    ("lights and plugs", "plug_kwh"),
)
IDLE_ROWS = (("air handler", "ahu1"), ("CRAC", "crac1"), ("lifts (car-hours)", "lifts1"))


def energy_table(own: Figures, planner: Figures) -> Table:
    """kWh by machine, idle hours, and what must not get worse; from the plant's own books (true values)."""
    table = Table(title="The judged day, by the plant's own books", title_justify="left")
    for heading in ("", "own control", "planner", "change"):
        table.add_column(heading, justify="left" if not heading else "right")
    for label, key in KWH_ROWS:
        table.add_row(f"{label}, kWh", *_change(own[key], planner[key]))
    table.add_section()
    table.add_row("[bold]whole site, kWh", *_change(own["site_kwh"], planner["site_kwh"]))
    table.add_row("of it for heating, cooling and air, kWh", *_change(own["hvac_kwh"], planner["hvac_kwh"]))
    table.add_section()
    for label, machine in IDLE_ROWS:
        hours = [run["idle"][machine]["idle_h"] for run in (own, planner)]
        table.add_row(f"idle: {label}, h", *_change(*hours))
    table.add_section()
    for label, key in (("too warm", "comfort_hi_kh"), ("too cold", "comfort_lo_kh")):
        table.add_row(f"comfort: {label}, K h", *_plain(own[key], planner[key]))
    table.add_row("people without ventilation, h", *_plain(own["unvent_h"], planner["unvent_h"]))
    table.add_row("rack inlets above 27 °C, K h", *_plain(own["inlet_kh"], planner["inlet_kh"]))
    table.add_row("hottest rack inlet, °C", *_plain(own["worst_inlet_c"], planner["worst_inlet_c"]))
    waits = (own["lift_waiting_mean_s"], planner["lift_waiting_mean_s"])
    table.add_row("mean wait for a lift, s", *_plain(*waits))
    return table


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
