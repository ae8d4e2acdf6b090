"""The whole way, from Modbus through SQLite to MQTT: CPU of the agent against the least Python that does the same.

    python -m tests.bench acquisition

Farm, broker, receiver and the measured program are processes of their own. Each rate is driven twice, by
`tests/bench/floor.py` and by `hushwatt run`, over the same devices: 100 int16 registers each, x 0.01, all shared
upstream. CPU is the program's own, user and system, over the window; what was stored is counted in its store. The
agent's memory settings are those of `deploy/hushwatt.env`, as a site has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from agent.store.reader import open_reader
from simulator.wires.broker import Broker
from simulator.wires.modbus_server import ModbusServer
from simulator.wires.upstream import Receiver

REGISTERS = 100
ROLES = (
    "electric_power", "electric_energy", "exported_electric_energy", "apparent_power", "reactive_power", "voltage",
    "current", "frequency", "voltage_phase_1", "voltage_phase_2",
)  # fmt: skip
WARM_S, WINDOW_S = 8.0, 20.0
LAST_WORDS = 2
"""Journal entries that the stop writes after the last batch; they go up with the next life."""
ENVIRONMENT = Path(__file__).parents[2] / "deploy" / "hushwatt.env"
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Devices of 100 registers, asked each period."""

    name: str
    devices: int
    period_s: float
    most_ratio: float = float("inf")
    """CPU over the floor's."""
    most_share: float = float("inf")
    """Of one core."""
    most_mb: float = 150.0
    registers: int = REGISTERS

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.devices * self.registers / self.period_s


LOADS = (
    Load(name="idle, 1 sample/s", devices=1, period_s=1.0, registers=1, most_share=0.01),
    Load(name="2,000 samples/s", devices=20, period_s=1.0, most_ratio=1.6),
    Load(name="10,000 points at 1 s", devices=100, period_s=1.0, most_share=0.35),
    Load(name="50,000 samples/s", devices=100, period_s=0.2, most_ratio=2.0, most_mb=200.0),
    Load(name="60,000 samples/s", devices=120, period_s=0.2, most_mb=200.0),
)


class Echo:
    """Each register answers with its own number."""

    def has_unit(self, unit: int) -> bool:
        return True

    def read(self, unit: int, table: str, address: int, count: int) -> range:
        return range(address, address + count)

    def write(self, unit: int, table: str, address: int, values: object) -> None:
        pass


def farm(pipe: Connection, devices: int, folder: Path) -> None:
    """Devices on ports of their own, the broker, and the receiver; until told to end."""

    async def run() -> None:
        servers = [ModbusServer(Echo()) for _ in range(devices)]
        for server in servers:
            await server.start()
        broker = Broker(folder / "broker")
        await broker.start()
        pipe.send(([server.port for server in servers], broker.port))
        await asyncio.to_thread(pipe.recv)
        for server in servers:
            await server.stop()
        await broker.stop()

    asyncio.run(run())


def receive(port: int, folder: Path) -> None:
    """The far end: says what it has kept."""
    asyncio.run(Receiver(folder / "upstream.db", host="127.0.0.1", port=port).run())


@contextlib.contextmanager
def world(load: Load, folder: Path) -> Iterator[tuple[list[int], int]]:
    """Ports of the devices, and of the broker."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=farm, args=(there, load.devices, folder), daemon=True)
    process.start()
    try:
        ports, broker = here.recv()
        receiver = SPAWN.Process(target=receive, args=(broker, folder), daemon=True)
        receiver.start()
        yield ports, broker
        receiver.terminate()
        receiver.join(5)
    finally:
        with contextlib.suppress(BrokenPipeError):
            here.send("end")
        process.join(20)


def site(load: Load, ports: list[int], broker: int, folder: Path) -> Path:
    """Its config; JSON is YAML."""
    devices: dict[str, Any] = {}
    meters = -(-load.registers // len(ROLES))
    for n, port in enumerate(ports):
        points = {
            f"meter{n}_{register // len(ROLES)}.{ROLES[register % len(ROLES)]}": {"register": register, "scale": 0.01}
            for register in range(load.registers)
        }
        told = {"driver": "modbus", "host": "127.0.0.1", "port": port, "unit": 1, "poll_s": load.period_s}
        devices[f"device{n}"] = {**told, "points": points}
    told = {
        "version": 1,
        "site": {"name": "bench", "gateway": "gw"},
        "equipment": {f"meter{n}_{m}": {"kind": "meter"} for n in range(len(ports)) for m in range(meters)},
        "brokers": {"local": {"host": "127.0.0.1", "port": broker}},
        "upstream": {"broker": "local", "share": "all"},
        "devices": devices,
        "store": {"path": "data/hushwatt.db"},
    }
    path = folder / "site.yaml"
    path.write_text(json.dumps(told, indent=1), "utf-8")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one program in its window."""

    cpu_s: float
    window_s: float
    peak_mb: float
    start_s: float = 0.0

    @property
    def share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.window_s

    def per_million(self, load: Load) -> float:
        return 1e6 * self.share / load.rate


def measure(arguments: list[str], log: Path) -> tuple[Usage, float]:
    """Run it, look at its CPU over the window, end it; and how long it lived."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=out, stderr=out, env=_environment())
        began_s = time.monotonic()
        try:
            seen = psutil.Process(process.pid)
            time.sleep(WARM_S)
            before, first_s = seen.cpu_times(), time.monotonic()
            time.sleep(WINDOW_S)
            after, last_s = seen.cpu_times(), time.monotonic()
            peak_mb = _peak_mb(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    cpu_s = after.user + after.system - before.user - before.system
    return Usage(cpu_s=cpu_s, window_s=last_s - first_s, peak_mb=peak_mb), time.monotonic() - began_s


def _environment() -> dict[str, str]:
    lines = ENVIRONMENT.read_text("utf-8").splitlines()
    return os.environ | dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1000.0


def drive_floor(load: Load, ports: list[int], broker: int, folder: Path) -> Usage:
    told = {
        "ports": ports, "registers": load.registers, "period_s": load.period_s, "broker": broker,
        "db": str(folder / "floor.db"),
    }  # fmt: skip
    path = folder / "floor.json"
    path.write_text(json.dumps(told), "utf-8")
    usage, _ = measure(["tests.bench.floor", str(path)], folder / "floor.log")
    return usage


def drive_agent(load: Load, ports: list[int], broker: int, folder: Path) -> tuple[Usage, dict[str, float]]:
    """And what its books say afterwards."""
    path = site(load, ports, broker, folder)
    usage, _ = measure(["agent", "run", str(path)], folder / "agent.log")
    board = json.loads((folder / "data" / "status.json").read_text("utf-8"))
    with open_reader(folder / "data" / "hushwatt.db") as reader:
        counts = reader.counts()
    missed = sum(device["missed"] + device["failed"] for device in board["devices"].values())
    polled_s = board["counts"]["samples_read"] / load.rate
    told = {
        "read": board["counts"]["samples_read"], "stored": counts.samples, "unsent": counts.outbox,
        "missed_share": missed * load.period_s / max(polled_s, 1e-9) / load.devices,
    }  # fmt: skip
    return usage, told


def judge(load: Load) -> bool:
    """Prints the line; False when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="hushwatt-acquisition-") as name:
        folder = Path(name)
        with world(load, folder) as (ports, broker):
            floor = drive_floor(load, ports, broker, folder)
            agent, told = drive_agent(load, ports, broker, folder)
    ratio = agent.cpu_s / max(floor.cpu_s, 1e-9)
    is_whole = told["read"] == told["stored"] and told["unsent"] <= LAST_WORDS and told["missed_share"] < 0.01
    good = is_whole and ratio <= load.most_ratio and agent.share <= load.most_share and agent.peak_mb <= load.most_mb
    print(
        f"{load.name:22} floor {floor.per_million(load):7.1f} CPU s/M, agent {agent.per_million(load):7.1f}, "
        f"ratio {ratio:5.2f}; {100 * agent.share:5.1f} % of a core, {agent.peak_mb:4.0f} MB; "
        f"read {told['read']}, stored {told['stored']}, unsent {told['unsent']}, "
        f"polls missed {100 * told['missed_share']:.2f} %{'' if good else '  NOT REACHED'}",
        flush=True,
    )
    return good


def main() -> int:
    good = [judge(load) for load in LOADS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
