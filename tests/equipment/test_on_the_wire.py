"""Every product met on a real socket, by the agent's own config, drivers and planner.

The expected values are made here with `struct`, from the template's row alone: a wrong width, order, table or overlap
in the row or in the decoder shows as a number that is not the register's own.
"""

import asyncio
import json
import math
import struct
from datetime import datetime

import aiomqtt
import pytest

from agent.config import load
from agent.core.clock import SystemClock
from agent.core.points import PointTable, Quality
from agent.equipment.kinds import role_of
from agent.equipment.templates import template, template_names
from agent.wiring import wire_up
from simulator.wires.modbus_pdu import Refused
from simulator.wires.modbus_server import ModbusServer

MODBUS = [name for name in template_names() if template(name)["driver"] == "modbus"]
MQTT = [name for name in template_names() if template(name)["driver"] == "mqtt"]
FORMATS = {"int16": "h", "uint16": "H", "bool": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
           "float32": "f", "float64": "d"}  # fmt: skip
PLAUSIBLE = {"degC": 21.5, "pct": 40.0, "kW": 1.25, "kVA": 1.5, "kvar": 0.5, "kWh": 4321.0,
             "kVAh": 4400.0, "kvarh": 321.0, "1": 0.95, "V": 231.0, "A": 3.5, "Hz": 50.0, "onoff": 1.0,
             "count": 3.0, "kg/s": 0.5, "ppm": 640.0, "s": 7200.0}  # fmt: skip
MOST_REGISTERS = 125
"""Of a request (Modbus application protocol 1.1b3, clause 6.3)."""


def words_of(row, raw):
    """Two bytes a register, as this row's device sends them."""
    data = struct.pack(">" + FORMATS[row.get("type", "int16")], raw)
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    words = words[::-1] if row.get("word_order") == "little" else words
    words = [word[::-1] for word in words] if row.get("byte_order") == "little" else words
    return [int.from_bytes(word, "big") for word in words]


def raw_of(row, words):
    """What those registers mean, by the row's type and orders."""
    if "bit" in row:
        return words[0] >> row["bit"] & 1
    if row.get("table") in ("coil", "discrete"):
        return words[0] & 1
    parts = [word.to_bytes(2, "big") for word in words]
    parts = [part[::-1] for part in parts] if row.get("byte_order") == "little" else parts
    parts = parts[::-1] if row.get("word_order") == "little" else parts
    return struct.unpack(">" + FORMATS[row.get("type", "int16")], b"".join(parts))[0]


def width(row):
    bits = row.get("table") in ("coil", "discrete")
    return 1 if bits else struct.calcsize(FORMATS[row.get("type", "int16")]) // 2


class Echo:
    """Each register answers with its own address; a bit with its address's last bit."""

    def __init__(self):
        self.requests = []

    def has_unit(self, unit):
        return unit == 1

    def read(self, unit, table, address, count):
        self.requests.append((table, address, count))
        span = range(address, address + count)
        return [at & 1 for at in span] if table in ("coil", "discrete") else list(span)


class Shelf(Echo):
    """Knows what a product's rows say and refuses all else, as the shyest device would."""

    def __init__(self, rows, raws, *, is_shy):
        super().__init__()
        self.is_shy = is_shy
        self.words = {}
        for role, row in rows.items():
            table = row.get("table", "holding")
            if "bit" in row:
                key = table, row["register"]
                self.words[key] = self.words.get(key, 0) | raws[role] << row["bit"]
                continue
            told = [raws[role]] if table in ("coil", "discrete") else words_of(row, raws[role])
            self.words |= {(table, row["register"] + n): word for n, word in enumerate(told)}

    def read(self, unit, table, address, count):
        self.requests.append((table, address, count))
        keys = [(table, at) for at in range(address, address + count)]
        if self.is_shy and not all(key in self.words for key in keys):
            raise Refused(2)
        return [self.words.get(key, 0xFFFF) for key in keys]


async def poll(path, book, polls=1):
    """Role -> value and quality, as the agent has them after so many polls."""
    config, clock = load(path), SystemClock()
    table = PointTable(config.points())
    driver = wire_up(config, table, book, clock, {}).drivers[0]
    try:
        for _ in range(polls):
            scans = await driver.poll()
    finally:
        await driver.close()
    return {
        table[int(handle)].role: (float(value), Quality(int(quality)))
        for scan in scans
        for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True)
    }


@pytest.fixture
async def served(site, book):
    """Serve a bank, poll a product's device on it."""
    servers = []

    async def serve(name, bank, polls=1):
        server = ModbusServer(bank)
        await server.start()
        servers.append(server)
        return await poll(site(name, port=server.port), book, polls)

    yield serve
    for server in servers:
        await server.stop()


@pytest.mark.parametrize("name", MODBUS)
async def test_each_register_shows_its_own_address(name, served):
    seen = await served(name, Echo())
    rows = template(name)["points"]
    assert set(seen) == set(rows)
    for role, row in rows.items():
        raw = raw_of(row, list(range(row["register"], row["register"] + width(row))))
        if row.get("table") in ("coil", "discrete"):
            raw = row["register"] & 1
        wanted = raw * row.get("scale", 1.0) + row.get("offset", 0.0)
        value, quality = seen[role]
        if raw in row.get("absent", ()) or not math.isfinite(wanted):
            assert quality == Quality.BAD, role
        else:
            assert value == pytest.approx(wanted, rel=1e-12, abs=1e-300), role


def usual(name):
    """Role -> the raw number that a usual value has in this product's registers."""
    told = template(name)
    raws = {}
    for role, row in told["points"].items():
        raw = (PLAUSIBLE[role_of(told["kind"], role).unit] - row.get("offset", 0.0)) / row.get("scale", 1.0)
        raws[role] = raw if row.get("type", "int16").startswith("float") else round(raw)
    return raws


@pytest.mark.parametrize("is_shy", [False, True], ids=["answers gaps", "refuses gaps"])
@pytest.mark.parametrize("name", MODBUS)
async def test_a_usual_value_is_good_and_in_our_unit(name, is_shy, served):
    """Also from a device that refuses each register its list does not name: the planner has to find round them."""
    told, raws = template(name), usual(name)
    seen = await served(name, Shelf(told["points"], raws, is_shy=is_shy), polls=2)
    for role, row in told["points"].items():
        value, quality = seen[role]
        wanted = PLAUSIBLE[role_of(told["kind"], role).unit]
        assert quality == Quality.GOOD, role
        assert value == pytest.approx(wanted, rel=1e-6, abs=0.51 * abs(row.get("scale", 1.0))), role


def least_requests(rows):
    """No planner can do with fewer: as few spans of 125 registers as hold every point."""
    count, end = 0, {}
    for row in sorted(rows, key=lambda row: row["register"]):
        table = row.get("table", "holding")
        if row["register"] + width(row) > end.get(table, -1):
            count += 1
            end[table] = row["register"] + MOST_REGISTERS
    return count


async def test_the_maps_are_read_in_as_few_requests_as_there_can_be(served):
    """Of products that may be joined; one whose parameters lie far apart says so by `max_gap: 0`."""
    points = requests = 0
    for name in MODBUS:
        rows = template(name)["points"].values()
        if template(name).get("device", {}).get("max_gap") == 0:
            continue
        bank = Echo()
        await served(name, bank)
        assert len(bank.requests) == least_requests(rows), (name, bank.requests)
        points, requests = points + len(rows), requests + len(bank.requests)
    print(f"{points} points in {requests} requests: {1 - requests / points:.0%} fewer")
    assert requests <= 0.1 * points


AM319 = {"temperature": 23.8, "humidity": 62, "pir": "trigger", "light_level": 2, "co2": 936, "tvoc": 0.37,
         "pressure": 1008.6, "hcho": 0.07, "pm2_5": 32, "pm10": 48}  # fmt: skip
AM103 = {"battery": 100, "co2": 453, "temperature": 28, "humidity": 54.5}
TOLD = {
    # Topic, payload as the sources of the template show it, and what the agent is to make of it.
    "milesight-am319-chirpstack": (
        [("application/the-application_id/device/the-dev_eui/event/up",
          {"deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": "2026-07-18T09:34:15.775023242Z",
           "deviceInfo": {"deviceName": "am319", "devEui": "24e124707c000001"}, "fPort": 85, "object": AM319})],
        {"zone_air_temperature": 23.8, "zone_air_relative_humidity": 62, "co2_level": 936, "pm2_5_level": 32,
         "pm10_level": 48},
        "2026-07-18T09:34:15.775023+00:00",
    ),
    "milesight-am103-ttn": (
        [("v3/the-application_id@the-tenant_id/devices/the-device_id/up",
          {"end_device_ids": {"device_id": "the-device_id"}, "received_at": "2026-07-18T09:34:15.787123456Z",
           "uplink_message": {"f_port": 85, "decoded_payload": AM103, "received_at": "2026-07-18T09:34:15.58Z"}})],
        {"zone_air_temperature": 28, "zone_air_relative_humidity": 54.5, "co2_level": 453, "battery_level": 100},
        "2026-07-18T09:34:15.787123+00:00",
    ),
    "elfin-eleon-s1": (
        [("/the-eleon_id/connected-to-controller", {"timestamp": 1784367255, "value": True}),
         ("/the-eleon_id/elevator/information/current-floor/absolute", {"timestamp": 1784367255, "value": 4})],
        {"gateway_status": 1, "car_position": 4},
        "2026-07-18T09:34:15+00:00",
    ),
}  # fmt: skip


def test_each_product_on_mqtt_has_its_payload():
    assert set(TOLD) == set(MQTT)


class AtThatTime(SystemClock):
    """A clock that shows the hour of the payloads, so that their own times are believed."""

    def __init__(self, unix_s):
        self._ahead_s = unix_s - super().read().unix_s + 1.0

    def read(self):
        now = super().read()
        return type(now)(unix_s=now.unix_s + self._ahead_s, mono_s=now.mono_s)


@pytest.mark.parametrize("name", MQTT)
async def test_each_payload_is_read_as_its_maker_means_it(name, site, broker, book):
    messages, wanted, at = TOLD[name]
    at_unix_s = datetime.fromisoformat(at).timestamp()
    config, clock = load(site(name, port=broker.port)), AtThatTime(at_unix_s)
    table = PointTable(config.points())
    wiring = wire_up(config, table, book, clock, {})
    connection = wiring.connections["local"]
    running = asyncio.ensure_future(connection.run())
    seen, times = {}, set()
    try:
        async with asyncio.timeout(10), aiomqtt.Client("127.0.0.1", broker.port, identifier="maker") as maker:
            while not connection.is_up:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for topic, payload in messages:
                await maker.publish(topic, json.dumps(payload).encode(), qos=1)
            while set(seen) != set(wanted):
                for scan in await wiring.drivers[0].poll():
                    times.add(round(scan.at.unix_s, 3))
                    for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True):
                        seen[table[int(handle)].role] = float(value), Quality(int(quality))
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {role: value for role, (value, _) in seen.items()} == wanted
    assert {quality for _, quality in seen.values()} == {Quality.GOOD}
    assert times == {round(at_unix_s, 3)}
    assert not [text for text in book if "cannot be read" in text]
