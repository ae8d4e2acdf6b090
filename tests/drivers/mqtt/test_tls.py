"""A broker that asks who we are and shows who it is; mosquitto has a file of its own."""

import asyncio
import shutil
import subprocess

import aiomqtt
import pytest

from agent.config.tls import Tls
from agent.core.clock import SystemClock
from agent.drivers.mqtt import MqttDriver
from agent.drivers.mqtt_wire import MqttDevice
from simulator.wires.broker import find_program

PASSWORD = "seventeen-herons"
NATS = """
host: 127.0.0.1
port: -1
server_name: tls
jetstream {{ store_dir: "{folder}/store" }}
authorization {{ users: [ {{ user: gateway, password: "{password}" }} ] }}
mqtt {{ host: 127.0.0.1, port: {port}
  tls {{ cert_file: "{folder}/broker.pem", key_file: "{folder}/broker.key"
    ca_file: "{folder}/gateway.pem", verify: true }} }}
"""
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def make_certificate(folder, name):
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    place = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
    subprocess.run(["openssl", "req", "-x509", *kind, *place, *files], check=True, capture_output=True)


@pytest.fixture
async def secured(tmp_path, own_port):
    """A port, and the files that open it."""
    for name in ("broker", "gateway", "stranger"):
        make_certificate(tmp_path, name)
    path = tmp_path / "nats.conf"
    path.write_text(NATS.format(folder=tmp_path, port=own_port, password=PASSWORD))
    program = await asyncio.create_subprocess_exec(
        find_program(), "-c", path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", own_port)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        writer.close()
        yield own_port, tmp_path
    finally:
        program.terminate()
        await program.wait()


def shown(folder, name="gateway", ca="broker"):
    return Tls(ca_file=folder / f"{ca}.pem", cert_file=folder / f"{name}.pem", key_file=folder / f"{name}.key")


async def test_a_broker_is_heard_and_written_to_under_tls(secured, connect, book, degrees, drained, until):
    port, folder = secured
    tls = shown(folder)
    connection = connect(port, tls=tls.context, username="gateway", password=PASSWORD)
    driver = MqttDriver(MqttDevice(name="air", points=(degrees(0, "air"),)), connection, book, SystemClock())
    connection.start()
    await until(lambda: connection.is_up)
    login = {"username": "gateway", "password": PASSWORD, "tls_context": tls.context()}
    async with aiomqtt.Client("127.0.0.1", port, identifier="speaker", **login) as speaker:
        await speaker.publish("air", b'{"v": 21.5}', qos=1)
        (scan,) = await drained(driver, 1)
    assert scan.values.tolist() == [21.5]
    await connection.publish("air/set", b"22", qos=1)


@pytest.mark.parametrize(
    "spoil",
    [
        {"password": "another"},
        {"username": None, "password": None},
        {"tls": ("stranger", "broker")},
        {"tls": ("gateway", "stranger")},
        {"tls": None},
    ],
    ids=["wrong password", "no password", "a stranger's certificate", "a broker we do not believe", "in clear"],
)
async def test_who_does_not_belong_is_left_outside_and_told(secured, connect, book, degrees, until, spoil):
    port, folder = secured
    told = {"tls": ("gateway", "broker"), "username": "gateway", "password": PASSWORD} | spoil
    tls = told.pop("tls")
    connection = connect(port, tls=None if tls is None else shown(folder, *tls).context, **told)
    MqttDriver(MqttDevice(name="air", points=(degrees(0, "air"),)), connection, book, SystemClock())
    connection.start()
    await until(lambda: any("broker plant" in text for text in book), within_s=15.0)
    assert not connection.is_up and connection.connections == 0
    assert not any(PASSWORD in text or "another" in text for text in book)
