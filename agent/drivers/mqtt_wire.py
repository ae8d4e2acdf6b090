"""Where points live on a broker: what the MQTT and Sparkplug drivers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.paths import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfirm:
    """Where a device says that it took what was set."""

    topic: str
    path: Path | None = None
    word: str | None = None
    """What means yes, and anything else no; None: the value itself is awaited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSet:
    """How a point is written."""

    topic: str
    path: str | None = None
    """Where the value goes in the JSON that is published; None: the value alone."""
    payload: str | None = None
    """A template with `{value}` in it; outranks `path`."""
    release: str | None = None
    qos: int = 1
    retain: bool = False
    confirm: MqttConfirm | None = None
    """None: the point's own topic must show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttPoint:
    """One point that arrives on a topic, or as a metric."""

    point: str
    handle: int
    unit: str
    scale: float = 1.0
    offset: float = 0.0
    """Value = what is told x scale + offset."""
    words: Mapping[str, float] = field(default_factory=dict)
    """What the device calls its numbers."""
    step: float = 0.1
    """What was set counts as shown within half of this: devices round what they show."""
    topic: str = ""
    filter: str | None = None
    """The subscription that brings the topic; None: the topic itself."""
    path: Path | None = None
    """Into a JSON payload; None: the payload is the value."""
    quality_path: Path | None = None
    time_path: Path | None = None
    """Where the device says when it measured: ISO 8601, or Unix time in seconds, milli-, micro- or nanoseconds."""
    set: MqttSet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttDevice:
    """Points that share a name in the config."""

    name: str
    timeout_s: float = 5.0
    """How long a written point may take to show the value."""
    max_bytes: int = 65_536
    points: tuple[MqttPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One point that is a Sparkplug metric."""

    point: MqttPoint
    name: str
    is_set: bool = False
    """Whether it may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkplugDevice:
    """An edge node's own metrics, or those of a device behind it."""

    name: str
    group: str
    node: str
    device: str | None = None
    timeout_s: float = 5.0
    max_bytes: int = 262_144
    metrics: tuple[Metric, ...] = ()
