"""The agent as one peer among others, for a laboratory that measures Modbus-to-MQTT gateways.

The laboratory imports this file by its path and asks `Adapter` how the agent is configured, and what its messages
mean. It brings `adapters.base`; run it with the Python that this project is installed in. Batches are answered by the
simulator's receiver, on a thread of the laboratory, so that the agent may forget what it sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

from adapters.base import Base, Cmd, Ctx  # type: ignore[import-not-found]

from agent.uplink.columns import decode, layout_id
from agent.uplink.parcel import Layout
from simulator.wires.upstream import Receiver

ROLES = ("electric_power", "electric_energy", "voltage", "current", "frequency", "apparent_power", "reactive_power")


def point_of(device: int, register: int) -> str:
    """Each device is told as meters of seven points."""
    return f"meter{device}x{register // len(ROLES)}.{ROLES[register % len(ROLES)]}"


def place_of(point: str) -> tuple[int, int]:
    """Device and register."""
    meter, _, role = point.partition(".")
    device, _, group = meter.removeprefix("meter").partition("x")
    return int(device), int(group) * len(ROLES) + ROLES.index(role)


class Adapter(Base):  # type: ignore[misc]
    name = "hushwatt"
    topics = ("hushwatt/lab/gw/batch",)

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}

    def setup(self, ctx: Ctx) -> None:
        """Nothing: we are installed where the laboratory runs."""

    def configure(self, ctx: Ctx) -> list[Cmd]:
        site = ctx.work / "site.yaml"
        site.write_text(json.dumps(self._site(ctx)), "utf-8")
        receiver = Receiver(ctx.work / "upstream.db", host="127.0.0.1", port=ctx.broker_port)
        threading.Thread(target=lambda: asyncio.run(receiver.run()), daemon=True).start()
        return [Cmd([sys.executable, "-m", "agent", "run", str(site)], Path(__file__).parents[2])]

    def _site(self, ctx: Ctx) -> dict[str, Any]:
        devices = {
            f"device{told['index']}": {
                "driver": "modbus",
                "host": told["host"],
                "port": told["port"],
                "unit": told["unit"],
                "poll_s": ctx.period,
                "timeout_s": ctx.timeout,
                "points": {point_of(told["index"], n): {"register": n, "type": "uint16"} for n in range(ctx.registers)},
            }
            for told in ctx.devices
        }
        meters = {point.partition(".")[0] for told in devices.values() for point in told["points"]}
        return {
            "version": 1,
            "site": {"name": "lab", "gateway": "gw"},
            "equipment": {meter: {"kind": "meter"} for meter in sorted(meters)},
            "brokers": {"local": {"host": "127.0.0.1", "port": ctx.broker_port}},
            "upstream": {"broker": "local", "share": "all"},
            "devices": devices,
            "store": {"path": str(ctx.work / "data" / "hushwatt.db")},
        }

    def decode(self, topic: str, payload: bytes) -> list[tuple[int, int, int, float | None]]:
        """Device, register, value and time in ms, by sample."""
        opened = decode(payload, self._layouts.get)
        self._layouts |= {layout_id(layout): layout for layout in opened.layouts.values()}
        rows = []
        for block in opened.parcel.blocks:
            places = [place_of(point) for point in block.layout.points]
            for unix_s, values in zip(block.unix_s.tolist(), block.values.tolist(), strict=True):
                told = zip(places, values, strict=True)
                rows += [(device, n, int(value), 1000.0 * unix_s) for (device, n), value in told if value == value]
        return rows
