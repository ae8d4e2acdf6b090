"""A state machine of the store's whole life: what it acknowledged is read back, in whatever order things happened.

Samples are appended, committed, compacted, thinned, acknowledged by a sink; the agent is killed anywhere, also between
a compaction's commit and the removal of what it compacted; disks fill up and are emptied. At each step: every committed
sample is read back once and as it was, or is counted as thinned, shed or lost; and every seq is given once.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.core.clock import SystemClock
from agent.core.errors import StoreError
from agent.store.records import ScanRecord
from agent.store.retention import Bounds, used_bytes
from agent.store.store import Store
from tests.store.conftest import NAMES, Site, build_table
from tests.store.test_faults import files_end_at

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
SINK = "cloud"
HANDLES = st.sampled_from([(0, 1, 2, 3), (0,), (3,), (2, 1), (1, 2, 3)])
"""The fourth point is not shared: a scan of it alone has no seq."""


class Life(RuleBasedStateMachine):
    """The model: numbers of scans, each told by its values."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.runner = asyncio.Runner()
        self.site = Site(build_table())
        self.lives = 0
        self.path = self.folder / "s0.db"
        self.appended = []
        """Handles of every scan."""
        self.committed = 0
        self.open()

    def open(self):
        self.store = self.run(Store.open(self.path, self.site.table, SystemClock(), commit_s=0.0))
        self.store.outbox.open(SINK)

    def run(self, work):
        return self.runner.run(work)

    def teardown(self):
        if hasattr(self, "store"):
            self.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    # --- what happens ---

    @rule(count=st.integers(1, 40), handles=HANDLES, device=st.sampled_from(["bms", "crac"]), is_set=st.booleans())
    def append(self, count, handles, device, is_set):
        self.append_some(count, handles, device, is_set)

    def append_some(self, count, handles, device, is_set):
        for _ in range(count):
            number = len(self.appended)
            scan = self.site.scan(
                5 * number, [number + handle / 10 for handle in handles], handles=handles, device=device
            )
            self.store.append(scan if is_set else replace(scan, at=replace(scan.at, unix_s=42.0, is_set=False)))
            self.appended.append(handles)

    @rule()
    def commit(self):
        self.run(self.store.flush())
        self.committed = len(self.appended)

    @rule(room=st.integers(0, 400))
    def commit_on_a_disk_that_is_nearly_full(self, room):
        sizes = [file.stat().st_size for file in self.folder.glob(f"{self.path.name}.hot-*")]
        with files_end_at(max(sizes, default=0) + room), suppress(StoreError):
            self.run(self.store.flush())
            self.committed = len(self.appended)

    @rule(count=st.sampled_from([0, 30, 60]))
    def compact(self, count):
        self.append_some(count, (0, 1, 2, 3), "bms", is_set=True)
        self.run(self.store.seal())
        self.committed = len(self.appended)
        self.run(self.store.tidy())

    @rule(share=st.floats(0.5, 1.0))
    def thin_or_drop(self, share):
        used = self.run(self.store._workers.keep(used_bytes))
        self.store._bounds = Bounds(max_mb=share * used / 1e6)
        self.run(self.store.tidy())
        self.store._bounds = Bounds()

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share):
        self.store.outbox.ack(SINK, int(share * self.store.outbox.last_seq))

    @rule()
    def restart(self):
        self.run(self.store.close())
        self.committed = len(self.appended)
        self.open()

    @rule(in_compaction=st.booleans())
    def kill(self, in_compaction):
        """The files as they are now, whoever holds them; what was not committed may be gone."""
        self.lives += 1
        new = self.folder / f"s{self.lives}.db"
        log = {}
        if in_compaction:  # After its commit, before the segments are removed.
            self.run(self.store.seal())
            self.committed = len(self.appended)
            log = {file.name: file.read_bytes() for file in self.folder.glob(f"{self.path.name}.hot-*")}
            self.run(self.store.tidy())
        for file in self.folder.glob(f"{self.path.name}*"):
            if not file.name.endswith(("-shm", ".lock")):
                shutil.copy(file, file.with_name(file.name.replace(self.path.name, new.name)))
        for name, data in log.items():
            (self.folder / name.replace(self.path.name, new.name)).write_bytes(data)
        self.store._unsaved.clear()
        self.run(self.store.close())
        self.path = new
        self.open()
        del self.appended[self.committed :]

    # --- what holds ---

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def every_committed_sample_is_there_or_counted(self):
        history = self.run(self.store._workers.read(lambda reader: reader.history(NAMES, -9e9, 9e9)))
        wanted = Counter(handle for handles in self.appended[: self.committed] for handle in handles)
        counts = self.run(self.store._workers.read(lambda reader: reader.counts()))
        gone = counts.thinned_samples + counts.shed_samples + counts.lost_samples
        found = sum(len(series) for series in history.values())
        assert counts.samples == sum(wanted.values())
        assert found + gone == counts.samples
        for handle, name in enumerate(NAMES):
            values = history[name].values
            assert len(values) <= wanted[handle]
            if not gone:
                numbers = [number for number in range(self.committed) if handle in self.appended[number]]
                np.testing.assert_allclose(sorted(values), [number + handle / 10 for number in numbers])

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def every_seq_is_given_once_and_to_what_it_was_given_to(self):
        outbox = self.store.outbox
        records = self.run(outbox.read(0, 10**6)).records
        seqs = [record.seq for record in records]
        assert seqs == sorted(set(seqs))
        assert seqs[-1:] <= [outbox.last_seq]
        for record in records:
            if isinstance(record, ScanRecord):
                number = int(record.values[0])
                assert set(record.points) <= {NAMES[handle] for handle in self.appended[number]}
        assert outbox.cursor(SINK).acked <= outbox.last_seq


Life.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
