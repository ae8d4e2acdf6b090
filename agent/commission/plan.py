"""What one poll of a device costs in requests, before anything is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.config import SiteConfig
from agent.config.devices import ModbusDevice
from agent.core.points import PointTable
from agent.drivers.blocks import plan_of
from agent.wiring import modbus_device


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The requests of one device's poll."""

    device: str
    requests: tuple[tuple[str, tuple[str, ...]], ...]
    """Table and registers, and the points in them."""

    @property
    def points(self) -> int:
        return sum(len(names) for _, names in self.requests)

    def figures(self) -> dict[str, Any]:
        """JSON-able."""
        requests = [{"registers": request, "points": list(names)} for request, names in self.requests]
        saved = self.points - len(self.requests)
        return {"device": self.device, "requests": requests, "points": self.points, "saved": saved}


def costs_of(config: SiteConfig, only: str = "") -> list[Cost]:
    """Of every Modbus device that has a point with `only` in its id; what a device refuses it learns when it runs."""
    table = PointTable(config.points())
    costs = []
    for name, device in config.devices.items():
        if isinstance(device, ModbusDevice) and any(only in point for point in device.points):
            blocks = plan_of(modbus_device(name, device, table))
            requests = tuple((str(block), tuple(point.point for point in block.points)) for block in blocks)
            costs.append(Cost(device=name, requests=requests))
    return costs
