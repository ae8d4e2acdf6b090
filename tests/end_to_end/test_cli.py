"""What people type, on the store that a virtual day left behind."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from simulator.scenarios import load
from simulator.virtual import live

POINT = "crac1.fan_speed_setpoint"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    live(load("office-tower", seed=5, days=1, learn_days=0), folder, strategy="baseline")
    return folder / "site.yaml"


def hushwatt(*arguments):
    command = [sys.executable, "-m", "agent", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_explain_tells_who_why_and_what_was_written(site):
    told = hushwatt("explain", POINT, "--site", site)
    assert told.returncode == 0, told.stderr
    for word in ("wished", "by baseline", "because", "judged", "rule", "last write", "let go: confirmed"):
        assert word in told.stdout


def test_explain_names_the_nearest_point(site):
    told = hushwatt("explain", "crac1.fan_sped_setpoint", "--site", site)
    assert told.returncode == 2
    assert f"did you mean {POINT}?" in told.stderr


def test_status_shows_counts_and_points(site):
    told = json.loads(hushwatt("status", site, "--json").stdout)
    assert told["counts"]["samples_read"] == told["counts"]["samples_stored"] > 18_000
    assert told["held"] == [] and told["handed_back"] > 0
    shown = hushwatt("status", site).stdout
    assert "meter1.electric_power" in shown and "idle ahu1" in shown


def test_shared_tells_what_left_on_which_terms(site):
    rows = {row["point"]: row for row in json.loads(hushwatt("shared", site, "--json").stdout)}
    told = rows["meter1.electric_power"]
    assert (told["recipient"], told["resolution"], told["owner"]) == ("upstream", "raw", "the site")
    assert told["samples_left"] > 280
    shown = hushwatt("shared", site).stdout
    assert "meter1.electric_power" in shown and "points stay here" in shown
    assert all(
        row["samples_left"] == 0
        for row in json.loads(hushwatt("shared", site, "--json", "--since", "2100-01-01").stdout)
    )


def test_letters_are_none_or_known_by_their_id(site):
    assert "nothing was refused" in hushwatt("letters", "--site", site).stdout
    told = hushwatt("letters", "--site", site, "--replay", "7")
    assert told.returncode == 2 and "no dead letter 7" in told.stderr


def test_export_gives_csv_and_the_journal(site, tmp_path):
    lines = hushwatt("export", site, "--point", POINT).stdout.splitlines()
    assert lines[0] == "utc,point,value,unit,quality"
    assert len(lines) == 1 + 289 and lines[1].split(",")[1:] == [POINT, "100", "pct", "good"]
    out = tmp_path / "journal.txt"
    assert hushwatt("export", site, "--what", "journal", "--out", out).returncode == 0
    assert "the agent stops" in out.read_text()


def test_a_site_without_a_store_is_one_sentence(tmp_path, site):
    other = tmp_path / "site.yaml"
    other.write_text(site.read_text())
    for command in (["status", other], ["explain", POINT, "--site", other], ["export", other]):
        told = hushwatt(*command)
        assert told.returncode == 1 and len(told.stderr.splitlines()) == 1, told.stderr


def test_a_store_of_a_newer_version_is_refused_in_a_sentence(tmp_path, site):
    other = tmp_path / "site.yaml"
    other.write_text(site.read_text())
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "hushwatt.db")) as db:
        db.execute("PRAGMA user_version = 999")
    told = hushwatt("run", other)
    assert told.returncode == 1
    assert "written by a newer hushwatt" in told.stderr and "Traceback" not in told.stderr


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Lifts are planned after a week that was watched."""
    folder = tmp_path_factory.mktemp("planned")
    live(load("hotel-lifts", seed=2, days=1, learn_days=5, wire_step_s=900), folder, strategy="planner")
    return folder / "site.yaml"


def test_plan_draws_the_coming_day(planned):
    told = hushwatt("plan", "--site", planned)
    assert told.returncode == 0, told.stderr
    for word in ("lifts1", "lifts2", "cars plan", "energy kwh", "trips an hour", "hold", "foretold"):
        assert word in told.stdout
    assert any(sign in told.stdout for sign in "▁▂▃▄▅▆▇█")
    alone = hushwatt("plan", "lifts2", "--site", planned).stdout
    assert "lifts2" in alone and "lifts1" not in alone


def test_plan_of_what_is_not_planned_is_one_sentence(planned, site):
    for arguments in (("plan", "crac7", "--site", planned), ("plan", "--site", site)):
        told = hushwatt(*arguments)
        assert told.returncode == 1 and "has been planned yet" in told.stderr


def test_explain_tells_limits_and_what_was_measured(planned):
    told = hushwatt("explain", "lifts1.cars_in_service_setpoint", "--site", planned).stdout
    for word in ("by planner", "bound by", "expected cost_hold", "expected cost_baseline", "measured", "foretold"):
        assert word in told
