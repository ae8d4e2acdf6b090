"""Equipment as products of the agent's templates, met by the agent's own driver through the agent's own config."""

import math

import numpy as np
import pytest

from agent.config import load
from agent.core.clock import SystemClock
from agent.core.command import Proposal
from agent.core.errors import ConfigError
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import PointTable, Quality
from agent.equipment.templates import template, template_names
from agent.safety import guard
from agent.wiring import wire_up
from simulator.wires import registers
from simulator.wires.bank import WireBank
from simulator.wires.devices import LAST_UNIT, Banks, DeviceBank, serve
from simulator.wires.modbus_pdu import Refused
from simulator.wires.modbus_server import ModbusServer
from simulator.wires.overrides import Overrides
from simulator.wires.products import product
from simulator.wires.site_changes import with_products, write_config
from simulator.wires.site_config import Address, site_config
from simulator.wires.word_codec import Field, decode
from tests.simulator.small_plant import SmallPlant

SUPPLY = "crac1.supply_air_temperature_setpoint"
COOLING = "zone1.zone_air_cooling_temperature_setpoint"
HEATING = "zone1.zone_air_heating_temperature_setpoint"


class Site:
    """A plant with all its registers behind one server."""

    def __init__(self, plant):
        self.plant = plant
        self.served = serve(plant.equipment)
        self.unit = {device.equipment: device.unit for device in self.served}
        self.overrides = Overrides(plant.writable, plant.true())
        self.lives = 0
        self.layout = registers.layout(plant)
        self.own = WireBank(self.layout, self.overrides, on_ack=lambda step: None, on_life=self.live)
        self.devices = DeviceBank(self.served, self.overrides, self.live)
        self.server = ModbusServer(Banks(self.own, self.devices))
        self.show()

    def live(self):
        self.lives += 1

    def show(self, **dead):
        self.own.show(self.plant.true() | dead)
        self.devices.show(self.plant.true() | dead, self.plant.unix_s)

    def step(self):
        self.plant.step(self.overrides.held())
        self.show()

    def config(self):
        at = Address(
            modbus_port=self.server.port,
            mqtt_port=1883,
            prefix="plant",
            step_s=self.plant.step_s,
            start_unix_s=self.plant.unix_s,
            learn_days=0,
            latitude=48.0,
            is_lockstep=False,
            speed=60.0,
        )
        place = {"host": "127.0.0.1", "port": self.server.port, "poll_s": 60.0}
        return with_products(site_config(self.layout, at), self.served, place)


class Book(list):
    def write(self, entry):
        self.append(entry.text)


class Agent:
    """The agent's config, drivers and gate on a file that names templates."""

    def __init__(self, path):
        clock, self.book = SystemClock(), Book()
        self.config = load(path)
        self.table = PointTable(self.config.points())
        self.wiring = wire_up(self.config, self.table, self.book, clock, {})
        self.drivers = {driver.name: driver for driver in self.wiring.drivers}

    async def poll(self, device):
        """Point -> value and quality."""
        scans = await self.drivers[device].poll()
        return {
            self.table[int(handle)].id: (float(value), Quality(int(quality)))
            for scan in scans
            for handle, value, quality in zip(scan.handles, scan.values, scan.quality, strict=True)
        }

    async def write(self, point, value):
        return await self.wiring.writers[point].write(command(self.table, point, value))


def command(table, point, value):
    """As only the guard makes it; None relinquishes."""
    now, limit = SystemClock().read(), Limit(point=point, low=-1e9, high=1e9)
    if value is None:
        return guard.release(limit, "test", now)
    count = len(table)
    seen = Image(
        at=now,
        table=table,
        values=np.zeros(count),
        quality=np.zeros(count, np.uint8),
        sampled_mono_s=np.full(count, now.mono_s),
    )
    wish = Proposal(point=point, value=value, source="test", reason="test", until_mono_s=now.mono_s + 9)
    return guard.review(wish, limit, None, seen).command


@pytest.fixture
async def site():
    site = Site(SmallPlant(step_s=900.0))
    await site.server.start()
    yield site
    await site.server.stop()


@pytest.fixture
async def agent(site, tmp_path):
    write_config(tmp_path / "site.yaml", site.config())
    agent = Agent(tmp_path / "site.yaml")
    yield agent
    for driver in agent.drivers.values():
        await driver.close()


def test_every_fitting_machine_gets_a_unit_and_no_point_is_told_twice(site):
    assert [(s.equipment, s.template) for s in site.served] == [
        ("zone1", "example-zone-controller"),
        ("crac1", "example-crac"),
        ("meter1", "eastron-sdm630"),
    ]
    devices = site.config()["devices"]
    left = {point for name, device in devices.items() for point in device.get("points", ())}
    assert left == {"gateway.heartbeat", "site.outdoor_air_temperature", "room1.rack_inlet_temperature_1"}
    assert devices["crac1"]["template"] == "example-crac"


@pytest.mark.parametrize("equipment", ["zone1", "crac1", "meter1"])
async def test_the_agents_driver_reads_the_true_values_by_the_template(site, agent, equipment):
    for _ in range(3):
        site.step()
        true, seen = site.plant.true(), await agent.poll(equipment)
        points = [point for point in true if point.startswith(f"{equipment}.") and point in seen]
        assert len(points) >= 2
        for point in points:
            row = template(agent.config.devices[equipment].template)["points"][point.split(".")[1]]
            value, quality = seen[point]
            assert value == pytest.approx(true[point], abs=0.51 * abs(row.get("scale", 1.0)), rel=1e-6), point
            assert quality == Quality.GOOD


async def test_what_no_plant_has_is_plausible_or_absent(site, agent):
    seen = await agent.poll("meter1")
    assert seen["meter1.voltage"][0] == pytest.approx(230.0, rel=0.011)
    assert seen["meter1.frequency"][0] == pytest.approx(50.0, abs=0.021)
    power_w = 3 * 0.95 * seen["meter1.voltage"][0] * seen["meter1.current"][0]
    assert power_w == pytest.approx(1000.0 * site.plant.true()["meter1.electric_power"], rel=1e-5)
    assert (await agent.poll("crac1"))["crac1.compressor_power"][1] == Quality.BAD


async def test_a_dead_sensor_is_bad_at_the_agent(site, agent):
    site.show(**{"zone1.zone_air_temperature": math.nan, "meter1.electric_power": math.nan})
    assert (await agent.poll("zone1"))["zone1.zone_air_temperature"][1] == Quality.BAD
    assert (await agent.poll("zone1"))["zone1.co2_level"][1] == Quality.GOOD
    assert (await agent.poll("meter1"))["meter1.electric_power"][1] == Quality.BAD


async def test_the_agent_commands_a_crac_and_hands_it_back(site, agent):
    outcome = await agent.write(SUPPLY, 21.5)
    assert (outcome.kind, outcome.read_back) == ("confirmed", pytest.approx(21.5))
    assert (await agent.poll("crac1"))[SUPPLY][0] == pytest.approx(17.0), "it acts with the next step"
    site.step()
    assert (await agent.poll("crac1"))[SUPPLY][0] == pytest.approx(21.5)
    assert site.overrides.held() == {SUPPLY: 21.5}
    assert (await agent.write(SUPPLY, None)).kind == "confirmed"
    site.step()
    assert (await agent.poll("crac1"))[SUPPLY][0] == pytest.approx(17.0)
    assert site.overrides.held() == {} and site.lives == 2


async def test_two_setpoints_of_one_room_do_not_disturb_each_other(site, agent):
    assert (await agent.write(COOLING, 27.25)).kind == "confirmed"
    assert (await agent.write(HEATING, 18.0)).kind == "confirmed"
    assert (await agent.write(COOLING, None)).kind == "confirmed"
    assert site.overrides.held() == {HEATING: 18.0}


async def test_what_the_device_does_not_take_fails_at_the_agent(site, agent):
    outcome = await agent.write(SUPPLY, 40.0)
    assert (outcome.kind, "illegal value" in outcome.detail) == ("failed", True)
    assert (site.overrides.held(), site.overrides.refused) == ({}, 1)


async def test_both_doors_of_a_machine_lead_to_the_same_override(site, agent):
    """Registers of the plant's own map and of the product: the last writer wins, and both show it."""
    address = site.layout.writes[SUPPLY]
    site.own.write(registers.PLANT_UNIT, "holding", address, [2000, 1])
    assert site.devices.read(site.unit["crac1"], "holding", 10, 2) == [200, 1]
    await agent.write(SUPPLY, 22.0)
    assert list(site.own.read(registers.PLANT_UNIT, "holding", address, 2)) == [2200, 1]


class TestRegisters:
    """The bank of one CRAC by its bytes: 10, 11 supply air and its mode; 12, 13 fan speed and its mode."""

    @pytest.fixture
    def crac(self):
        site = Site(SmallPlant())
        unit = site.unit["crac1"]

        def write(address, *words, table="holding"):
            site.devices.write(unit, table, address, words)

        write.read = lambda address, count, table="holding": site.devices.read(unit, table, address, count)
        write.held = site.overrides.held
        return write

    def test_value_first_then_mode(self, crac):
        crac(10, 200)
        assert crac.held() == {}
        crac(11, 1)
        assert crac.held() == {SUPPLY: 20.0}
        assert crac.read(10, 4) == [200, 1, 1000, 0]

    def test_a_span_over_both_pairs_is_done_whole_or_not_at_all(self, crac):
        crac(10, 200, 1, 800, 1)
        assert crac.held() == {SUPPLY: 20.0, "crac1.fan_speed_setpoint": 80.0}
        for words in [(210, 1, 2000, 1), (210, 1, 700, 2), (0x8000, 1, 700, 1)]:
            with pytest.raises(Refused) as caught:
                crac(10, *words)
            assert caught.value.code == 3
        assert crac.held() == {SUPPLY: 20.0, "crac1.fan_speed_setpoint": 80.0}

    @pytest.mark.parametrize(("address", "words"), [(9, [1]), (13, [1, 1]), (14, [0])])
    def test_what_is_no_register_to_write_is_an_illegal_address(self, crac, address, words):
        with pytest.raises(Refused) as caught:
            crac(address, *words)
        assert caught.value.code == 2

    def test_reading_beyond_the_end_is_an_illegal_address(self, crac):
        assert len(crac.read(0, 14)) == 14
        for table, address, count in [("holding", 10, 5), ("input", 9, 2), ("coil", 0, 1)]:
            with pytest.raises(Refused) as caught:
                crac.read(address, count, table)
            assert caught.value.code == 2
        with pytest.raises(Refused):
            crac(0, 1, table="input")


@pytest.mark.parametrize("name", [n for n in template_names() if template(n)["driver"] == "modbus"])
def test_every_template_can_be_served_and_says_what_it_was_given(name):
    """Its own value in each role, by the template's row alone: one register after the other, no overlap."""
    told = product(name)
    values = np.arange(1.0, len(told.roles) + 1.0)
    images = told.images(values)
    for table, (places, encoder) in told.tables.items():
        assert images[table].shape == (encoder.size,)
        for place in places:
            row = template(name)["points"][told.roles[place]]
            if table in ("coil", "discrete"):
                assert images[table][row["register"]] == 1
                continue
            keys = ("register", "type", "scale", "offset", "byte_order", "word_order")
            field = Field(**{key: row[key] for key in keys if key in row})
            words = images[table][field.register : field.register + field.width]
            assert decode(words.tolist(), field) == pytest.approx(values[place], abs=0.51 * abs(field.scale))
        for word in told.words[table]:
            for place, bit, bits in word.parts:
                row = template(name)["points"][told.roles[place]]
                assert (row["register"], row["bit"], row.get("bits", 1)) == (word.register, bit, bits)
                shown = images[table][word.register] >> bit & 2**bits - 1
                assert shown == min(values[place], 2**bits - 1)


def test_templates_that_do_not_fit_are_told():
    equipment = SmallPlant.equipment
    with pytest.raises(ConfigError, match="a template for a meter, wanted one for a crac"):
        serve(equipment, {"crac1": "eastron-sdm630"})
    with pytest.raises(ConfigError, match="unknown equipment"):
        serve(equipment, {"crac7": "example-crac"})
    with pytest.raises(ConfigError, match=r"one of .*eastron-sdm630"):
        serve(equipment, {"crac1": "example-crack"})
    many = {f"meter{n}": {"kind": "meter"} for n in range(LAST_UNIT)}
    with pytest.raises(ConfigError, match="at most 237"):
        serve(many)
