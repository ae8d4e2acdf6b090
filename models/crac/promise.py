"""What the graph promises: unit, range and meaning of each input and output."""

from __future__ import annotations

from models.promise import Row

BIG = 1.0e7

INPUTS = (
    Row("base_it_kw", "kW", 0.0, 1e6, "IT power with the servers' fans at their base speed, forecast"),
    Row("condensing_c", "degC", -60.0, 100.0, "condensation, from the outdoor forecast"),
    Row("price", "1/kWh", 0.0, BIG, "cost of electricity by step"),
    Row("step_h", "h", 1e-3, 24.0, "length of a step"),
    Row("supply_c", "degC", 0.0, 50.0, "supply-air temperatures to choose from"),
    Row("speed", "ratio", 0.05, 1.0, "fan speeds to choose from"),
    Row("bar", "cost", 0.0, BIG, "cost of a pair in a step: what cannot be reached yet"),
    Row("leak", "ratio", 0.0, 1.0, "share of return air in an inlet while there is air enough, by rack"),
    Row("short_speed", "ratio", 0.05, 5.0, "fan speed below which air runs short at base draw, by rack"),
    Row("stream_kw_k", "kW/K", 1e-3, 1e6, "heat carried a kelvin at full fan speed"),
    Row("fan_max_kw", "kW", 0.0, 1e5, "fan power at full speed"),
    Row("ups_fixed_kw", "kW", 0.0, 1e5, "loss of the UPS at no load"),
    Row("ups_share", "ratio", 0.0, 1.0, "its loss in proportion to the load"),
    Row("server_fan_share", "ratio", 0.0, 1.0, "servers' fans over IT power at base speed"),
    Row("server_knee_c", "degC", 0.0, 50.0, "inlet above which the servers' fans speed up"),
    Row("server_draw_per_k", "1/K", 0.0, 1.0, "rise of their air above the knee"),
    Row("evaporator_k", "K", 0.0, 40.0, "evaporation below the supply air"),
    Row("lift_scale", "ratio", 0.0, 100.0, "compressor electricity = heat * scale * lift / evaporation absolute"),
    Row("lift_offset_k", "K", -100.0, 100.0, "added to the lift"),
    Row("limit_c", "degC", 0.0, 60.0, "highest inlet wished: the limit less the margin"),
    Row("limit_cost", "1/K2", 0.0, BIG, "cost of a squared kelvin over it, one rack, one step"),
    Row("move_cost", "1/K", 0.0, BIG, "cost of a kelvin, or of ten percent of speed, away from now"),
    Row("now_supply_c", "degC", 0.0, 60.0, "set-point in force"),
    Row("now_speed", "ratio", 0.0, 1.1, "speed in force"),
    Row("named_supply_c", "degC", 0.0, 60.0, "hold, baseline"),
    Row("named_speed", "ratio", 0.05, 1.1, "hold, baseline"),
    Row("bonus", "cost", -BIG, BIG, "subtracted from a plan's cost before choosing"),
)
OUTPUTS = (
    Row("supply_plan_c", "degC", 0.0, 60.0, "supply air of the chosen plan by step"),
    Row("speed_plan", "ratio", 0.0, 1.1, "fan speed of the chosen plan by step"),
    Row("inlet_c", "degC", -20.0, 60.0, "its inlets, [n, racks]"),
    Row("energy_kwh", "kWh", 0.0, BIG, "its electricity by step: servers, UPS, fan, compressor"),
    Row("cost", "cost", -BIG, BIG, "of best, hold, baseline"),
    Row("plan_energy_kwh", "kWh", 0.0, BIG, "of the same"),
    Row("index", "count", 0.0, BIG, "the chosen plan's place in `cost`"),
)
