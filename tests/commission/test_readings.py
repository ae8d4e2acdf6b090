"""What words could mean: the true meaning is always among the readings, and stands out by its size."""

import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.commission.readings import ORDERS, USUAL, is_usual, readings
from agent.core.units import UNITS

FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f",
           "float64": "d"}  # fmt: skip


def words(name, order, raw):
    data = struct.pack(">" + FORMATS[name], raw)
    parts = [data[place : place + 2] for place in range(0, len(data), 2)]
    parts = parts[::-1] if order in ("CDAB", "DCBA") else parts
    parts = [part[::-1] for part in parts] if order in ("BADC", "DCBA") else parts
    return [int.from_bytes(part, "big") for part in parts]


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from([order for order, *_ in ORDERS]), st.data())
def test_every_type_and_order_is_shown(name, order, data):
    if name.startswith("float"):
        raw = data.draw(st.floats(width=32, allow_nan=False, allow_infinity=False))
    else:
        low, high = (
            -(2 ** (8 * struct.calcsize(FORMATS[name]) - 1)),
            2 ** (8 * struct.calcsize(FORMATS[name]) - 1) - 1,
        )
        raw = data.draw(st.integers(*((0, 2 * high + 1) if name[0] == "u" else (low, high))))
    told = readings(words(name, order, raw), None)
    assert any(name in reading.types and reading.value == pytest.approx(raw, rel=1e-15) for reading in told)


@given(st.sampled_from([o for o, *_ in ORDERS]), st.floats(-30.0, 90.0, width=32))
def test_a_temperature_in_a_float_is_plausible_in_its_own_order(order, value):
    assume(abs(value) >= 0.001)
    assume(len({tuple(words("float32", each, value)) for each, *_ in ORDERS}) == len(ORDERS))  # 3.0: 40 40 00 00.
    told = [reading for reading in readings(words("float32", order, value), "degC") if reading.is_plausible]
    assert any("float32" in reading.types and reading.value == value and reading.order == order for reading in told)


def test_tenths_of_a_degree_stand_out():
    """215 is no room's temperature, 21.5 is, 2.15 could be a cellar's; nothing with swapped bytes makes sense."""
    told = {(reading.order, reading.scale): reading for reading in readings([215], "degC")}
    assert told["", 0.1].value == pytest.approx(21.5)
    assert (told["", 1.0].is_plausible, told["", 0.1].is_plausible) == (False, True)
    assert not any(reading.is_plausible for (order, scale), reading in told.items() if order and scale > 0.001)


def test_a_voltage_with_its_words_swapped():
    """SDM meters say ABCD; read as CDAB the same words are far outside what a mains has."""
    by_order = {r.order: r for r in readings(words("float32", "ABCD", 231.4), "V") if r.types == ("float32",)}
    assert by_order["ABCD"].is_plausible and by_order["ABCD"].value == pytest.approx(231.4)
    assert not any(by_order[order].is_plausible for order in ("CDAB", "BADC", "DCBA"))


def test_plausible_ones_come_first():
    told = readings(words("float32", "ABCD", 21.5), "degC")
    flags = [reading.is_plausible for reading in told]
    assert flags == sorted(flags, reverse=True) and flags[0]


def test_every_unit_has_a_usual_range_within_the_possible_one():
    assert set(USUAL) == set(UNITS)
    for name, (low, high) in USUAL.items():
        assert UNITS[name].low <= low < high <= UNITS[name].high, name
    assert is_usual("degC", 21.0) and not is_usual("degC", 120.0) and not is_usual("Hz", float("nan"))
    assert is_usual("Hz", 0.0, "output_frequency") and not is_usual("Hz", 0.0, "frequency")
    assert is_usual("kW", 0.0) and not is_usual("V", 0.0, "voltage") and is_usual("V", 0.0, "output_voltage")
