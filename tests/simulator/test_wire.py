"""The plant on the wire, seen by a true Modbus client and a true MQTT client."""

import asyncio
import csv
import json

import aiomqtt
import pytest

from simulator.wires import registers
from simulator.wires.wire import CONTROL, DONE, LEARNING, Manner
from tests.simulator.open_wire import CRAC_SUPPLY, HOST, opened
from tests.simulator.small_plant import SmallPlant


async def test_both_wires_tell_the_true_values_by_the_map(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        true = dict(zip(site.wire.plant.names, site.wire.plant.read(), strict=True))
        async with aiomqtt.Client(HOST, broker.port) as late:
            await late.subscribe("plant/map")
            told = json.loads((await anext(late.messages)).payload)
            await late.subscribe("plant/device/#")
            topics = [await anext(late.messages) for _ in true]
        by_topic = {str(message.topic): json.loads(message.payload) for message in topics}
        assert {entry["name"] for entry in told["reads"]} == set(true)
        for entry in told["reads"]:
            name = entry["name"]
            assert by_topic[entry["mqtt"]["topic"]]["v"] == pytest.approx(true[name], abs=1e-4)
            if "modbus" in entry:
                assert await site.read(name) == pytest.approx(true[name], abs=0.51 * entry["modbus"]["scale"], rel=1e-6)
        only_mqtt = {entry["name"].split(".")[1] for entry in told["reads"] if "modbus" not in entry}
        assert only_mqtt == {"outdoor_air_temperature", "occupancy_count"}


async def test_the_clock_is_the_last_message_of_a_step(broker, tmp_path):
    async with opened(broker, tmp_path, topics="plant/#") as site:
        names = len(site.wire.plant.names)
        for step in range(1, 6):
            await site.ack(step)
            messages = [await asyncio.wait_for(anext(site.mqtt.messages), 5) for _ in range(names + 1)]
            clock = json.loads(messages[-1].payload)
            assert str(messages[-1].topic) == "plant/clock"
            assert clock["step"] == step + 1
            assert all(json.loads(message.payload)["ts"] == clock["ts"] for message in messages)


async def test_the_clock_registers_agree_with_the_topic(broker, tmp_path):
    plant = SmallPlant()
    start = int(plant.unix_s)
    async with opened(broker, tmp_path, plant=plant) as site:
        await site.ack(1)
        clock = await site.until_step(2)
        words = (await site.modbus.read_input_registers(0, count=7, device_id=1)).registers
    assert clock == {"step": 2, "unix": start + 7200, "ts": "2019-07-01T02:00:00Z", "state": CONTROL}
    assert words == [*registers.words(2), *registers.words(start + 7200), 3600, 65535, CONTROL]


async def test_lockstep_waits_for_the_acknowledgement_by_register_or_topic(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        await site.ack(7)
        await asyncio.sleep(0.1)
        assert site.wire.step == 1
        await site.ack(1)
        await site.until_step(2)
        await site.mqtt.publish("plant/clock/ack", '{"v": 2}')
        await site.until_step(3)
        assert site.wire.late_steps == 0


async def test_a_missing_acknowledgement_is_counted_and_not_waited_for_longer(broker, tmp_path):
    async with opened(broker, tmp_path, Manner(lockstep_s=0.05)) as site:
        await site.ack(1)
        await site.until_step(4)
        assert site.wire.late_steps == 2


async def test_a_command_acts_on_the_next_whole_step(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        assert not (await site.order(CRAC_SUPPLY, 21.5)).isError()
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(21.5)
        await site.order(CRAC_SUPPLY, 21.5, mode=0)
        await site.follow(3)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)
        assert site.wire.gateway["writes"] == 2


async def test_value_and_mode_may_be_written_one_by_one(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        address = site.wire.layout.writes[CRAC_SUPPLY]
        await site.modbus.write_register(address, 2000, device_id=3)
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)
        await site.modbus.write_register(address + 1, 1, device_id=3)
        await site.follow(3)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(20.0)
        held = await site.modbus.read_holding_registers(address, count=2, device_id=3)
        assert held.registers == [2000, 1]


async def test_commands_by_topic(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        await site.tell(f"plant/cmd/{CRAC_SUPPLY}/set", 23)
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(23.0)
        await site.tell(f"plant/cmd/{CRAC_SUPPLY}/set", None)
        await site.follow(3)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)


async def test_what_is_out_of_range_or_nonsense_is_refused_and_counted(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        assert (await site.order(CRAC_SUPPLY, 40.0)).exception_code == 3
        assert (await site.order(CRAC_SUPPLY, 20.0, mode=2)).exception_code == 3
        for value in (40.0, "warm", True, [1]):
            await site.tell(f"plant/cmd/{CRAC_SUPPLY}/set", value)
        await site.tell("plant/cmd/zone1.color/set", 1.0)
        await site.mqtt.publish("plant/clock/ack", b"\xff{")
        await asyncio.sleep(0.05)
        assert site.wire.overrides.held() == {}
        assert site.wire.gateway == {"writes": 0, "refused": 8, "watchdog_releases": 0, "late_steps": 0}
        assert (await site.modbus.read_input_registers(500, count=1, device_id=3)).exception_code == 2
        assert (await site.modbus.read_coils(0, count=1, device_id=3)).exception_code == 2
        assert (await site.modbus.write_register(0, 1, device_id=4)).exception_code == 2
        assert (await site.modbus.read_input_registers(0, count=1, device_id=77)).exception_code == 11


async def test_a_span_with_one_bad_value_changes_nothing(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        first, second = list(site.wire.layout.writes)[:2]
        assert site.wire.layout.writes[second] == site.wire.layout.writes[first] + 2
        answer = await site.modbus.write_registers(site.wire.layout.writes[first], [2000, 1, 9900, 1], device_id=3)
        assert answer.exception_code == 3
        assert site.wire.overrides.held() == {}


async def test_the_watchdog_releases_what_is_held_in_silence(broker, tmp_path):
    async with opened(broker, tmp_path, Manner(watchdog_h=3.0, lockstep_s=0.1)) as site:
        await site.order(CRAC_SUPPLY, 22.0)
        await site.ack(1)
        await site.until_step(4)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(22.0)
        await site.until_step(5)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)
        assert site.wire.gateway["watchdog_releases"] == 1


async def test_a_heartbeat_is_a_sign_of_life_and_can_be_read_back(broker, tmp_path):
    async with opened(broker, tmp_path, Manner(watchdog_h=3.0, lockstep_s=0.1)) as site:
        await site.order(CRAC_SUPPLY, 22.0)
        await site.ack(1)
        for step in range(2, 8):
            await site.until_step(step)
            await site.modbus.write_register(registers.HEARTBEAT, step, device_id=1)
        assert (await site.modbus.read_holding_registers(0, count=1, device_id=1)).registers == [7]
        assert site.wire.gateway["watchdog_releases"] == 0


@pytest.mark.parametrize("obeys", [False, True])
async def test_commands_of_learning_days_are_kept_and_wait_for_control(broker, tmp_path, obeys):
    manner = Manner(lockstep_s=5.0, control_while_learning=obeys)
    async with opened(broker, tmp_path, manner, SmallPlant(learn_days=1)) as site:
        await site.order(CRAC_SUPPLY, 22.0)
        await site.follow(2)
        assert site.wire.state == LEARNING
        assert await site.read(CRAC_SUPPLY) == pytest.approx(22.0 if obeys else 17.0)
        await site.follow(24)
        assert site.wire.state == CONTROL
        await site.follow(25)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(22.0)


async def test_learning_may_be_skipped(broker, tmp_path):
    plant = SmallPlant(learn_days=2)
    async with opened(broker, tmp_path, Manner(lockstep_s=5.0, skip_learning=True), plant) as site:
        assert (site.wire.step, site.wire.state) == (1, CONTROL)
        assert plant.unix_s == plant.judge_unix_s + plant.step_s


async def run_day(broker, folder, orders):
    """A day of lockstep with one learning day before it; `orders` is {step: supply set-point}."""
    folder.mkdir()
    async with opened(broker, folder, plant=SmallPlant(learn_days=1)) as site:
        for step in range(1, 48):
            if step in orders:
                await site.order(CRAC_SUPPLY, orders[step])
            await site.follow(step + 1)
        assert site.wire.state == DONE
        assert (folder / "kpi.json").exists()  # Whoever hears of the end finds the books.
        assert (await site.modbus.read_input_registers(6, count=1, device_id=1)).registers == [DONE]
    return json.loads((folder / "kpi.json").read_text()), (folder / "series.csv").read_text()


async def test_the_end_leaves_books_and_the_true_series_and_can_be_repeated(broker, tmp_path):
    orders = {20: 20.0, 30: 22.0}
    kpi, series = await run_day(broker, tmp_path / "first", orders)
    again, same_series = await run_day(broker, tmp_path / "second", orders)
    assert (kpi, series) == (again, same_series)
    assert kpi["gateway"] == {"writes": 2, "refused": 0, "watchdog_releases": 0, "late_steps": 0}
    assert kpi["hours"] == pytest.approx(24.0)
    rows = list(csv.DictReader(series.splitlines()))
    assert len(rows) == 24
    assert float(rows[0][CRAC_SUPPLY]) == 20.0
    assert float(rows[-1][CRAC_SUPPLY]) == 22.0


async def test_books_are_written_when_the_doors_close_early(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        await site.follow(3)
    assert json.loads((tmp_path / "kpi.json").read_text())["hours"] == pytest.approx(3.0)


async def test_free_run_keeps_its_pace_without_anyone(broker, tmp_path):
    loop = asyncio.get_running_loop()
    async with opened(broker, tmp_path, Manner(speed=36_000.0)) as site:  # A step each 0.1 s.
        began_s = loop.time()
        await site.until_step(6)
        assert loop.time() - began_s == pytest.approx(0.5, abs=0.15)
        words = (await site.modbus.read_input_registers(4, count=2, device_id=1)).registers
    assert words == [3600, 36_000]


async def test_paced_lockstep_is_never_faster_than_its_speed_once_learning_is_over(broker, tmp_path):
    loop = asyncio.get_running_loop()
    manner = Manner(speed=36_000.0, lockstep_s=5.0)
    async with opened(broker, tmp_path, manner, SmallPlant(learn_days=1)) as site:
        began_s = loop.time()
        await site.follow(24)
        assert loop.time() - began_s < 2.0
        began_s = loop.time()
        await site.follow(28)
        assert loop.time() - began_s >= 0.35


async def test_a_killed_broker_is_returned_to_with_the_step_that_then_is(broker, tmp_path):
    async with opened(broker, tmp_path) as site:
        broker.kill()
        await site.ack(1)
        await asyncio.sleep(0.2)
        assert site.wire.step == 2
        await broker.start()
        async with asyncio.timeout(10), aiomqtt.Client(HOST, broker.port) as late:
            await late.subscribe("plant/clock")
            async for message in late.messages:
                if json.loads(message.payload)["step"] == 2:
                    break
