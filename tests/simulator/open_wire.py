"""One running wire with a true Modbus client and a true MQTT client at its other end."""

import asyncio
import contextlib
import json
import struct

import aiomqtt
from pymodbus.client import AsyncModbusTcpClient

from simulator.wires import registers
from simulator.wires.wire import Manner, Wire
from tests.simulator.small_plant import SmallPlant

HOST = "127.0.0.1"
LOCKSTEP = Manner(lockstep_s=5.0)
CRAC_SUPPLY = "crac1.supply_air_temperature_setpoint"


class Site:
    """One running wire with both clients."""

    def __init__(self, wire, modbus, mqtt):
        self.wire, self.modbus, self.mqtt = wire, modbus, mqtt

    async def until_step(self, number):
        """Clock message of that step; every message seen on the way is dropped."""
        async with asyncio.timeout(10):
            async for message in self.mqtt.messages:
                if str(message.topic) == "plant/clock":
                    clock = json.loads(message.payload)
                    if clock["step"] == number:
                        return clock
        raise AssertionError("the broker closed the connection")

    async def ack(self, step):
        await self.modbus.write_registers(registers.ACK, registers.words(step), device_id=1)

    async def follow(self, last):
        """Acknowledge up to the step before `last` and wait for that one."""
        for step in range(self.wire.step, last):
            await self.ack(step)
            await self.until_step(step + 1)

    async def read(self, name):
        place = self.wire.layout.reads[name]
        answer = await self.modbus.read_input_registers(place.address, count=place.width, device_id=place.unit)
        return decode(answer.registers, place)

    async def order(self, name, value, mode=1):
        address = self.wire.layout.writes[name]
        raw = round(value / registers.WRITE_SCALE) & 0xFFFF
        return await self.modbus.write_registers(address, [raw, mode], device_id=3)

    async def tell(self, topic, value):
        """Publish and wait until it was heard: the answer to the ping comes behind it."""
        await self.mqtt.publish(topic, json.dumps({"v": value}))
        await asyncio.sleep(0.05)


def decode(words, place):
    code = {"int16": ">h", "uint16": ">H", "uint32": ">I", "float32": ">f"}[place.type]
    return struct.unpack(code, struct.pack(f">{len(words)}H", *words))[0] * place.scale


@contextlib.asynccontextmanager
async def opened(broker, folder, manner=LOCKSTEP, plant=None, topics="plant/clock", **told):
    async with (
        Wire(plant or SmallPlant(), mqtt_port=broker.port, folder=folder, manner=manner, **told) as wire,
        aiomqtt.Client(HOST, broker.port) as mqtt,
        AsyncModbusTcpClient(HOST, port=wire.modbus.port) as modbus,
    ):
        await mqtt.subscribe(topics)
        running = asyncio.create_task(wire.run())
        try:
            site = Site(wire, modbus, mqtt)
            await site.until_step(1)
            yield site
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
