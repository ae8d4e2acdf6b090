"""Forecasts over real sockets on loopback, and payloads that are refused whole with a sentence."""

import asyncio
import json

import numpy as np
import pytest

from agent.core.clock import SystemClock
from agent.ingest.forecasts import ForecastDesk, ForecastError, ForecastSource, parse

POINT = "site.outdoor_air_temperature"
SOURCE = ForecastSource(point=POINT, unit="degC", values="hourly.temperature", times="hourly.time")


def payload(values, times=("2026-07-01T00:00", "2026-07-01T01:00:00+00:00", 1782871200)) -> bytes:
    return json.dumps({"hourly": {"time": list(times), "temperature": list(values)}}).encode()


class Book:
    def __init__(self):
        self.entries = []

    def write(self, entry):
        self.entries.append(entry.text)


def test_times_as_text_and_as_seconds():
    at, values = parse(payload([14.0, 13.5, 13]), SOURCE)
    assert np.allclose(np.diff(at), 3600.0) and values.tolist() == [14.0, 13.5, 13.0]


REFUSED = [  # payload, what the sentence says
    (b"\xff\xfe", "not JSON"),
    (b"{}", "no `hourly.time`"),
    (b'{"hourly": {"time": 3, "temperature": [1]}}', "no array"),
    (payload([14.0, 13.5]), "3 times and 2 values"),
    (payload([14.0, None, 13.0]), "`None` is no number"),
    (payload([14.0, True, 13.0]), "`True` is no number"),
    (payload([14.0, 900.0, 13.0]), "900 is no degC"),
    (payload([14.0, float("nan"), 13.0]), "nan is no degC"),
    (payload([1, 2, 3], times=[3, 2, 1]), "do not rise"),
    (payload([1, 2, 3], times=["soon", 2, 1]), "`soon` is no instant"),
    (b"[" * 100_000, "not JSON"),
    (b" " * 1_000_001, "at most"),
]


@pytest.mark.parametrize(("told", "says"), REFUSED)
def test_rubbish_is_refused_whole(told, says):
    with pytest.raises(ForecastError, match=says):
        parse(told, SOURCE)


def test_a_fault_is_told_once_and_its_end_too():
    book, taken = Book(), []
    desk = ForecastDesk(lambda point, forecast: taken.append(point), book, SystemClock())
    for told in (b"rubbish", b"rubbish", payload([1, 2, 3]), payload([1, 2, 3])):
        desk.receive(SOURCE, told)
    assert len(taken) == 2
    assert [text.partition(POINT)[2][:16] for text in book.entries] == [" cannot be used:", " can be read aga"]


async def test_an_address_is_asked_and_a_silent_one_is_no_bug():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = payload([14.0, 13.5, 13.0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    told, came = asyncio.Queue(), asyncio.Queue()
    told.write = told.put_nowait
    desk = ForecastDesk(lambda point, forecast: came.put_nowait(forecast), told, SystemClock())
    url, paths = f"http://127.0.0.1:{port}/", {"values": SOURCE.values, "times": SOURCE.times}
    source = ForecastSource(point=POINT, unit="degC", url=url, every_s=0.05, **paths)
    task = asyncio.create_task(desk.fetch_for_ever(source))
    async with asyncio.timeout(10):
        assert (await came.get())[1].tolist() == [14.0, 13.5, 13.0]
        server.close()
        await server.wait_closed()
        assert "cannot be used" in (await told.get()).text
    assert not task.done()
    task.cancel()
