"""A broker that others wrote, with encryption: who may come in, who is told why not, and what it had kept."""

import asyncio
import shutil
import socket
import subprocess
import time

import aiomqtt
import pytest

from agent.config.tls import Tls
from agent.core.clock import SystemClock
from agent.core.points import Quality
from agent.drivers.mqtt import MqttDriver
from agent.drivers.mqtt_wire import MqttDevice, MqttSet

HOST = "127.0.0.1"
TOOLS = ("mosquitto", "mosquitto_passwd", "openssl")

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"not all here: {', '.join(TOOLS)}")

CONFIG = """\
user root
per_listener_settings true
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
listener {second} 127.0.0.1
require_certificate true
use_identity_as_username true
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def certify(folder, name, *more):
    """A key and a certificate, signed by the CA of this folder; the CA signs itself."""
    told = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    signed = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"] if name != "ca" else []
    openssl("req", "-x509", *told, *signed, *more, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")


@pytest.fixture(scope="module")
def site(tmp_path_factory, free_port):
    """A running mosquitto; its first port wants a password, its second one a certificate."""
    folder = tmp_path_factory.mktemp("mosquitto")
    certify(folder, "ca")
    certify(folder, "broker", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
    certify(folder, "gateway", "-addext", "basicConstraints=critical,CA:FALSE")
    subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "us", "secret"], check=True)
    port, second = free_port + 10, free_port + 11
    (folder / "conf").write_text(CONFIG.format(folder=folder, port=port, second=second))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["mosquitto", "-c", folder / "conf"], stdout=log, stderr=log)
    try:
        wait_for(second)
        yield folder, port, second
    finally:
        process.terminate()
        process.wait(5)


def wait_for(port, *, within_s=5.0):
    """Until somebody listens there."""
    for _ in range(int(within_s / 0.05)):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at {port}")


@pytest.fixture
def enter(site, connect):
    """A connection to this broker, by password or by certificate."""
    folder, port, second = site

    def make(*, by_certificate=False, ca="ca", **more):
        own = {"cert_file": folder / "gateway.pem", "key_file": folder / "gateway.key"} if by_certificate else {}
        tls = Tls(ca_file=folder / f"{ca}.pem", **own)
        return connect(second if by_certificate else port, tls=tls.context, **more)

    return make


US = {"username": "us", "password": "secret"}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("by_certificate", [False, True])
async def test_who_may_come_in_reads_writes_and_is_confirmed(
    enter, book, until, degrees, command, version, by_certificate
):
    connection = enter(version=version, by_certificate=by_certificate, **({} if by_certificate else US))
    topic = f"m/{version}/{by_certificate}"
    echo = degrees(0, f"{topic}/zone", path=None, set=MqttSet(topic=f"{topic}/zone"))
    wild = degrees(1, f"{topic}/a/b", path=None, filter=f"{topic}/+/b")
    driver = MqttDriver(MqttDevice(name="hall", points=(echo, wild)), connection, book, SystemClock())
    connection.start()
    await until(lambda: connection.is_up)
    outcome = await driver.write(command("e.p0", 21.5))
    assert (outcome.kind, outcome.read_back) == ("confirmed", 21.5)
    await connection.publish(f"{topic}/a/b", b"19.5", qos=1)
    told = {}
    async with asyncio.timeout(5):
        while len(told) < 2:
            for scan in await driver.poll():
                told.update(zip(scan.handles.tolist(), zip(scan.values, scan.quality, strict=True), strict=True))
            await asyncio.sleep(0.01)
    assert told == {0: (21.5, Quality.GOOD), 1: (19.5, Quality.GOOD)} and book == []


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"username": "us", "password": "wrong"}, "authori"),
        ({}, "authori"),
        ({**US, "ca": "gateway"}, "certificate verify failed"),
    ],
)
async def test_who_may_not_come_in_is_told_why(enter, book, until, version, more, why):
    connection = enter(version=version, **more)
    connection.start()
    await until(lambda: book)
    assert len(book) == 1 and why in book[0].lower() and not connection.is_up


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_was_kept_is_uncertain_and_what_is_told_now_is_good(
    enter, site, book, until, degrees, drained, columns, version
):
    folder, port, _ = site
    topic = f"r/{version}/zone"
    context = Tls(ca_file=folder / "ca.pem").context()
    async with aiomqtt.Client(HOST, port, tls_context=context, **US) as client:
        await client.publish(topic, b"20", qos=1, retain=True)
        connection = enter(version=version, **US)
        point = degrees(0, topic, path=None)
        driver = MqttDriver(MqttDevice(name="hall", points=(point,)), connection, book, SystemClock())
        connection.start()
        await until(lambda: connection.is_up)
        assert columns(await drained(driver, 1)) == {0: (20.0, Quality.UNCERTAIN)}
        await client.publish(topic, b"21", qos=1, retain=True)
        assert columns(await drained(driver, 1)) == {0: (21.0, Quality.GOOD)}
