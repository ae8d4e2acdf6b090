"""A driver that listens to a real broker, and a voice that says things to it."""

import asyncio
import json

import aiomqtt
import pytest

from agent.core.clock import SystemClock
from agent.core.paths import Path
from agent.drivers.mqtt import MqttDriver
from agent.drivers.mqtt_wire import MqttDevice, MqttPoint
from agent.runtime.mqtt_broker import Broker
from agent.runtime.mqtt_connection import MqttConnection

HOST = "127.0.0.1"


def make_degrees(handle, topic, **more):
    told = {"point": f"e.p{handle}", "handle": handle, "unit": "degC", "topic": topic, "path": "v", **more}
    return MqttPoint(**{key: Path(value) if key.endswith("path") and value else value for key, value in told.items()})


@pytest.fixture(scope="session")
def degrees():
    return make_degrees


@pytest.fixture(scope="session")
def drained():
    return take_all


@pytest.fixture
async def connect(book):
    """Start a connection to a port once its subscribers are known."""
    running = []

    def make(port, *, longest_pause_s=60.0, **more):
        broker = Broker(**{"name": "plant", "host": HOST, "port": port, **more})
        connection = MqttConnection(broker, SystemClock(), journal=book, longest_pause_s=longest_pause_s)

        def start():
            running.append(asyncio.ensure_future(connection.run()))

        connection.start = start
        return connection

    yield make
    for task in running:
        task.cancel()
    done = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in done)


@pytest.fixture
async def heard(broker, book, connect, until):
    """Give points, get a driver that listens and a function that says things to it."""

    async def listen(*points, **device):
        connection = connect(broker.port)
        driver = MqttDriver(MqttDevice(name="telemetry", points=points, **device), connection, book, SystemClock())
        driver.connection = connection
        connection.start()
        await until(lambda: connection.is_up)
        return driver

    return listen


@pytest.fixture
async def say(broker):
    async with aiomqtt.Client(HOST, broker.port, identifier="speaker") as client:

        async def publish(topic, payload, **more):
            told = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            await client.publish(topic, told, qos=1, **more)

        yield publish


async def take_all(driver, samples):
    """All scans until so many samples came."""
    scans = []
    async with asyncio.timeout(5):
        while sum(len(scan) for scan in scans) < samples:
            scans += await driver.poll()
            await asyncio.sleep(0.01)
    return scans
