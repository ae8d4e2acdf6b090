"""Who receives what leaves the site: each sink by a name of the site's own, under which its backlog is kept."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from agent.config.base import Host, Name, Port, Positive, Section, Topic
from agent.config.secrets import Login, SafeLogin

SPARKPLUG_NAME = r"^[^+/#]+$"
"""Sparkplug B 3.0, 4.1: ids stand in topics."""


def _is_url(value: str) -> str:
    told = urlsplit(value)
    if told.scheme not in ("http", "https") or not told.hostname or told.username or told.password:
        raise ValueError("a URL such as https://influx.example/api/v2/write?org=o&bucket=b, without a password")
    return value


class Feed(Section):
    """How a sink is fed."""

    window: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Batches of the backlog under way at a time."""
    batch_records: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 500
    """The most records in one."""
    gather_s: Annotated[float, Field(strict=True, ge=0, le=3600)] = 0.5
    """After the first new record, wait so long for company."""
    backlog_kbit_s: Positive | None = None
    """The backlog takes no more of the line than this."""


class Columns(Feed):
    """Batches of columns."""

    format: Literal["json", "cbor"] = "json"
    compression: Literal["gzip", "zstd"] = "gzip"


class MqttSink(Columns):
    """A receiver behind an MQTT broker."""

    kind: Literal["mqtt"]
    broker: str
    prefix: Topic = "hushwatt"


class SparkplugSink(Feed):
    """A Sparkplug B host behind an MQTT broker."""

    kind: Literal["sparkplug"]
    broker: str
    group: Annotated[str, Field(pattern=SPARKPLUG_NAME)] = "hushwatt"
    host_id: Annotated[str, Field(pattern=SPARKPLUG_NAME)] | None = None
    """The primary host: while it is away, records wait in the store."""


class NatsSink(SafeLogin, Columns):
    """A NATS server whose JetStream takes `PREFIX.SITE.GATEWAY.batch`."""

    kind: Literal["nats"]
    host: Host
    port: Port = 4222
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "hushwatt"


class HttpSink(Login, Feed):
    """A server that takes InfluxDB's line protocol."""

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(_is_url)]
    scheme: Annotated[str, Field(pattern=r"^[A-Za-z]+$")] = "Token"
    """Without a username the password is sent as `Authorization: SCHEME PASSWORD`."""
    compression: Literal["gzip", "none"] = "gzip"


class PostgresSink(SafeLogin, Feed):
    """PostgreSQL or TimescaleDB."""

    kind: Literal["postgres"]
    host: Annotated[str, Field(min_length=1)]
    """Or the folder of its socket."""
    port: Port = 5432
    database: Annotated[str, Field(min_length=1)]


AnySink = Annotated[MqttSink | SparkplugSink | NatsSink | HttpSink | PostgresSink, Field(discriminator="kind")]
Sinks = dict[Name, AnySink]
