"""`hushwatt demo`, shortened, as a user runs it: its processes, its table, its folder, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

SHORT = ["--seed", "2", "--learn-days", "1", "--day-seconds", "1"]


def demo(out, *more):
    command = [sys.executable, "-m", "agent", "demo", "--out", str(out), *SHORT, *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"COLUMNS": "120"}
    )


def processes_in(folder):
    """Ids of the processes that have the folder on their command line."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


@pytest.mark.slow
def test_the_demo_ends_with_its_table_and_leaves_its_folder(tmp_path):
    with demo(tmp_path) as running:
        said, _ = running.communicate(timeout=170)
    assert running.returncode == 0, said
    assert "whole site, kWh" in said
    assert re.search(r"planner: [1-9]\d* points handed back, 0 still held; all processes ended", said)
    for name in ("day.svg", "summary.json", "planner/journal.txt", "planner/data/hushwatt.db", "own/series.csv"):
        assert (tmp_path / name).stat().st_size > 1000, name
    summary = json.loads((tmp_path / "summary.json").read_text())
    for run in summary.values():
        agent = run["agent"]
        assert agent["samples_read"] == agent["samples_stored"] == agent["samples_upstream"] > 18_000
        assert agent["unsent"] == 0 and agent["doubled_upstream"] == 0
        assert agent["memory_peak_mb"] <= 145
    own, planner = (summary[name]["account"] for name in ("own", "planner"))
    assert planner["site_kwh"] < own["site_kwh"]
    assert planner["inlet_kh"] <= own["inlet_kh"] and planner["unvent_h"] <= own["unvent_h"]
    assert processes_in(tmp_path) == []


@pytest.mark.slow
def test_ctrl_c_hands_back_and_ends_every_process(tmp_path):
    with demo(tmp_path, "--day-seconds", "60") as running:
        deadline = time.monotonic() + 90
        while '"ran_s"' not in _text(tmp_path / "own" / "data" / "status.json"):
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=90)
    assert running.returncode == 130, said
    assert re.search(r"Stopped\. \d+ points handed back, 0 still held; all processes ended", said)
    assert processes_in(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with demo(tmp_path / "file") as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "cannot write into the folder" in said and "Traceback" not in said


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""
