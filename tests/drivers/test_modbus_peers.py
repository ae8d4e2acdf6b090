"""Against servers that others wrote: pymodbus, pyModbusTCP and, where it is installed, Debian's libmodbus."""

import asyncio
import shutil
import ssl
import struct
import subprocess

import pytest
from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pyModbusTCP.server import DataBank, ModbusServer

from agent.config.tls import Tls
from agent.core.clock import SystemClock
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.modbus import ModbusDriver
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, ModbusDevice, ModbusIdentity, ModbusPoint, ModbusWrite, SerialPlace

TEMPERATURE = struct.unpack(">HH", struct.pack(">f", 21.5))


def words():
    """Registers 0 to 299 hold their own number; from 100 on a float, a BCD, a text and bits."""
    told = list(range(300))
    told[100:102] = TEMPERATURE
    told[102] = 0x1234
    told[110:114] = struct.unpack(">4H", b"SN 0042\0")
    told[120] = 0b1010
    told[214:216] = 0, 0
    return told


def make_point(n, register, **more):
    return ModbusPoint(point=f"e.p{n}", handle=n, unit="kW", register=register, **more)


POINTS = (
    make_point(0, 0),
    make_point(1, 100, type="float32"),
    make_point(2, 102, type="bcd16"),
    make_point(3, 120, type="uint16", bit=1, write=ModbusWrite(register=120, type="uint16", bit=1)),
    make_point(4, 120, type="uint16", bit=2, bits=2, write=ModbusWrite(register=120, type="uint16", bit=2, bits=2)),
    make_point(5, 3, table="input"),
    make_point(6, 8, table="coil", write=ModbusWrite(register=8, table="coil", type="bool")),
    make_point(7, 9, table="discrete"),
    make_point(8, 200, type="float32", write=ModbusWrite(register=200, type="float32")),
    make_point(9, 210, write=ModbusWrite(register=210, function=23)),
    make_point(10, 212, write=ModbusWrite(register=212, function=16)),
    make_point(11, 214, type="bcd32", write=ModbusWrite(register=214, type="bcd32")),
    make_point(12, 7, table="coil", write=ModbusWrite(register=7, table="coil", type="bool", function=15)),
)
WISHES = {3: 0.0, 4: 3.0, 6: 1.0, 8: -2.5, 9: -7.0, 10: 8.0, 11: 345_678.0, 12: 1.0}
IDENTITY = (ModbusIdentity(name="serial_number", register=110, registers=4),)


@pytest.fixture
def meet(book, columns, command):
    """Read and write all of it."""

    async def run(place, *, without=()):
        line = ModbusLine(place, SystemClock())
        points = tuple(point for point in POINTS if point.handle not in without)
        device = ModbusDevice(name="m", timeout_s=2.0, points=points, identity=IDENTITY)
        driver = ModbusDriver(device, line, book, SystemClock())
        try:
            seen = columns(await driver.poll())
            assert {code for _, code in seen.values()} == {Quality.GOOD}, seen
            values = {handle: value for handle, (value, _) in seen.items()}
            wanted = {0: 0.0, 1: 21.5, 2: 1234.0, 3: 1.0, 4: 2.0, 5: 3.0}
            assert {handle: values[handle] for handle in wanted} == wanted
            for handle in WISHES.keys() - set(without):
                outcome = await driver.write(command(f"e.p{handle}", WISHES[handle]))
                assert (outcome.kind, outcome.read_back) == ("confirmed", WISHES[handle]), outcome
            seen = columns(await driver.poll())
            assert {h: seen[h][0] for h in WISHES if h not in without} == {
                h: wish for h, wish in WISHES.items() if h not in without
            }
            assert book == ["m, unit 1, serial_number SN 0042"]
            assert line.connections == 1
        finally:
            await driver.close()

    return run


def context():
    bits = [n % 2 == 0 for n in range(300)]
    blocks = {"co": bits, "di": bits, "hr": words(), "ir": words()}
    # pymodbus counts its blocks from 1.
    return ModbusServerContext(
        devices={1: ModbusDeviceContext(**{key: ModbusSequentialDataBlock(1, told) for key, told in blocks.items()})},
        single=False,
    )


async def run_beside(server, work):
    serving = asyncio.ensure_future(server.serve_forever(background=True))
    try:
        await serving
        await work
    finally:
        await server.shutdown()


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_pymodbus_on_tcp(meet, own_port, framing):
    framer = FramerType.SOCKET if framing == "tcp" else FramerType.RTU
    server = ModbusTcpServer(context(), framer=framer, address=("127.0.0.1", own_port))
    await run_beside(server, meet(HostPlace(host="127.0.0.1", port=own_port, framing=framing)))


async def test_pymodbus_on_a_pair_of_serial_ports(meet, tmp_path):
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed")
    ends = [tmp_path / "ours", tmp_path / "theirs"]
    pair = await asyncio.create_subprocess_exec("socat", *(f"pty,raw,echo=0,link={end}" for end in ends))
    try:
        async with asyncio.timeout(5):
            while not all(end.exists() for end in ends):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        server = ModbusSerialServer(context(), framer=FramerType.RTU, port=str(ends[1]), baudrate=19200)
        await run_beside(server, meet(SerialPlace(path=str(ends[0]), baud=19200)))
    finally:
        pair.terminate()
        await pair.wait()


def make_certificate(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    place = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(["openssl", "req", "-x509", *kind, *place], check=True, capture_output=True)
    return key, cert


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_pymodbus_on_tls_where_both_show_who_they_are(meet, own_port, tmp_path, point, book):
    (their_key, theirs), (our_key, ours) = (make_certificate(tmp_path, name) for name in ("device", "gateway"))
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(theirs, their_key)
    secure.load_verify_locations(ours)
    secure.verify_mode = ssl.CERT_REQUIRED
    server = ModbusTlsServer(context(), framer=FramerType.SOCKET, address=("127.0.0.1", own_port), sslctx=secure)

    async def work():
        tls = Tls(ca_file=theirs, cert_file=ours, key_file=our_key)
        for bad in (Tls(ca_file=theirs), Tls(), Tls(ca_file=tmp_path / "none.pem")):
            place = HostPlace(host="127.0.0.1", port=own_port, tls=bad.context)
            device = ModbusDevice(name="m", timeout_s=1.0, points=(point(1),))
            driver = ModbusDriver(device, ModbusLine(place, SystemClock()), book, SystemClock())
            with pytest.raises(DeviceError, match="m, unit 1"):
                await driver.poll()
            await driver.close()
        await meet(HostPlace(host="127.0.0.1", port=own_port, tls=tls.context))

    await run_beside(server, work())


async def test_pymodbustcp(meet, own_port):
    """It knows neither function 22 nor 23: bits are then read, changed and written."""
    bank = DataBank()
    bank.set_holding_registers(0, words())
    bank.set_input_registers(0, words())
    server = ModbusServer("127.0.0.1", own_port, no_block=True, data_bank=bank)
    server.start()
    try:
        await meet(HostPlace(host="127.0.0.1", port=own_port), without=(9,))
    finally:
        server.stop()
    assert bank.get_holding_registers(120) == [0b1100]


LIBMODBUS = r"""
#include <errno.h>
#include <modbus.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(300, 300, 300, 300);
    for (int n = 0; n < 300; n++) map->tab_registers[n] = map->tab_input_registers[n] = n;
    for (int n = 2; n + 1 < argc; n += 2) map->tab_registers[atoi(argv[n])] = atoi(argv[n + 1]);
    int listening = modbus_tcp_listen(ctx, 1), got;
    write(1, "up\n", 3);
    modbus_tcp_accept(ctx, &listening);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    while ((got = modbus_receive(ctx, query)) >= 0) if (got > 0) modbus_reply(ctx, query, got, map);
    return 0;
}
"""


@pytest.fixture
def libmodbus(tmp_path):
    """A program that serves with libmodbus."""
    source, program = tmp_path / "server.c", tmp_path / "server"
    source.write_text(LIBMODBUS)
    build = ["gcc", "-I/usr/include/modbus", source, "-o", program, "-lmodbus"]
    if shutil.which("gcc") is None or subprocess.run(build, capture_output=True, check=False).returncode:
        pytest.skip("gcc and libmodbus-dev are not installed")
    return program


async def test_libmodbus(meet, own_port, libmodbus):
    odd = {n: word for n, word in enumerate(words()) if word != n}
    told = [str(part) for pair in odd.items() for part in pair]
    server = await asyncio.create_subprocess_exec(libmodbus, str(own_port), *told, stdout=asyncio.subprocess.PIPE)
    try:
        await server.stdout.readline()
        await meet(HostPlace(host="127.0.0.1", port=own_port))
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()
