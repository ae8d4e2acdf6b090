"""Laws of the codecs: what was encoded is decoded, what cannot be is refused."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.points import Quality
from agent.drivers.modbus_codec import TYPES, BlockDecoder, decode_written, encode
from agent.drivers.mqtt_payload import parse, pick
from agent.drivers.wire import ModbusPoint, ModbusWrite, MqttPoint

orders = st.sampled_from(["big", "little"])


def point(**more):
    return ModbusPoint(**{"point": "e.p", "handle": 0, "unit": "count", "register": 0, **more})


@given(kind=st.sampled_from(sorted(TYPES)), byte_order=orders, word_order=orders, data=st.data())
def test_law_a_written_value_is_read_as_itself(kind, byte_order, word_order, data):
    dtype = TYPES[kind][0]
    if dtype[0] == "f":
        value = data.draw(st.floats(0, 2.0**36, width=8 * int(dtype[1])))
    else:
        value = data.draw(st.integers(0, min(int(np.iinfo(dtype).max), 2**53)))
    write = ModbusWrite(register=0, type=kind)
    spec = point(type=kind, byte_order=byte_order, word_order=word_order)
    words = encode(float(value), write, spec)
    assert decode_written(words, write, spec) == float(value)
    _, values, _ = BlockDecoder(0, [spec]).decode(np.array(words, np.uint16))
    assert values[0] == float(value) or value > 1e12  # More than a count can be: UNCERTAIN, but kept.


def test_the_four_orders_of_a_known_float():
    words = {("big", "big"): "4148 0000", ("big", "little"): "0000 4148", ("little", "big"): "4841 0000"}
    for (byte_order, word_order), told in words.items():
        spec = point(type="float32", byte_order=byte_order, word_order=word_order)
        block = np.array([int(word, 16) for word in told.split()], np.uint16)
        assert BlockDecoder(0, [spec]).decode(block)[1][0] == 12.5


def test_absent_impossible_and_nan_are_not_good():
    points = [
        point(register=0, unit="degC", type="int16", scale=0.01, absent=(-32768.0,)),
        point(register=1, unit="degC", type="int16", scale=0.01, absent=(-32768.0,)),
        point(register=2, unit="degC", type="int16", scale=1.0),
        point(register=3, unit="kW", type="float32"),
    ]
    words = np.array([0x8000, 2150, 999, 0x7FC0, 0], np.uint16)
    _, values, quality = BlockDecoder(0, points).decode(words)
    assert quality.tolist() == [Quality.BAD, Quality.GOOD, Quality.UNCERTAIN, Quality.BAD]
    assert values[1] == 21.5 and values[2] == 999.0 and np.isnan(values[[0, 3]]).all()


@pytest.mark.parametrize(
    ("value", "kind"),
    [(32768.0, "int16"), (-32769.0, "int16"), (-1.0, "uint64"), (2.0**64, "uint64"), (1e39, "float32")],
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
        st.tuples(st.sampled_from(sorted(TYPES)), orders, orders, st.floats(0.5, 2), st.floats(-9, 9)), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_law_a_block_decodes_as_its_points_one_by_one(told, dice):
    """Against `struct`, a call a point."""
    points, register = [], 7
    for handle, (kind, byte_order, word_order, scale, offset) in enumerate(told):
        orders_ = {"byte_order": byte_order, "word_order": word_order}
        points.append(point(handle=handle, register=register, type=kind, scale=scale, offset=offset, **orders_))
        register += TYPES[kind][1]
    words = np.array([dice.randrange(65536) for _ in range(register - 7)], np.uint16)
    handles, values, quality = BlockDecoder(7, points).decode(words)
    assert handles.tolist() == list(range(len(points)))
    for spec, value, code in zip(points, values, quality, strict=True):
        wanted = one_by_one(words[spec.register - 7 :], spec)
        if math.isfinite(wanted):
            assert value == wanted and code in (Quality.GOOD, Quality.UNCERTAIN)
        else:
            assert math.isnan(value) and code == Quality.BAD


def one_by_one(words, spec):
    letters = {"bool": "H", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}
    taken = [int(word).to_bytes(2, spec.byte_order) for word in words[: TYPES[spec.type][1]]]
    ordered = b"".join(taken if spec.word_order == "big" else reversed(taken))
    (raw,) = struct.unpack(">" + {**letters, "float32": "f", "float64": "d"}[spec.type], ordered)
    return float(raw) * spec.scale + spec.offset


def mqtt(**more):
    return MqttPoint(**{"point": "e.p", "handle": 0, "unit": "degC", "topic": "t", "path": "v", **more})


@pytest.mark.parametrize(
    ("payload", "spec", "value", "quality"),
    [
        (b"21.5", mqtt(path=None), 21.5, Quality.GOOD),
        (b'{"v": 21.5, "q": "good"}', mqtt(quality_path="q"), 21.5, Quality.GOOD),
        (b'{"v": 21.5, "q": "bad"}', mqtt(quality_path="q"), None, Quality.BAD),
        (b'{"v": null}', mqtt(), None, Quality.BAD),
        (b'{"v": 999}', mqtt(), 999.0, Quality.UNCERTAIN),
        (b'{"a": {"b": [1, true]}}', mqtt(path="a.b.1"), 1.0, Quality.GOOD),
    ],
)
def test_payloads_that_can_be_read(payload, spec, value, quality):
    decoded = pick(parse(payload), spec)
    assert decoded.quality == quality
    assert math.isnan(decoded.value) if value is None else decoded.value == value


BROKEN = [
    b"",
    b"{",
    b'{"v": NaN}',
    b"Infinity",
    b'{"v": "warm"}',
    b'{"w": 1}',
    b"\xff\xfe",
    b"[" * 9000,
    b'{"v": 1e999}',
]


@pytest.mark.parametrize("payload", BROKEN)
def test_payloads_that_cannot_be_read_are_refused(payload):
    with pytest.raises(ValueError):
        pick(parse(payload), mqtt())


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_law_any_payload_is_a_value_or_a_refusal(payload):
    try:
        decoded = pick(parse(payload), mqtt(path=None))
    except ValueError:
        return
    assert decoded.quality == Quality.BAD or math.isfinite(decoded.value)
