"""What people read out of the store of a virtual day: `query`, `export`, and plain tables for any SQL tool."""

import csv
import io
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from sqlite_utils import Database

from agent.store.reader import open_reader
from simulator.scenarios import load
from simulator.virtual import live

POINT, OTHER = "meter1.electric_power", "zone1.zone_air_temperature"
HOUR_S = 3600


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    live(load("office-tower", seed=5, days=1, learn_days=0), folder, strategy="baseline")
    return folder / "site.yaml"


@pytest.fixture(scope="module")
def path(site):
    return site.parent / "data" / "hushwatt.db"


@pytest.fixture(scope="module")
def samples(path):
    """The day's samples of a point, as the agent itself reads them."""
    with open_reader(path) as reader:
        return reader.history([POINT], 0, 9e9)[POINT]


def hushwatt(*arguments, code=0):
    command = [sys.executable, "-m", "agent", *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told.returncode == code, told.stderr
    return told


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_query_gives_the_last_day_by_the_hour(site, samples):
    found = table(hushwatt("query", POINT, "--site", site).stdout)
    assert 24 <= len(found) <= 25
    hours = samples.unix_s // HOUR_S
    wanted = [samples.values[hours == hour].mean() for hour in sorted(set(hours))]
    assert [float(row["mean"]) for row in found] == pytest.approx(wanted[-len(found) :])
    assert sum(int(row["samples"]) for row in found) == sum(hours >= sorted(set(hours))[-len(found)])
    assert {row["unit"] for row in found} == {"kW"}


def test_query_of_some_points_over_a_span_raw(site):
    told = hushwatt("query", POINT, OTHER, "--site", site, "--last", "2h", "--resolution", "raw")
    found = table(told.stdout)
    assert {row["point"] for row in found} == {POINT, OTHER}
    assert 2 * 24 <= len(found) <= 2 * 26
    assert [row["utc"] for row in found] == sorted(row["utc"] for row in found)


def test_query_joins_what_is_compacted_and_what_is_not(path, samples):
    with closing(sqlite3.connect(path)) as conn:
        (compacted,) = conn.execute("SELECT coalesce(sum(n), 0) FROM blocks").fetchone()
    assert compacted > 0
    assert list(path.parent.glob("hushwatt.db.hot-*"))
    assert len(samples) >= 287
    assert np.all(np.diff(samples.unix_s) > 0)


def test_a_span_that_nobody_understands_is_one_sentence(site):
    told = hushwatt("query", POINT, "--site", site, "--last", "soon", code=2)
    assert "wanted a number with m, h or d" in told.stderr


def test_export_as_parquet_holds_what_csv_holds(site, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="an extra: hushwatt[parquet]")
    out = tmp_path / "samples.parquet"
    hushwatt("export", site, "--point", POINT, "--point", OTHER, "--out", out)
    found = parquet.read_table(out)
    rows = table(hushwatt("export", site, "--point", POINT, "--point", OTHER).stdout)
    assert found.num_rows == len(rows)
    assert found.column("point").to_pylist() == [row["point"] for row in rows]
    assert found.column("quality").to_pylist() == [row["quality"] for row in rows]
    assert found.column("value").to_pylist() == pytest.approx([float(row["value"]) for row in rows], rel=1e-9)
    utc = [when.isoformat(timespec="milliseconds") for when in found.column("utc").to_pylist()]
    assert utc == [row["utc"] for row in rows]


def test_minute_means_are_exported_too(site, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="an extra: hushwatt[parquet]")
    out = tmp_path / "minutes.parquet"
    hushwatt("export", site, "--point", POINT, "--resolution", "minute", "--out", out)
    assert parquet.read_table(out).column_names == ["utc", "point", "mean", "low", "high", "unit", "samples"]


def test_sqlite_utils_reads_the_rollups_with_names_and_dates(path, samples):
    db = Database(f"{path}")
    hours = list(db["hour_means"].rows_where("point = ?", [POINT], order_by="utc"))
    assert 18 <= len(hours) <= 25
    first = (samples.unix_s // HOUR_S) == samples.unix_s[0] // HOUR_S
    assert hours[0]["mean"] == pytest.approx(samples.values[first].mean())
    assert (hours[0]["low"], hours[0]["high"]) == (samples.values[first].min(), samples.values[first].max())
    assert hours[0]["n"] == first.sum()
    assert set(hours[0]) == {"utc", "point", "mean", "low", "high", "n", "unit"}
    assert db["minute_means"].count == 0  # A poll each 300 s is its own mean.
    kinds = {row["kind"] for row in db.query("SELECT DISTINCT kind FROM journal")}
    assert {"agent", "verdict", "outcome"} <= kinds
    db.close()
