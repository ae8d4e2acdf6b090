"""A whole session while its brokers go down and come back: what was told upstream is kept once, and nothing is lost."""

import asyncio
import contextlib
import os

import aiomqtt
import pytest
from ruamel.yaml import YAML

from agent.config import load
from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.records import EntryRecord
from agent.uplink.answers import decode_answer
from agent.uplink.columns import encode
from agent.uplink.parcel import Parcel
from simulator.faults import Fault
from simulator.wires.broker import QUIET_PORTS, claim_port
from simulator.wires.links import Links
from simulator.wires.malice import Malice
from simulator.wires.session import Session
from simulator.wires.wire import Manner
from tests.simulator.small_plant import MIDNIGHT_S, SmallPlant

FREE = Manner(speed=4500.0)
"""A step of 900 s each 0.2 s: what is asked within an hour has 0.8 s, also on a busy machine."""


def down(kind, from_h, to_h):
    return Fault(kind=kind, from_unix_s=MIDNIGHT_S + 3600.0 * from_h, to_unix_s=MIDNIGHT_S + 3600.0 * to_h)


@contextlib.asynccontextmanager
async def running(folder, *faults, **more):
    """The session, its wire, its plant's broker and its site config."""
    stop, opened = asyncio.Event(), asyncio.get_running_loop().create_future()
    plant = SmallPlant(step_s=900.0)
    session = Session(plant=plant, latitude=48.0, folder=folder, manner=FREE, malice=Malice(faults=faults), **more)
    task = asyncio.create_task(session.run(stop, lambda *doors: opened.set_result(doors), lambda: None))
    try:
        await asyncio.wait([task, opened], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        wire, broker = opened.result() if opened.done() else task.result()
        yield wire, broker, YAML(typ="safe").load(folder / "site.yaml")
    finally:
        stop.set()
        await task


async def is_up(port):
    try:
        async with aiomqtt.Client("127.0.0.1", port, timeout=2):
            return True
    except aiomqtt.MqttError:
        return False


async def comes_up(port):
    """Waits for it, 10 s at most."""
    async with asyncio.timeout(10):
        while not await is_up(port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_h(wire, hours):
    async with asyncio.timeout(20):
        while wire.plant.unix_s < MIDNIGHT_S + 3600.0 * hours:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.03)


async def test_without_link_faults_there_is_one_broker(tmp_path):
    async with running(tmp_path) as (_, broker, site):
        assert site["brokers"] == {"plant": {"host": "127.0.0.1", "port": broker.port}}
        assert site["upstream"]["broker"] == "plant"
        assert load(tmp_path / "site.yaml")


async def test_upstream_goes_down_alone_and_comes_back_on_its_port(tmp_path):
    async with running(tmp_path, down("link-down", 2.0, 6.0)) as (wire, broker, site):
        upstream = site["brokers"]["upstream"]["port"]
        assert upstream != broker.port and site["upstream"]["broker"] == "upstream"
        assert load(tmp_path / "site.yaml")
        await comes_up(upstream)
        await until_h(wire, 2.75)
        assert not await is_up(upstream) and await is_up(broker.port)
        await until_h(wire, 6.0)
        await comes_up(upstream)


async def test_the_plants_broker_is_killed_and_begins_again_on_its_port(tmp_path):
    async with running(tmp_path, down("broker-down", 2.0, 6.0)) as (wire, broker, site):
        pid = broker.pid
        await until_h(wire, 2.75)
        assert not await is_up(broker.port) and await is_up(site["brokers"]["upstream"]["port"])
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        await until_h(wire, 6.0)
        await comes_up(broker.port)
        assert broker.pid != pid
        async with asyncio.timeout(5), aiomqtt.Client("127.0.0.1", broker.port) as late:
            await late.subscribe("plant/clock")
            await anext(late.messages)


async def test_what_a_gateway_sends_after_the_link_is_back_is_received(tmp_path):
    """The receiver finds its broker again, and the broker its sessions."""
    async with running(tmp_path, down("link-down", 0.25, 0.75)) as (wire, _, site):
        await until_h(wire, 1.0)
        port = site["brokers"]["upstream"]["port"]
        async with asyncio.timeout(10), aiomqtt.Client("127.0.0.1", port) as gateway:
            await gateway.subscribe("hushwatt/here/gw/answer")
            while True:
                await gateway.publish("hushwatt/here/gw/batch", batch(), qos=1)
                with contextlib.suppress(TimeoutError):
                    message = await asyncio.wait_for(anext(gateway.messages), 0.5)
                    assert decode_answer(message.payload).kept == ((1, 1),)
                    break


def batch():
    entry = Entry(at=Instant(unix_s=MIDNIGHT_S, mono_s=0.0), kind="note", subject="agent", text="hello")
    record = EntryRecord(seq=1, boot=1, entry=entry)
    return encode(Parcel(chain="c1", first_seq=1, last_seq=1, entries=(record,)), "here", "gw")


async def test_a_session_without_upstream_has_no_link_to_lose(tmp_path):
    async with running(tmp_path, down("link-down", 0.0, 2.0), upstream=False) as (wire, broker, site):
        await until_h(wire, 0.5)
        assert await is_up(broker.port) and list(site["brokers"]) == ["plant"]


async def test_a_serial_line_and_products_are_told_in_the_folder(tmp_path):
    async with running(tmp_path, rtu=True, products={"crac1": "example-crac"}) as (wire, _, site):
        assert str((tmp_path / "rtu").readlink()) == wire.rtu.path
        assert {name: device.get("template") for name, device in site["devices"].items() if "template" in device} == {
            "zone1": "example-zone-controller",
            "crac1": "example-crac",
            "meter1": "eastron-sdm630",
        }
        assert load(tmp_path / "site.yaml").devices["crac1"].points
    async with running(tmp_path):
        assert not (tmp_path / "rtu").is_symlink()


async def test_only_the_broker_that_a_fault_strikes_is_touched(broker):
    links = Links({"plant": broker}, [down("link-down", 0, 1), down("broker-down", 2, 3)])
    pid = broker.pid
    for hours, is_running in [(0.5, True), (1.5, True), (2.0, False), (2.5, False), (3.0, True)]:
        await links.look(MIDNIGHT_S + 3600.0 * hours)
        assert broker.is_running is is_running
    assert broker.pid != pid


def test_a_brokers_port_is_none_that_a_connection_is_given():
    assert claim_port(0) in QUIET_PORTS
