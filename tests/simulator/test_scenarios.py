"""Scenario files: every one that ships loads, and each mistake is told with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agent.core.errors import ConfigError, Problem
from simulator import scenarios
from simulator.sites.tower import OwnControl

GOOD = """\
site: tower
season: summer
start: 2019-07-01
learn_days: 0
days: 1
wire_step_s: 900
seed: 1
latitude: 48.0
spread: 0.2
"""


def problems(tmp_path: Path, text: str) -> list[Problem]:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        scenarios.read(path)
    return caught.value.problems


@pytest.mark.parametrize("name", scenarios.names())
def test_what_ships_loads(name):
    site = scenarios.load(name, days=1, learn_days=0)
    site.step({})


@pytest.mark.parametrize("name", scenarios.names())
def test_commented_defaults_are_the_defaults(name, tmp_path):
    text = scenarios.find(name).read_text().replace("# holidays", "holidays").replace("# own_control", "own_control")
    path = tmp_path / "open.yaml"
    path.write_text(text.replace("#   ", "  "))
    opened = scenarios.read(path)
    assert opened == scenarios.read(name)
    assert opened.own == OwnControl()


def test_arguments_outrank_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    site = scenarios.load(path, seed=4, start="2019-07-02", days=2, learn_days=1, wire_step_s=300)
    assert site.step_s == 300.0
    assert site.judge_unix_s - site.start_unix_s == 86400.0
    assert site.end_unix_s - site.judge_unix_s == 2 * 86400.0
    assert site.start_unix_s == (date(2019, 7, 2) - date(1970, 1, 1)).total_seconds()


MISTAKES = [  # text, line, key, nearest
    (GOOD.replace("season", "seasn"), 2, "seasn", "season"),
    (GOOD.replace("summer", "monsoon"), 2, "season", None),
    (GOOD.replace("2019-07-01", "soon"), 3, "start", None),
    (GOOD.replace("days: 1", "days: 0"), 5, "days", None),
    (GOOD.replace("900", "700"), 6, "wire_step_s", None),
    (GOOD + "own_control:\n  suply_c: 13\n", 11, "own_control.suply_c", "supply_c"),
    (GOOD + "own_control: 3\n", 10, "own_control", None),
    (GOOD + "own_control:\n  crac_fan_pct: 10\n", 11, "own_control.crac_fan_pct", None),
    (GOOD + "seed: 2\n", 10, "scenario", None),
    ("- a\n- b\n", 0, "scenario", None),
]


@pytest.mark.parametrize(("text", "line", "key", "nearest"), MISTAKES)
def test_each_mistake_is_told_with_its_line(tmp_path, text, line, key, nearest):
    first = problems(tmp_path, text)[0]
    assert (first.line, first.key, first.nearest) == (line, key, nearest)
    assert first.file.endswith("mine.yaml")


def test_a_missing_key_is_told(tmp_path):
    assert [p.key for p in problems(tmp_path, GOOD.replace("seed: 1\n", ""))] == ["seed"]


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean `office-tower`"):
        scenarios.load("office-towr")


@pytest.mark.parametrize("wrong", [{"days": 0}, {"seed": -1}, {"start": "soon"}, {"wire_step_s": 7.0}])
def test_a_wrong_argument_is_told(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        scenarios.load("office-tower", **wrong)
