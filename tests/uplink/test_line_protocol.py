"""InfluxDB's line protocol: what the lines say, and what the server's answers mean."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from agent.core.clock import SystemClock
from agent.core.errors import BrokerError
from agent.uplink.line_protocol import Endpoint, LineProtocolSink, lines
from agent.uplink.parcel import Layout
from agent.uplink.sink import RefusedError
from simulator.wires.broker import claim_port
from tests.uplink.parcels import note, parcel

TAGS = "site=tower,gateway=gw1"


def test_one_line_an_equipment_and_record():
    assert list(lines(parcel(3, 3), TAGS)) == [
        f"hushwatt,{TAGS},equipment=ahu1 fan_power=0.3 1750000003000000000\n",
        f"hushwatt,{TAGS},equipment=zone1 zone_air_temperature=3 1750000003000000000\n",
    ]


def test_what_is_bad_is_left_out_and_a_line_without_fields_too():
    told = list(lines(parcel(3, 4, bad=(3,)), TAGS))
    assert [line.split()[0].rpartition("=")[2] for line in told] == ["ahu1", "ahu1", "zone1"]


def test_an_old_meters_count_is_told_to_its_last_digit():
    made = parcel(1, 1)
    made.blocks[0].values[:] = 1_234_567_890.12
    assert "=1234567890.12 " in next(iter(lines(made, TAGS)))


def test_names_that_would_break_a_line_are_escaped():
    odd = Layout(device="d", points=("a b,c=d.e f", "x.y"), units=("kW", "kW"), span_s=60)
    first = next(iter(lines(parcel(1, 1, layout=odd), TAGS)))
    assert first == f"hushwatt,{TAGS},equipment=a\\ b\\,c\\=d,span_s=60 e\\ f=0.1 1750000001000000000\n"


def test_two_entries_of_one_moment_do_not_write_over_each_other():
    [first], [second] = lines(note(1, 'said "so"\nand \\ so'), TAGS), lines(note(2), TAGS)
    assert 'text="said \\"so\\" and \\\\ so"' in first
    assert first.split()[-1] == "1750000001000000001" and second.split()[-1] == "1750000002000000002"


class Server:
    """Takes what it is told to take."""

    def __init__(self, port):
        self.port = port
        self.bodies = []
        self.headers = []
        self.answer = lambda text: web.Response(status=204)
        self._runner = None

    async def start(self):
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/write", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self):
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request):
        text = (await request.read()).decode()  # aiohttp has unpacked it.
        response = self.answer(text)
        if response.status == 204:
            self.bodies.append(text)
            self.headers.append(request.headers)
        return response


@pytest.fixture
async def server():
    server = Server(claim_port(0))
    await server.start()
    yield server
    await server.stop()


@asynccontextmanager
async def running(server, **told):
    endpoint = Endpoint(url=f"http://127.0.0.1:{server.port}/write?bucket=b", **told)
    sink = LineProtocolSink(endpoint, SystemClock(), site="tower", gateway="gw1", answer_s=2.0)
    task = asyncio.ensure_future(sink.run())
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ready(sink):
    async with asyncio.timeout(10):
        await sink.ready()


@pytest.mark.parametrize("is_packed", [True, False])
async def test_a_parcel_is_one_request(server, is_packed):
    async with running(server, headers={"Authorization": "Token t"}, is_packed=is_packed) as sink:
        await ready(sink)
        sent = await sink.send(parcel(1, 500))
        assert server.bodies == ["".join(lines(parcel(1, 500), TAGS))]
        assert server.headers[0]["Authorization"] == "Token t"
        assert sent == len(gzip.compress(server.bodies[0].encode(), 6, mtime=0)) if is_packed else len(server.bodies[0])


async def test_rights_and_load_are_waited_for_a_bad_body_is_refused(server):
    async with running(server) as sink:
        await ready(sink)
        for status in (401, 404, 429, 500, 503):
            server.answer = lambda text, status=status: web.Response(status=status, text="later")
            with pytest.raises(BrokerError, match=f"HTTP {status}: later"):
                await sink.send(parcel(1, 2))
        server.answer = lambda text: web.Response(status=400, text="field type conflict")
        with pytest.raises(RefusedError, match="field type conflict"):
            await sink.send(parcel(1, 2))


async def test_a_server_that_went_away_is_knocked_at_until_it_is_back(server):
    async with running(server) as sink:
        await ready(sink)
        await server.stop()
        with pytest.raises(BrokerError, match="cannot be reached"):
            await sink.send(parcel(1, 2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await sink.ready()
        await server.start()
        await ready(sink)
        await sink.send(parcel(1, 2))
        assert len(server.bodies) == 1


async def test_a_parcel_of_which_nothing_can_be_told_is_not_sent(server):
    async with running(server) as sink:
        await ready(sink)
        alone = Layout(device="d", points=("a.b", "a.c"), units=("kW", "kW"))
        told = parcel(1, 1, layout=alone, bad=(1,))
        told.blocks[0].quality[:] = 128
        assert await sink.send(told) == 0
        assert server.bodies == []
