"""A small sound site, and a way to spoil it."""

import pytest

SOUND = """\
version: 1
site: {name: house, gateway: gateway1}
brokers:
  local: {host: 127.0.0.1}
devices:
  cooling:
    driver: modbus
    host: 192.168.10.21
    template: example-crac
    equipment: crac1
  rooms:
    driver: modbus
    host: 192.168.10.22
    points:
      zone1.zone_air_temperature: {register: 0, scale: 0.01}
      zone1.zone_air_heating_temperature_setpoint: {register: 1, write: {register: 10, mode_register: 11}}
      zone1.zone_air_cooling_temperature_setpoint: {register: 2, write: {register: 12}}
  telemetry:
    driver: mqtt
    broker: local
    points:
      room1.rack_inlet_temperature_1: {topic: inlet}
      ahu1.on_off_command: {topic: ahu, set: {topic: ahu/set}}
equipment:
  zone1: {kind: zone, served_by: ahu1}
  ahu1: {kind: ahu}
  room1: {kind: data_room}
  crac1: {kind: crac, serves: room1}
limits:
  crac1.supply_air_temperature_setpoint:
    low: 17
    high: 24
    needs: [room1.rack_inlet_temperature_1]
    interlocks: [{point: crac1.on_off_status, low: 1}]
    source: its sheet
  zone1.zone_air_cooling_temperature_setpoint: {low: 22, high: 28, release: 24, source: the landlord}
control: {mode: shadow}
upstream: {broker: local, share: listed}
"""


@pytest.fixture
def write(tmp_path):
    """Writes the sound site with replacements, each of which must fit once; returns the path."""

    def spoil(*changes, text=SOUND):
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
            text = text.replace(old, new)
        path = tmp_path / "site.yaml"
        path.write_text(text, "utf-8")
        return path

    return spoil


@pytest.fixture
def line_of():
    """The line, from 1, on which a text stands."""
    return lambda path, text: next(n for n, row in enumerate(path.read_text().splitlines(), 1) if text in row)
