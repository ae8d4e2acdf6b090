"""The true agent on disks and clocks that fail: it runs on, says what happened, and keeps what can be kept."""

import os
import random
import subprocess
import time

import numpy as np
import pytest

from agent.store.reader import open_reader
from tests.end_to_end.gateway import POLL_S, TEN_YEARS_S, Gateway

pytestmark = pytest.mark.slow


@pytest.fixture
def gateway(tmp_path):
    made = Gateway(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    if made.is_mounted:
        subprocess.run(["umount", made.disk], check=True)


def mount(gateway, options):
    if not gateway.mount(options):
        pytest.skip("needs the right to mount a tmpfs")


def longest_gap_s(polls_s):
    assert len(polls_s) >= 5
    return float(np.diff(polls_s).max())


def test_a_disk_that_fills_up_and_is_emptied_costs_no_sample(gateway):
    mount(gateway, "size=2m")
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
    mount(gateway, "size=1m")
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
    mount(gateway, "size=2m")
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
    mount(gateway, "size=2m")
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
    mount(gateway, "size=2m,nr_inodes=20")
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
