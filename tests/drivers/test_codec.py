"""Laws of the codecs: what was encoded is decoded, what cannot be is refused."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.points import Quality
from agent.drivers.modbus_codec import TYPES, BlockDecoder
from agent.drivers.modbus_encoder import decode_written, encode, ends, masks
from agent.drivers.wire import ModbusPoint, ModbusWrite

orders = st.sampled_from(["big", "little"])


def point(**more):
    return ModbusPoint(**{"point": "e.p", "handle": 0, "unit": "count", "register": 0, **more})


def decoded(words, *points):
    """Values and qualities by handle, of words as a device sends them."""
    handles, values, quality = BlockDecoder(0, points).decode(np.array(words, ">u2").tobytes())
    order = np.argsort(handles)
    return values[order], quality[order]


@given(kind=st.sampled_from(sorted(TYPES)), byte_order=orders, word_order=orders, data=st.data())
def test_law_a_written_value_is_read_as_itself(kind, byte_order, word_order, data):
    dtype = TYPES[kind][0]
    write = ModbusWrite(register=0, type=kind)
    if dtype[0] == "f":
        value = data.draw(st.floats(0, 2.0**36, width=8 * int(dtype[1])))
    else:
        value = data.draw(st.integers(0, min(int(ends(write)[1]), 2**53)))
    spec = point(type=kind, byte_order=byte_order, word_order=word_order)
    words = encode(float(value), write, spec)
    assert decode_written(words, write, spec) == float(value)
    values, _ = decoded(words, spec)
    assert values[0] == float(value) or value > 1e12  # More than a count can be: UNCERTAIN, but kept.


@pytest.mark.parametrize(
    ("byte_order", "word_order", "told"),
    [
        ("big", "big", "4148 0001"),
        ("big", "little", "0001 4148"),
        ("little", "big", "4841 0100"),
        ("little", "little", "0100 4841"),
    ],
)
def test_the_four_orders_of_a_known_float(byte_order, word_order, told):
    """ABCD, CDAB, BADC and DCBA, as lists of registers call them."""
    spec = point(type="float32", byte_order=byte_order, word_order=word_order)
    assert decoded([int(word, 16) for word in told.split()], spec)[0][0] == struct.unpack(">f", b"\x41\x48\0\1")[0]


def test_absent_impossible_and_nan_are_not_good():
    points = [
        point(handle=0, register=0, unit="degC", type="int16", scale=0.01, absent=(-32768.0,)),
        point(handle=1, register=1, unit="degC", type="int16", scale=0.01, absent=(-32768.0,)),
        point(handle=2, register=2, unit="degC", type="int16", scale=1.0),
        point(handle=3, register=3, unit="kW", type="float32"),
    ]
    values, quality = decoded([0x8000, 2150, 999, 0x7FC0, 0], *points)
    assert quality.tolist() == [Quality.BAD, Quality.GOOD, Quality.UNCERTAIN, Quality.BAD]
    assert values[1] == 21.5 and values[2] == 999.0 and np.isnan(values[[0, 3]]).all()


@pytest.mark.parametrize(
    ("kind", "absent", "words"),
    [
        ("int16", 0x7FFF, [0x7FFF]),
        ("int16", 0x8000, [0x8000]),
        ("int16", -32768.0, [0x8000]),
        ("uint32", 0xFFFF_FFFF, [0xFFFF, 0xFFFF]),
        ("int32", 0x8000_0000, [0x8000, 0]),
        ("float32", 3.4028235e38, [0x7F7F, 0xFFFF]),
        ("float32", 3.4e38, [0x7F80, 0]),
        ("bcd16", 9999, [0x9999]),
    ],
)
def test_marks_of_absence_are_meant_as_lists_write_them(kind, absent, words):
    values, quality = decoded(words, point(type=kind, absent=(float(absent),)))
    assert quality[0] == Quality.BAD and np.isnan(values[0])


def test_a_mark_of_absence_within_the_range_is_seen():
    values, quality = decoded([0, 5], point(unit="degC", absent=(0.0,)), point(handle=1, register=1, unit="degC"))
    assert quality.tolist() == [Quality.BAD, Quality.GOOD] and values[1] == 5.0


@pytest.mark.parametrize("word", [0x00A0, 0xF123])
def test_digits_that_are_none_are_bad(word):
    assert decoded([word], point(type="bcd16"))[1][0] == Quality.BAD
    assert decoded([0x1234, 0x5678], point(type="bcd32"))[0][0] == 12_345_678.0


def test_points_share_the_bits_of_a_register():
    word = 0b1010_0000_0000_0110
    told = [
        point(handle=0, type="uint16", bit=0),
        point(handle=1, type="uint16", bit=1, bits=2),
        point(handle=2, type="uint16", bit=13, bits=3),
        point(handle=3, type="uint16"),
        point(handle=4, type="uint16", bit=5, bits=3, byte_order="little"),
    ]
    assert decoded([word], *told)[0].tolist() == [0.0, 3.0, 5.0, float(word), 5.0]


@given(st.integers(0, 0xFFFF), st.integers(0, 15), st.data())
def test_law_a_mask_changes_its_field_and_nothing_else(word, bit, data):
    bits = data.draw(st.integers(1, 16 - bit))
    number = data.draw(st.integers(0, 2**bits - 1))
    order = data.draw(orders)
    write, spec = ModbusWrite(register=0, type="uint16", bit=bit, bits=bits), point(type="uint16", byte_order=order)
    and_mask, or_mask = masks(number, write, spec)
    changed = word & and_mask | or_mask & ~and_mask
    assert decode_written([changed], write, spec) == number
    field = and_mask ^ 0xFFFF
    assert (changed ^ word) & ~field == 0 and field.bit_count() == bits


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (32768.0, "int16"),
        (-32769.0, "int16"),
        (-1.0, "uint64"),
        (2.0**64, "uint64"),
        (1e39, "float32"),
        (10_000.0, "bcd16"),
        (-1.0, "bcd32"),
    ],
)
def test_what_does_not_fit_is_refused(value, kind):
    with pytest.raises(ValueError, match=f"does not fit into {kind}"):
        encode(value, ModbusWrite(register=0, type=kind), point())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="cannot be written"):
        encode(value, ModbusWrite(register=0), point())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(TYPES)), orders, orders, st.floats(0.5, 2), st.floats(-9, 9), st.integers(0, 2)
        ),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_law_a_block_decodes_as_its_points_one_by_one(told, dice):
    """Against `struct`, a call a point."""
    points, register = [], 7
    for handle, (kind, byte_order, word_order, scale, offset, gap) in enumerate(told):
        orders_ = {"byte_order": byte_order, "word_order": word_order}
        points.append(point(handle=handle, register=register, type=kind, scale=scale, offset=offset, **orders_))
        register += TYPES[kind][1] + gap
    words = np.array([dice.randrange(65536) for _ in range(register - 7)], np.uint16)
    decoder = BlockDecoder(7, points)
    handles, values, quality = decoder.decode(words.astype(">u2").tobytes())
    assert sorted(handles.tolist()) == list(range(len(points)))
    for spec, handle, value, code in zip(decoder.points, handles, values, quality, strict=True):
        assert spec.handle == handle
        wanted = one_by_one(words[spec.register - 7 :], spec)
        if math.isfinite(wanted):
            assert value == wanted and code in (Quality.GOOD, Quality.UNCERTAIN)
        else:
            assert math.isnan(value) and code == Quality.BAD


def one_by_one(words, spec):
    if spec.type.startswith("bcd"):
        digits = b"".join(
            int(word).to_bytes(2, spec.byte_order)
            for word in words[: TYPES[spec.type][1]][:: 1 if spec.word_order == "big" else -1]
        ).hex()
        return float(digits) * spec.scale + spec.offset if digits.isdecimal() else math.nan
    letters = {"bool": "H", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}
    taken = [int(word).to_bytes(2, spec.byte_order) for word in words[: TYPES[spec.type][1]]]
    ordered = b"".join(taken if spec.word_order == "big" else reversed(taken))
    (raw,) = struct.unpack(">" + {**letters, "float32": "f", "float64": "d"}[spec.type], ordered)
    return float(raw) * spec.scale + spec.offset
