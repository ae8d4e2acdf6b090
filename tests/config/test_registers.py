"""Modbus lines, registers and bits in the config: what a person may write, and the line of each mistake."""

import pytest

from agent.config import check, load
from agent.core.points import PointTable
from agent.drivers import wire
from agent.wiring import modbus_device, modbus_place

ROOMS = "    host: 192.168.10.22\n"
FIRST = "{register: 0, scale: 0.01}"
WRITTEN = "{register: 12}}"
SERIAL = "    serial: /dev/ttyUSB0\n    baud: 19200\n    parity: even\n"


def told(config, name="rooms"):
    return modbus_device(name, config.devices[name], PointTable(config.points()))


def test_a_line_may_be_a_serial_port(write):
    config = load(write((ROOMS, SERIAL)))
    place = wire.SerialPlace(path="/dev/ttyUSB0", baud=19200, parity="even")
    assert modbus_place(config.devices["rooms"]) == place


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("", {"port": 502, "framing": "tcp"}),
        ("    framing: rtu\n    port: 4001\n", {"port": 4001, "framing": "rtu"}),
        ("    connect_pause_s: 0.5\n", {"port": 502, "connect_pause_s": 0.5}),
    ],
)
def test_a_line_may_be_a_host(write, more, wanted):
    place = modbus_place(load(write((ROOMS, ROOMS + more))).devices["rooms"])
    assert {key: getattr(place, key) for key in wanted} == wanted


def test_tls_has_its_own_port_and_files_beside_the_config(write, tmp_path):
    config = load(write((ROOMS, ROOMS + "    tls: {ca_file: ca.pem, cert_file: our.pem, key_file: our.key}\n")))
    device = config.devices["rooms"]
    assert device.port == 802
    assert (device.tls.ca_file, device.tls.key_file) == (tmp_path / "ca.pem", tmp_path / "our.key")
    assert modbus_place(device).tls is not None


def test_bits_words_bands_and_functions_reach_the_driver_and_the_points(write):
    entry = "{register: 0, type: uint16, bit: 4, bits: 3, words: {off: 0, on: 1}, deadband: 0.5, report_s: 60}"
    config = load(write((FIRST, entry), (WRITTEN, "{register: 12, function: 16}}")))
    point = {point.point: point for point in told(config).points}
    bits = point["zone1.zone_air_temperature"]
    assert (bits.bit, bits.bits) == (4, 3)
    assert point["zone1.zone_air_cooling_temperature_setpoint"].write.function == 16
    spec = {spec.id: spec for spec in config.points()}["zone1.zone_air_temperature"]
    assert (spec.words, spec.deadband, spec.report_s) == ((("off", 0.0), ("on", 1.0)), 0.5, 60.0)
    assert spec.holds_s == max(spec.fresh_s, 60.0 + 2.0 * spec.poll_s)


def test_an_identity_reaches_the_driver(write):
    entry = (
        "    identity:\n      serial_number: {register: 100, registers: 4}\n      made: {register: 9, type: bcd16}\n"
    )
    names = {one.name: (one.type, one.registers) for one in told(load(write((ROOMS, ROOMS + entry)))).identity}
    assert names == {"serial_number": ("text", 4), "made": ("bcd16", 8)}


def test_two_points_may_write_their_own_bits_of_one_register(write):
    one, two = (f"{{register: 12, type: uint16, bit: {bit}, write: {{register: 12}}}}" for bit in (0, 1))
    spoil = [
        ("{register: 1, write: {register: 10, mode_register: 11}}", one),
        ("{register: 2, write: {register: 12}}", two),
        (
            "limits:\n",
            "limits:\n  zone1.zone_air_heating_temperature_setpoint: {low: 0, high: 1, release: 0, source: a sheet}\n",
        ),
        ("{low: 22, high: 28, release: 24, source: the landlord}", "{low: 0, high: 1, release: 0, source: a sheet}"),
    ]
    assert check(write(*spoil)).problems == []
    spoil[1] = (spoil[1][0], one)
    (problem,) = check(write(*spoil)).problems
    assert "zone1.zone_air_heating_temperature_setpoint writes this one" in problem.wanted


MISTAKES = [  # What stands there, what is put in its place, the line's text, key's end, a word of what is wanted.
    (ROOMS, "", "rooms:", "rooms", "`host:` of the device"),
    (ROOMS, ROOMS + SERIAL, "serial:", "serial", "one of the two"),
    (ROOMS, SERIAL + "    port: 502\n", "port: 502", "port", "with a host"),
    (ROOMS, ROOMS + "    parity: odd\n", "parity: odd", "parity", "with `serial:`"),
    (ROOMS, ROOMS + "    framing: rtu\n    tls: true\n", "framing: rtu", "framing", "tcp"),
    (ROOMS, ROOMS + "    tls: {key_file: a}\n", "tls:", "tls.key_file", "the certificate of this key"),
    (ROOMS, SERIAL + "    unit: 0\n", "unit: 0", "unit", "1 to 247"),
    (FIRST, "{register: 0, bit: 16}", "bit: 16", "bit", "at most 15"),
    (FIRST, "{register: 0, bit: 12, bits: 5}", "bits: 5", "bits", "whose last bit is 15"),
    (FIRST, "{register: 0, bits: 2}", "bits: 2", "bits", "`bit:` with"),
    (FIRST, "{register: 0, type: int32, bit: 3}", "bit: 3", "bit", "the one register"),
    (FIRST, "{register: 0, table: coil, bit: 3}", "bit: 3", "bit", "a table of registers"),
    (FIRST, "{register: 65535, type: bcd32}", "bcd32", "register", "65535 at most"),
    (FIRST, "{register: 0, deadband: -1}", "deadband: -1", "deadband", "at least 0"),
    (FIRST, "{register: 0, type: bcd}", "type: bcd", "type", "bcd16"),
    (WRITTEN, "{register: 12, function: 22}}", "function: 22", "function", "one of 6, 16, 23"),
    (WRITTEN, "{register: 12, type: float32, function: 6}}", "function: 6", "function", "one of 16, 23"),
    (WRITTEN, "{register: 12, table: coil, function: 6}}", "function: 6", "function", "one of 5, 15"),
]


@pytest.mark.parametrize(("old", "new", "text", "key", "wanted"), MISTAKES)
def test_a_mistake_is_told_at_its_line(write, line_of, old, new, text, key, wanted):
    path = write((old, new))
    problems = [problem for problem in check(path).problems if problem.key.endswith(key)]
    assert len(problems) == 1, check(path).problems
    assert wanted in problems[0].wanted and problems[0].line == line_of(path, text)


def test_devices_of_one_line_agree_on_it(write, line_of):
    path = write(("    host: 192.168.10.21\n", "    serial: /dev/ttyUSB0\n"), (ROOMS, SERIAL))
    problems = {problem.key: problem.wanted for problem in check(path).problems}
    problems = {key: wanted for key, wanted in problems.items() if not key.endswith(".write")}  # Units may be alike.
    assert problems.keys() == {"devices.rooms.baud", "devices.rooms.parity"}
    assert "the same baud for all of one line" in problems.values()
