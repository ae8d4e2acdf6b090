"""The map of any plant: what a register can carry, dead sensors, and which device a kind of equipment belongs to."""

import math
import struct

import pytest

from simulator.scenarios import load
from simulator.wires import registers
from tests.simulator.small_plant import SmallPlant


class Halls(SmallPlant):
    """Equipment that is not called by its kind."""

    equipment = SmallPlant.equipment | {
        "hall7": {"kind": "zone"},
        "feed": {"kind": "meter"},
        "sky": {"kind": "site"},
        "roof": {"kind": "pv"},
    }

    def true(self):
        return super().true() | {
            "hall7.zone_air_temperature": 20.5,
            "hall7.lighting_power": 41.5,
            "feed.electric_power": 9.0,
            "sky.outdoor_air_temperature": 3.0,
            "roof.electric_power": -4.0,
        }


def decoded(register, words):
    code = {"int16": ">h", "uint32": ">I", "float32": ">f"}[register.type]
    return struct.unpack(code, struct.pack(f">{len(words)}H", *words))[0] * register.scale


@pytest.mark.parametrize(
    "build", [SmallPlant, Halls, lambda: load("office-tower", days=1, learn_days=0)], ids=["small", "halls", "tower"]
)
def test_law_every_true_value_survives_its_register(build):
    plant = build()
    layout = registers.layout(plant)
    for _ in range(12):
        plant.step({})
    for name, value in zip(plant.names, plant.read().tolist(), strict=True):
        if name in layout.reads:
            register = layout.reads[name]
            assert decoded(register, register.encode(value)) == pytest.approx(
                value, abs=0.51 * register.scale, rel=1e-6
            )


def test_every_end_of_a_writable_range_can_be_written():
    plant = load("office-tower", days=1, learn_days=0)
    for low, high in plant.writable.values():
        assert -327.67 <= low < high <= 327.67


def test_the_kind_decides_the_unit_not_the_name():
    layout = registers.layout(Halls())
    units = {name: register.unit for name, register in layout.reads.items()}
    assert units["hall7.zone_air_temperature"] == registers.ROOM_UNIT
    assert units["feed.electric_power"] == registers.METER_UNIT
    assert units["roof.electric_power"] == registers.PLANT_UNIT
    assert "sky.outdoor_air_temperature" not in units


@pytest.mark.parametrize(
    ("type", "value", "words"),
    [
        ("int16", math.nan, [0x8000]),
        ("int16", -1e9, [0x8001]),
        ("int16", 1e9, [0x7FFF]),
        ("uint32", math.nan, [0xFFFF, 0xFFFF]),
        ("uint32", 2.0**32 - 1, [0, 0]),
        ("float32", math.nan, [0x7FC0, 0]),
    ],
)
def test_dead_sensors_and_ends_of_types(type, value, words):
    assert registers.Register(unit=3, address=0, type=type).encode(value) == words
