"""Sparkplug B payloads against bytes laid out by hand, against others' codec, and against malice."""

import json
import math
import shutil
import struct
import subprocess
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.sparkplug import Payload, Type, decode, encode

# Laid out by hand after `sparkplug_b.proto`: tag = number << 3 | wire type.
TEMPERATURE = (
    b"\x0a\x04Temp"  # name
    b"\x10\x07"  # alias 7
    b"\x18\xe8\x07"  # timestamp 1000
    b"\x20\x0a"  # datatype Double
    b"\x69" + struct.pack("<d", 21.5)
)
RUNNING = b"\x10\x08\x20\x0b\x70\x01"  # alias 8, Boolean, true
COUNT = b"\x0a\x01n\x20\x01\x50\xff\xff\xff\xff\x0f"  # Int8 -1, in the 32 bits of int_value
LOST = b"\x10\x09\x28\x01\x38\x01"  # alias 9, historical, null
STALE = b"\x10\x0a\x4a\x10\x0a\x07Quality\x12\x05\x08\x03\x18\xf4\x03\x65" + struct.pack("<f", 0.5)
BIRTH = b"\x08\x90\x4e" + b"".join(
    bytes((0x12, len(metric))) + metric for metric in (TEMPERATURE, RUNNING, COUNT, LOST, STALE)
)
BIRTH += b"\x18\x00"  # seq 0


def test_a_birth_laid_out_by_hand_is_read():
    told = decode(BIRTH)
    assert (told.time_ms, told.seq, len(told)) == (10_000, 0, 5)
    assert told.names == ["Temp", None, "n", None, None]
    assert told.keys() == [7, 8, "n", 9, 10]
    assert told.values == [21.5, True, -1, None, 0.5]
    assert told.types == [Type.DOUBLE, Type.BOOLEAN, Type.INT8, 0, 0]
    assert told.times_ms == [1000, None, None, None, None]
    assert told.historical == [False, False, False, True, False]
    assert told.qualities == [None, None, None, None, 500]
    assert told.faults == {}


def test_what_is_written_is_what_was_laid_out_by_hand():
    told = Payload(
        time_ms=10_000,
        seq=0,
        names=["Temp", None],
        aliases=[7, 8],
        types=[Type.DOUBLE, Type.BOOLEAN],
        values=[21.5, True],
        times_ms=[1000, None],
    )
    metrics = b"\x12" + bytes((len(TEMPERATURE),)) + TEMPERATURE + b"\x12" + bytes((len(RUNNING),)) + RUNNING
    assert encode(told) == b"\x08\x90\x4e" + metrics + b"\x18\x00"


def test_data_is_read_with_the_types_of_the_birth():
    """Without them 255 in eight bits is no number that anyone could know the sign of."""
    data = b"\x12\x05\x10\x01\x50\xff\x01"
    assert decode(data, {1: Type.INT8}).values == [-1]
    assert decode(data, {1: Type.UINT8}).values == [255]
    assert decode(data, {1: Type.INT16}).values == [255]


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Type.DOUBLE, b"\x50\x05", "int_value with data type 10"),
        (Type.FLOAT, b"\x7a\x011", "string_value with data type 9"),
        (Type.INT16, b"\x70\x01", "boolean_value with data type 2"),
        (Type.INT8, b"\x50\x80\x02", "256, wanted 8 bits"),
        (Type.UINT16, b"\x50\x80\x80\x04", "65536, wanted 16 bits"),
        (Type.INT64, b"\x50\x05", "int_value with data type 4"),
        (0, b"\x50\xff\xff\xff\xff\x0f", "int_value with data type 0"),
        (Type.DOUBLE, b"", "no value with data type 10"),
        (16, b"\x82\x01\x00", "a data set with data type 16"),
        (16, b"\x8a\x01\x00", "a data set"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_no_value(kind, value, found):
    metric = b"\x10\x01" + (bytes((0x20, kind)) if kind else b"") + value
    told = decode(b"\x12" + bytes((len(metric),)) + metric)
    assert told.values == [None]
    assert list(told.faults) == [0] and found.split()[-1] in told.faults[0]


RANGES = {
    Type.INT8: st.integers(-(2**7), 2**7 - 1),
    Type.INT16: st.integers(-(2**15), 2**15 - 1),
    Type.INT32: st.integers(-(2**31), 2**31 - 1),
    Type.INT64: st.integers(-(2**63), 2**63 - 1),
    Type.UINT8: st.integers(0, 2**8 - 1),
    Type.UINT16: st.integers(0, 2**16 - 1),
    Type.UINT32: st.integers(0, 2**32 - 1),
    Type.UINT64: st.integers(0, 2**64 - 1),
    Type.FLOAT: st.floats(width=32, allow_nan=False),
    Type.DOUBLE: st.floats(allow_nan=False),
    Type.BOOLEAN: st.booleans(),
    Type.STRING: st.text(),
    Type.DATETIME: st.integers(0, 2**63),
}
METRIC = st.sampled_from(list(RANGES)).flatmap(
    lambda kind: st.tuples(
        st.none() | st.text(),
        st.none() | st.integers(0, 2**64 - 1),
        st.just(int(kind)),
        st.none() | RANGES[kind],
        st.none() | st.integers(0, 2**64 - 1),
        st.booleans(),
        st.sampled_from((None, 0, 192, 500)),
    )
)


@given(st.lists(METRIC, max_size=8), st.none() | st.integers(0, 255), st.none() | st.integers(0, 2**42))
def test_what_was_written_is_read_again(metrics, seq, time_ms):
    columns = zip(*metrics, strict=True) if metrics else ((),) * 7
    names, aliases, types, values, times_ms, historical, qualities = map(list, columns)
    told = Payload(
        time_ms=time_ms,
        seq=seq,
        names=names,
        aliases=aliases,
        types=types,
        values=values,
        times_ms=times_ms,
        historical=historical,
        qualities=qualities,
    )
    assert decode(encode(told)) == told


@given(st.binary(max_size=200) | st.integers(0, len(BIRTH)).map(lambda end: BIRTH[:end]))
def test_whatever_comes_is_read_or_refused(data):
    try:
        told = decode(data)
    except ValueError:
        return
    assert all(value is None or isinstance(value, int | float | bool | str) for value in told.values)


@given(st.integers(0, len(BIRTH) - 1), st.integers(0, 255))
def test_one_byte_changed_does_no_harm(place, byte):
    data = bytearray(BIRTH)
    data[place] = byte
    with suppress(ValueError):
        decode(bytes(data))


NODE = shutil.which("node")
SCRIPT = """
const spb = require('sparkplug-payload').get('spBv1.0');
const told = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const big = (k, v) => typeof v === 'bigint' || (v && v.constructor && v.constructor.name === 'Long') ? Number(v) : v;
if (told.decode) {
  console.log(JSON.stringify(spb.decodePayload(Buffer.from(told.decode, 'hex')), big));
} else {
  console.log(Buffer.from(spb.encodePayload(told.encode)).toString('hex'));
}
"""


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    """npm's `sparkplug-payload`, a codec by others."""
    npm = shutil.which("npm")
    if NODE is None or npm is None:
        pytest.skip("no node here")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text("{}")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "sparkplug-payload@1.0.3"],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )
    if done.returncode != 0:
        pytest.skip("sparkplug-payload does not install here")

    def ask(**told):
        script = subprocess.run(
            [NODE, "-e", SCRIPT], cwd=folder, input=json.dumps(told), capture_output=True, text=True
        )
        assert script.returncode == 0, script.stderr
        return script.stdout.strip()

    return ask


@pytest.mark.slow
def test_others_read_what_we_write_and_we_what_they_write(other):
    values = {
        Type.INT8: -5,
        Type.INT16: -300,
        Type.INT32: -70_000,
        Type.INT64: 2**40,
        Type.UINT8: 200,
        Type.UINT16: 60_000,
        Type.UINT32: 1_000_000,
        Type.UINT64: 2**41,
        Type.FLOAT: 0.5,
        Type.DOUBLE: -21.25,
        Type.BOOLEAN: True,
        Type.STRING: "läuft",
    }
    names = [kind.name.title() for kind in values]
    ours = Payload(
        time_ms=1_700_000_000_000,
        seq=7,
        names=names,
        aliases=list(range(1, len(values) + 1)),
        types=list(values),
        values=list(values.values()),
        times_ms=[1_700_000_000_001] * len(values),
    )
    theirs = json.loads(other(decode=encode(ours).hex()))
    assert (theirs["seq"], theirs["timestamp"]) == (7, ours.time_ms)
    assert [metric["value"] for metric in theirs["metrics"]] == ours.values
    assert [metric["type"].upper() for metric in theirs["metrics"]] == [kind.name for kind in values]
    assert [metric["alias"] for metric in theirs["metrics"]] == ours.aliases
    back = decode(bytes.fromhex(other(encode=theirs)))
    assert (back.seq, back.time_ms) == (7, ours.time_ms)
    assert back.values == ours.values and back.types == ours.types and back.names == names
    assert all(type(one) is type(two) or not math.isnan(one) for one, two in zip(back.values, ours.values, strict=True))
