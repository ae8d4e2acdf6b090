"""Driver names a config may use, and where each lives; imported when first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

DRIVERS = {
    "modbus": "agent.drivers.modbus:ModbusDriver",
    "mqtt": "agent.drivers.mqtt:MqttDriver",
    "memory": "agent.drivers.memory:MemoryDriver",
}


def driver_class(name: str) -> Any:
    """Raises KeyError for an unknown name: the config's check has refused it before."""
    module, _, attribute = DRIVERS[name].partition(":")
    return getattr(import_module(module), attribute)
