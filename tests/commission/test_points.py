"""Live values: from the board that the agent wrote, or by asking once; and what a poll costs."""

import asyncio
import json
import signal
import subprocess
import sys
import time

import aiomqtt
import pytest

from agent.commission.look import lines, visit
from agent.commission.plan import costs_of
from agent.config import load
from agent.core.clock import SystemClock


@pytest.fixture
async def site(serve, shelf, write_site):
    bank = shelf({1: {"input": {0: 2150, 1: 412, 2: 640, 3: 0xFFFF, 4: 2000, 5: 2500}}})
    port = (await serve(bank)).port
    zone = {"driver": "modbus", "host": "127.0.0.1", "port": port, "template": "example-zone-controller",
            "equipment": "zone1"}  # fmt: skip
    gone = {"driver": "modbus", "host": "127.0.0.1", "port": port, "unit": 9, "timeout_s": 0.2,
            "points": {"meter1.electric_power": {"register": 0}}}  # fmt: skip
    path = write_site(
        equipment={"zone1": {"kind": "zone"}, "meter1": {"kind": "meter"}}, devices={"room": zone, "gone": gone}
    )
    return path, bank


def by_point(out):
    told = json.loads(out)
    return told["from"], {point["point"]: point for point in told["points"]}


async def test_without_an_agent_each_device_is_asked_once(site, hushwatt):
    path, bank = site
    code, out, complaints = await hushwatt("points", path, "--json")
    assert code == 0, complaints
    said, points = by_point(out)
    assert "asked just now" in said and "gone" in said
    assert points["zone1.zone_air_temperature"]["value"] == 21.5
    assert points["zone1.zone_air_temperature"]["quality"] == "GOOD"
    assert points["zone1.occupancy_count"]["quality"] == "BAD"
    assert points["meter1.electric_power"]["quality"] == "MISSING"
    assert len([request for request in bank.requests if request[0] == 1]) == 1
    assert not bank.written


async def test_with_an_agent_its_board_is_shown_and_its_ages_go_on(site, hushwatt):
    path, bank = site
    (path.parent / "data").mkdir()
    board = {
        "at": "2026-01-01T00:00:00Z",
        "unix_s": time.time() - 1000.0,
        "points": {"zone1.zone_air_temperature": 19.0, "zone1.co2_level": None},
        "quality": {"zone1.zone_air_temperature": "GOOD", "zone1.co2_level": "BAD"},
        "ages_s": {"zone1.zone_air_temperature": 10.0, "zone1.co2_level": 5.0},
    }
    (path.parent / "data" / "status.json").write_text(json.dumps(board))
    said, points = by_point((await hushwatt("points", path, "--json"))[1])
    assert "as the agent wrote at 2026-01-01T00:00:00Z" in said and not bank.requests
    seen = points["zone1.zone_air_temperature"]
    assert (seen["value"], seen["quality"]) == (19.0, "STALE") and 1005 < seen["age_s"] < 1100
    assert points["zone1.co2_level"]["quality"] == "BAD"
    assert points["zone1.supply_air_flow"]["quality"] == "MISSING", "the config has it, the agent did not know it"
    said, points = by_point((await hushwatt("points", path, "--json", "--ask"))[1])
    assert points["zone1.zone_air_temperature"]["value"] == 21.5


async def test_the_table_and_a_filter(site, hushwatt):
    code, out, _ = await hushwatt("points", site[0], "--only", "co2")
    assert code == 0 and "zone1.co2_level" in out and "640" in out and "zone_air_temperature" not in out


async def test_the_plan_says_what_a_poll_costs(site, hushwatt):
    path, bank = site
    costs = {cost.device: cost for cost in costs_of(load(path))}
    assert (costs["room"].points, len(costs["room"].requests)) == (6, 1)
    code, out, _ = await hushwatt("points", path, "--plan")
    assert code == 0 and "7 points in 2 requests: 5 (71%) fewer than one a point" in out
    told = json.loads((await hushwatt("points", path, "--plan", "--json"))[1])
    assert told[0]["saved"] == 5 and len(told[0]["requests"][0]["points"]) == 6
    assert not bank.requests, "a plan asks nobody"


async def test_watching_refreshes_until_it_is_interrupted(site):
    path, bank = site
    arguments = [sys.executable, "-m", "agent", "points", str(path), "--ask", "--watch", "0.5"]
    child = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    async with asyncio.timeout(30):
        while len([request for request in bank.requests if request[0] == 1]) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, complaints = await child.communicate()
    assert child.returncode == 0, complaints.decode()
    assert "zone1.zone_air_temperature" in out.decode() and "Traceback" not in complaints.decode()


async def test_a_visit_hears_the_brokers_and_does_not_throw_the_agent_out(broker, write_site):
    """A client with the agent's own id stays connected while we look; a broker ends the older of two."""
    told = {"driver": "mqtt", "broker": "local", "points": {"zone1.co2_level": {"topic": "room/co2"}}}
    site = write_site(
        brokers={"local": {"host": "127.0.0.1", "port": broker.port, "client_id": "the-agent"}},
        equipment={"zone1": {"kind": "zone"}},
        devices={"air": told},
        upstream={"broker": "local"},
    )
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier="the-agent") as agent:

        async def speak():
            while True:
                await agent.publish("room/co2", b"640", qos=1)
                await asyncio.sleep(0.1)

        speaking = asyncio.ensure_future(speak())
        async with visit(load(site), SystemClock(), listen_s=1.5) as guest:
            assert guest.sinks["upstream"].is_up
            (line,) = lines(guest.config, guest.image)
        assert not speaking.done(), "the agent was thrown out"
        speaking.cancel()
    assert (line.value, line.quality, line.unit) == (640.0, "GOOD", "ppm")
