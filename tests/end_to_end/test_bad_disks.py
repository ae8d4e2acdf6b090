"""The true agent on disks and clocks that fail: it runs on, says what happened, and keeps what can be kept."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from agent.core.errors import StoreError
from agent.store.reader import open_reader

pytestmark = pytest.mark.slow
POINT = "zone1.zone_air_temperature"
POLL_S = 0.2
SITE = f"""\
version: 1
site: {{name: house, gateway: gateway1}}
store: {{path: disk/hushwatt.db, commit_s: 0.1}}
devices:
  rooms:
    driver: memory
    poll_s: {POLL_S}
    points:
      {POINT}: {{}}
      zone1.co2_level: {{}}
equipment:
  zone1: {{kind: zone}}
control: {{mode: shadow}}
"""
AGENT = """
import sys, time
from pathlib import Path
now, jump = time.time, Path(sys.argv.pop(1))
time.time = lambda: now() + float(jump.read_text() or 0)  # Nobody may set this machine's clock.
from agent.cli import main
main()
"""
TEN_YEARS_S = 10 * 365.25 * 86_400


class Gateway:
    """The agent as a process, with a disk of its own."""

    def __init__(self, folder):
        self.disk = folder / "disk"
        self.path = self.disk / "hushwatt.db"
        self.site = folder / "site.yaml"
        self.site.write_text(SITE)
        self.log = folder / "agent.log"
        self.log.touch()
        self.jump = folder / "jump"
        self.jump_clock(0.0)
        self.disk.mkdir()
        self.process = None
        self.is_mounted = False
        self.lives = 0

    def mount(self, options):
        told = ["mount", "-t", "tmpfs", "-o", options, "none", self.disk]
        if subprocess.run(told, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs the right to mount a tmpfs")
        self.is_mounted = True

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.disk], check=True)

    def jump_clock(self, seconds):
        self.jump.with_suffix(".new").write_text(str(seconds))
        self.jump.with_suffix(".new").replace(self.jump)

    def start(self):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", AGENT, str(self.jump), "run", str(self.site)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

        self.lives += 1
        self.until(self.says("house is up", self.lives))

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text()[-2000:]

    def until(self, true, within_s=40):
        deadline = time.monotonic() + within_s
        while not true():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def says(self, words, times=1):
        return lambda: self.log.read_text("utf-8", "replace").count(words) >= times

    def stored(self):
        """Samples ever stored, as far as anybody can see now."""
        try:
            with open_reader(self.path) as reader:
                return reader.counts().samples
        except StoreError:
            return 0

    def until_more(self, count=10):
        before = self.stored()
        self.until(lambda: self.stored() >= before + count)

    def polls_s(self):
        with open_reader(self.path) as reader:
            return reader.history([POINT], 0, 9e9)[POINT].unix_s

    def entries(self, kind):
        with open_reader(self.path) as reader:
            return [entry.text for entry in reader.entries(kind=kind)][::-1]

    def fill(self):
        with (self.disk / "ballast").open("wb", 0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def take_names(self):
        for number in range(1000):
            try:
                (self.disk / f"name{number}").touch()
            except OSError:
                return

    def give_names_back(self):
        for file in self.disk.glob("name*"):
            file.unlink()


@pytest.fixture
def gateway(tmp_path):
    made = Gateway(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    if made.is_mounted:
        subprocess.run(["umount", made.disk], check=True)


def longest_gap_s(polls_s):
    assert len(polls_s) >= 5
    return float(np.diff(polls_s).max())


def test_a_disk_that_fills_up_and_is_emptied_costs_no_sample(gateway):
    gateway.mount("size=2m")
    gateway.start()
    gateway.until_more()
    gateway.fill()
    gateway.until(gateway.says("cannot write"))
    time.sleep(2)
    (gateway.disk / "ballast").unlink()
    gateway.until(gateway.says("writes again"))
    gateway.until_more()
    gateway.stop()
    assert longest_gap_s(gateway.polls_s()) < 5 * POLL_S
    assert gateway.entries("store") == ["the store cannot write", "the store writes again"]


def test_an_agent_that_starts_on_a_full_disk_runs_and_keeps_what_it_reads(gateway):
    gateway.mount("size=1m")
    gateway.fill()
    gateway.start()
    gateway.until(gateway.says("cannot write"))
    time.sleep(2)
    (gateway.disk / "ballast").unlink()
    gateway.until(gateway.says("writes again"))
    gateway.until_more()
    gateway.stop()
    polls_s = gateway.polls_s()
    assert longest_gap_s(polls_s) < 5 * POLL_S
    assert polls_s[-1] - polls_s[0] > 2


def test_an_agent_on_a_read_only_disk_runs_and_writes_once_it_may(gateway):
    gateway.mount("size=2m")
    gateway.remount("ro")
    gateway.start()
    gateway.until(gateway.says("Read-only file system"))
    time.sleep(2)
    gateway.remount("rw")
    gateway.until(gateway.says("writes again"))
    gateway.until_more()
    gateway.stop()
    polls_s = gateway.polls_s()
    assert longest_gap_s(polls_s) < 5 * POLL_S
    assert polls_s[-1] - polls_s[0] > 2


def test_a_store_that_became_read_only_between_two_lives(gateway):
    gateway.mount("size=2m")
    gateway.start()
    gateway.until_more()
    gateway.stop()
    before = len(gateway.polls_s())
    gateway.remount("ro")
    gateway.start()
    gateway.until(gateway.says("cannot write"))
    time.sleep(1)
    gateway.remount("rw")
    gateway.until(gateway.says("writes again"))
    gateway.until_more()
    gateway.stop()
    assert len(gateway.polls_s()) > before
    assert not list(gateway.disk.glob("*.damaged*"))


def test_a_disk_without_room_for_another_name(gateway):
    gateway.mount("size=2m,nr_inodes=20")
    gateway.take_names()
    gateway.start()
    gateway.until(gateway.says("cannot write"))
    time.sleep(1)
    gateway.give_names_back()
    gateway.until(gateway.says("writes again"))
    gateway.take_names()
    gateway.until_more()  # The log's file is there: no new name is needed.
    gateway.give_names_back()
    gateway.stop()
    assert longest_gap_s(gateway.polls_s()) < 5 * POLL_S


def test_clocks_that_jump_ten_years_stop_nothing(gateway):
    gateway.start()
    gateway.until_more()
    for jump_s in (TEN_YEARS_S, -TEN_YEARS_S, 0.0):
        gateway.jump_clock(jump_s)
        gateway.until_more()
        gateway.until_more()
    gateway.stop()
    told = gateway.entries("clock")
    assert [text.partition(" s")[0].rpartition(" ")[2][:3] for text in told] == ["+31", "-63", "+31"]
    assert "not set any more" in told[1]
    with open_reader(gateway.path) as reader:
        counts = reader.counts()
        assert sum(len(reader.history([name], -9e9, 9e9)[name]) for name in reader.names()) == counts.samples
        assert counts.shed_samples == counts.dropped == 0
        assert counts.holds_s < 300


@pytest.mark.parametrize("harm", ["truncated", "flipped", "emptied", "text"])
def test_a_damaged_store_is_set_aside_and_the_agent_runs(gateway, harm):
    gateway.start()
    gateway.until_more()
    gateway.stop()
    before = gateway.polls_s()
    size = gateway.path.stat().st_size
    if harm == "flipped":
        dice = random.Random(3)
        data = bytearray(gateway.path.read_bytes())
        for _ in range(60):
            data[dice.randrange(size)] ^= 1 << dice.randrange(8)
        gateway.path.write_bytes(data)
    elif harm == "text":
        gateway.path.write_text("this is not a database\n" * 1000)
    else:
        os.truncate(gateway.path, 0 if harm == "emptied" else size // 2)
    gateway.start()
    gateway.until_more()
    gateway.stop()
    assert set(before) <= set(gateway.polls_s())  # They stood in the log.
    told = "the database was empty or gone" if harm == "emptied" else "the store was damaged"
    assert told in gateway.entries("store")[0]
    assert len(list(gateway.disk.glob("*.damaged-*Z"))) == (harm != "emptied")
