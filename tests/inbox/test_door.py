"""The inbox's door on a real broker that asks who comes in."""

import asyncio
import json
import subprocess
from contextlib import suppress

import aiomqtt
import pytest

from agent.core.clock import SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.inbox.inbox import Inbox
from agent.inbox.mqtt import MqttDoor
from agent.runtime.mqtt_broker import Broker
from agent.store.store import Store
from simulator.wires.broker import claim_port, find_program

POINT = "zone1.zone_air_cooling_temperature_setpoint"
SPEC = PointSpec(id=POINT, unit="degC", kind=Kind.SETPOINT, poll_s=60.0, fresh_s=300.0, writable=True)
USERS = {
    "gateway": 'publish: "hushwatt.tower.gw1.inbox.answer", subscribe: ["hushwatt.tower.gw1.inbox", "$MQTT.>"]',
    "utility": 'publish: "hushwatt.tower.gw1.inbox", subscribe: ["hushwatt.tower.gw1.inbox.answer", "$MQTT.>"]',
}
CONFIG = """\
server_name: "door"
host: "127.0.0.1"
port: -1
jetstream {{ store_dir: "{folder}" }}
mqtt {{ host: "127.0.0.1", port: {port} }}
authorization {{ users: [{users}] }}
"""


@pytest.fixture
async def port(tmp_path):
    """A broker with a password for each, and rights of each."""
    port = claim_port(0)
    users = ", ".join(
        f'{{user: {name}, password: "of {name}", permissions: {{{rights}}}}}' for name, rights in USERS.items()
    )
    path = tmp_path / "door.conf"
    path.write_text(CONFIG.format(folder=tmp_path / "js", port=port, users=users))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([find_program(), "-c", path], **quiet)  # noqa: ASYNC220 - a fork, nothing waits
    async with asyncio.timeout(15):
        while True:
            with suppress(aiomqtt.MqttError):
                async with upstream(port):
                    break
            await asyncio.sleep(0.05)
    yield port
    process.kill()
    process.wait()


def upstream(port, password="of utility"):
    return aiomqtt.Client("127.0.0.1", port, username="utility", password=password, timeout=5)


async def test_a_wish_comes_in_and_its_answer_goes_out(port, tmp_path):
    clock, table = SystemClock(), PointTable([SPEC])
    store = await Store.open(tmp_path / "s.db", table, clock)
    inbox = Inbox(table, store, clock, tmp_path / "offers")
    broker = Broker(host="127.0.0.1", port=port, username="gateway", password="of gateway")
    door = MqttDoor(inbox, broker, clock, prefix="hushwatt", site="tower", gateway="gw1")
    tasks = [asyncio.ensure_future(store.run()), asyncio.ensure_future(door.run())]
    until_s = clock.read().unix_s + 600
    wish = {"id": "wish-0001", "kind": "setpoint", "expires_unix_s": until_s, "point": POINT, "value": 25.5}
    try:
        async with asyncio.timeout(20), upstream(port) as client:
            await door.ready()
            await client.subscribe("hushwatt/tower/gw1/inbox/answer", qos=1)
            told = []
            for payload in (wish, wish, wish | {"id": "wish-0002", "expires_unix_s": until_s - 1000}):
                await client.publish("hushwatt/tower/gw1/inbox", json.dumps(payload | {"reason": "peak"}), qos=1)
                message = await anext(client.messages)
                told.append(json.loads(message.payload))
        assert [(answer["id"], answer["answer"]) for answer in told] == [
            ("wish-0001", "taken"),
            ("wish-0001", "refused"),
            ("wish-0002", "refused"),
        ]
        assert [problem["place"] for answer in told for problem in answer["problems"]] == ["id", "expires_unix_s"]
        assert [proposal.point for proposal in inbox.wishes(clock.read())] == [POINT]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


async def test_nobody_comes_in_without_the_password(port):
    with pytest.raises(aiomqtt.MqttError):
        async with upstream(port, password="guessed"):
            pass
