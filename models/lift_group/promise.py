"""What the graph promises: unit, range and meaning of each input and output."""

from __future__ import annotations

from models.promise import Row

BIG = 1.0e7

INPUTS = (
    Row("trips", "count", 0.0, 1e5, "trips expected in each step"),
    Row("calls", "count", 0.0, 1e5, "trips to be ready for: a step ahead, for cars need minutes to wake"),
    Row("price", "1/kWh", -BIG, BIG, "cost of electricity by step"),
    Row("step_h", "h", 1e-3, 24.0, "length of a step"),
    Row("cars", "count", 1.0, 64.0, "numbers of cars in service to choose from"),
    Row("cars_all", "count", 1.0, 64.0, "cars of the group"),
    Row("bar", "cost", 0.0, BIG, "cost of a pair of cars and depth in a step: what may not or cannot be"),
    Row("depth_saves", "ratio", 0.0, 1.0, "by depth: share of the way from standing to out of service"),
    Row("depth_after_h", "h", 0.0, 24.0, "by depth: how long a car stands before it rests so"),
    Row("depth_wake_s", "s", 0.0, 600.0, "by depth: how long a car that rests so starts later"),
    Row("standing_kw", "kW", 0.0, 100.0, "one car in service that stands"),
    Row("sleeping_kw", "kW", 0.0, 100.0, "one car out of service"),
    Row("trip_kwh", "kWh", 0.0, 100.0, "one trip, above standing"),
    Row("trip_busy_h", "h", 0.0, 1.0, "how long one trip keeps a car"),
    Row("wait_s", "s", 0.0, 600.0, "mean wait in light traffic with all cars in service"),
    Row("wait_budget_s", "s", 0.0, BIG, "all trips' longer waits over the horizon, at most"),
    Row("slow_s", "s", 0.0, 600.0, "a wait longer by so much counts as slow"),
    Row("slow_budget", "count", 0.0, BIG, "slow trips over the horizon, at most"),
    Row("second_cost", "1/s", 0.0, BIG, "prices of a second more of one trip's wait to try, rising"),
    Row("slow_cost_s", "s", 0.0, BIG, "a slow trip is priced as so many seconds"),
    Row("move_cost", "1", 0.0, BIG, "cost of each car that goes in or out of service against now"),
    Row("now_cars", "count", 0.0, 64.0, "cars in service as commanded"),
    Row("named_cars", "count", 1.0, 64.0, "hold, baseline: cars by step"),
    Row("named_depth", "count", 0.0, 8.0, "hold, baseline: depth by step"),
    Row("call_share", "ratio", 0.0, 1.0, "share of the calls that come from each floor, by step"),
    Row("floor", "count", -20.0, 300.0, "these floors' numbers"),
)
OUTPUTS = (
    Row("cars_plan", "count", 1.0, 64.0, "cars in service of the best plan by step"),
    Row("depth_plan", "count", 0.0, 8.0, "its standby depth by step"),
    Row("park_plan", "count", -20.0, 300.0, "floor nearest to the calls by step"),
    Row("delay_s", "s", -BIG, BIG, "its longer waits, all trips, by step"),
    Row("energy_kwh", "kWh", 0.0, BIG, "its electricity by step"),
    Row("cost", "cost", -BIG, BIG, "of best, hold, baseline"),
    Row("plan_energy_kwh", "kWh", 0.0, BIG, "of the same"),
    Row("plan_delay_s", "s", -BIG, BIG, "of the same, against all cars awake"),
    Row("plan_slow", "count", 0.0, BIG, "slow trips of the same"),
    Row("index", "count", 0.0, BIG, "the price of a second that was taken"),
)
