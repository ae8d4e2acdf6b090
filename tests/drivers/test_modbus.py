"""Reading Modbus on a real socket: right values, joined requests, refusals that are learned and told once."""

import pytest

from agent.core.errors import DeviceError
from agent.core.points import Quality


def good(*registers):
    return {register: (float(register), Quality.GOOD) for register in registers}


async def test_each_register_is_its_own_address(served, echo, point, columns):
    bank = echo()
    driver = await served([point(n, table="input") for n in (3, 1, 2, 7, 300, 301)], bank)
    assert columns(await driver.poll()) == good(1, 2, 3, 7, 300, 301)
    assert bank.requests == [("input", 1, 7), ("input", 300, 2)], "neighbours are joined"


async def test_bits_and_words_are_other_tables(served, echo, point, columns):
    points = [point(5, table="coil"), point(6, table="discrete"), point(8), point(9, table="input")]
    seen = columns(await (await served(points, echo())).poll())
    assert {handle: value for handle, (value, _) in seen.items()} == {5: 1.0, 6: 1.0, 8: 8.0, 9: 9.0}


async def test_units_behind_one_address_share_a_connection(served, echo, point, columns):
    bank = echo(units=(1, 2, 3))
    drivers = [await served([point(n)], bank, unit=n, name=f"unit{n}") for n in (1, 2, 3)]
    for driver in drivers:
        await driver.poll()
    assert drivers[0].line.connections == 1 and drivers[0].line.requests == 3


async def test_a_refused_register_is_bad_and_its_neighbours_are_read_on(served, echo, point, columns, book):
    bank = echo(holes={4})
    driver = await served([point(n) for n in range(10)], bank)
    for _ in range(3):
        seen = columns(await driver.poll())
        assert seen.pop(4)[1] == Quality.BAD
        assert seen == good(0, 1, 2, 3, 5, 6, 7, 8, 9)
    assert len(book) == 1
    assert book[0].startswith("e.p4 is bad: bms, unit 1, holding 4..4: illegal address")
    bank.requests.clear()
    await driver.poll()
    assert bank.requests == [("holding", 0, 4), ("holding", 5, 5)], "the rest is joined around it"


async def test_a_refused_gap_is_not_read_along_again(served, echo, point, columns, book):
    bank = echo(holes={3, 4})
    driver = await served([point(n) for n in (0, 1, 2, 5, 6, 9)], bank)
    assert columns(await driver.poll()) == good(0, 1, 2, 5, 6, 9)
    bank.requests.clear()
    assert columns(await driver.poll()) == good(0, 1, 2, 5, 6, 9)
    assert len(bank.requests) == 3
    assert book == [], "nothing is wrong with any point"


async def test_a_device_that_gives_little_at_once_is_asked_for_little(served, echo, point, columns, book):
    bank = echo(most=20)
    driver = await served([point(n) for n in range(60)], bank)
    assert columns(await driver.poll()) == good(*range(60))
    bank.requests.clear()
    assert columns(await driver.poll()) == good(*range(60))
    assert all(count <= 20 for _, _, count in bank.requests) and len(bank.requests) <= 4
    assert len(book) == 1 and "asked for at most 15 at once" in book[0]


async def test_a_mended_register_comes_back(served, echo, point, columns, book, monkeypatch):
    monkeypatch.setattr("agent.drivers.modbus.PROBE_FIRST_S", 0.0)
    bank = echo(holes={1})
    driver = await served([point(n) for n in range(3)], bank)
    await driver.poll()
    bank.holes.clear()
    await driver.poll()
    assert columns(await driver.poll()) == good(0, 1, 2)
    assert "e.p1 answers again" in book[1] and len(book) == 2
    assert [str(block) for block in driver.plan] == ["holding 0..2"]


async def test_a_device_that_refuses_all_while_it_starts_is_read_later(served, echo, point, columns, monkeypatch):
    monkeypatch.setattr("agent.drivers.modbus.PROBE_FIRST_S", 0.0)
    bank = echo(trouble=2)
    driver = await served([point(n) for n in range(30)], bank)
    assert {quality for _, quality in columns(await driver.poll()).values()} == {Quality.BAD}
    bank.trouble = None
    await driver.poll()
    assert columns(await driver.poll()) == good(*range(30))


async def test_trouble_is_bad_and_told_when_it_starts_and_ends(served, echo, point, columns, book):
    bank = echo(trouble=6)
    driver = await served([point(1)], bank)
    for _ in range(2):
        assert columns(await driver.poll())[1][1] == Quality.BAD
    bank.trouble = None
    assert columns(await driver.poll()) == good(1)
    assert len(book) == 2
    assert "bms, unit 1, holding 1..1: busy" in book[0] and "answers again" in book[1]


async def test_a_unit_that_is_not_there_is_silent(served, echo, point):
    driver = await served([point(1)], echo(), unit=9)
    with pytest.raises(DeviceError, match=r"bms, unit 9, holding 1\.\.1: unit does not respond"):
        await driver.poll()


async def test_a_device_that_is_away_is_named_and_comes_back(served, echo, point, columns):
    driver = await served([point(1)], echo())
    assert columns(await driver.poll()) == good(1)
    await driver.server.stop()
    for _ in range(2):
        with pytest.raises(DeviceError, match=r"bms, unit 1, holding 1\.\.1 at 127"):
            await driver.poll()
    await driver.server.start()
    assert columns(await driver.poll()) == good(1)


async def test_closing_is_no_farewell(served, echo, point, columns):
    driver = await served([point(1)], echo())
    await driver.open()
    await driver.poll()
    await driver.close()
    assert columns(await driver.poll()) == good(1)


async def test_a_pause_between_requests_is_kept(served, echo, point):
    driver = await served([point(1), point(200), point(400)], echo(), pause_s=0.05)
    loop = driver.line._clock  # The clock that the line was given.
    began = loop.read().mono_s
    await driver.poll()
    assert loop.read().mono_s - began >= 0.1
