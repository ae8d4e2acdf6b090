"""Whether devices can share their wires: brokers and topics; registers are judged in their own file."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from agent.config.devices import MqttDevice, SparkplugDevice
from agent.config.lines import Finding, unknown
from agent.config.model import SiteConfig
from agent.config.points import MqttEntry, SparkplugEntry
from agent.config.registers import register_findings


def wire_findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake about where things live on a wire."""
    yield from _broker_names(config)
    yield from _broker_access(config)
    yield from register_findings(config)
    yield from _shared_topics(config)


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
