"""The true agent on the true plant in one process: the same story on each run, and nothing lost."""

import hashlib

import pytest

from simulator.scenarios import load
from simulator.virtual import live


def hash_of(orders):
    return hashlib.sha256(repr(orders).encode()).hexdigest()


@pytest.mark.parametrize("strategy", ["baseline", "planner"])
def test_one_seed_gives_one_story(tmp_path, strategy):
    stories = []
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        plant = load("office-tower", seed=3, days=1, learn_days=2)
        stories.append(live(plant, folder, strategy=strategy))
    first, second = stories
    assert len(first.orders) > 288
    assert hash_of(first.orders) == hash_of(second.orders)
    assert first.account == second.account
    assert first.samples_read == first.samples_stored > 3 * 288 * 60
    assert first.unsent == 0
    assert first.verdicts.get("refuse", 0) == 0


def test_the_planner_saves_and_nobody_suffers(tmp_path):
    accounts = {}
    for name, mode, strategy in (
        ("own", "shadow", "baseline"),
        ("rules", "full", "baseline"),
        ("planner", "full", "planner"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        plant = load("office-tower", seed=4, days=1, learn_days=3)
        accounts[name] = live(plant, folder, mode=mode, strategy=strategy).account
    own, rules, planner = accounts["own"], accounts["rules"], accounts["planner"]
    assert planner.site_kwh < rules.site_kwh < own.site_kwh
    assert planner.comfort_hi_kh + planner.comfort_lo_kh <= own.comfort_hi_kh + own.comfort_lo_kh + 0.05
    assert planner.inlet_kh <= own.inlet_kh
    assert planner.unvent_h <= own.unvent_h
