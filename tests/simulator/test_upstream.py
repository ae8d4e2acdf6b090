"""The receiver keeps each record once, acknowledges what it has on the disk, and shrugs at rubbish."""

import asyncio
import gzip
import json
import random
from contextlib import suppress

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.wires.upstream import BrokenPayload, Ledger, Parcel, Receiver, open_parcel

TOPIC = "hushwatt/tower/gw1/batch"


def scan(seq):
    points = ["meter1.electric_power", "ahu1.fan_power"]
    columns = {"points": points, "values": [1.0 * seq, None], "quality": [0, 2]}
    return {"seq": seq, "kind": "scan", "unix_s": 1e9 + seq, "device": "plant", **columns}


def entry(seq):
    return {"seq": seq, "kind": "entry", "unix_s": None, "entry": "note", "text": "hello"}


def pack(records, /, **other):
    seqs = [record["seq"] for record in records]
    body = {"v": 1, "site": "tower", "gateway": "gw1", "first_seq": min(seqs), "last_seq": max(seqs)}
    return gzip.compress(json.dumps(body | {"records": records} | other).encode())


def parcel(*seqs):
    return Parcel(site="tower", gateway="gw1", records=[scan(seq) for seq in seqs])


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "upstream.db")
    yield ledger
    ledger.close()


BROKEN = {
    "no gzip": b"rubbish",
    "cut short": pack([scan(1)])[:-9],
    "damaged": pack([scan(1)])[:20] + b"\0\0\0\0" + pack([scan(1)])[24:],
    "no JSON": gzip.compress(b"{"),
    "deep": gzip.compress(b"[" * 100_000),
    "a list": gzip.compress(b"[]"),
    "another version": pack([scan(1)], v=2),
    "another gateway": pack([scan(1)], gateway="gw2"),
    "seq is text": pack([scan(1)], records=[scan(1) | {"seq": "1"}]),
    "columns of unequal length": pack([scan(1) | {"values": [1.0]}]),
    "unknown kind": pack([scan(1) | {"kind": "poem"}]),
    "first_seq is wrong": pack([scan(4)], first_seq=1),
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_batch_is_broken(payload):
    with pytest.raises(BrokenPayload):
        open_parcel(TOPIC, payload)


def test_each_record_is_kept_once(ledger):
    assert ledger.keep(parcel(1, 2, 3)) == 3
    assert ledger.keep(parcel(2, 3, 4)) == 4
    counters = ledger.counters
    assert (counters["records"], counters["samples"]) == (4, 8)
    assert (counters["duplicates"], counters["conflicts"]) == (2, 0)


def test_a_gap_holds_the_acknowledgement_until_it_is_filled(ledger):
    assert ledger.keep(parcel(1, 2)) == 2
    assert ledger.keep(parcel(5, 6)) == 2
    assert ledger.keep(parcel(3, 4)) == 6


def test_a_gap_that_will_never_be_filled_is_passed_in_the_end(ledger):
    ledger.keep(parcel(1, 2))
    assert [ledger.keep(parcel(1000, 1001)) for _ in range(3)] == [2, 2, 1001]
    assert ledger.counters["gaps"] == 1


def test_the_chain_begins_with_the_first_record_seen(ledger):
    assert ledger.keep(parcel(40, 41)) == 41


def test_the_same_number_with_other_words_is_a_conflict(ledger):
    ledger.keep(parcel(1))
    ledger.keep(Parcel(site="tower", gateway="gw1", records=[entry(1)]))
    assert ledger.counters["conflicts"] == 1


def test_gateways_do_not_mix(ledger):
    ledger.keep(parcel(1, 2))
    assert ledger.keep(Parcel(site="tower", gateway="gw2", records=[scan(1)])) == 1
    assert ledger.acked("tower", "gw1") == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 6)), max_size=12), st.integers(0, 2**32))
def test_whatever_comes_and_goes_the_word_is_true(tmp_path_factory, spans, seed):
    """Every acknowledged seq from the first seen on is in the file, also when it is opened anew."""
    path = tmp_path_factory.mktemp("law") / "upstream.db"
    dice, kept, first = random.Random(seed), set(), None
    ledger = Ledger(path)
    for low, length in spans:
        seqs = list(range(low, low + length + 1))
        first = low if first is None else first
        dice.shuffle(seqs)
        acked = ledger.keep(parcel(*seqs))
        kept.update(seqs)
        assert ledger.counters["gaps"] or all(seq in kept for seq in range(first, acked + 1))
        if dice.random() < 0.3:
            ledger.close()
            ledger = Ledger(path)
            assert ledger.acked("tower", "gw1") == acked
    assert ledger.counters["records"] == len(kept)
    ledger.close()


@pytest.fixture
async def gateway(broker):
    """A client that hears the acknowledgements."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("hushwatt/tower/gw1/ack")
        yield client


async def next_ack(client):
    async with asyncio.timeout(5):
        return json.loads((await anext(client.messages)).payload)["acked"]


async def end(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_acknowledges_over_the_wire_and_counts_rubbish(tmp_path, broker, gateway):
    with Receiver(tmp_path / "up" / "upstream.db", host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await asyncio.wait_for(receiver.listening.wait(), 5)
        await gateway.publish(TOPIC, b"rubbish", qos=1)
        await gateway.publish(TOPIC, pack([scan(1), entry(2)]), qos=1)
        assert await next_ack(gateway) == 2
        assert receiver.counters["broken"] == 1
        await end(task)


async def test_what_came_while_it_was_away_is_kept_after_a_restart(tmp_path, broker, gateway):
    path = tmp_path / "upstream.db"
    with Receiver(path, host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await gateway_sends(gateway, receiver, 1)
        await end(task)
    await gateway.publish(TOPIC, pack([scan(2)]), qos=1)
    with Receiver(path, host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        assert await next_ack(gateway) == 2
        assert receiver.counters["records"] == 2
        await end(task)


async def gateway_sends(gateway, receiver, seq):
    await asyncio.wait_for(receiver.listening.wait(), 5)
    await gateway.publish(TOPIC, pack([scan(seq)]), qos=1)
    assert await next_ack(gateway) == seq


async def test_a_killed_broker_is_waited_for(tmp_path, broker):
    with Receiver(tmp_path / "upstream.db", host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await asyncio.wait_for(receiver.listening.wait(), 5)
        broker.kill()
        async with asyncio.timeout(5):
            while receiver.listening.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await broker.start()
        await asyncio.wait_for(receiver.listening.wait(), 10)
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.subscribe("hushwatt/tower/gw1/ack")
            await gateway_sends(client, receiver, 1)
        await end(task)
