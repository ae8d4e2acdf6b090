"""Upstream by HTTP: InfluxDB's line protocol, which InfluxDB, VictoriaMetrics, QuestDB and Telegraf take.

One line an equipment and record: `hushwatt,site=..,gateway=..,equipment=ahu1 electric_power=3.2 1750000000000000000`.
A repeat has the same measurement, tags and time, so it writes over itself (InfluxDB; VictoriaMetrics and QuestDB with
deduplication on). Samples that are BAD are left out: the protocol has no word for them.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from agent.config import sinks as config
from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.points import Quality
from agent.runtime.tasks import obey_cancel
from agent.store.records import EntryRecord
from agent.uplink.parcel import Block, Parcel
from agent.uplink.registry import Place
from agent.uplink.sink import RefusedError

MEASUREMENT = "hushwatt"
REFUSALS = {400, 413, 422}
"""What a server says of a body that it never takes. Everything else may be mended at its side: rights, load, path."""
GZIP_LEVEL = 6
KNOCK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to write."""

    url: str
    """With its parameters, such as `http://127.0.0.1:8086/api/v2/write?org=o&bucket=b`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With a token, where one is needed."""
    username: str | None = None
    password: str | None = None
    is_packed: bool = True
    """gzip."""


def make(told: config.HttpSink, place: Place) -> LineProtocolSink:
    """As the site's config tells it. Raises ConfigError."""
    password = told.password()
    is_token = password is not None and told.username is None
    endpoint = Endpoint(
        url=told.url,
        headers={"Authorization": f"{told.scheme} {password}"} if is_token else {},
        username=told.username,
        password=password,
        is_packed=told.compression == "gzip",
    )
    return LineProtocolSink(endpoint, place.clock, site=place.site, gateway=place.gateway)


class LineProtocolSink:
    """Asks nothing of the server but that it takes a body."""

    def __init__(self, endpoint: Endpoint, clock: Clock, *, site: str, gateway: str, answer_s: float = 10.0) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._tags = f"site={_tag(site)},gateway={_tag(gateway)}"
        self._answer_s = answer_s
        self._session: aiohttp.ClientSession | None = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()

    async def ready(self) -> None:
        await self._up.wait()

    async def stir(self) -> None:
        await asyncio.Event().wait()  # `ready` says it all.

    async def run(self) -> None:
        """Keep a session; after a failed write, knock until somebody is at home again."""
        login = self._endpoint.username
        auth = None if login is None else aiohttp.BasicAuth(login, self._endpoint.password or "")
        with self._clock.on_wall():
            timeout = aiohttp.ClientTimeout(total=self._answer_s)
            async with aiohttp.ClientSession(headers=self._endpoint.headers, auth=auth, timeout=timeout) as session:
                self._session = session
                try:
                    while True:
                        await self._down.wait()
                        await self._knock()
                finally:
                    self._session = None

    async def _knock(self) -> None:
        told = urlsplit(self._endpoint.url)
        port = told.port or (443 if told.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self._answer_s):
                _, writer = await asyncio.open_connection(told.hostname, port)
        except (OSError, TimeoutError):
            obey_cancel()
            await asyncio.sleep(KNOCK_S)
            return
        writer.close()
        self._down.clear()
        self._up.set()

    async def send(self, parcel: Parcel) -> int:
        with self._clock.hold():
            body = await asyncio.get_running_loop().run_in_executor(None, self._body, parcel)
            return await self._post(body) if body else 0

    def _body(self, parcel: Parcel) -> bytes:
        text = "".join(lines(parcel, self._tags)).encode()
        return gzip.compress(text, GZIP_LEVEL, mtime=0) if self._endpoint.is_packed and text else text

    async def _post(self, body: bytes) -> int:
        if self._session is None:
            raise BrokerError("not started")
        headers = {"Content-Encoding": "gzip"} if self._endpoint.is_packed else {}
        try:
            async with self._session.post(self._endpoint.url, data=body, headers=headers) as response:
                said = (await response.text(errors="replace"))[:200]
                obey_cancel()
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            self._up.clear()
            self._down.set()
            raise BrokerError(f"the server cannot be reached: {fault or type(fault).__name__}") from fault
        if response.status in REFUSALS:
            raise RefusedError(f"HTTP {response.status}: {said}")
        if response.status // 100 != 2:
            raise BrokerError(f"HTTP {response.status}: {said}")
        return len(body)


def lines(parcel: Parcel, tags: str) -> Iterator[str]:
    """Each with its newline. `tags`: of the gateway, written already."""
    for block in parcel.blocks:
        yield from _block_lines(block, tags)
    for record in parcel.entries:
        yield _entry_line(record, tags)


def _block_lines(block: Block, tags: str) -> Iterator[str]:
    heads = list(_heads(block, tags))
    is_told = np.isfinite(block.values) & (block.quality < Quality.BAD)
    is_whole = is_told.all()
    stamps = np.rint(block.unix_s * 1e3).astype(np.int64).tolist()
    for row, values in enumerate(block.values.tolist()):
        for head, columns in heads:
            fields = ",".join(
                f"{role}={values[column]:.15g}" for column, role in columns if is_whole or is_told[row, column]
            )
            if fields:
                yield f"{head} {fields} {stamps[row]}000000\n"


def _heads(block: Block, tags: str) -> Iterator[tuple[str, Sequence[tuple[int, str]]]]:
    """By equipment: measurement and tags, and which columns are its fields."""
    of: dict[str, list[tuple[int, str]]] = {}
    for column, point in enumerate(block.layout.points):
        equipment, _, role = point.partition(".")
        of.setdefault(equipment, []).append((column, _tag(role)))
    span = f",span_s={block.layout.span_s}" if block.layout.span_s else ""
    for equipment, columns in of.items():
        yield f"{MEASUREMENT},{tags},equipment={_tag(equipment)}{span}", columns


def _entry_line(record: EntryRecord, tags: str) -> str:
    entry = record.entry
    # Two entries of one moment would write over each other: the seq tells them apart, below the millisecond.
    stamp = round(entry.at.unix_s * 1e3) * 1_000_000 + record.seq % 1_000_000
    fields = f"subject={_quoted(entry.subject)},text={_quoted(entry.text)}"
    return f"{MEASUREMENT}_journal,{tags},kind={_tag(entry.kind)} {fields} {stamp}\n"


def _tag(name: str) -> str:
    return name.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ").replace("\n", "\\ ")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
