"""The one unit that a probe asks: a device of the config, or a place on the network."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from agent.commission.places import mistake
from agent.config import SiteConfig, load
from agent.config.devices import ModbusDevice
from agent.config.lines import nearest
from agent.core.clock import Clock
from agent.core.points import PointTable
from agent.drivers import wire
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.modbus_unit import ModbusUnit
from agent.wiring import modbus_device, modbus_place

PLACE = re.compile(r"(?:(?P<path>/\S+)|(?P<host>[^/:\s]+)(?::(?P<port>\d{1,5}))?)/(?P<unit>\d{1,3})")
"""A serial port, or a host and perhaps its port; and the unit: /dev/ttyUSB0/1, 192.168.1.20:502/1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A unit, and what the config says of it."""

    unit: ModbusUnit
    line: ModbusLine
    points: tuple[wire.ModbusPoint, ...]
    most: int
    """Registers in one request."""


def target_of(text: str, site: Path, serial: wire.SerialPlace, clock: Clock, *, needs_site: bool) -> Target:
    """`serial`: how to speak on a serial port. Raises ConfigError for neither a place nor a device of the site."""
    place = PLACE.fullmatch(text)
    if place is None:
        return _of_site(text, load(site), clock)
    if needs_site:
        raise mistake("--registers", "nothing", "a range such as 0-40: a place has no points of its own")
    port, unit = int(place["port"] or 502), int(place["unit"])
    if not 1 <= port <= 65_535 or unit > 255:
        raise mistake("device", f"`{text}`", "a port of 1 to 65535 and a unit of 0 to 255")
    where = replace(serial, path=place["path"]) if place["path"] else wire.HostPlace(host=place["host"], port=port)
    return _target(wire.ModbusDevice(name=text, unit=unit), ModbusLine(where, clock))


def _of_site(name: str, config: SiteConfig, clock: Clock) -> Target:
    known = [key for key, device in config.devices.items() if isinstance(device, ModbusDevice)]
    device = config.devices.get(name)
    if not isinstance(device, ModbusDevice):
        wanted = f"a place such as 192.168.1.20:502/1, or a Modbus device of the site: {', '.join(known) or 'none'}"
        raise mistake("device", f"`{name}`", wanted, nearest(name, known))
    line = ModbusLine(modbus_place(device), clock)
    return _target(modbus_device(name, device, PointTable(config.points())), line)


def _target(device: wire.ModbusDevice, line: ModbusLine) -> Target:
    return Target(unit=ModbusUnit(device, line), line=line, points=device.points, most=device.max_registers)
