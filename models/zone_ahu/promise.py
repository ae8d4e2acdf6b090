"""What the graph promises: unit, range and meaning of each input and output."""

from __future__ import annotations

from models.promise import Row

BIG = 1.0e7

INPUTS = (
    Row("mode_decay", "ratio", 0.0, 1.0, "what is left of each thermal mode after one step"),
    Row("mode_gain", "K/kW", -BIG, BIG, "rise of each mode by a kilowatt during one step"),
    Row("mode_state", "degC", -BIG, BIG, "modes now; their sum is the air temperature"),
    Row("drive_gain", "K per unit", -BIG, BIG, "rise of each mode by a unit of each drive during one step"),
    Row("drives", "several", -BIG, BIG, "outdoor C, sun W/m2 morning, noon, evening, people, one"),
    Row("flow_min_kg_s", "kg/s", 0.0, 1e3, "least supply air of a zone while the air handler runs"),
    Row("flow_max_kg_s", "kg/s", 0.0, 1e3, "most supply air of a zone"),
    Row("reheat_max_kw", "kW", 0.0, 1e4, "most reheat of a zone"),
    Row("outdoor_air_kg_s", "kg/s", 0.0, 1e3, "outdoor air while it runs"),
    Row("economizer", "onoff", 0.0, 1.0, "1: dampers open further where that brings the mix nearer to the supply"),
    Row("fan_floor_kw", "kW", 0.0, 1e4, "fan power at no flow"),
    Row("fan_cubic", "kW/(kg/s)3", 0.0, 1e4, "fan power a cube of the flow"),
    Row("coil_cool_max_kw", "kW", 0.0, 1e5, "most heat that the coil takes"),
    Row("coil_heat_max_kw", "kW", 0.0, 1e5, "most heat that the coil gives"),
    Row("outdoor_c", "degC", -60.0, 70.0, "forecast"),
    Row("supply_c", "degC", 0.0, 50.0, "supply-air temperatures to choose from, rising"),
    Row("cool_ratio", "kW/kW", 0.0, 10.0, "electricity a heat taken"),
    Row("heat_ratio", "kW/kW", 0.0, 10.0, "electricity a heat given"),
    Row("coil_gas", "onoff", 0.0, 1.0, "1: the coil's heat comes from gas"),
    Row("reheat_gas", "onoff", 0.0, 1.0, "1: the zones' reheat comes from gas"),
    Row("comfort_low_c", "degC", -60.0, 70.0, "below it discomfort is paid"),
    Row("comfort_high_c", "degC", -60.0, 70.0, "above it discomfort is paid"),
    Row("comfort_weight", "1/K2", 0.0, BIG, "cost of a squared kelvin outside, one step, one zone"),
    Row("target_low_c", "degC", -60.0, 70.0, "heating set-point of the policies"),
    Row("target_high_c", "degC", -60.0, 70.0, "cooling set-point of the policies"),
    Row("price", "1/kWh", 0.0, BIG, "cost of electricity by step"),
    Row("gas_price", "1/kWh", 0.0, BIG, "cost of gas by step"),
    Row("need", "onoff", 0.0, 1.0, "1 where air is needed"),
    Row("step_h", "h", 1e-3, 24.0, "length of a step"),
    Row("lead_steps", "count", 0.0, 1e3, "policy: start so long before a need"),
    Row("lag_steps", "count", 0.0, 1e3, "policy: stay so long after a need"),
    Row("depth_k", "K", 0.0, 20.0, "policy: cool so much deeper before people come"),
    Row("named_on", "onoff", 0.0, 1.0, "run of the named plans hold and baseline"),
    Row("named_low_c", "degC", -60.0, 70.0, "their heating set-points"),
    Row("named_high_c", "degC", -60.0, 70.0, "their cooling set-points"),
    Row("named_bar", "cost", 0.0, BIG, "cost of a supply temperature to them; above 1 it is barred"),
    Row(
        "bonus",
        "cost",
        -BIG,
        BIG,
        "subtracted from a plan's cost before choosing: for the incumbent, against yardsticks",
    ),
)
OUTPUTS = (
    Row("on", "onoff", 0.0, 1.0, "run of the chosen plan by step"),
    Row("temperature_c", "degC", -BIG, BIG, "air of each zone at the end of each step"),
    Row("supply_plan_c", "degC", 0.0, 50.0, "supply air of the chosen plan"),
    Row("flow_kg_s", "kg/s", 0.0, BIG, "supply air of all zones"),
    Row("energy_kwh", "kWh", 0.0, BIG, "electricity by step"),
    Row("gas_kwh", "kWh", 0.0, BIG, "gas by step"),
    Row("cost", "cost", -BIG, BIG, "of every plan, policies first, then the named ones"),
    Row("plan_energy_kwh", "kWh", 0.0, BIG, "electricity of every plan"),
    Row("plan_gas_kwh", "kWh", 0.0, BIG, "gas of every plan"),
    Row("index", "count", 0.0, BIG, "the chosen plan's place in `cost`"),
)
