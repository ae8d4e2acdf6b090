"""What the graph promises: unit, range and meaning of each input and output."""

from __future__ import annotations

from models.promise import Row

BIG = 1.0e7

INPUTS = (
    Row("base_kw", "kW", 0.0, 1e6, "servers and UPS at the inlets of the history, forecast"),
    Row("ratio", "ratio", -100.0, 100.0, "electricity of cooling for a unit of heat at the center's set-points"),
    Row("drift", "ratio", -100.0, 100.0, "by what the weather bends the answer to the knobs"),
    Row("price", "1/kWh", 0.0, BIG, "cost of electricity by step"),
    Row("step_h", "h", 1e-3, 24.0, "length of a step"),
    Row("knobs", "mixed", -BIG, BIG, "sets of set-points to choose from; the last two are hold and baseline"),
    Row("supply_c", "degC", 0.0, 60.0, "supply air as it comes with each"),
    Row("speed", "ratio", 0.05, 1.1, "fan speed of each"),
    Row("fan_kw", "kW", 0.0, 1e5, "fan power of each"),
    Row("wish", "ratio", -1e4, 1e4, "columns of the response to the knobs: each, its square, each pair"),
    Row("slope", "ratio", -1e4, 1e4, "what each column adds to `ratio`"),
    Row("bend", "ratio", -1e4, 1e4, "what each knob adds to it a unit of drift"),
    Row("doubt", "ratio", -1e4, 1e4, "root of the covariance of slope and bend"),
    Row("bar", "cost", 0.0, BIG, "cost of a candidate in a step: what cannot be reached yet, or is not safe"),
    Row("move", "cost", 0.0, BIG, "cost of moving from what is in force"),
    Row("leak", "ratio", 0.0, 1.0, "share of return air in an inlet while there is air enough, by rack"),
    Row("need", "ratio", 0.01, 10.0, "fan speed that just suffices a rack with cool inlets, by step"),
    Row("draw_knee_c", "degC", 0.0, 60.0, "inlet above which the servers draw more air"),
    Row("draw_per_k", "1/K", 0.0, 1.0, "rise of their draw above the knee"),
    Row("stream_kw_k", "kW/K", 1e-3, 1e6, "heat carried a kelvin at full fan speed"),
    Row("server_knee_c", "degC", 0.0, 60.0, "inlet above which the servers' fans usually take more"),
    Row("server_per_k", "1/K", 0.0, 1.0, "rise of their speed above the knee"),
    Row("server_slope", "ratio", -10.0, 10.0, "what 5 K of inlet, and a cube of fan speed, add to the room's power"),
    Row("server_doubt", "ratio", -10.0, 10.0, "root of their covariance"),
    Row("inlet_ref", "ratio", -100.0, 1000.0, "the two columns at the inlets of the history"),
    Row("limit_c", "degC", 0.0, 60.0, "highest inlet wished: the limit less the margin"),
    Row("limit_cost", "1/K2", 0.0, BIG, "cost of a squared kelvin over it, one rack, one step"),
    Row("curiosity", "ratio", 0.0, 10.0, "standard deviations by which a candidate is hoped to be better"),
    Row("bonus", "cost", -BIG, BIG, "subtracted from a plan's cost before choosing"),
)
OUTPUTS = (
    Row("plan", "mixed", -BIG, BIG, "set-points of the chosen plan by step"),
    Row("inlet_c", "degC", -20.0, 60.0, "its inlets, [n, racks]"),
    Row("energy_kwh", "kWh", 0.0, BIG, "its electricity by step: servers, UPS, fans, cooling"),
    Row("doubt_kwh", "kWh", 0.0, BIG, "standard deviation of the same beyond that of hold"),
    Row("trial_kwh", "kWh", -BIG, BIG, "what it takes more than the plan that tries nothing, as far as known"),
    Row("cost", "cost", -BIG, BIG, "of best, hold, baseline"),
    Row("plan_energy_kwh", "kWh", 0.0, BIG, "of the same"),
    Row("index", "count", 0.0, BIG, "the chosen plan's place in `cost`"),
)
