"""What is packed is what is opened, and what is no batch is broken and nothing worse."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.records import EntryRecord
from agent.uplink.columns import BrokenPayload, UnknownLayout, decode, encode, layout_id
from agent.uplink.parcel import Block, Layout, Parcel

FORMS = [(form, packing) for form in ("json", "cbor") for packing in ("gzip", "zstd")]
VALUES = st.one_of(
    st.floats(-1e300, 1e300),
    st.just(float("nan")),
    st.integers(-(10**6), 10**6).map(lambda raw: raw * 0.1),
    st.sampled_from([0.0, -0.0, 1e300, 5e-324, 2.0**53, 1e12, 21.5]),
)


def block(values, *, seq=5, device="bms", span_s=0, quality=None):
    values = np.array(values, np.float64)
    k, n = values.shape
    layout = Layout(device=device, points=tuple(f"zone{c}.t" for c in range(n)), units=("degC",) * n, span_s=span_s)
    return Block(
        layout=layout,
        seq=np.arange(seq, seq + k),
        boot=np.full(k, 3),
        unix_s=1_750_000_000.0 + np.arange(k) * 60.125,
        values=values,
        quality=np.zeros((k, n), np.uint8) if quality is None else np.array(quality, np.uint8),
    )


def parcel(*blocks, entries=(), first=1, last=99):
    return Parcel(chain="c0ffee", first_seq=first, last_seq=last, blocks=blocks, entries=entries)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=8)),
    st.sampled_from(FORMS),
    st.integers(0, 255),
)
def test_what_is_packed_is_what_is_opened(values, form, code):
    sent = block(values, quality=[[code if row == 1 else 0 for _ in columns] for row, columns in enumerate(values)])
    payload = encode(parcel(sent), "tower", "gw1", format_=form[0], compression=form[1])
    opened = decode(payload)
    [got] = opened.parcel.blocks
    assert (opened.site, opened.gateway) == ("tower", "gw1")
    assert (opened.parcel.chain, opened.parcel.first_seq, opened.parcel.last_seq) == ("c0ffee", 1, 99)
    assert got.layout == sent.layout
    for column in ("seq", "boot", "unix_s", "quality"):
        assert np.array_equal(getattr(got, column), getattr(sent, column))
    # 3 x 0.1 is told as 0.3: a few units in the last place, and never more.
    assert np.all((np.abs(got.values - sent.values) <= 4 * np.spacing(np.abs(sent.values))) | np.isnan(sent.values))
    assert np.array_equal(np.isnan(got.values), np.isnan(sent.values))
    assert payload == encode(parcel(sent), "tower", "gw1", format_=form[0], compression=form[1])


def test_entries_travel_with_their_figures():
    entry = Entry(at=Instant(unix_s=1.5, mono_s=0.0), kind="lease", subject="ahu1", text="ä", data={"x": np.float64(2)})
    opened = decode(encode(parcel(entries=(EntryRecord(seq=7, boot=1, entry=entry),)), "tower", "gw1"))
    [record] = opened.parcel.entries
    told = (record.seq, record.entry.at.unix_s, record.entry.kind, record.entry.subject, record.entry.text)
    assert told == (7, 1.5, "lease", "ahu1", "ä")
    assert record.entry.data == {"x": 2.0}


def test_a_layout_is_explained_once():
    sent = block([[1.0]])
    name = layout_id(sent.layout)
    payload = encode(parcel(sent), "tower", "gw1", known={name})
    with pytest.raises(UnknownLayout) as unknown:
        decode(payload)
    assert (unknown.value.ids, unknown.value.chain) == ([name], "c0ffee")
    assert decode(payload, {name: sent.layout}.get).parcel.blocks[0].layout == sent.layout
    assert len(payload) < len(encode(parcel(sent), "tower", "gw1"))


def test_a_day_of_sensors_takes_little():
    """Ours: 30 sensors at their resolution, a poll a minute, batches of 500 polls."""
    dice = np.random.default_rng(1)
    walk = np.round(21.0 + np.cumsum(dice.normal(0.0, 0.05, (500, 30)), axis=0), 1)
    assert len(encode(parcel(block(walk, seq=1), last=600), "tower", "gw1")) / walk.size < 1.0


BODY = json.loads(gzip.decompress(encode(parcel(block([[1.0, 2.0], [3.0, 4.0]])), "tower", "gw1")))


def spoiled(**change):
    return gzip.compress(json.dumps(BODY | change).encode())


BROKEN = {
    "nothing": b"",
    "no gzip": b"rubbish",
    "cut short": spoiled()[:-9],
    "damaged": spoiled()[:20] + b"\0\0\0\0" + spoiled()[24:],
    "zstd that is none": b"\x28\xb5\x2f\xfd" + b"rubbish",
    "no JSON": gzip.compress(b"{"),
    "deep": gzip.compress(b"[" * 100_000),
    "a list": gzip.compress(b"[]"),
    "another version": spoiled(v=1),
    "seq is text": spoiled(first="1"),
    "backwards": spoiled(first=9, last=8),
    "records outside of the stretch": spoiled(first=6, last=6),
    "columns of unequal length": spoiled(blocks=[BODY["blocks"][0] | {"ms": [1]}]),
    "too few columns": spoiled(blocks=[BODY["blocks"][0] | {"digits": "0"}]),
    "too few values": spoiled(blocks=[BODY["blocks"][0] | {"whole": [1]}]),
    "blocks are text": spoiled(blocks="x"),
    "quality is too much": spoiled(blocks=[BODY["blocks"][0] | {"quality": [0, 0, 0, 999]}]),
    "an entry without words": spoiled(entries=[{"seq": 1}]),
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_batch_is_broken(payload):
    with pytest.raises(BrokenPayload):
        decode(payload)


def test_of_a_broken_batch_its_place_is_told():
    with pytest.raises(BrokenPayload) as broken:
        decode(spoiled(blocks="x"))
    assert (broken.value.chain, broken.value.stretch) == ("c0ffee", (1, 99))
