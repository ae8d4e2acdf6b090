"""Over a real broker: all arrives, once it counts, whatever is killed on the way."""

import asyncio
import gzip
import json
import logging

import aiomqtt
import pytest

from agent.core.batch import Ack, Batch
from agent.core.clock import SystemClock, wall_s
from agent.core.errors import BrokerError, OperatingError
from agent.runtime.loops import SteeredLoop
from agent.store.store import Store
from agent.uplink.mqtt import Broker, MqttLink
from agent.uplink.payload import decode_ack, encode
from agent.uplink.tape import Tape
from simulator.wires.upstream import Receiver

START = 1_750_000_000.0


class Uplink:
    """A link and a tape that run."""

    def __init__(self, store, port, *, ack_timeout_s=2.0, batch_records=50, window=4):
        clock = SystemClock()
        broker = Broker(host="127.0.0.1", port=port)
        self.link = MqttLink(broker, clock, prefix="up", site="tower", gateway="gw1", ack_timeout_s=ack_timeout_s)
        self.tape = Tape(store, self.link, clock, window=window, batch_records=batch_records, gather_s=0.05)
        self._tasks = [asyncio.ensure_future(self.link.run()), asyncio.ensure_future(self.tape.run())]

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended


async def until(true, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def numbers(receiver):
    """The scans' values, in order of their seq."""
    records = [receiver.records[seq] for seq in sorted(receiver.records)]
    return [record["values"][0] for record in records if record["kind"] == "scan"]


async def test_all_that_was_written_arrives_in_order_once(store, broker, receiver, scan_of):
    async with Uplink(store, broker.port) as uplink:
        for number in range(1000):
            store.append(scan_of(number))
        assert await uplink.tape.drain(20)
    assert numbers(receiver) == list(range(1000))
    assert (await store.counts()).outbox == 0
    assert receiver.repeats == uplink.tape.counts.repeated == 0
    assert receiver.records[1]["points"] == ["meter1.electric_power"]  # The other one is not shared.


async def test_a_broker_killed_twice_loses_nothing(store, broker, receiver, scan_of):
    async with Uplink(store, broker.port, batch_records=20) as uplink:

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
        assert await uplink.tape.drain(25)
        assert numbers(receiver) == list(range(1500))
        assert uplink.link.connections == 3
        logging.getLogger("test").info("repeated: sent %d, seen %d", uplink.tape.counts.repeated, receiver.repeats)


async def test_a_receiver_that_forgets_batches_gets_them_again(store, broker, receiver, scan_of):
    receiver.lose = lambda number: number in (2, 3, 7)
    async with Uplink(store, broker.port, ack_timeout_s=0.3) as uplink:
        for number in range(500):
            store.append(scan_of(number))
        assert await uplink.tape.drain(20)
    assert numbers(receiver) == list(range(500))
    assert uplink.tape.counts.faults >= 1
    assert uplink.tape.counts.repeated > 0


async def test_a_restarted_agent_goes_on_where_it_was(tmp_path, table, broker, receiver, scan_of):
    path = tmp_path / "again.db"
    for life in range(3):
        store = await Store.open(path, table, SystemClock())
        for number in range(life * 100, life * 100 + 100):
            store.append(scan_of(number))
        await store.flush()
        async with Uplink(store, broker.port, batch_records=30) as uplink:
            if life < 2:
                await until(lambda life=life: len(receiver.records) > life * 100 + 40)  # Ended in the middle.
            else:
                assert await uplink.tape.drain(20)
        await store.close()
    assert numbers(receiver) == list(range(300))


async def test_an_acknowledgement_of_what_was_never_sent_is_refused_and_journalled(store, broker, receiver, scan_of):
    lies = iter([10**9])
    receiver.say = lambda acked: json.dumps({"acked": next(lies, acked)}).encode()
    async with Uplink(store, broker.port, ack_timeout_s=1.0) as uplink:
        for number in range(60):
            store.append(scan_of(number))
        assert await uplink.tape.drain(20)
    assert numbers(receiver)[:60] == list(range(60))
    assert uplink.tape.counts.refused_acks == 1
    told = [entry.text for entry in await store.entries(kind="uplink", limit=9)]
    assert any(text.startswith("upstream acknowledged record 1000000000, but only") for text in told)


async def test_a_broken_acknowledgement_is_counted_and_ignored(store, broker, receiver, scan_of):
    bad = iter([b"\xff", b'{"acked": "9"}', b'{"acked": true}'])
    receiver.say = lambda acked: next(bad, None) or json.dumps({"acked": acked}).encode()
    async with Uplink(store, broker.port, ack_timeout_s=0.2, batch_records=10) as uplink:
        for number in range(100):
            store.append(scan_of(number))
        assert await uplink.tape.drain(20)
    assert uplink.link.broken_acks == 3
    assert numbers(receiver) == list(range(100))


async def test_a_dead_upstream_holds_nobody_up(store, broker, scan_of):
    broker.kill()
    async with Uplink(store, broker.port) as uplink:
        store.append(scan_of(1))
        with pytest.raises(BrokerError, match="not connected"):
            await uplink.link.send(Batch(first_seq=1, last_seq=1, records=()))
        assert not await uplink.tape.drain(0.2)


async def test_the_simulators_receiver_keeps_each_record_once(tmp_path, store, broker, scan_of):
    with Receiver(tmp_path / "upstream.db", host="127.0.0.1", port=broker.port, prefix="up") as receiver:
        listening = asyncio.ensure_future(receiver.run())
        await receiver.listening.wait()
        async with Uplink(store, broker.port) as uplink:
            for number in range(300):
                store.append(scan_of(number))
            assert await uplink.tape.drain(20)
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
        broker_ = Broker(host="127.0.0.1", port=broker.port)
        link = MqttLink(broker_, loop.clock(), prefix="up", site="tower", gateway="gw1")
        tape = Tape(store, link, loop.clock())
        tasks = [keeper, asyncio.ensure_future(link.run()), asyncio.ensure_future(tape.run())]
        with loop.hold():
            await link.ready()
        for step in range(100):
            store.append(scan_of(step))
            await asyncio.sleep(300)
            assert store.outbox.acked >= step  # At most the last one is under way.
        assert loop.time() < START + 100 * 300 + 5
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()

    steer(loop, main())


@pytest.mark.parametrize("dead", ["broker", "receiver"])
def test_a_dead_upstream_never_stops_simulated_time(tmp_path, table, broker, scan_of, dead):
    loop = SteeredLoop(start_unix_s=START)
    if dead == "broker":
        broker.kill()

    async def main():
        store = await Store.open(tmp_path / "s.db", table, loop.clock())
        broker_ = Broker(host="127.0.0.1", port=broker.port)
        link = MqttLink(broker_, loop.clock(), prefix="up", site="tower", gateway="gw1", ack_timeout_s=0.5)
        tape = Tape(store, link, loop.clock())
        tasks = [asyncio.ensure_future(task.run()) for task in (store, link, tape)]
        for step in range(288):
            store.append(scan_of(step))
            await asyncio.sleep(300)
        assert store.outbox.acked == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()

    began_s = wall_s()
    steer(loop, main())
    assert wall_s() - began_s < 10


async def test_the_payload_is_what_was_agreed(broker):
    batch = Batch(first_seq=4, last_seq=5, records=[{"seq": 4, "kind": "entry"}, {"seq": 5, "kind": "scan"}])
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("up/tower/gw1/batch", qos=1)
        link = MqttLink(
            Broker(host="127.0.0.1", port=broker.port), SystemClock(), prefix="up", site="tower", gateway="gw1"
        )
        running = asyncio.ensure_future(link.run())
        await link.ready()
        sending = asyncio.ensure_future(link.send(batch))
        message = await anext(aiter(client.messages))
        assert json.loads(gzip.decompress(message.payload)) == {
            "v": 1,
            "site": "tower",
            "gateway": "gw1",
            "first_seq": 4,
            "last_seq": 5,
            "records": [{"seq": 4, "kind": "entry"}, {"seq": 5, "kind": "scan"}],
        }
        assert message.payload == encode(batch, "tower", "gw1")
        await client.publish("up/tower/gw1/ack", b'{"acked": 5}')
        assert await sending == Ack(acked=5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b'{"acked": 1.5}', b"[" * 100_000])
def test_an_acknowledgement_that_is_none_is_an_operating_error(payload):
    with pytest.raises(OperatingError):
        decode_ack(payload)
