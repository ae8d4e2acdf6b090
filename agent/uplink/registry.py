"""Every kind of sink, imported when a site first asks for it: a site without PostgreSQL needs no PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from agent.config.sinks import AnySink
from agent.config.upstream import Broker
from agent.core.clock import Clock
from agent.core.errors import ConfigError, Problem
from agent.uplink.sink import Sink

SINKS = {
    "mqtt": "agent.uplink.mqtt:make",
    "sparkplug": "agent.uplink.sparkplug:make",
    "nats": "agent.uplink.nats_jetstream:make",
    "http": "agent.uplink.line_protocol:make",
    "postgres": "agent.uplink.postgres:make",
}
"""Kind -> `module:function`; the function takes the sink's entry in the config and a `Place`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a sink has to know of the house."""

    site: str
    gateway: str
    newest: Callable[[], int]
    """The last record that exists."""
    clock: Clock
    brokers: Mapping[str, Broker]
    points: Sequence[str] = ()
    """Those that may leave to this sink."""


def make_sink(name: str, told: AnySink, place: Place) -> Sink:
    """Raises ConfigError when a package is missing, or a secret cannot be read."""
    module, _, function = SINKS[told.kind].partition(":")
    try:
        made: Sink = getattr(import_module(module), function)(told, place)
    except ModuleNotFoundError as fault:
        problem = Problem(
            file="the config",
            line=0,
            key=f"upstream.sinks.{name}",
            found=f"kind {told.kind}, for which the package {fault.name} is missing",
            wanted="an installation of hushwatt[upstream]",
        )
        raise ConfigError([problem]) from None
    return made
