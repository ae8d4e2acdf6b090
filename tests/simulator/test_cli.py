"""`simulate` as typed: one sentence and code 2 for what a person has to mend, a tidy end for what they ask."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiomqtt
import pytest
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner

from simulator.cli import simulate

app = typer.Typer()
app.command()(simulate)
PROGRAM = "import typer; from simulator.cli import simulate; typer.run(simulate)"
SHORT = ["office-tower", "--days", "1", "--learn-days", "1", "--skip-learning", "--step-s", "3600"]


def complaint(*arguments):
    told = CliRunner().invoke(app, [*SHORT, *arguments])
    assert told.exit_code == 2, told.output
    return told.stderr


@pytest.mark.parametrize("option", ["--modbus-port", "--mqtt-port"])
def test_a_port_in_use(tmp_path, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"{port} on 127.0.0.1 is in use" in complaint(option, port, "--out", str(tmp_path / "out"))


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in complaint("--out", str(tmp_path / "file"))


def test_a_scenario_that_is_none():
    told = CliRunner().invoke(app, ["office-towr"])
    assert told.exit_code == 2
    assert "did you mean `office-tower`?" in told.stderr


def test_a_fault_and_a_prefix_that_make_no_sense(tmp_path):
    assert "wanted KIND:REGEX:FROM_H:TO_H" in complaint("--fault", "melt", "--out", str(tmp_path))
    assert "wanted a topic" in complaint("--prefix", "pl+nt", "--out", str(tmp_path))


def begin(folder, *arguments):
    command = [sys.executable, "-c", PROGRAM, *SHORT, "--out", str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(path, process):
    until_s = time.monotonic() + 30.0
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until_s
        time.sleep(0.02)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_books_and_without_a_broker(tmp_path, number):
    process = begin(tmp_path, "--lockstep", "30")
    wait_for(tmp_path / "ready", process)
    (broker,) = children(process.pid)
    rival = CliRunner().invoke(app, [*SHORT, "--out", str(tmp_path)])
    assert (rival.exit_code, "another simulation runs" in rival.stderr) == (2, True)
    process.send_signal(number)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 0, output
    assert json.loads((tmp_path / "kpi.json").read_text())["hours"] == pytest.approx(1.0)
    with pytest.raises(ProcessLookupError):
        os.kill(broker, 0)


def test_a_whole_day_in_lockstep_and_exit(tmp_path):
    process = begin(tmp_path, "--lockstep", "10", "--exit-when-done")
    wait_for(tmp_path / "ready", process)
    site = YAML(typ="safe").load(tmp_path / "site.yaml")
    asyncio.run(acknowledge_all(site["brokers"]["plant"]["port"]))
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 0, output
    kpi = json.loads((tmp_path / "kpi.json").read_text())
    assert kpi["hours"] == pytest.approx(24.0)
    assert kpi["gateway"]["late_steps"] == 0
    assert (tmp_path / "data").is_dir()
    assert (tmp_path / "upstream" / "upstream.db").exists()


async def acknowledge_all(port):
    async with asyncio.timeout(30), aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("plant/clock")
        async for message in client.messages:
            clock = json.loads(message.payload)
            await client.publish("plant/clock/ack", json.dumps({"v": clock["step"]}))
            if clock["state"] == 3:
                return
