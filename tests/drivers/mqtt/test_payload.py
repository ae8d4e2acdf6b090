"""What payloads say, as devices of the field send them; and what no payload may do to us."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.paths import Path
from agent.core.points import Quality
from agent.drivers.mqtt_payload import Reader, parse, unix_s
from agent.drivers.mqtt_wire import MqttPoint

MOST = 10_000
WHEN = 1_782_907_200.0
"""2026-07-01T12:00:00Z."""


def reader(unit="degC", path=None, **more):
    paths = {key: Path(value) for key, value in more.items() if key.endswith("path")}
    told = {**more, **paths, "path": Path(path) if path else None}
    return Reader(MqttPoint(point="e.p", handle=0, unit=unit, **told))


def read(payload, **point):
    return reader(**point).pick(parse(payload, MOST))


@pytest.mark.parametrize(
    ("payload", "point", "value"),
    [
        (b"21.5", {}, 21.5),
        (b" -3e-2\n", {}, -0.03),
        (b'"21.5"', {}, 21.5),
        (b'{"v": "7"}', {"path": "v"}, 7.0),
        (b'{"a": {"b": [1, {"c": 2}]}}', {"path": "a.b[1].c"}, 2.0),
        (b'{"a": {"b": [1, {"c": 2}]}}', {"path": "a.b.1.c"}, 2.0),
        (b'{"a.b": 3, "c d": 4}', {"path": '["a.b"]'}, 3.0),
        (b"[4, 5, 6]", {"path": "[-1]"}, 6.0),
        (b'{"m": [{"n": "T1", "v": 1}, {"n": "T2", "v": 2}]}', {"path": "m[n=T2].v"}, 2.0),
        (b"ON", {"unit": "onoff", "words": {"on": 1.0, "off": 0.0}}, 1.0),
        (b'"off"', {"unit": "onoff", "words": {"on": 1.0, "off": 0.0}}, 0.0),
        (b"true", {"unit": "onoff"}, 1.0),
        (b"false", {"unit": "count", "words": {"false": 3.0}}, 3.0),
        (b"2", {"unit": "count", "words": {"2": 1.0}}, 1.0),
        (b"3", {"unit": "count", "words": {"2": 1.0}}, 3.0),
        (b'{"mode": "cooling"}', {"path": "mode", "unit": "count", "words": {"Cooling": 2.0}}, 2.0),
    ],
)
def test_what_devices_say(payload, point, value):
    assert read(payload, **point)[0] == value


def test_null_is_no_value():
    assert math.isnan(read(b'{"v": null}', path="v")[0])


@pytest.mark.parametrize(
    ("payload", "point", "why"),
    [
        (b"", {}, "found b''"),
        (b"warm", {}, "found 'warm', wanted a number in degC"),
        (b"21,5", {}, "found '21,5', wanted a number"),
        (b"1_0", {}, "found '1_0'"),
        (b"NaN", {}, "found 'NaN'"),
        (b"Infinity", {}, "found 'Infinity'"),
        (b"1e400", {}, "found inf, wanted a number"),
        (b'"1e400"', {}, "found '1e400'"),
        (b"9" * 400, {}, "found a number of 1329 bits"),
        (b"[" * 9000, {}, "nested too deep"),
        (b"x" * 10_001, {}, "found 10001 bytes, wanted 10000 at most"),
        (b'{"v": 1', {"path": "v"}, "found b'{\"v\": 1'"),
        (b'{"v": NaN}', {"path": "v"}, "NaN is no number"),
        (b"\xff\xfe1\x00", {}, "not UTF-8 at 0"),
        (b'{"v": {}}', {"path": "v"}, "found an object at `v`"),
        (b"5", {"path": "v"}, "found nothing at `v`"),
        (b'{"v": [1]}', {"path": "v[1]"}, "found nothing at `v[1]`"),
        (b"true", {}, "found True, wanted a number in degC"),
        (b"dry", {"words": {"on": 1.0, "off": 0.0}}, "wanted one of on, off, or a number"),
        (b'{"v": 1, "t": "noon"}', {"path": "v", "time_path": "t"}, "found 'noon', wanted a time"),
        (b'{"v": 1, "t": true}', {"path": "v", "time_path": "t"}, "found True, wanted a time"),
    ],
)
def test_what_no_device_should_say_is_refused_with_what_was_found_and_wanted(payload, point, why):
    with pytest.raises(ValueError) as fault:
        read(payload, **point)
    assert why in str(fault.value)


@pytest.mark.parametrize(
    "told",
    [
        WHEN,
        int(WHEN),
        str(int(WHEN)),
        WHEN * 1e3,
        int(WHEN * 1e6),
        int(WHEN * 1e9),
        "2026-07-01T12:00:00Z",
        "2026-07-01T14:00:00+02:00",
        "2026-07-01 12:00:00",
        "2026-07-01T12:00:00.000000Z",
    ],
)
def test_a_time_in_the_ways_of_the_field(told):
    assert unix_s(told) == pytest.approx(WHEN, abs=1e-3)


def test_many_samples_in_one_payload_each_with_its_time():
    told = parse(
        json.dumps({"r": [{"t": WHEN, "v": 1}, {"t": WHEN + 1, "v": "x"}, {"t": WHEN + 2, "v": 3}]}).encode(), MOST
    )
    broken = {}
    many = reader(path="r[*].v", time_path="r[*].t")
    assert list(many.pick_all(told, broken)) == [(1.0, Quality.GOOD, WHEN), (3.0, Quality.GOOD, WHEN + 2)]
    assert list(broken) == ["e.p"] and "found 'x' at `r[*].v`" in broken["e.p"]
    columns = parse(json.dumps({"t": [WHEN, WHEN + 1], "v": [1, 2], "q": [192, "bad"]}).encode(), MOST)
    many = reader(path="v.*", time_path="t.*", quality_path="q[*]")
    assert list(many.pick_all(columns, {})) == [(1.0, Quality.GOOD, WHEN), (2.0, Quality.BAD, WHEN + 1)]
    with pytest.raises(ValueError, match="found 2 values with 1 times"):
        list(many.pick_all({"t": [WHEN], "v": [1, 2], "q": [0, 0]}, {}))
    with pytest.raises(ValueError, match="found no list"):
        list(many.pick_all({"t": WHEN, "v": [1, 2], "q": [0, 0]}, {}))


@pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[]", "a.b.", "[*].a[*]", "a[x]", ".".join("a" * 17)])
def test_what_is_no_path(text):
    with pytest.raises(ValueError, match="a path"):
        Path(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("vtqx"), inner, max_size=4),
    max_leaves=12,
)
POINTS = [
    reader(),
    reader(path="v", quality_path="q", time_path="t"),
    reader(unit="onoff", path="[0].v", words={"on": 1.0}),
]
MANY = reader(path="v[*].v", time_path="v[*].t")


def samples_of(payload):
    try:
        told = parse(payload, MOST)
    except ValueError:
        return
    for point in POINTS:
        try:
            yield point.pick(told)
        except ValueError:
            continue
    try:
        yield from MANY.pick_all(told, {})
    except ValueError:
        return


@given(st.binary(max_size=60) | JSON.map(lambda told: json.dumps(told).encode()) | st.text(max_size=40).map(str.encode))
@example(b'{"v": [{"v": 1e999, "t": 1}]}')
@example(b'{"v": 1, "t": -1}')
@example(b'{"v": 1, "t": 1e999}')
@example(b'{"v": 1, "t": 99999999999999999999999}')
@example(b'{"v": 1, "t": "9999-12-31T23:59:59-23:59"}')
@example(b'"\\ud800"')
def test_whatever_comes_is_a_finite_number_or_none_or_refused(payload):
    for value, quality, measured in samples_of(payload):
        assert isinstance(value, float) and not math.isinf(value)
        assert quality in (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD)
        assert math.isnan(measured) or abs(measured) < 1e12


@given(st.integers(0, 59), JSON)
def test_half_a_payload_is_no_other_value(cut, told):
    """A number cut in two is a number; JSON with an object or list around it is not."""
    whole = json.dumps({"v": told}).encode()
    half = whole[: min(cut, len(whole) - 1)]
    with pytest.raises(ValueError):
        read(half, path="v")
