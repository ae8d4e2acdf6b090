"""`kill -9` of the agent in mid-day: what was acknowledged is there once, what was held is handed back."""

import os
import signal
import sqlite3
from contextlib import closing

import pytest

from agent.store.reader import open_reader


def upstream(stage, sql):
    with closing(sqlite3.connect(f"file:{stage.folder / 'upstream' / 'upstream.db'}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def hours(stage):
    """Simulated hours of this life; 0 before its first status."""
    return stage.status().get("ran_s", 0.0) / 3600


@pytest.mark.slow
def test_a_killed_agent_loses_nothing_and_hands_back(stage):
    simulator = stage.simulate("--lockstep", "30")
    first = stage.run("--strategy", "baseline")
    stage.until(lambda: hours(stage) > 10, first, simulator)
    held = stage.status()["held"]
    os.kill(first.pid, signal.SIGKILL)
    stage.until(lambda: not first.is_running())
    kept_before = dict(upstream(stage, "SELECT seq, body FROM records"))
    (stage.folder / "data" / "status.json").unlink()
    second = stage.run("--strategy", "baseline")
    stage.until((stage.folder / "kpi.json").exists, second, simulator)
    assert second.stop(30)

    status = stage.status()
    assert len(held) >= 10 and status["held"] == []
    with open_reader(stage.folder / "data" / "hushwatt.db") as reader:
        counts = reader.counts()
        inherited = [e for e in reader.entries(kind="outcome", limit=10_000) if "earlier life" in str(e.data["reason"])]
    assert {entry.subject for entry in inherited} >= set(held)
    kept = dict(upstream(stage, "SELECT seq, body FROM records"))
    assert counts.outbox == 0, "all that is stored was acknowledged"
    assert sorted(kept) == list(range(1, counts.acknowledged + 1)), "nothing is missing, nothing is doubled"
    assert all(kept[seq] == body for seq, body in kept_before.items()), "what upstream had is what it still has"
    ((conflicts,),) = upstream(stage, "SELECT value FROM counters WHERE name = 'conflicts'")
    assert conflicts == 0
    ((samples,),) = upstream(stage, "SELECT value FROM counters WHERE name = 'samples'")
    assert samples == counts.samples
