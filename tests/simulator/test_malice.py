"""What goes wrong on the wire, by simulated time: as an agent's clients see it, and back in order at the end."""

import asyncio
import contextlib
import json
import math

import aiomqtt
import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from agent.core.errors import ConfigError
from simulator.wires import registers
from simulator.wires.devices import serve
from simulator.wires.fault_text import known_of, parse
from simulator.wires.malice import Malice
from tests.simulator.open_wire import CRAC_SUPPLY, HOST, opened
from tests.simulator.small_plant import MIDNIGHT_S, SmallPlant

AIR = "zone1.zone_air_temperature"
COOLING = "zone1.zone_air_cooling_temperature_setpoint"


def wrong(*texts, **more):
    """Faults as typed; hours are steps."""
    known = known_of(SmallPlant())
    return Malice(faults=tuple(parse(text, known, MIDNIGHT_S) for text in texts), **more)


async def told_on(broker, topic):
    """What is retained there."""
    async with asyncio.timeout(5), aiomqtt.Client(HOST, broker.port) as late:
        await late.subscribe(topic)
        return (await anext(late.messages)).payload


async def told_value(broker, name):
    return json.loads(await told_on(broker, registers.value_topic("plant", name)))


async def ack_by_topic(site, last):
    """Acknowledge by MQTT up to the step before `last`, where Modbus is not to be had."""
    for step in range(site.wire.step, last):
        await site.mqtt.publish("plant/clock/ack", json.dumps({"v": step}))
        await site.until_step(step + 1)


@contextlib.asynccontextmanager
async def another(site, **more):
    async with AsyncModbusTcpClient(HOST, port=site.wire.modbus.port, timeout=0.3, retries=0, **more) as client:
        yield client


async def mode_of(site, name):
    address = site.wire.layout.writes[name]
    return list((await site.modbus.read_holding_registers(address, count=2, device_id=3)).registers)


# --- sensors ---


async def test_dead_and_stuck_sensors_on_both_wires(broker, tmp_path):
    malice = wrong(f"nan:{AIR}|meter1.electric_power:2:4", "stuck:zone1.co2:2:9", "bias:rack_inlet:2:9:-4")
    async with opened(broker, tmp_path, malice=malice) as site:
        await site.follow(2)
        place = site.wire.layout.reads[AIR]
        dead = await site.modbus.read_input_registers(place.address, count=1, device_id=place.unit)
        assert dead.registers == [0x8000]
        assert math.isnan(await site.read("meter1.electric_power"))
        assert await told_value(broker, AIR) == {"v": None, "ts": "2019-07-01T02:00:00Z", "q": "bad"}
        assert await site.read("room1.rack_inlet_temperature_1") == pytest.approx(16.0)
        await site.follow(5)
        assert await site.read(AIR) == pytest.approx(22.5)
        assert await site.read("zone1.co2_level") == 401.0
        assert (await told_value(broker, "zone1.co2_level"))["v"] == 401.0


# --- persons ---


async def test_a_person_turns_a_knob_and_remote_mode_falls(broker, tmp_path):
    """The device follows the person until the end of the fault; what stands in the value register shows it too."""
    async with opened(broker, tmp_path, malice=wrong(f"knob:{CRAC_SUPPLY}:2:5:24")) as site:
        await site.order(CRAC_SUPPLY, 20.0)
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(20.0)
        assert await mode_of(site, CRAC_SUPPLY) == [2400, 0]
        await site.follow(3)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(24.0)
        await site.order(CRAC_SUPPLY, 24.0, mode=0)
        await site.follow(5)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(24.0), "a hand-back leaves a person's value alone"
        await site.follow(6)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0)


async def test_a_new_remote_write_outranks_the_person(broker, tmp_path):
    async with opened(broker, tmp_path, malice=wrong(f"knob:{CRAC_SUPPLY}:2:9:24")) as site:
        await site.follow(3)
        await site.order(CRAC_SUPPLY, 19.0)
        await site.follow(4)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(19.0)
        await site.order(CRAC_SUPPLY, 19.0, mode=0)
        await site.follow(5)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(17.0), "the person's value is gone for good"


async def test_a_person_is_obeyed_in_learning_days_and_only_within_the_knobs_range(broker, tmp_path):
    malice = wrong(f"knob:{CRAC_SUPPLY}:1:9:99")
    async with opened(broker, tmp_path, plant=SmallPlant(learn_days=1), malice=malice) as site:
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(27.0)


# --- devices ---


async def test_a_reboot_cuts_is_silent_and_holds_nothing_afterwards(broker, tmp_path):
    async with opened(broker, tmp_path, malice=wrong("reboot:plant:2:4")) as site:
        await site.order(CRAC_SUPPLY, 20.0)
        await site.follow(2)
        assert site.wire.overrides.held() == {}
        async with another(site) as client:
            with pytest.raises(ModbusException):
                await client.read_holding_registers(0, count=1, device_id=3)
            assert not (await client.read_input_registers(0, count=1, device_id=4)).isError(), "its neighbor is there"
        await site.tell(f"plant/cmd/{CRAC_SUPPLY}/set", 25.0)
        await ack_by_topic(site, 4)
        assert site.wire.overrides.held() == {}, "what came meanwhile is lost as well"
        async with another(site) as client:
            assert not (await client.read_holding_registers(0, count=1, device_id=3)).isError()


async def test_a_cut_line_lets_nobody_in_until_its_end(broker, tmp_path):
    async with opened(broker, tmp_path, malice=wrong("modbus:.:2:3")) as site:
        await ack_by_topic(site, 2)
        async with another(site) as client:
            with pytest.raises((ModbusException, OSError)):
                await client.read_input_registers(0, count=1, device_id=4)
        await ack_by_topic(site, 3)
        async with another(site) as client:
            assert not (await client.read_input_registers(0, count=1, device_id=4)).isError()


async def test_topics_that_fall_silent_or_break_while_the_clock_goes_on(broker, tmp_path):
    malice = wrong("silent:telemetry:2:3", "garbled:telemetry:3:4:1", "half-answered:telemetry:4:5:1")
    async with opened(broker, tmp_path, malice=malice) as site:
        topic = registers.value_topic("plant", AIR)
        whole = await told_on(broker, topic)
        await site.follow(2)
        assert await told_on(broker, topic) == whole, "the broker keeps what was told last"
        for step in (3, 4):
            await site.follow(step)
            with pytest.raises(json.JSONDecodeError):
                json.loads(await told_on(broker, topic))
        await site.follow(5)
        assert (await told_value(broker, AIR))["v"] == pytest.approx(22.5)


# --- time ---


async def test_a_wrong_clock_is_told_in_registers_and_stamps_and_drives_nobody(broker, tmp_path):
    async with opened(broker, tmp_path, malice=wrong("wrong-clock::2:3:-7200")) as site:
        await site.ack(1)
        clock = await site.until_step(2)
        assert clock == {"step": 2, "unix": int(MIDNIGHT_S) + 7200, "ts": "2019-07-01T00:00:00Z", "state": 2}
        words = (await site.modbus.read_input_registers(2, count=2, device_id=1)).registers
        assert words == registers.words(int(MIDNIGHT_S))
        assert (await told_value(broker, AIR))["ts"] == "2019-07-01T00:00:00Z"
        await site.follow(3)
        assert (await told_value(broker, AIR))["ts"] == "2019-07-01T03:00:00Z"


# --- other doors ---


async def test_products_and_the_serial_line_show_the_same_plant(broker, tmp_path):
    served = serve(SmallPlant.equipment)
    unit = next(device.unit for device in served if device.equipment == "crac1")
    async with opened(broker, tmp_path, served=served, rtu=True, baud=115_200) as site:
        serial = AsyncModbusSerialClient(site.wire.rtu.path, baudrate=115_200, timeout=0.5, retries=0)
        assert await serial.connect()
        place = site.wire.layout.reads[AIR]
        by_wire = (await serial.read_input_registers(place.address, count=1, device_id=place.unit)).registers
        assert by_wire == [round(100 * site.wire.plant.true()[AIR])]
        assert not (await serial.write_registers(10, [215, 1], device_id=unit)).isError()
        with pytest.raises(ModbusException):  # The clock is the simulation's, not a device's on a bus.
            await serial.read_input_registers(0, count=1, device_id=1)
        serial.close()
        await site.follow(2)
        assert await site.read(CRAC_SUPPLY) == pytest.approx(21.5)
        shown = await site.modbus.read_input_registers(2, count=1, device_id=unit)
        assert shown.registers == [215]


async def test_a_product_reboots_alone(broker, tmp_path):
    served = serve(SmallPlant.equipment)
    malice = Malice(faults=(parse("reboot:crac1:2:3", lambda kind: ("crac1", "zone1"), MIDNIGHT_S),))
    async with opened(broker, tmp_path, served=served, malice=malice) as site:
        await site.order(CRAC_SUPPLY, 20.0)
        await site.order(COOLING, 26.0)
        await site.follow(2)
        assert site.wire.overrides.held() == {COOLING: 26.0}


async def test_a_fault_of_a_device_that_is_not_served_is_told(broker, tmp_path):
    malice = Malice(faults=(parse("late:crac1:2:3", lambda kind: ("crac1",), MIDNIGHT_S),))
    with pytest.raises(ConfigError, match="the unknown device `crac1`"):
        async with opened(broker, tmp_path, malice=malice):
            pass


async def test_the_same_seed_tells_the_same_noise(broker, tmp_path):
    async def series(folder, seed):
        folder.mkdir()
        seen = []
        async with opened(broker, folder, malice=wrong(f"noisy:{AIR}:0:9:1", noise_k=0.5, seed=seed)) as site:
            for step in range(2, 6):
                await site.follow(step)
                seen.append(await site.read(AIR))
        return seen

    first, again, other = [await series(tmp_path / str(n), seed) for n, seed in enumerate((1, 1, 2))]
    assert first == again != other
