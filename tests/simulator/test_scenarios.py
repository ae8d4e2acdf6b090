"""Scenario files: every one that ships loads, and each mistake is told with its line and the nearest name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agent.core.errors import ConfigError, Problem
from simulator import scenarios
from simulator.sites import SITES

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


def mine(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        scenarios.read(mine(tmp_path, text))
    return caught.value.problems


def test_there_are_at_least_twenty():
    assert len(scenarios.names()) >= 20


@pytest.mark.parametrize("name", scenarios.names())
def test_what_ships_loads_and_lives(name):
    plan = scenarios.read(name)
    assert plan.site in SITES
    site = scenarios.load(name, days=1, learn_days=0) if not plan.faults else scenarios.load(name, learn_days=1)
    before = site.read()
    site.step({})
    assert len(site.read()) == len(before) == len(site.names)


@pytest.mark.parametrize("name", [n for n in scenarios.names() if not n.startswith("office-tower")])
def test_each_says_what_it_is(name):
    plan = scenarios.read(name)
    assert plan.title and plan.about.endswith(".")


def test_commented_defaults_are_the_defaults(tmp_path):
    text = scenarios.find("office-tower").read_text().replace("# holidays", "holidays")
    opened = scenarios.read(mine(tmp_path, text.replace("# own_control", "own_control").replace("#   ", "  ")))
    told = scenarios.read("office-tower")
    assert opened.holidays == told.holidays
    kind = SITES["tower"]
    assert opened.own_control == {key: kind.own[key].default for key in opened.own_control}


def test_arguments_outrank_the_file(tmp_path):
    path = mine(tmp_path, GOOD)
    site = scenarios.load(path, seed=4, start="2019-07-02", days=2, learn_days=1, wire_step_s=300)
    assert site.step_s == 300.0
    assert site.judge_unix_s - site.start_unix_s == 86400.0
    assert site.end_unix_s - site.judge_unix_s == 2 * 86400.0
    assert site.start_unix_s == (date(2019, 7, 2) - date(1970, 1, 1)).total_seconds()


FAULT = GOOD + "faults:\n  - {kind: %s, day: 1, for_h: 2%s}\n"
MISTAKES = [  # text, line, key, nearest
    (GOOD.replace("season", "seasn"), 2, "seasn", "season"),
    (GOOD.replace("summer", "sumer"), 2, "season", "summer"),
    (GOOD.replace("site: tower", "site: towr"), 1, "site", "tower"),
    (GOOD.replace("2019-07-01", "soon"), 3, "start", None),
    (GOOD.replace("days: 1", "days: 0"), 5, "days", None),
    (GOOD.replace("900", "700"), 6, "wire_step_s", "900"),
    (GOOD + "climate: continentl\n", 10, "climate", "continental"),
    (GOOD + "own_control:\n  suply_c: 13\n", 11, "own_control.suply_c", "supply_c"),
    (GOOD + "own_control: 3\n", 10, "own_control", None),
    (GOOD + "own_control:\n  crac_fan_pct: 10\n", 11, "own_control.crac_fan_pct", None),
    (GOOD + "sizes:\n  zone: 4\n", 11, "sizes.zone", "zones"),
    (GOOD + "sizes:\n  zones: 4000\n", 11, "sizes.zones", None),
    (GOOD + "weather: nowhere.epw\n", 10, "weather", None),
    (GOOD + "expect:\n  comfort_hi_k: {max: 1}\n", 11, "expect.comfort_hi_k", "comfort_hi_kh"),
    (FAULT % ("stuk", ", points: zone1"), 11, "faults.0.kind", "stuck"),
    (FAULT % ("stuck", ", points: zone1.zone_ar_temperature"), 11, "faults.0.points", "zone1.zone_air_temperature"),
    (FAULT % ("stuck", ""), 11, "faults.0.points", None),
    (FAULT % ("stuck", ", equipment: ahu1, points: zone1"), 11, "faults.0.equipment", None),
    (FAULT % ("swapped", ", points: zone1.zone_air_temperature"), 11, "faults.0.points", None),
    (FAULT % ("fouled-filter", ", equipment: ahu2"), 11, "faults.0.equipment", "ahu1"),
    (FAULT % ("fouled-filter", ", equipment: ahu1, size: 3"), 11, "faults.0.size", None),
    (FAULT % ("late", ", devices: rooom"), 11, "faults.0.devices", "rooms"),
    (FAULT % ("link-down", ", size: 3"), 11, "faults.0.size", None),
    (FAULT.replace("day: 1", "day: 7") % ("link-down", ""), 11, "faults.0.day", None),
    (GOOD + "seed: 2\n", 10, "the file", None),
    ("- a\n- b\n", 1, "the file", None),
]


@pytest.mark.parametrize(("text", "line", "key", "like"), MISTAKES)
def test_each_mistake_is_told_with_its_line(tmp_path, text, line, key, like):
    first = problems(tmp_path, text)[0]
    assert (first.line, first.key, first.nearest) == (line, key, like), str(first)
    assert first.file.endswith("mine.yaml")


IMPOSSIBLE = [
    "own_control:\n  heating_c: 26\n",
    "own_control:\n  start_h: 22\n",
    "own_control:\n  supply_c: 24\n",
    "own_control:\n  cooling_off_c: 12\n",
    "spell: {days: 2, kelvin: 80}\n",
    "fabric: {mass: 0}\n",
    "tariff: {peak_per_kwh: -1}\n",
    "events: [{date: 2019-07-01, from_h: 20, to_h: 18, people: 3}]\n",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_impossible_physics_is_refused(tmp_path, text):
    found = problems(tmp_path, GOOD + text)
    assert len(found) == 1 and found[0].line >= 10, found


def test_all_mistakes_are_told_at_once(tmp_path):
    text = GOOD + "sizes:\n  zone: 4\nown_control:\n  suply_c: 13\n"
    assert [p.line for p in problems(tmp_path, text)] == [11, 13]


def test_a_missing_key_is_told(tmp_path):
    assert [p.key for p in problems(tmp_path, GOOD.replace("seed: 1\n", ""))] == ["seed"]


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean `office-tower`"):
        scenarios.load("office-towr")


@pytest.mark.parametrize("wrong", [{"days": 0}, {"seed": -1}, {"start": "soon"}, {"wire_step_s": 7.0}])
def test_a_wrong_argument_is_told(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        scenarios.load("office-tower", **wrong)
