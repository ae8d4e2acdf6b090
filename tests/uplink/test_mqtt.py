"""Over a real broker: all arrives, once it counts, whatever is killed on the way."""

import asyncio
import json

import aiomqtt
import pytest

from agent.core.clock import SystemClock, wall_s
from agent.core.errors import BrokerError, OperatingError
from agent.runtime.loops import SteeredLoop
from agent.runtime.mqtt_broker import Broker
from agent.store.store import Store
from agent.uplink.answers import Answer, decode_answer, encode_answer
from agent.uplink.columns import decode, encode
from agent.uplink.mqtt import MqttSink
from agent.uplink.packer import Packer, Rules
from agent.uplink.parcel import Parcel
from agent.uplink.sink import RefusedError
from agent.uplink.tape import Feeding, Tape
from simulator.wires.upstream import Receiver, rows_of

START = 1_750_000_000.0


class Way:
    """A sink and a tape that run."""

    def __init__(self, store, port, *, answer_s=2.0, clock=None, **feeding):
        clock = clock or SystemClock()
        for name in set(store.outbox.sinks()) - {"cloud"}:
            store.outbox.forget(name)
        self.sink = sink_on(port, store, clock, answer_s=answer_s)
        rules = Rules(spans_s={"meter1.electric_power": 0}, units={spec.id: spec.unit for spec in store.table})
        self.store = store
        self.tape = Tape(
            "cloud",
            self.sink,
            store.outbox,
            lambda: Packer(rules, store.outbox),
            clock,
            store,
            feeding=Feeding(**{"batch_records": 50, "gather_s": 0.05} | feeding),
        )
        self.tasks = [asyncio.ensure_future(self.sink.run()), asyncio.ensure_future(self.tape.run())]

    async def drain(self, timeout_s):
        await self.store.flush()
        return await self.tape.drain(timeout_s)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended


def sink_on(port, store, clock, *, answer_s=2.0, **told):
    where = {"prefix": "up", "site": "tower", "gateway": "gw1", "newest": lambda: store.outbox.last_seq}
    return MqttSink(Broker(host="127.0.0.1", port=port), clock, answer_s=answer_s, **where, **told)


async def until(true, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def numbers(receiver):
    """The scans' values, in order of their seq."""
    records = [receiver.records[seq] for seq in sorted(receiver.records)]
    return [record["values"][0] for record in records if record["kind"] == "scan"]


async def test_all_that_was_written_arrives_in_order_once(store, broker, receiver, scan_of):
    async with Way(store, broker.port) as way:
        for number in range(1000):
            store.append(scan_of(number))
        assert await way.drain(20)
    assert numbers(receiver) == list(range(1000))
    assert (await store.counts()).outbox == 0
    assert receiver.repeats == 0
    assert receiver.records[1]["points"] == ["meter1.electric_power"]  # The other one is not shared.


async def test_a_broker_killed_twice_loses_nothing(store, broker, receiver, scan_of):
    async with Way(store, broker.port, batch_records=20) as way:

        async def write():
            for number in range(1500):
                store.append(scan_of(number))
                await asyncio.sleep(0.001)

        writing = asyncio.ensure_future(write())
        for seen in (200, 700):
            await until(lambda seen=seen: len(receiver.records) > seen)
            broker.kill()
            await asyncio.sleep(0.1)
            await broker.start()
        await writing
        assert await way.drain(25)
        assert numbers(receiver) == list(range(1500))
        assert way.sink.connections == 3


async def test_a_receiver_that_forgets_batches_gets_them_again(store, broker, receiver, scan_of):
    receiver.lose = lambda number: number in (2, 3, 7)
    async with Way(store, broker.port, answer_s=0.3) as way:
        for number in range(500):
            store.append(scan_of(number))
        assert await way.drain(20)
    assert numbers(receiver) == list(range(500))
    assert way.tape.counts.faults >= 1


async def test_a_restarted_agent_goes_on_where_it_was(tmp_path, table, broker, receiver, scan_of):
    path = tmp_path / "again.db"
    for life in range(3):
        store = await Store.open(path, table, SystemClock())
        for number in range(life * 100, life * 100 + 100):
            store.append(scan_of(number))
        await store.flush()
        async with Way(store, broker.port, batch_records=30) as way:
            if life < 2:
                await until(lambda life=life: len(receiver.records) > life * 100 + 40)  # Ended in the middle.
            else:
                assert await way.drain(20)
        await store.close()
    assert numbers(receiver) == list(range(300))


async def test_who_claims_to_have_what_does_not_exist_is_not_believed(store, broker, receiver, scan_of):
    lies = iter([10**9])

    def say(answer):
        last = next(lies, None)
        return encode_answer(answer if last is None else Answer(chain=answer.chain, kept=((1, last),)))

    receiver.say = say
    async with Way(store, broker.port, answer_s=1.0) as way:
        for number in range(60):
            store.append(scan_of(number))
        assert await way.drain(20)
        assert numbers(receiver)[:60] == list(range(60))
        assert way.sink.refused_answers == 1
        told = [entry.text for entry in await store.entries(kind="uplink", limit=9)]
        assert any("the receiver says that it kept record 1000000000, but only" in text for text in told)


async def test_a_broken_answer_is_counted_and_ignored(store, broker, receiver, scan_of):
    bad = iter([b"\xff", b'{"chain": "x", "kept": [["1", 9]]}', b"[]"])
    receiver.say = lambda answer: next(bad, None) or encode_answer(answer)
    async with Way(store, broker.port, answer_s=0.2, batch_records=10) as way:
        for number in range(100):
            store.append(scan_of(number))
        assert await way.drain(20)
        assert way.sink.broken_answers == 3
    assert numbers(receiver) == list(range(100))


async def test_an_answer_about_an_earlier_store_says_nothing_about_this_one(store, broker, receiver, scan_of):
    receiver.say = lambda answer: encode_answer(Answer(chain="another", kept=answer.kept))
    async with Way(store, broker.port, answer_s=0.2) as way:
        store.append(scan_of(1))
        assert not await way.drain(1.0)


async def test_a_receiver_that_forgot_what_columns_mean_is_told_again(store, broker, receiver, scan_of):
    async with Way(store, broker.port) as way:
        store.append(scan_of(1))
        assert await way.drain(20)
        receiver.layouts.clear()
        store.append(scan_of(2))
        assert await way.drain(20)
    assert numbers(receiver) == [1.0, 2.0]
    assert receiver.repeats == 0


async def test_what_the_receiver_refuses_is_set_aside(store, broker, receiver, scan_of):
    def say(answer):
        _, last = answer.kept[-1]
        if receiver.records[last].get("values") == [3.0]:
            return encode_answer(Answer(chain=answer.chain, refused=(last, last), reason="I do not like 3"))
        return encode_answer(answer)

    receiver.say = say
    async with Way(store, broker.port, batch_records=1, gather_s=0.0) as way:
        for number in range(6):
            store.append(scan_of(number))
            assert await way.drain(20)
        [letter] = await store.outbox.dead()
        assert (letter.first_seq, letter.reason) == (4, "I do not like 3")
        [row] = rows_of(decode(letter.payload).parcel)
        assert row["values"] == [3.0]


async def test_a_dead_upstream_holds_nobody_up(store, broker, scan_of):
    broker.kill()
    async with Way(store, broker.port) as way:
        store.append(scan_of(1))
        with pytest.raises(BrokerError, match="not connected"):
            await way.sink.send(Parcel(chain="c", first_seq=1, last_seq=1))
        assert not await way.drain(0.2)


async def test_the_simulators_receiver_keeps_each_record_once(tmp_path, store, broker, scan_of):
    with Receiver(tmp_path / "upstream.db", host="127.0.0.1", port=broker.port, prefix="up") as receiver:
        listening = asyncio.ensure_future(receiver.run())
        await receiver.listening.wait()
        async with Way(store, broker.port) as way:
            for number in range(300):
                store.append(scan_of(number))
            assert await way.drain(20)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        kept = receiver.counters
        assert (kept["records"], kept["samples"]) == (300, 300)
        assert (kept["duplicates"], kept["conflicts"], kept["broken"]) == (0, 0, 0)


def steer(loop, main):
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main)


def test_simulated_time_waits_for_an_answer_on_the_real_wire(tmp_path, table, broker, distant_receiver, scan_of):
    loop = SteeredLoop(start_unix_s=START)

    async def main():
        store = await Store.open(tmp_path / "s.db", table, loop.clock())
        keeper = asyncio.ensure_future(store.run())
        async with Way(store, broker.port, clock=loop.clock()) as way:
            with loop.hold():
                await way.sink.ready()
            for step in range(100):
                store.append(scan_of(step))
                await asyncio.sleep(300)
                assert store.outbox.acked >= step  # At most the last one is under way.
            assert loop.time() < START + 100 * 300 + 5
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await store.close()

    steer(loop, main())


@pytest.mark.parametrize("dead", ["broker", "receiver"])
def test_a_dead_upstream_never_stops_simulated_time(tmp_path, table, broker, scan_of, dead):
    loop = SteeredLoop(start_unix_s=START)
    if dead == "broker":
        broker.kill()

    async def main():
        store = await Store.open(tmp_path / "s.db", table, loop.clock())
        keeper = asyncio.ensure_future(store.run())
        async with Way(store, broker.port, clock=loop.clock(), answer_s=0.5):
            for step in range(288):
                store.append(scan_of(step))
                await asyncio.sleep(300)
            assert store.outbox.acked == 0
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await store.close()

    began_s = wall_s()
    steer(loop, main())
    assert wall_s() - began_s < 60


async def test_the_payload_and_the_answer_are_what_was_agreed(broker, store):
    parcel = Parcel(chain="c0ffee", first_seq=4, last_seq=5)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("up/tower/gw1/batch", qos=1)
        sink = MqttSink(
            Broker(host="127.0.0.1", port=broker.port),
            SystemClock(),
            prefix="up",
            site="tower",
            gateway="gw1",
            newest=lambda: 9,
        )
        running = asyncio.ensure_future(sink.run())
        await sink.ready()
        sending = asyncio.ensure_future(sink.send(parcel))
        message = await anext(aiter(client.messages))
        assert message.payload == encode(parcel, "tower", "gw1")
        await client.publish("up/tower/gw1/answer", b'{"chain": "c0ffee", "kept": [[1, 4]]}')
        await asyncio.sleep(0.1)
        assert not sending.done()
        await client.publish("up/tower/gw1/answer", b'{"chain": "c0ffee", "kept": [[1, 5]]}')
        assert await sending == len(message.payload)
        again = asyncio.ensure_future(sink.send(Parcel(chain="c0ffee", first_seq=6, last_seq=7)))
        await anext(aiter(client.messages))
        refusal = {"chain": "c0ffee", "kept": [], "refused": [6, 7], "reason": "no"}
        await client.publish("up/tower/gw1/answer", json.dumps(refusal).encode())
        with pytest.raises(RefusedError, match="no"):
            await again
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"null", b'{"chain": "c", "kept": [[1.5, 2]]}', b'{"chain": 1}', b"[" * 100_000],
)
def test_an_answer_that_is_none_is_an_operating_error(payload):
    with pytest.raises(OperatingError):
        decode_answer(payload)
