"""What may leave, on which terms, and whether the door for wishes is safe to open."""

import pytest

from agent.config import load
from agent.core.errors import ConfigError

UP = "upstream: {broker: local, share: listed}\n"
POINTS = ("zone1.zone_air_temperature", "room1.rack_inlet_temperature_1", "crac1.fan_power")
RULES = """\
upstream:
  sinks:
    utility: {kind: http, url: "https://utility.example/write"}
    office: {kind: mqtt, broker: local}
  data_use:
    - {points: [zone1.*], owner: tenant, purpose: comfort, recipients: [utility], resolution: never}
    - {points: [zone1.*], owner: tenant, purpose: comfort, recipients: [office], resolution: hour, retention_days: 30}
    - {points: ["*.fan_power"], owner: landlord, purpose: bills, recipients: [utility, office], resolution: minute}
"""


def uses(path):
    return {
        sink: {point: (terms.owner, terms.span_s, terms.retention_days) for point, terms in points.items()}
        for sink, points in load(path).data_use().items()
    }


def test_nothing_leaves_of_which_no_rule_speaks(write):
    assert uses(write((UP, "upstream: {broker: local}\n"))) == {"upstream": {}}
    assert not any(spec.share for spec in load(write((UP, "upstream: {broker: local}\n"))).points())


def test_each_recipient_gets_what_its_rules_say_and_the_first_decides(write):
    told = uses(write((UP, RULES)))
    assert {point: told["office"].get(point) for point in POINTS} == {
        "zone1.zone_air_temperature": ("tenant", 3600, 30.0),
        "room1.rack_inlet_temperature_1": None,
        "crac1.fan_power": ("landlord", 60, None),
    }
    assert set(told["utility"]) == {"crac1.fan_power"}


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ("recipients: [office]", "recipients: [ofice]", "recipients", "ofice"),
        ("points: [zone1.*], owner: tenant, purpose: comfort, recipients: [utility]",
         "points: [zone9.*], owner: tenant, purpose: comfort, recipients: [utility]", "points", "zone9"),
        ("resolution: hour", "resolution: daily", "resolution", "daily"),
        ("https://utility.example/write", "https://me:secret@utility.example/write", "url", ""),
        ("kind: mqtt, broker: local", "kind: mqtt, broker: lokal", "broker", "lokal"),
        ("kind: mqtt, broker: local", "kind: kafka, broker: local", "office", ""),
        ("owner: landlord, ", "", "owner", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_key(old, new, key, found, write):
    with pytest.raises(ConfigError) as told:
        load(write((UP, RULES.replace(old, new))))
    [problem] = told.value.problems
    assert key in problem.key and found in problem.found


DOORS = {  # How the inbox's broker is told -> what is found wrong; None: the inbox is open.
    "{host: 127.0.0.1}": "without username and password",
    "{host: 127.0.0.1, username: hw}": "no password beside it",
    "{host: 127.0.0.1, username: hw, password_env: HW}": None,
    "{host: broker.example, username: hw, password_env: HW}": "without TLS",
    "{host: broker.example, tls: true}": "without username and password",
    "{host: broker.example, tls: true, username: hw, password_env: HW}": None,
}


@pytest.mark.parametrize(("broker", "found"), DOORS.items())
def test_the_inbox_stays_shut_without_authentication_and_tls_or_loopback(broker, found, write, monkeypatch):
    monkeypatch.setenv("HW", "a password")
    path = write(("{host: 127.0.0.1}", broker), (UP, "upstream: {broker: local, inbox: {broker: local}}\n"))
    if found is None:
        assert load(path).upstream.inbox is not None
        return
    with pytest.raises(ConfigError) as told:
        load(path)
    assert any(found in problem.found for problem in told.value.problems), str(told.value)
