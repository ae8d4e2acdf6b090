"""Whether devices can share their wires: brokers, registers, topics."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from agent.config.devices import ModbusDevice, MqttDevice, SparkplugDevice
from agent.config.lines import Finding, unknown
from agent.config.model import SiteConfig
from agent.config.points import WIDTHS, ModbusEntry, MqttEntry, SparkplugEntry

LAST_REGISTER = 65535
RAW = {
    "bool": (0, 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
}
"""Least and most that a register type holds."""


def wire_findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake about where things live on a wire."""
    yield from _broker_names(config)
    yield from _broker_access(config)
    yield from _registers(config)
    yield from _shared_registers(config)
    yield from _shared_topics(config)
    yield from _releases(config)
    yield from _carried(config)


def _broker_names(config: SiteConfig) -> Iterator[Finding]:
    known = list(config.brokers)
    uses: list[tuple[Sequence[str | int], str]] = [
        (("devices", name, "broker"), device.broker)
        for name, device in config.devices.items()
        if isinstance(device, MqttDevice | SparkplugDevice)
    ]
    if config.clock.kind == "lockstep":
        uses.append((("clock", "broker"), config.clock.broker))
    for where, name in uses:
        if name not in known:
            yield unknown(where, name, known, "a broker of this file")


def _broker_access(config: SiteConfig) -> Iterator[Finding]:
    for name, broker in config.brokers.items():
        has_certificate = broker.tls is not None and broker.tls.cert_file is not None
        if broker.username is None and not has_certificate and not is_loopback(broker.host):
            wanted = "a broker on this machine, a username with its password_file, or tls with our cert_file"
            yield ("brokers", name, "host"), f"{broker.host} without credentials", wanted, None
        passwords = [key for key in ("password_file", "password_env") if getattr(broker, key) is not None]
        if broker.username is not None and not passwords:
            yield ("brokers", name, "username"), "no password beside it", "password_file or password_env", None
        if len(passwords) > 1:
            yield ("brokers", name, "password_env"), "password_file beside it", "one of the two", None
        if broker.tls is not None and broker.tls.key_file is not None and broker.tls.cert_file is None:
            yield ("brokers", name, "tls", "key_file"), "no cert_file beside it", "the certificate of this key", None


def is_loopback(host: str) -> bool:
    """Whether nothing leaves this machine on the way there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _registers(config: SiteConfig) -> Iterator[Finding]:
    for where, _, entry in _modbus(config):
        is_bit = entry.table in ("coil", "discrete")
        if is_bit and "type" in entry.model_fields_set and entry.type != "bool":
            yield (*where, "type"), f"`{entry.type}` in table {entry.table}", "bool: this table holds single bits", None
        last = entry.register_ + (1 if is_bit else WIDTHS.get(entry.type, 1)) - 1
        if last > LAST_REGISTER:
            found = f"{entry.type} from register {entry.register_}"
            yield (*where, "register"), found, f"an end at register {LAST_REGISTER} at most", None


def _modbus(config: SiteConfig) -> Iterator[tuple[tuple[str, ...], ModbusDevice, ModbusEntry]]:
    for name, device in config.devices.items():
        if isinstance(device, ModbusDevice):
            for point, entry in device.points.items():
                yield ("devices", name, "points", point), device, entry


def _shared_registers(config: SiteConfig) -> Iterator[Finding]:
    """A device may be told under two names, so host, port and unit say which one it is."""
    taken: dict[tuple[object, ...], str] = {}
    for where, device, entry in _modbus(config):
        place = (device.host, device.port, device.unit)
        told = set()
        for table, register in _written(entry):
            key = (*place, table, register)
            if key in taken and taken[key] not in told:
                told.add(taken[key])
                wanted = f"a register of its own; {taken[key]} writes this one"
                yield (*where, "write"), f"register {register}", wanted, None
            taken.setdefault(key, where[-1])


def _written(entry: ModbusEntry) -> list[tuple[str, int]]:
    """Every (table, register) that a write changes."""
    write = entry.write
    if write is None:
        return []
    if (write.table or entry.table) == "coil":
        registers = [("coil", write.register_)]
    else:
        width = WIDTHS.get(write.type or entry.type, 1)
        registers = [("holding", write.register_ + place) for place in range(width)]
    return registers if write.mode_register is None else [*registers, ("holding", write.mode_register)]


def _shared_topics(config: SiteConfig) -> Iterator[Finding]:
    """Two points that are written at one place; and topics that their subscription does not bring."""
    taken: dict[tuple[object, ...], str] = {}
    for name, device in config.devices.items():
        if not isinstance(device, MqttDevice | SparkplugDevice):
            continue
        for point, entry in device.points.items():
            where = ("devices", name, "points", point)
            place, found = _set_place(device, entry)
            if place is not None and place in taken:
                yield (*where, "set"), found, f"a place of its own; {taken[place]} writes this one", None
            if place is not None:
                taken.setdefault(place, point)
            if isinstance(entry, MqttEntry) and entry.filter and not matches(entry.filter, entry.topic):
                yield (*where, "filter"), f"`{entry.filter}`", f"a filter that lets {entry.topic} pass", None


def _set_place(
    device: MqttDevice | SparkplugDevice, entry: MqttEntry | SparkplugEntry
) -> tuple[tuple[object, ...] | None, str]:
    """What may be written by one point only, and how it is told."""
    if isinstance(device, SparkplugDevice) and isinstance(entry, SparkplugEntry):
        place = (device.broker, device.group, device.node, device.device, entry.metric)
        return place if entry.set else None, f"metric {entry.metric}"
    if isinstance(entry, MqttEntry) and entry.set is not None:
        told = entry.set
        return (device.broker, told.topic, told.payload or told.path), f"topic {told.topic}"
    return None, ""


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a subscription brings a topic (MQTT 3.1.1, 4.7)."""
    wanted, found = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, step in enumerate(wanted):
        if step == "#":
            return True
        if place >= len(found) or step not in ("+", found[place]):
            return False
    return len(wanted) == len(found)


def _releases(config: SiteConfig) -> Iterator[Finding]:
    for where, _, entry in _modbus(config):
        limit = config.limits.get(where[-1])
        if limit is None or entry.write is None or entry.write.mode_register is not None:
            continue
        if limit.release == "relinquish":
            found = "relinquish, but no mode_register by which the device takes its point back"
            yield ("limits", where[-1], "release"), found, "a value within low..high, or a mode_register", None


def _carried(config: SiteConfig) -> Iterator[Finding]:
    """A limit's ends must fit into what is written: else the device gets nothing, or the driver refuses each time."""
    for where, _, entry in _modbus(config):
        limit, write = config.limits.get(where[-1]), entry.write
        if limit is None or write is None:
            continue
        is_bit = (write.table or entry.table) == "coil"
        kind = "bool" if is_bit else write.type or entry.type
        scale = 1.0 if is_bit else entry.scale if write.scale is None else write.scale
        if kind not in RAW:
            continue
        low, high = sorted(raw * scale + entry.offset for raw in RAW[kind])
        for key, value in (("low", limit.low), ("high", limit.high)):
            if not low <= value <= high:
                wanted = f"what {kind} x {scale:g} can carry, {low:g}..{high:g}"
                yield ("limits", where[-1], key), f"{value:g}", wanted, None
