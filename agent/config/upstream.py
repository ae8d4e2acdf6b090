"""MQTT brokers, and what goes upstream. Secrets stand in a file or in the environment, never here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from agent.config.base import Host, Port, Section, Topic
from agent.config.data_use import DataUse, Terms, terms_of
from agent.config.secrets import SafeLogin
from agent.config.sinks import AnySink, Feed, MqttSink, Sinks

SHORT = "upstream"
"""The name of the sink that is told in short."""


PLAIN_PORT, TLS_PORT = 1883, 8883
"""Registered with IANA as mqtt and secure-mqtt."""


class Broker(SafeLogin):
    """An MQTT broker."""

    host: Host
    port: Port = PLAIN_PORT
    """With tls 8883, when nothing else is said."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    """Of the protocol."""
    client_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_port(cls, told: Any) -> Any:
        return {**told, "port": TLS_PORT} if isinstance(told, dict) and told.get("tls") and "port" not in told else told

    @field_validator("version", mode="before")
    @classmethod
    def _is_text(cls, told: Any) -> Any:
        return str(told) if type(told) is int else told


class Inbox(Section):
    """Where wishes and offers from upstream come in."""

    broker: str
    """One that asks who we are, and is on this machine or reached by TLS."""
    prefix: Topic = "hushwatt"


class Upstream(Feed):
    """Where samples go, and which may leave. `broker` and what stands beside it is the sink named `upstream`."""

    broker: str | None = None
    prefix: Topic = "hushwatt"
    share: Literal["all", "listed", "none"] = "none"
    """What may leave of which no rule of `data_use` speaks: as it was read, to every sink."""
    sinks: Sinks = Field(default_factory=dict)
    data_use: tuple[DataUse, ...] = ()
    inbox: Inbox | None = None

    def all_sinks(self) -> dict[str, AnySink]:
        """By name, the one told in short included."""
        if self.broker is None:
            return dict(self.sinks)
        feed = {key: getattr(self, key) for key in Feed.model_fields}
        return {SHORT: MqttSink(kind="mqtt", broker=self.broker, prefix=self.prefix, **feed), **self.sinks}

    def terms(self, point: str, sink: str, *, is_listed: bool) -> Terms | None:
        """On which terms this sink gets the point; None: not at all."""
        told = terms_of(self.data_use, point, sink)
        if told is None and (self.share == "all" or (self.share == "listed" and is_listed)):
            return Terms(owner="the site", purpose="not told: `share` lets it pass", span_s=0)
        return told if isinstance(told, Terms) else None
