"""From what the config says of devices to drivers on their lines and connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.config import SiteConfig
from agent.config.devices import IdentityEntry, MemoryDevice, ModbusDevice, ModbusEntry, MqttDevice, SparkplugDevice
from agent.core.clock import Clock
from agent.core.points import PointTable
from agent.core.protocols import Driver, Journal
from agent.drivers import wire
from agent.drivers.memory import MemoryDriver, Registers
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.mqtt import MqttDriver
from agent.drivers.sparkplug import SparkplugDriver
from agent.drivers.sparkplug_node import EdgeNode
from agent.equipment.kinds import role_of
from agent.ingest.forecasts import ForecastDesk, ForecastSource
from agent.mqtt_wiring import mqtt_device, sparkplug_device
from agent.runtime.mqtt_broker import reach
from agent.runtime.mqtt_connection import MqttConnection


@dataclass(slots=True, kw_only=True)
class Wiring:
    """All drivers of a site, and who writes what."""

    drivers: list[Driver] = field(default_factory=list)
    writers: dict[str, Driver] = field(default_factory=dict)
    """Writable point -> its driver."""
    connections: dict[str, MqttConnection] = field(default_factory=dict)
    """MQTT connections by broker name; each needs its task."""

    def broken_payloads(self) -> int:
        return sum(getattr(driver, "broken", 0) for driver in self.drivers)

    def dropped(self) -> int:
        """Samples and messages that came faster than we could take them."""
        wires = (*self.drivers, *self.connections.values())
        return sum(getattr(wire, "dropped", 0) for wire in wires)


def wire_up(
    config: SiteConfig, table: PointTable, journal: Journal, clock: Clock, registers: Mapping[str, Registers]
) -> Wiring:
    """Nothing connects yet. Devices behind one host and port share a line, those behind one broker a connection."""
    wiring = Wiring()
    lines: dict[tuple[object, ...], ModbusLine] = {}
    nodes: dict[tuple[str, str, str], EdgeNode] = {}
    for name, device in config.devices.items():
        if isinstance(device, ModbusDevice):
            line = lines.setdefault(device.line, ModbusLine(modbus_place(device), clock))
            driver: Driver = ModbusDriver(modbus_device(name, device, table), line, journal, clock)
        elif isinstance(device, MqttDevice):
            connection = connection_to(config, device.broker, wiring, journal, clock)
            driver = MqttDriver(mqtt_device(name, device, table), connection, journal, clock)
        elif isinstance(device, SparkplugDevice):
            connection = connection_to(config, device.broker, wiring, journal, clock)
            place = (device.broker, device.group, device.node)
            node = nodes.get(place) or EdgeNode(connection, device.group, device.node, journal, clock)
            nodes[place] = node
            driver = SparkplugDriver(sparkplug_device(name, device, table), node, connection, journal, clock)
        else:
            driver = _memory(name, device, table, registers, clock)
        wiring.drivers.append(driver)
        wiring.writers.update({point: driver for point in device.points if table[table.handle(point)].writable})
    if config.clock.kind == "lockstep":
        connection_to(config, config.clock.broker, wiring, journal, clock)
    return wiring


def connection_to(config: SiteConfig, name: str, wiring: Wiring, journal: Journal, clock: Clock) -> MqttConnection:
    """The one connection to a broker of the file; its task is the caller's."""
    if name not in wiring.connections:
        broker, seed = reach(name, config.brokers[name]), f"{config.site.name} {config.site.gateway}"
        wiring.connections[name] = MqttConnection(broker, clock, journal=journal, seed=seed)
    return wiring.connections[name]


def _memory(
    name: str, device: MemoryDevice, table: PointTable, registers: Mapping[str, Registers], clock: Clock
) -> MemoryDriver:
    handles = {point: table.handle(point) for point in device.points}
    return MemoryDriver(name, handles, registers.get(name, _Empty()), clock)


class _Empty:
    """Behind a memory device that nobody fills."""

    def read(self) -> Mapping[str, float]:
        return {}

    def write(self, point: str, value: float | None) -> None:
        raise ValueError("nothing stands behind this memory device")


def modbus_place(device: ModbusDevice) -> wire.Place:
    """Where the line of a device is."""
    if device.serial is not None:
        return wire.SerialPlace(
            path=device.serial,
            baud=device.baud,
            parity=device.parity,
            stop_bits=device.stop_bits,
            connect_pause_s=device.connect_pause_s,
        )
    return wire.HostPlace(
        host=device.host or "",
        port=device.port,
        framing=device.framing,
        tls=None if device.tls is None else device.tls.context,
        connect_pause_s=device.connect_pause_s,
    )


def modbus_device(name: str, device: ModbusDevice, table: PointTable) -> wire.ModbusDevice:
    """What the driver is told; `agent.drivers.blocks.plan_of` shows its requests."""
    return wire.ModbusDevice(
        name=name,
        unit=device.unit,
        timeout_s=device.timeout_s,
        pause_s=device.pause_s,
        max_registers=device.max_registers,
        max_gap=device.max_gap,
        one_by_one=device.one_by_one,
        identity=tuple(_modbus_identity(key, entry) for key, entry in device.identity.items()),
        points=tuple(_modbus_point(point, entry, table) for point, entry in device.points.items()),
    )


def _modbus_identity(name: str, entry: IdentityEntry) -> wire.ModbusIdentity:
    return wire.ModbusIdentity(
        name=name,
        register=entry.register_,
        table=entry.table,
        type=entry.type,
        registers=entry.registers,
        byte_order=entry.byte_order,
        word_order=entry.word_order,
    )


def _modbus_point(point: str, entry: ModbusEntry, table: PointTable) -> wire.ModbusPoint:
    handle = table.handle(point)
    return wire.ModbusPoint(
        point=point,
        handle=handle,
        unit=table[handle].unit,
        register=entry.register_,
        table=entry.table,
        type=entry.type,
        bit=entry.bit,
        bits=entry.bits,
        scale=entry.scale,
        offset=entry.offset,
        absent=tuple(entry.absent),
        byte_order=entry.byte_order,
        word_order=entry.word_order,
        write=_modbus_write(entry),
    )


def _modbus_write(entry: ModbusEntry) -> wire.ModbusWrite | None:
    told = entry.write
    if told is None:
        return None
    return wire.ModbusWrite(
        register=told.register_,
        table="coil" if (told.table or entry.table) == "coil" else "holding",
        type=told.type or entry.type,
        scale=entry.scale if told.scale is None else told.scale,
        offset=entry.offset,
        bit=entry.bit if told.bit is None else told.bit,
        bits=entry.bits,
        function=told.function,
        mode_register=told.mode_register,
    )


def forecast_sources(config: SiteConfig, table: PointTable) -> list[ForecastSource]:
    """What the config tells of forecasts; a point that no device carries has its role's unit."""
    return [
        ForecastSource(
            point=point,
            unit=_unit_of(config, table, point),
            values=told.values,
            times=told.times,
            url=told.url,
            every_s=told.every_s,
            broker=told.broker,
            topic=told.topic,
        )
        for point, told in config.forecasts.items()
    ]


def _unit_of(config: SiteConfig, table: PointTable, point: str) -> str:
    spec = table.get(point)
    if spec is not None:
        return spec.unit
    equipment, _, name = point.partition(".")
    role = role_of(config.equipment[equipment].kind, name)
    return role.unit if role else "count"


def listen(
    config: SiteConfig,
    sources: list[ForecastSource],
    desk: ForecastDesk,
    wiring: Wiring,
    journal: Journal,
    clock: Clock,
) -> None:
    """Subscribe the topics that carry forecasts."""
    for source in sources:
        if source.broker is not None and source.topic is not None:
            connection = connection_to(config, source.broker, wiring, journal, clock)
            connection.subscribe(source.topic, _receiver(desk, source))


def _receiver(desk: ForecastDesk, source: ForecastSource) -> Callable[[str, bytes], None]:
    return lambda topic, payload: desk.receive(source, payload)
