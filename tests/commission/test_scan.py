"""A scan on loopback: it finds who is there by whatever they say, keeps its pace and its bounds, and writes nothing."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agent.commission.scan import Found, Manner, Scanner, fitting_templates, identity_of
from agent.core.clock import SystemClock
from agent.drivers.modbus_frames import RtuFrames, crc16, identification_request
from agent.drivers.modbus_line import ModbusLine
from agent.drivers.wire import HostPlace, SerialPlace
from simulator.wires.rtu import RtuLine

FAST = Manner(timeout_s=0.2, requests_s=1000.0)


async def scanned(place, units, manner=FAST):
    place = place if isinstance(place, SerialPlace) else HostPlace(host="127.0.0.1", port=place)
    scanner, line = Scanner(manner, SystemClock()), ModbusLine(place, SystemClock())
    try:
        return [found async for found in scanner.scan(line, units)], scanner.tally
    finally:
        line.close()


async def test_units_are_found_by_what_they_say_or_refuse(serve, shelf):
    """Unit 3 has a register 0; 5 only inputs; 7 refuses all it is asked, which is an answer too."""
    bank = shelf({3: {"holding": {0: 1}, "coil": {0: 1}}, 5: {"input": {0: 1}}, 7: {"holding": {40: 1}}})
    found, tally = await scanned((await serve(bank)).port, range(1, 9))
    assert [each.unit for each in found] == [3, 5, 7]
    assert found[0].tables == {
        "holding": "answers", "input": "does not have", "coil": "answers", "discrete": "does not have"
    }  # fmt: skip
    assert found[1].tables["input"] == "answers" and found[2].tables["holding"] == "refuses register 0 (exception 2)"
    assert tally.asked == 8 and not tally.missed and not bank.written
    assert {count for *_, count in bank.requests} == {1}


async def test_a_unit_that_says_nothing_to_what_it_lacks_is_found(serve):
    class Shy:
        """Answers function 4 only, and to all else not a byte."""

        async def __call__(self, reader, writer):
            while header := await reader.read(7):
                body = await reader.read(int.from_bytes(header[4:6], "big") - 1)
                if body[0] == 4 and header[6] == 2:
                    writer.write(header[:4] + b"\x00\x05" + header[6:7] + bytes([4, 2, 0, 17]))
            writer.close()

    server = await asyncio.start_server(Shy(), "127.0.0.1", 0)
    try:
        found, _ = await scanned(server.sockets[0].getsockname()[1], [1, 2, 3])
    finally:
        server.close()
    assert [each.unit for each in found] == [2]
    assert found[0].tables == {"holding": "says nothing", "input": "answers", "coil": "says nothing",
                               "discrete": "says nothing"}  # fmt: skip


async def test_an_independent_server_says_who_it_is():
    """pymodbus's own server, function 43/14."""
    identity = ModbusDeviceIdentification(info_name={"VendorName": "Danfoss", "ProductCode": "FC102",
                                                     "MajorMinorRevision": "4.1", "ModelName": "VLT"})  # fmt: skip
    device = SimDevice(id=1, simdata=[SimData(0, values=[7] * 10, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(context=device, identity=identity, address=("127.0.0.1", 0))
    await server.listen()
    try:
        found, _ = await scanned(server.transport.sockets[0].getsockname()[1], [1])
    finally:
        await server.shutdown()
    assert found[0].identity["vendor"] == "Danfoss" and found[0].identity["product"] == "FC102"
    assert fitting_templates(found[0], {"danfoss-fc102": "Danfoss", "abb-b23": "ABB"}) == ["danfoss-fc102"]


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        (Manner(timeout_s=0.05, requests_s=1000.0, most_requests=6), "6 requests were made"),
        (Manner(timeout_s=0.05, requests_s=1000.0, most_s=0.2), "0.2 s have passed"),
    ],
)
async def test_a_bound_ends_it_and_what_was_not_asked_is_told(manner, said):
    """Two hundred units of which none says a word."""
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(9), "127.0.0.1", 0)
    try:
        found, tally = await scanned(server.sockets[0].getsockname()[1], range(1, 201), manner)
    finally:
        server.close()
    assert not found
    assert len(tally.missed) == 1 and said in tally.missed[0] and "to 200" in tally.missed[0]
    assert tally.requests <= 6 + 20 and tally.asked < 20


async def test_it_keeps_its_pace(serve, shelf):
    """21 requests at 50 a second cannot end before 0.4 s."""
    bank = shelf({})
    port = (await serve(bank)).port
    began_s = time.perf_counter()
    _, tally = await scanned(port, range(1, 8), Manner(timeout_s=0.2, requests_s=50.0))
    assert tally.requests == 21
    assert time.perf_counter() - began_s >= 20 / 50.0


async def test_a_host_that_is_not_there_is_told_once(unserved_port):
    found, tally = await scanned(unserved_port, range(1, 200))
    assert not found and len(tally.missed) == 1 and "connection refused" in tally.missed[0]
    assert tally.requests <= 2


def test_no_identity_no_hint():
    found = Found(place="x", unit=1, tables={})
    assert fitting_templates(found, {"abb-b23": "ABB"}) == []


async def test_the_command(serve, shelf, hushwatt):
    server = await serve(shelf({2: {"holding": {0: 1}}}))
    code, out, _ = await hushwatt("scan", "127.0.0.1", "--port", server.port, "--units", "1-3", "--rate", 100)
    assert code == 0
    assert "1 places x 3 units: 2000 requests and" in out and "nothing is written" in out
    assert f"127.0.0.1:{server.port} unit 2: does not say who it is" in out
    code, _, complaints = await hushwatt("scan", "10.0.0.0/16")
    assert code == 2 and "65536 addresses" in complaints
    code, _, complaints = await hushwatt("scan")
    assert code == 2 and "found nothing, wanted at least one host" in complaints


async def test_a_serial_line(shelf):
    """A pseudo terminal at 19,200 baud: silence for who is not there, and a late word of one is not the next one's."""
    bank = shelf({4: {"holding": {0: 1}}, 9: {"input": {0: 5}}})
    port = RtuLine(bank, units=[4, 9], baud=19_200)
    port.open()
    try:
        found, tally = await scanned(SerialPlace(path=port.path, baud=19_200), range(1, 11))
    finally:
        port.close()
    assert [(each.unit, each.tables["holding"], each.tables["input"]) for each in found] == [
        (4, "answers", "does not have"), (9, "does not have", "answers")
    ]  # fmt: skip
    assert tally.asked == 10 and not tally.missed


IDENTITY = bytes([43, 14, 2, 0x82, 0, 0, 3]) + b"\x00\x03ABB\x01\x03B23\x02\x011"


@pytest.mark.parametrize("cut", range(1, len(IDENTITY) + 3))
def test_an_identification_on_a_serial_line_is_found_however_it_comes(cut):
    """Only the answer tells how long it is; it may come in two parts."""
    frames, frame = RtuFrames(), bytes([7]) + IDENTITY
    frame += crc16(frame)
    frames.ask(7, identification_request())
    first = frames.feed(frame[:cut])
    answer = first if first is not None else frames.feed(frame[cut:])
    assert answer == IDENTITY
    assert identity_of(answer) == {"vendor": "ABB", "product": "B23", "revision": "1"}


@given(st.binary(max_size=60))
def test_no_identification_breaks_us(data):
    told = identity_of(bytes([43]) + data)
    assert all(text.isprintable() and text == text.strip() for text in told.values())
