"""From what the config says of brokers, topics and metrics to what the drivers are told."""

from __future__ import annotations

from agent.config.devices import MqttDevice, MqttEntry, SetEntry, SparkplugDevice, SparkplugEntry
from agent.core.paths import Path
from agent.core.points import PointTable
from agent.drivers import mqtt_wire as wire


def mqtt_device(name: str, device: MqttDevice, table: PointTable) -> wire.MqttDevice:
    points = tuple(_mqtt_point(point, entry, table) for point, entry in device.points.items())
    return wire.MqttDevice(name=name, timeout_s=device.timeout_s, max_bytes=device.max_bytes, points=points)


def _mqtt_point(point: str, entry: MqttEntry, table: PointTable) -> wire.MqttPoint:
    handle = table.handle(point)
    return wire.MqttPoint(
        point=point,
        handle=handle,
        unit=table[handle].unit,
        scale=entry.scale,
        offset=entry.offset,
        words=entry.words,
        step=entry.set.step if entry.set else 0.1,
        topic=entry.topic,
        filter=entry.filter,
        path=_path(entry.path),
        quality_path=_path(entry.quality_path),
        time_path=_path(entry.time_path),
        set=_set(entry.set) if entry.set else None,
    )


def _path(told: str | None) -> Path | None:
    return None if told is None else Path(told)


def _set(told: SetEntry) -> wire.MqttSet:
    confirm = None
    if told.confirm is not None:
        word = told.confirm.is_
        confirm = wire.MqttConfirm(
            topic=told.confirm.topic, path=_path(told.confirm.path), word=None if word is None else str(word)
        )
    return wire.MqttSet(
        topic=told.topic,
        path=told.path,
        payload=told.payload,
        release=told.release,
        qos=told.qos,
        retain=told.retain,
        confirm=confirm,
    )


def sparkplug_device(name: str, device: SparkplugDevice, table: PointTable) -> wire.SparkplugDevice:
    metrics = tuple(_metric(point, entry, table) for point, entry in device.points.items())
    return wire.SparkplugDevice(
        name=name,
        group=device.group,
        node=device.node,
        device=device.device,
        timeout_s=device.timeout_s,
        max_bytes=device.max_bytes,
        metrics=metrics,
    )


def _metric(point: str, entry: SparkplugEntry, table: PointTable) -> wire.Metric:
    handle = table.handle(point)
    told = wire.MqttPoint(
        point=point,
        handle=handle,
        unit=table[handle].unit,
        scale=entry.scale,
        offset=entry.offset,
        words=entry.words,
        step=entry.step,
    )
    return wire.Metric(point=told, name=entry.metric, is_set=entry.set)
