"""Whether what is told of upstream fits together: brokers, recipients, secrets, and a door that is safe to open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from agent.config.lines import Finding, nearest, unknown
from agent.config.model import SiteConfig
from agent.config.secrets import Login
from agent.config.sinks import AnySink, HttpSink, MqttSink, NatsSink, PostgresSink, SparkplugSink
from agent.config.upstream import SHORT, Broker, Upstream
from agent.config.wires import is_loopback


def outbound_findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake about what leaves, and about the inbox."""
    upstream = config.upstream
    if upstream is None:
        return
    yield from _sinks(config, upstream)
    yield from _uses(config, upstream)
    if upstream.inbox is not None:
        yield from _inbox(config, upstream.inbox.broker)


def _sinks(config: SiteConfig, upstream: Upstream) -> Iterator[Finding]:
    if upstream.broker is None and not upstream.sinks:
        yield ("upstream", "broker"), "nothing", "a broker, or an entry in sinks", None
    if upstream.broker is not None:
        yield from _broker(config, ("upstream", "broker"), upstream.broker)
        if SHORT in upstream.sinks:
            wanted = "another name: this one is the sink that `broker` tells in short"
            yield ("upstream", "sinks", SHORT), f"a sink named {SHORT}", wanted, None
    for name, sink in upstream.sinks.items():
        where = ("upstream", "sinks", name)
        if isinstance(sink, MqttSink | SparkplugSink):
            yield from _broker(config, (*where, "broker"), sink.broker)
        else:
            yield from _login(where, sink)
            yield from _in_the_clear(where, sink)


def _broker(config: SiteConfig, where: Sequence[str], name: str) -> Iterator[Finding]:
    if name not in config.brokers:
        yield unknown(where, name, list(config.brokers), "a broker of this file")


def _login(where: Sequence[str], login: Login) -> Iterator[Finding]:
    if login.password_file is not None and login.password_env is not None:
        yield (*where, "password_env"), "password_file beside it", "one of the two", None
    if login.username is not None and login.password_file is None and login.password_env is None:
        yield (*where, "username"), "no password beside it", "password_file or password_env", None


def _in_the_clear(where: Sequence[str], sink: AnySink) -> Iterator[Finding]:
    """A password goes to another machine by TLS only."""
    if not isinstance(sink, Login) or (sink.password_file is None and sink.password_env is None):
        return
    wanted = "TLS, or a server on this machine: a password would go over the wire for all to read"
    if isinstance(sink, HttpSink):
        told = urlsplit(sink.url)
        if told.scheme != "https" and not is_loopback(told.hostname or ""):
            yield (*where, "url"), "http:// with a password", wanted, None
    elif isinstance(sink, NatsSink | PostgresSink) and sink.tls is None and not is_local(sink.host):
        yield (*where, "tls"), f"{sink.host} without it", wanted, None


def is_local(host: str) -> bool:
    """On this machine; PostgreSQL also takes the folder of a socket."""
    return host.startswith("/") or is_loopback(host)


def _uses(config: SiteConfig, upstream: Upstream) -> Iterator[Finding]:
    points = [point for device in config.devices.values() for point in device.points]
    sinks = list(upstream.all_sinks())
    for place, rule in enumerate(upstream.data_use):
        where = ("upstream", "data_use", place)
        for number, sink in enumerate(rule.recipients):
            if sink not in sinks:
                yield unknown((*where, "recipients", number), sink, sinks, "a sink of this file")
        for number, pattern in enumerate(rule.points):
            if not any(rule.model_copy(update={"points": (pattern,)}).speaks_of(point) for point in points):
                wanted = "a point of this site, or a pattern that fits one"
                yield (*where, "points", number), f"`{pattern}`", wanted, nearest(pattern, points)


def _inbox(config: SiteConfig, name: str) -> Iterator[Finding]:
    where = ("upstream", "inbox", "broker")
    broker = config.brokers.get(name)
    if broker is None:
        yield unknown(where, name, list(config.brokers), "a broker of this file")
    elif (found := why_shut(broker)) is not None:
        wanted = "a broker that asks who comes in, and is on this machine or reached by TLS: the inbox stays shut"
        yield where, found, wanted, None


def why_shut(broker: Broker) -> str | None:
    """Why wishes may not come in from this broker; None when they may."""
    has_password = broker.username is not None and (broker.password_file or broker.password_env) is not None
    has_certificate = broker.tls is not None and broker.tls.cert_file is not None
    if not has_password and not has_certificate:
        return f"{broker.host} without username and password"
    if not is_loopback(broker.host) and broker.tls is None:
        return f"{broker.host} without TLS"
    return None
