"""Every product that is shipped: it can be loaded, placed on the wire, and says where its figures come from."""

import pytest
from ruamel.yaml import YAML

from agent.config import check, load
from agent.core.units import UNITS
from agent.equipment.kinds import KINDS, role_of
from agent.equipment.templates import FOLDER, template, template_names

NAMES = template_names()
FIRST = {"eastron-sdm630", "example-crac", "example-zone-controller"}


@pytest.fixture
def site(tmp_path):
    """A site of one device, made by a template."""

    def make(name):
        product = template(name)
        told = {
            "version": 1,
            "site": {"name": "house", "gateway": "gateway1"},
            "brokers": {"local": {"host": "127.0.0.1"}},
            "equipment": {"machine": {"kind": product["kind"]}},
            "devices": {"device": {"driver": product["driver"], "template": name, "equipment": "machine"}},
        }
        place = {"broker": "local"} if product["driver"] == "mqtt" else {"host": "127.0.0.1"}
        told["devices"]["device"] |= place
        path = tmp_path / "site.yaml"
        YAML().dump(told, path)
        return path

    return make


def test_the_first_products_are_there():
    assert set(NAMES) >= FIRST
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


def test_an_unknown_product():
    with pytest.raises(KeyError):
        template("../kinds")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is(name):
    told = template(name)
    assert set(told) - {"example"} == {"name", "vendor", "model", "kind", "driver", "source", "points"}
    assert told["name"] == name
    assert name.startswith(told["vendor"].lower())
    assert set(told["source"]) == {"title", "where"}
    assert all(told["source"].values())
    assert all(role_of(told["kind"], role) for role in told["points"])
    assert told.get("example", False) == name.startswith("example-")


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
    places = [(row.get("table", "holding"), row.get("register"), row.get("topic"), row.get("path"))
              for row in template(name)["points"].values()]  # fmt: skip
    assert len(places) == len(set(places))


def test_the_meter_as_its_maker_numbers_it(site):
    """Parameter n of the maker's list starts at input register 2(n - 1): 1, 4, 27, 36 and 37."""
    points = load(site("eastron-sdm630")).devices["device"].points
    told = {point.partition(".")[2]: entry for point, entry in points.items()}
    numbers = {"voltage": 1, "current": 4, "electric_power": 27, "frequency": 36, "electric_energy": 37}
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
