"""Every product that is shipped: it can be loaded, placed on the wire, and says where its figures come from."""

from pathlib import Path

import pytest

from agent.config import check, load
from agent.config.templates import read_template
from agent.core.units import UNITS
from agent.equipment.kinds import KINDS, role_of
from agent.equipment.templates import FOLDER, template, template_names

NAMES = template_names()
MUST = {"name", "vendor", "model", "kind", "driver", "source", "points"}
MAY = {"example", "asks", "device"}


def test_a_product_of_each_sort_is_there():
    """Twelve real products at least, and the two that only show how a machine is told."""
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)
    real = [template(name) for name in NAMES if not name.startswith("example-")]
    assert len(real) >= 12
    assert {told["kind"] for told in real} >= {"meter", "vfd", "crac", "chiller", "ahu", "lift", "pdu", "zone"}
    assert {told["driver"] for told in real} == {"modbus", "mqtt"}


def test_an_unknown_product():
    with pytest.raises(KeyError):
        template("../kinds")
    with pytest.raises(KeyError):
        read_template("../kinds", Path())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is(name):
    told = template(name)
    assert set(told) >= MUST
    assert set(told) <= MUST | MAY
    assert told["name"] == name
    assert name.startswith(told["vendor"].lower().replace(" ", "-"))
    assert all(role_of(told["kind"], role) for role in told["points"])
    assert told.get("example", False) == name.startswith("example-")
    read_template(name, Path())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_makes_a_sound_device(name, site):
    path = site(name)
    assert check(path).problems == []
    told = template(name)
    specs = {spec.role: spec for spec in load(path).points()}
    assert set(specs) == set(told["points"])
    for role, spec in specs.items():
        assert spec.writable == ("write" in told["points"][role] or "set" in told["points"][role])


@pytest.mark.parametrize("name", NAMES)
def test_two_points_of_a_template_never_read_the_same_place(name):
    places = [(row.get("table", "holding"), row.get("register"), row.get("bit"), row.get("topic"), row.get("path"))
              for row in template(name)["points"].values()]  # fmt: skip
    assert len(places) == len(set(places))


def test_the_meter_as_its_maker_numbers_it(site):
    """Parameter n of the maker's list starts at input register 2(n - 1); 22 and 24 are averages, 37 and 38 energies."""
    points = load(site("eastron-sdm630")).devices["device"].points
    told = {point.partition(".")[2]: entry for point, entry in points.items()}
    numbers = {"voltage": 22, "current": 24, "electric_power": 27, "frequency": 36, "electric_energy": 37,
               "exported_electric_energy": 38, "apparent_power": 29, "reactive_power": 31, "power_factor": 32,
               "reactive_energy": 39, "exported_reactive_energy": 40,
               **{f"voltage_phase_{n}": n for n in (1, 2, 3)}, **{f"current_phase_{n}": 3 + n for n in (1, 2, 3)},
               **{f"electric_power_phase_{n}": 6 + n for n in (1, 2, 3)},
               **{f"apparent_power_phase_{n}": 9 + n for n in (1, 2, 3)},
               **{f"reactive_power_phase_{n}": 12 + n for n in (1, 2, 3)},
               **{f"power_factor_phase_{n}": 15 + n for n in (1, 2, 3)}}  # fmt: skip
    assert {role: entry.register_ for role, entry in told.items()} == {r: 2 * (n - 1) for r, n in numbers.items()}
    assert {entry.table for entry in told.values()} == {"input"}
    assert {entry.type for entry in told.values()} == {"float32"}
    assert told["electric_power"].scale == 0.001


def test_kinds_speak_known_units_and_name_each_role_once():
    for kind, roles in KINDS.items():
        names = [role.name for role in roles]
        assert len(names) == len(set(names)), kind
        assert all(role.unit in UNITS for role in roles), kind
    assert role_of("zone", "zone_air_temperature").unit == "degC"
    assert role_of("zone", "electric_power") is None
    assert role_of("spaceship", "electric_power") is None
