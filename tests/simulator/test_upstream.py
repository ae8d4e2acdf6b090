"""The receiver keeps each record once, says what it has on the disk, and shrugs at rubbish."""

import asyncio
import random
from contextlib import suppress
from dataclasses import replace

import aiomqtt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.records import EntryRecord
from agent.uplink.answers import decode_answer
from agent.uplink.columns import Opened, encode, layout_id
from agent.uplink.parcel import Block, Layout, Parcel
from simulator.wires.upstream import Ledger, Receiver

TOPIC = "hushwatt/tower/gw1/batch"
LAYOUT = Layout(device="plant", points=("meter1.electric_power", "ahu1.fan_power"), units=("kW", "kW"))


def parcel(*seqs, value=1.0):
    seq = np.array(seqs, np.int64)
    block = Block(
        layout=LAYOUT,
        seq=seq,
        boot=np.ones_like(seq),
        unix_s=1e9 + seq,
        values=np.array([[value * number, np.nan] for number in seqs]),
        quality=np.array([[0, 128]] * len(seqs), np.uint8),
    )
    return Parcel(chain="c1", first_seq=min(seqs), last_seq=max(seqs), blocks=(block,))


def entry(seq):
    told = Entry(at=Instant(unix_s=1.0, mono_s=1.0), kind="note", subject="agent", text="hello")
    record = EntryRecord(seq=seq, boot=1, entry=told)
    return Parcel(chain="c1", first_seq=seq, last_seq=seq, entries=(record,))


def opened(parcel, gateway="gw1"):
    return Opened(site="tower", gateway=gateway, parcel=parcel, layouts={layout_id(LAYOUT): LAYOUT})


def pack(parcel, **told):
    return encode(parcel, "tower", "gw1", **told)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "upstream.db")
    yield ledger
    ledger.close()


def test_each_record_is_kept_once(ledger):
    assert ledger.keep(opened(parcel(1, 2, 3))) == [(1, 3)]
    assert ledger.keep(opened(parcel(2, 3, 4))) == [(1, 4)]
    counters = ledger.counters
    assert (counters["records"], counters["samples"]) == (4, 8)
    assert (counters["duplicates"], counters["conflicts"]) == (2, 0)


def test_live_data_may_overtake_the_backlog(ledger):
    ledger.keep(opened(parcel(1, 2)))
    assert ledger.keep(opened(parcel(5, 6))) == [(1, 2), (5, 6)]
    assert ledger.keep(opened(parcel(3, 4))) == [(1, 6)]


def test_the_same_number_with_other_words_is_a_conflict(ledger):
    ledger.keep(opened(parcel(1)))
    ledger.keep(opened(parcel(1, value=2.0)))
    assert ledger.counters["conflicts"] == 1


def test_gateways_and_their_stores_do_not_mix(ledger):
    ledger.keep(opened(parcel(1, 2)))
    assert ledger.keep(opened(parcel(1), "gw2")) == [(1, 1)]
    assert ledger.keep(opened(replace(parcel(7), chain="c2"))) == [(7, 7)]
    assert ledger.counters["conflicts"] == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 6)), max_size=12), st.integers(0, 2**32))
def test_whatever_comes_and_goes_the_word_is_true(tmp_path_factory, spans, seed):
    """What it says that it has is what it has, also when it is opened anew."""
    path = tmp_path_factory.mktemp("law") / "upstream.db"
    dice, kept = random.Random(seed), set()
    ledger = Ledger(path)
    for low, length in spans:
        seqs = list(range(low, low + length + 1))
        told = ledger.keep(opened(parcel(*seqs)))
        kept.update(seqs)
        assert {seq for first, last in told for seq in range(first, last + 1)} == kept
        if dice.random() < 0.3:
            ledger.close()
            ledger = Ledger(path)
            assert ledger.layout_of(layout_id(LAYOUT)) == LAYOUT
    assert ledger.counters["records"] == len(kept)
    ledger.close()


@pytest.fixture
async def gateway(broker):
    """A client that hears the answers."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("hushwatt/tower/gw1/answer")
        yield client


async def next_answer(client):
    async with asyncio.timeout(5):
        return decode_answer((await anext(client.messages)).payload)


async def end(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_answers_over_the_wire_and_counts_rubbish(tmp_path, broker, gateway):
    with Receiver(tmp_path / "up" / "upstream.db", host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await asyncio.wait_for(receiver.listening.wait(), 5)
        await gateway.publish(TOPIC, b"rubbish", qos=1)
        await gateway.publish(TOPIC, pack(parcel(1)), qos=1)
        assert (await next_answer(gateway)).kept == ((1, 1),)
        await gateway.publish(TOPIC, pack(entry(2)), qos=1)
        assert (await next_answer(gateway)).kept == ((1, 2),)
        assert receiver.counters["broken"] == 1
        await end(task)


async def test_what_it_cannot_read_it_refuses_by_its_place_and_what_it_does_not_know_it_asks(tmp_path, broker, gateway):
    with Receiver(tmp_path / "up" / "upstream.db", host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await asyncio.wait_for(receiver.listening.wait(), 5)
        await gateway.publish(TOPIC, pack(parcel(1), known={layout_id(LAYOUT)}), qos=1)
        assert (await next_answer(gateway)).unknown == (layout_id(LAYOUT),)
        await gateway.publish(TOPIC, encode(parcel(1, 2), "tower", "gw2"), qos=1)  # Not the topic's gateway.
        await gateway.publish(TOPIC, pack(replace(parcel(5), first_seq=6, last_seq=7)), qos=1)
        refused = await next_answer(gateway)
        assert (refused.chain, refused.refused) == ("c1", (6, 7))
        await end(task)


async def test_what_came_while_it_was_away_is_kept_after_a_restart(tmp_path, broker, gateway):
    path = tmp_path / "upstream.db"
    with Receiver(path, host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        await gateway_sends(gateway, receiver, 1)
        await end(task)
    await gateway.publish(TOPIC, pack(parcel(2)), qos=1)
    with Receiver(path, host="127.0.0.1", port=broker.port) as receiver:
        task = asyncio.ensure_future(receiver.run())
        assert (await next_answer(gateway)).kept == ((1, 2),)
        assert receiver.counters["records"] == 2
        await end(task)


async def gateway_sends(gateway, receiver, seq):
    await asyncio.wait_for(receiver.listening.wait(), 5)
    await gateway.publish(TOPIC, pack(parcel(seq)), qos=1)
    assert (await next_answer(gateway)).kept == ((1, seq),)


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
            await client.subscribe("hushwatt/tower/gw1/answer")
            await gateway_sends(client, receiver, 1)
        await end(task)
