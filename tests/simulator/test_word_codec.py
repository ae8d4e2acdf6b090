"""The simulator's register codec against the agent's, written without it: each type, order, scale and mark."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.core.points import Quality
from agent.drivers.modbus_codec import TYPES as AGENT_TYPES
from agent.drivers.modbus_codec import BlockDecoder
from agent.drivers.modbus_encoder import encode
from agent.drivers.wire import ModbusPoint, ModbusWrite
from simulator.wires.word_codec import TYPES, Encoder, Field, decode

RANGES = {
    "bool": (0, 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**62), 2**62),
    "uint64": (0, 2**63),
    "float32": (-1e30, 1e30),
    "float64": (-1e300, 1e300),
}
"""Raw values; of 64-bit integers those that a double can tell."""
ORDERS = st.sampled_from(["big", "little"])


@st.composite
def fields(draw):
    kind = draw(st.sampled_from(sorted(TYPES)))
    scale = 1.0 if kind == "bool" else draw(st.sampled_from([1.0, 0.1, 0.01, 0.001, -0.1, 10.0]))
    offset = 0.0 if kind == "bool" else draw(st.sampled_from([0.0, -40.0, 273.15]))
    return Field(0, kind, scale, offset, (), draw(ORDERS), draw(ORDERS))


def by_the_agent(words, *told):
    """What the agent's decoder makes of a table of registers."""
    points = [
        ModbusPoint(
            point=f"e.p{handle}",
            handle=handle,
            unit="count",
            register=field.register,
            type=field.type,
            scale=field.scale,
            offset=field.offset,
            absent=field.absent,
            byte_order=field.byte_order,
            word_order=field.word_order,
        )
        for handle, field in enumerate(told)
    ]
    handles, values, quality = BlockDecoder(0, points).decode(np.asarray(words, ">u2").tobytes())
    order = np.argsort(handles)
    return handles[order], values[order], quality[order]


def slack(field, value):
    """Half a step of an integer, what a float of the type cannot tell, and a few last digits of the arithmetic."""
    tells = {"f4": 1e-6, "f8": 1e-14}.get(TYPES[field.type][0], 0.0)
    step = 0.0 if tells else 0.5 * abs(field.scale)
    return step + max(tells, 4e-15) * (abs(value) + abs(field.offset)) + 1e-12


def test_each_type_is_one_of_the_agents():
    assert AGENT_TYPES.items() >= TYPES.items()


@given(fields(), st.floats(0.0, 1.0))
def test_law_what_is_encoded_here_is_decoded_there(field, share):
    low, high = RANGES[field.type]
    value = (low + share * (high - low)) * field.scale + field.offset
    _, values, _ = by_the_agent(Encoder([field]).encode(np.array([value])), field)
    assert values[0] == pytest.approx(value, abs=slack(field, value), rel=0)


@given(fields(), st.floats(0.0, 1.0))
def test_law_what_the_agent_writes_is_decoded_here(field, share):
    low, high = RANGES[field.type]
    value = (low + share * (high - low)) * field.scale + field.offset
    write = ModbusWrite(register=0, type=field.type, scale=field.scale, offset=field.offset)
    like = ModbusPoint(
        point="e.p", handle=0, unit="count", register=0, byte_order=field.byte_order, word_order=field.word_order
    )
    try:
        words = encode(value, write, like)
    except ValueError:
        assume(False)  # A rounding step beyond the type's end: the agent refuses to write it.
    assert decode(words, field) == pytest.approx(value, abs=slack(field, value), rel=0)


@given(st.lists(fields(), min_size=1, max_size=12), st.data())
def test_law_a_whole_table_of_several_devices_at_once(told, data):
    places = np.cumsum([0, *[field.width + data.draw(st.integers(0, 3)) for field in told]])
    placed = [field._replace(register=int(place)) for field, place in zip(told, places, strict=False)]
    wanted = np.array([[7.0 if field.type != "bool" else 1.0 for field in placed], [0.0] * len(placed)])
    wanted = wanted * [field.scale for field in placed] + [field.offset for field in placed]
    tables = Encoder(placed).encode(wanted)
    assert tables.shape == (2, placed[-1].register + placed[-1].width)
    for table, values in zip(tables, wanted, strict=True):
        np.testing.assert_allclose(by_the_agent(table, *placed)[1], values, atol=1e-4)


@given(fields(), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_law_what_is_no_number_is_bad_where_the_register_has_a_way_to_say_so(field, value):
    if not field.type.startswith("float"):
        field = field._replace(absent=(RANGES[field.type][1],))
    _, values, quality = by_the_agent(Encoder([field]).encode(np.array([value])), field)
    assert math.isnan(values[0]) and quality[0] == Quality.BAD


@pytest.mark.parametrize(
    ("field", "value", "raw"),
    [
        (Field(0, "int16", 0.1, absent=(-32768,)), -1e9, -32767),
        (Field(0, "int16", 0.1, absent=(32767,)), 1e9, 32766),
        (Field(0, "uint16", 1.0, absent=(0xFFFF,)), 1e9, 0xFFFE),
        (Field(0, "uint16"), -5.0, 0),
        (Field(0, "uint32", 0.1, absent=(0xFFFF_FFFF,)), 0xFFFF_FFFF * 0.1, 0),
        (Field(0, "uint32"), 2.0**32 + 3, 3),
        (Field(0, "int32"), -1e12, -(2**31)),
        (Field(0, "int64"), 1e300, 2**63 - 1024),
        (Field(0, "int16"), math.nan, 0),
        (Field(0, "bool"), 7.0, 1),
    ],
)
def test_ends_of_types_and_counters_that_roll_over(field, value, raw):
    """What is beyond the end stays there, and never becomes the mark of a dead sensor."""
    words = Encoder([field]).encode(np.array([value]))
    assert by_the_agent(words, field._replace(scale=1.0, absent=()))[1][0] == raw


def test_registers_between_fields_are_zero():
    words = Encoder([Field(1, "int16"), Field(4, "float32")]).encode(np.array([-1.0, 1.5]))
    assert words.tolist() == [0, 0xFFFF, 0, 0, 0x3FC0, 0]
