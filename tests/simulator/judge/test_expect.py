"""Expectations: met when every seed meets them, and told with the worst."""

from simulator.judge.expect import judge
from simulator.scenario_file import Expectation

AT_MOST = Expectation(min=None, max=0.5)
BETWEEN = Expectation(min=1.0, max=2.0)


def test_one_seed_that_misses_is_a_miss():
    (found,) = judge("planner", {"inlet_kh": AT_MOST}, [{"inlet_kh": 0.0}, {"inlet_kh": 0.7}, {"inlet_kh": 0.5}])
    assert (found.is_met, found.met, found.worst) == (False, 2, 0.7)
    assert str(found) == "planner: inlet_kh at most 0.5: NOT met in 2 of 3 seeds, worst 0.7"


def test_two_sides_are_two_findings():
    low, high = judge("hold", {"pue": BETWEEN}, [{"pue": 0.9}, {"pue": 1.5}])[::-1]
    assert (low.wanted, low.is_met, low.worst) == ("at least 1", False, 0.9)
    assert (high.wanted, high.is_met, high.worst) == ("at most 2", True, 1.5)


def test_nothing_expected_nothing_found():
    assert judge("hold", {}, [{"pue": 0.9}]) == []
