"""Set-points on their way out: what is published, and what counts as taken."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from agent.core.paths import Path
from agent.drivers.mqtt_setter import set_payload
from agent.drivers.mqtt_wire import MqttConfirm, MqttPoint, MqttSet


def point(**more):
    return MqttPoint(**{"point": "e.p0", "handle": 0, "unit": "degC", **more})


@pytest.mark.parametrize(
    ("told", "more", "value", "payload"),
    [
        ({}, {}, 21.5, b"21.5"),
        ({}, {}, 21.0, b"21"),
        ({}, {}, None, b"null"),
        ({}, {"scale": 0.1}, 21.6, b"216"),
        ({}, {"scale": 2.0, "offset": 1.0}, 21.0, b"10"),
        ({"path": "a.b"}, {}, 21.5, b'{"a": {"b": 21.5}}'),
        ({"path": "v"}, {}, None, b'{"v": null}'),
        ({}, {"words": {"on": 1.0, "off": 0.0}}, 1.0, b"on"),
        ({"path": "v"}, {"words": {"on": 1.0, "off": 0.0}}, 0.0, b'{"v": "off"}'),
        ({"payload": '{"cmd": "set", "v": {value}}'}, {}, 21.5, b'{"cmd": "set", "v": 21.5}'),
        ({"payload": "<{value:.2f}>"}, {}, 21.0, b"<21.00>"),
        ({"payload": '{"s": "{value}"}'}, {"words": {'o"n': 1.0}}, 1.0, b'{"s": "o\\"n"}'),
        ({"payload": "{value:.0f}"}, {}, None, b"null"),
        ({"payload": "{value}", "release": "auto"}, {}, None, b"auto"),
    ],
)
def test_what_is_published(told, more, value, payload):
    assert set_payload(value, point(**more), MqttSet(topic="t", **told)) == payload


@asynccontextmanager
async def device(port, topic, answer, **client):
    """A device that hears its set topic and says `answer(message)`, a topic and a payload, or nothing."""
    async with aiomqtt.Client("127.0.0.1", port, **client) as wire:
        await wire.subscribe(topic, qos=1)

        async def obey():
            async for message in wire.messages:
                for told in answer(message):
                    await wire.publish(told[0], told[1], **(told[2] if len(told) > 2 else {}))

        task = asyncio.ensure_future(obey())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_word_from_another_topic_confirms_or_refuses(heard, broker, command, degrees):
    confirm = MqttConfirm(topic="sa/reply", path=Path("result"), word="OK")
    driver = await heard(degrees(0, "sa/zone", set=MqttSet(topic="sa/set", confirm=confirm)), timeout_s=0.5)

    def answer(message):
        result = "ok" if float(message.payload) < 25 else "locked"
        return [("sa/zone", b'{"v": 99}'), ("sa/reply", json.dumps({"result": result}))]

    async with device(broker.port, "sa/set", answer):
        outcome = await driver.write(command("e.p0", 21.0))
        assert (outcome.kind, outcome.read_back) == ("confirmed", None)
        outcome = await driver.write(command("e.p0", 26.0))
        assert (outcome.kind, outcome.detail) == ("failed", "the device says 'locked'")
    outcome = await driver.write(command("e.p0", 21.0))
    assert (outcome.kind, outcome.detail) == ("unconfirmed", "sa/reply shows nothing new")


async def test_a_value_from_another_topic_confirms_in_the_points_own_unit(heard, broker, command, degrees):
    confirm = MqttConfirm(topic="sb/state")
    told = MqttSet(topic="sb/set", payload='{"t": {value:.0f}}', confirm=confirm)
    driver = await heard(degrees(0, "sb/zone", scale=0.1, set=told), timeout_s=0.5)

    def answer(message):
        return [("sb/state", b"{broken"), ("sb/state", str(json.loads(message.payload)["t"]))]

    async with device(broker.port, "sb/set", answer):
        outcome = await driver.write(command("e.p0", 21.4))
    assert (outcome.kind, round(outcome.read_back, 6)) == ("confirmed", 21.4)
    assert driver.broken == 1


async def test_what_the_broker_kept_confirms_nothing(heard, say, command, degrees):
    await say("sc/state", 21.5, retain=True)
    await say("sc/zone", {"v": 21.5}, retain=True)
    told = MqttSet(topic="sc/set", confirm=MqttConfirm(topic="sc/state"))
    driver = await heard(degrees(0, "sc/zone", set=told), degrees(1, "sc/zone", set=MqttSet(topic="x")), timeout_s=0.3)
    assert (await driver.write(command("e.p0", 21.5))).kind == "unconfirmed"
    assert (await driver.write(command("e.p1", 21.5))).kind == "unconfirmed"


async def test_two_writes_of_a_point_do_not_answer_for_each_other(heard, command, degrees):
    driver = await heard(degrees(0, "sd/zone", set=MqttSet(topic="sd/set")), timeout_s=0.3)
    first, second = await asyncio.gather(driver.write(command("e.p0", 21.0)), driver.write(command("e.p0", 22.0)))
    assert first.kind == "unconfirmed"
    assert (second.kind, second.detail) == ("failed", "another write of e.p0 is under way")


async def test_small_numbers_are_compared_as_finely_as_the_device_shows_them(heard, broker, command, degrees):
    driver = await heard(degrees(0, "se/x", unit="ratio", step=0.01, set=MqttSet(topic="se/set")), timeout_s=0.3)
    async with device(broker.port, "se/set", lambda message: [("se/x", b'{"v": 0.44}')]):
        assert (await driver.write(command("e.p0", 0.40))).kind == "unconfirmed"
        assert (await driver.write(command("e.p0", 0.444))).kind == "confirmed"


async def test_what_the_broker_kept_confirms_nothing_also_when_it_comes_while_we_wait(heard, command, degrees):
    driver = await heard(degrees(0, "sf/zone", set=MqttSet(topic="sf/set")), timeout_s=0.3)
    writing = asyncio.ensure_future(driver.write(command("e.p0", 21.0)))
    await asyncio.sleep(0.1)
    driver._hear_retained("sf/zone", b'{"v": 21.0}')  # As after a reconnect.
    assert (await writing).kind == "unconfirmed"


async def test_an_answer_to_another_request_confirms_nothing(heard, command, degrees):
    told = MqttSet(topic="sg/set", confirm=MqttConfirm(topic="sg/reply"))
    driver = await heard(degrees(0, "sg/zone", set=told), timeout_s=0.3)
    for correlation, kind in ((b"another", "unconfirmed"), (b"2", "confirmed")):
        writing = asyncio.ensure_future(driver.write(command("e.p0", 21.0)))
        await asyncio.sleep(0.1)
        driver.connection.correlation = correlation
        driver._hear_reply("sg/reply", b"21.0")
        assert (await writing).kind == kind
