"""A site's own template beside its file, and what a template asks of its device: each mistake at its own line."""

import pytest

from agent.config import check, load

CRAC = """\
name: my-crac
vendor: Mine
model: the one in the cellar
kind: crac
driver: modbus
source: {title: the sheet on its door, where: page 3}
device: {max_gap: 20, pause_s: 0.05}
points:
  supply_air_temperature: {register: 10, scale: 0.1}
  return_air_temperature: {register: 11, scale: 0.1}
"""
LIFT = """\
name: my-lift
vendor: Mine
model: gateway
kind: lift
driver: mqtt
source: {title: its page, where: topics}
asks:
  box: the number on the box
points:
  car_position: {topic: "lifts/{box}/floor"}
"""
SITE = """\
version: 1
site: {name: house, gateway: gateway1}
brokers: {local: {host: 127.0.0.1}}
equipment:
  crac1: {kind: crac}
  lift1: {kind: lift}
devices:
  cooling: {driver: modbus, host: 127.0.0.1, max_gap: 3, template: my-crac.yaml, equipment: crac1}
  lift:
    driver: mqtt
    broker: local
    template: my-lift.yaml
    equipment: lift1
    with: {box: 17}
"""


@pytest.fixture
def write(tmp_path):
    """The site and its two templates, with replacements in any of them."""

    def spoil(**changes):
        files = {"site": SITE, "crac": CRAC, "lift": LIFT}
        for name, text in files.items():
            for old, new in changes.get(name, ()):
                assert text.count(old) == 1, old
                text = text.replace(old, new)
            (tmp_path / {"site": "site.yaml", "crac": "my-crac.yaml", "lift": "my-lift.yaml"}[name]).write_text(text)
        return tmp_path / "site.yaml"

    return spoil


def told(path):
    """Each problem as file, line, key, found, wanted, nearest."""
    return [
        (problem.file.rpartition("/")[2], problem.line, problem.key, problem.found, problem.wanted, problem.nearest)
        for problem in check(path).problems
    ]


def test_a_template_of_ones_own_fills_the_device(write):
    devices = load(write()).devices
    assert set(devices["cooling"].points) == {"crac1.supply_air_temperature", "crac1.return_air_temperature"}
    assert (devices["cooling"].max_gap, devices["cooling"].pause_s) == (3, 0.05), "the device outranks its template"
    assert devices["lift"].points["lift1.car_position"].topic == "lifts/17/floor"


MISTAKES = {
    "a file that is not there": (
        {"site": [("my-crac.yaml", "your-crac.yaml")]},
        ("your-crac.yaml", 0, "the file", "no such file or directory", "a file that can be read", None),
    ),
    "a role that the kind lacks": (
        {"crac": [("return_air_temperature", "return_air_temprature")]},
        ("my-crac.yaml", 10, "points.return_air_temprature", "`return_air_temprature`", None, "return_air_temperature"),
    ),
    "a register that is none": (
        {"crac": [("register: 10", "register: 70000")]},
        ("my-crac.yaml", 9, "points.supply_air_temperature.register", "`70000`", "at most 65535", None),
    ),
    "an unknown key of a row": (
        {"crac": [("register: 11", "regster: 11")]},
        ("my-crac.yaml", 10, "points.return_air_temperature.regster", "the unknown key `regster`", None, "register"),
    ),
    "a kind that is none": (
        {"crac": [("kind: crac", "kind: crack")]},
        ("my-crac.yaml", 4, "kind", "`crack`", None, "crac"),
    ),
    "no source": (
        {"crac": [("source: {title: the sheet on its door, where: page 3}\n", "")]},
        ("my-crac.yaml", 1, "source", "nothing", "`source:` with a value", None),
    ),
    "another name than the file's": (
        {"crac": [("name: my-crac", "name: crac")]},
        ("my-crac.yaml", 1, "name", "`crac`", "the file's own name, my-crac", None),
    ),
    "a driver that is none": (
        {"crac": [("driver: modbus", "driver: modbuss")]},
        ("my-crac.yaml", 5, "driver", "`modbuss`", "one of modbus, mqtt", "modbus"),
    ),
    "a topic that asks for what nobody explains": (
        {"lift": [("{box}/floor", "{bx}/floor")]},
        ("my-lift.yaml", 10, "points.car_position.topic", "`bx`", "a name that `asks` explains: box", "box"),
    ),
    "a name that no topic has": (
        {"lift": [("{box}", "17")]},
        ("my-lift.yaml", 8, "asks.box", "a name that no topic has", "a topic with {box} in it", None),
    ),
    "nothing for what is asked": (
        {"site": [("    with: {box: 17}\n", "")]},
        ("site.yaml", 9, "devices.lift.with", "nothing for `box`", "`box:` with the number on the box", None),
    ),
    "more than a step of a topic": (
        {"site": [("box: 17", 'box: "17/#"')]},
        ("site.yaml", 14, "devices.lift.with.box", "`17/#`", "one step of a topic: no space, /, + or #", None),
    ),
    "what nobody asked for": (
        {"site": [("box: 17", "box: 17, bax: 2")]},
        ("site.yaml", 14, "devices.lift.with.bax", "`bax`", "a name that the template asks for: box", "box"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_where_it_stands(name, write):
    changes, wanted = MISTAKES[name]
    problems = told(write(**changes))
    fitting = [problem for problem in problems if problem[:3] == wanted[:3]]
    assert len(fitting) == 1, problems
    _, _, _, found, want, nearest = fitting[0]
    assert (found, nearest) == (wanted[3], wanted[5])
    assert wanted[4] is None or want == wanted[4]


def test_two_devices_of_a_broken_template_tell_it_once(write):
    again = "  twin: {driver: modbus, host: 127.0.0.2, template: my-crac.yaml, equipment: crac1}\n  lift:"
    path = write(crac=[("register: 10", "register: -1")], site=[("  lift:", again)])
    assert [problem[:3] for problem in told(path)] == [("my-crac.yaml", 9, "points.supply_air_temperature.register")]
