"""Real processes, really killed: what `flush()` promised is there, in order, once."""

import os
import signal
import subprocess
import sys
import time

import pytest

from agent.core.clock import SystemClock
from agent.store.reader import open_reader
from agent.store.store import Store

WRITER = """
import asyncio, os, sys
import numpy as np
from agent.core.clock import Instant, SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.store import Store

def say(*words):  # In one write: a killed print may leave half a line.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def main(path, first, acknowledge):
    spec = PointSpec(id="a.b", unit="count", kind=Kind.SENSOR, poll_s=1.0, fresh_s=9.0, share=True)
    store = await Store.open(path, PointTable([spec]), SystemClock())
    number = first
    while True:
        for _ in range(7):
            store.append(Scan(device="d", handles=np.zeros(1, np.int32), values=np.array([float(number)]),
                quality=np.zeros(1, np.uint8), at=Instant(unix_s=2e9 + number, mono_s=0.0)))
            number += 1
        await store.flush()
        outbox = store.outbox
        if acknowledge and number % 3 == 0:
            outbox.open("sink")
            outbox.ack("sink", outbox.last_seq)
            await store.flush()
        if number % 4 == 0:
            await store.seal()
            asyncio.ensure_future(store.tidy())
        say(number - 1, outbox.last_seq, outbox.acked if outbox.sinks() else 0)

for line in sys.stdin:  # One import for many lives: each line begins a process of its own.
    path, first, mode = line.split()
    child = os.fork()
    if child == 0:
        asyncio.run(main(path, int(first), mode == "ack"))
    say(child)
    os.waitpid(child, 0)
    say("gone")
"""
KILLS = 20


@pytest.fixture(scope="module")
def nursery():
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process
        process.stdin.close()


def run_and_kill(nursery, path, first, mode, lines):
    """Start a writer, kill it after `lines` promises, in the middle of whatever it does. Its last promise as told."""
    nursery.stdin.write(f"{path} {first} {mode}\n")
    pid, told = None, []
    for line in nursery.stdout:
        if line == "gone\n":
            return told[-1]
        words = [int(word) for word in line.split()]
        if len(words) == 1:
            pid = words[0]
        elif len(words) == 3:
            told.append(words)
        if pid and len(told) >= lines:
            time.sleep(0.0007 * (first % 5))
            os.kill(pid, signal.SIGKILL)
            lines = 10**9
    raise AssertionError("the nursery ended")


@pytest.mark.parametrize("mode", ["keep", "ack"])
def test_twenty_kills_lose_nothing_that_was_promised(tmp_path, nursery, mode):
    path = tmp_path / "s.db"
    first = 0
    for kill in range(KILLS // 2):
        promised, seq, acknowledged = run_and_kill(nursery, path, first, mode, 1 + kill % 4)
        with open_reader(path) as reader:
            numbers = reader.history(["a.b"], 0, 3e9)["a.b"].values.tolist()
            assert numbers == list(range(len(numbers)))  # In order, once, none missing.
            assert len(numbers) > promised
            counts = reader.counts()
            assert counts.last_seq >= seq
            assert counts.last_seq == len(numbers)
            assert counts.acknowledged >= acknowledged
            found = reader.records(0, 10**6, counts.last_seq, newest=False).records
            assert [record.seq for record in found] == list(range(1, len(numbers) + 1))
        first = len(numbers)


async def test_a_killed_agents_file_opens_at_once(tmp_path, nursery, site):
    path = tmp_path / "s.db"
    run_and_kill(nursery, path, 0, "keep", 2)
    began = time.monotonic()
    store = await Store.open(path, site.table, SystemClock())
    assert time.monotonic() - began < 2
    await store.close()
