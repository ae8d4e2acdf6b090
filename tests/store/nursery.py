"""Lives of a store's writer, each a process of its own, to be killed; one import of numpy for all of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

WRITER = """
import asyncio, os, sys, time
import numpy as np
from agent.core.clock import Instant, SystemClock
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.store import Store

def say(*words):  # In one write: a killed print may leave half a line.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def main(path, first, mode, commit_s):
    began_s = time.monotonic()
    spec = PointSpec(id="a.b", unit="count", kind=Kind.SENSOR, poll_s=1.0, fresh_s=9.0, share=True)
    store = await Store.open(path, PointTable([spec]), SystemClock(), commit_s=commit_s)
    say("open", time.monotonic() - began_s)
    number = first
    while True:
        for _ in range(7):
            store.append(Scan(device="d", handles=np.zeros(1, np.int32), values=np.array([float(number)]),
                quality=np.zeros(1, np.uint8), at=Instant(unix_s=2e9 + number, mono_s=0.0)))
            number += 1
        await store.flush()
        outbox = store.outbox
        if mode == "ack" and number % 3 == 0:
            outbox.open("sink")
            outbox.ack("sink", outbox.last_seq)
            await store.flush()
        if number % (7000 if mode == "give" else 4) == 0:
            await store.seal()
            asyncio.ensure_future(store.tidy())
        if mode == "give" and number % 5 == 0:
            say("given", (await outbox.read(0, 1, newest=True)).last_seq)
        say("promised", number - 1, outbox.last_seq, outbox.acked if outbox.sinks() else 0, time.monotonic())

for line in sys.stdin:
    path, first, mode, commit_s = line.split()
    child = os.fork()
    if child == 0:
        asyncio.run(main(path, int(first), mode, float(commit_s)))
    say("born", child)
    os.waitpid(child, 0)
    say("gone")
"""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What `flush` has promised."""

    number: int
    """Of the last scan."""
    seq: int
    acked: int
    at_s: float


@dataclass
class Life:
    """What a writer said before it was killed."""

    open_s: float | None = None
    promises: list[Promise] = field(default_factory=list)
    given: int = 0
    """The highest seq that the outbox gave away."""
    ended_s: float = 0.0
    """When it was stopped."""


class Nursery:
    """Closes with its process."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def life(self, path, first, mode, *, promises=None, after_s=0.0, commit_s=1.0, at_end=lambda: None):
        """A writer that begins with scan `first`, killed `after_s` after its birth, or after so many promises.

        `at_end` is called while it is stopped, before it is killed.
        """
        self._process.stdin.write(f"{path} {first} {mode} {commit_s}\n")
        told, pid, killer = Life(), 0, None
        for line in self._process.stdout:
            word, *figures = line.split()
            if word == "born":
                pid = int(figures[0])
            elif word == "open":
                told.open_s = float(figures[0])
            elif word == "promised":
                number, seq, acked = map(int, figures[:3])
                told.promises.append(Promise(number=number, seq=seq, acked=acked, at_s=float(figures[3])))
            elif word == "given":
                told.given = int(figures[0])
            elif word == "gone":
                killer.join()
                return told
            if killer is None and pid and len(told.promises) >= (promises or 0):
                killer = threading.Thread(target=_kill, args=(pid, after_s, at_end, told))
                killer.start()
        raise AssertionError("the nursery ended")


def _kill(pid, after_s, at_end, told):
    time.sleep(after_s)
    os.kill(pid, signal.SIGSTOP)
    while any(state != "T" for state in _states(pid)):  # A thread that waits for the card stops when it is back.
        time.sleep(0.001)
    told.ended_s = time.monotonic()
    try:
        at_end()
    finally:
        os.kill(pid, signal.SIGKILL)


def _states(pid):
    return [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]


def cold_start_s(path, first):
    """From the start of a Python process to a store that is open."""
    began_s = time.monotonic()
    with Nursery() as nursery:
        nursery.life(path, first, "keep", promises=1)
        return time.monotonic() - began_s
