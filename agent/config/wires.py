"""Whether devices can share their wires: brokers and topics; registers are judged in their own file."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from agent.config.devices import MqttDevice
from agent.config.lines import Finding, unknown
from agent.config.model import SiteConfig
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
        if isinstance(device, MqttDevice)
    ]
    if config.upstream is not None:
        uses.append((("upstream", "broker"), config.upstream.broker))
    if config.clock.kind == "lockstep":
        uses.append((("clock", "broker"), config.clock.broker))
    for where, name in uses:
        if name not in known:
            yield unknown(where, name, known, "a broker of this file")


def _broker_access(config: SiteConfig) -> Iterator[Finding]:
    for name, broker in config.brokers.items():
        if broker.username is None and not _is_loopback(broker.host):
            wanted = "a broker on this machine, or a username with its password_file"
            yield ("brokers", name, "host"), f"{broker.host} without credentials", wanted, None
        passwords = [key for key in ("password_file", "password_env") if getattr(broker, key) is not None]
        if broker.username is not None and not passwords:
            yield ("brokers", name, "username"), "no password beside it", "password_file or password_env", None
        if len(passwords) > 1:
            yield ("brokers", name, "password_env"), "password_file beside it", "one of the two", None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shared_topics(config: SiteConfig) -> Iterator[Finding]:
    taken: dict[tuple[object, ...], str] = {}
    for name, device in config.devices.items():
        if not isinstance(device, MqttDevice):
            continue
        for point, entry in device.points.items():
            key = (device.broker, entry.set.topic, entry.set.path) if entry.set else None
            if entry.set and key in taken:
                wanted = f"a topic of its own; {taken[key]} writes this one"
                yield ("devices", name, "points", point, "set"), f"topic {entry.set.topic}", wanted, None
            if key is not None:
                taken.setdefault(key, point)
