"""Faults as typed: every kind, the old names, and one sentence with the nearest name for a slip."""

import pytest

from agent.core.errors import ConfigError
from simulator.faults import KINDS, Fault
from simulator.wires.devices import serve
from simulator.wires.fault_text import known_of, parse
from tests.simulator.small_plant import MIDNIGHT_S, SmallPlant

KNOWN = known_of(SmallPlant())
AIR = "zone1.zone_air_temperature"


def told(text):
    return parse(text, KNOWN, MIDNIGHT_S)


def test_hours_since_the_start_and_names_by_expression():
    assert told("stuck:zone1.*air_temperature$:24:30.5") == Fault(
        kind="stuck", where=(AIR,), from_unix_s=MIDNIGHT_S + 86_400, to_unix_s=MIDNIGHT_S + 30.5 * 3600
    )


def test_a_size_is_the_last_number_or_the_kinds_own():
    assert told(f"bias:{AIR}:1:2:-4.5").size == -4.5
    assert told(f"bias:{AIR}:1:2").size == KINDS["bias"].default
    assert told("bias:(?:zone|hall)1.zone_air_temp.*$:1:2:7").size == 7.0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_typed(kind):
    where = {
        "points": "zone1.zone_air_temperature|meter1.electric_power",
        "writable": "crac1.supply_air_temperature_setpoint",
        "devices": "plant",
        "equipment": "crac1",
        "nothing": "",
    }[KINDS[kind].strikes]
    fault = told(f"{kind}:{where}:0:1")
    assert (fault.kind, fault.size) == (kind, KINDS[kind].default)
    assert bool(fault.where) is bool(where)


def test_the_old_names():
    assert told(f"nan:{AIR}:0:1") == told(f"absent:{AIR}:0:1")
    every_device = told("modbus:whatever:0:1")
    assert (every_device.kind, every_device.where) == ("cut", ())


def test_products_are_devices_too():
    plant = SmallPlant()
    known = known_of(plant, serve(plant.equipment))
    assert parse("reboot:crac1:0:1", known, MIDNIGHT_S).where == ("crac1",)
    with pytest.raises(ConfigError):
        told("reboot:crac1:0:1")


MISTAKES = {
    "": "wanted KIND:REGEX:FROM_H:TO_H",
    "melt:zone1:0:1": "wanted KIND:REGEX:FROM_H:TO_H",
    "stuk:zone1:0:1": "did you mean `stuck`",
    "nan:zone1:5:5": "wanted KIND:REGEX:FROM_H:TO_H",
    "nan:(:0:1": "no regular expression",
    "nan:zone1:0": "wanted KIND:REGEX:FROM_H:TO_H",
    "nan:zone1:a:b": "wanted KIND:REGEX:FROM_H:TO_H",
    "nan:zone1:nan:2": "wanted KIND:REGEX:FROM_H:TO_H",
    "stuck:zone1.zone_air_temprature:0:1": f"did you mean `{AIR}`",
    "knob:zone1.zone_air_temperature$:0:1": "which is none here",
    "late:plnt:0:1": "did you mean `plant`",
    "swapped:zone1:0:1": "wanted two points that are swapped",
    "stuck:zone1:0:1:5": "wanted no size: stuck has none",
    "garbled:plant:0:1:1.5": "wanted 0 to 1 (share of answers)",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_what_makes_no_sense_is_told(text):
    with pytest.raises(ConfigError) as caught:
        told(text)
    (problem,) = caught.value.problems
    assert MISTAKES[text] in str(problem) and problem.key == "--fault"
