"""The systemd unit: what it promises, and that systemd itself understands it."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.house import DRAIN_S, HAND_BACK_S

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "hushwatt.service"
MEMORY = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}


def lines_of(section: str) -> list[tuple[str, str]]:
    """Key and value in order; a unit may repeat a key, which an ini reader refuses."""
    text = UNIT.read_text("utf-8").split(f"[{section}]")[1].split("\n[")[0]
    rows = [row.partition("=") for row in text.splitlines() if row.strip() and not row.startswith("#")]
    return [(key.strip(), value.strip()) for key, _, value in rows]


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|min)", text).groups()
    return float(number) * {"s": 1, "min": 60}[unit]


def test_it_reads_as_an_ini_file():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT.read_text("utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("User", "hushwatt"),
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("Restart", "always"),
        ("KillSignal", "SIGTERM"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("NoNewPrivileges", "yes"),
        ("StateDirectory", "hushwatt"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("SystemCallFilter", "@system-service"),
    ],
)
def test_it_is_hardened_and_watched(key, value):
    assert dict(lines_of("Service"))[key] == value


def test_a_mistake_in_the_config_is_not_tried_again_and_again():
    assert dict(lines_of("Service"))["RestartPreventExitStatus"] == "2", (
        "the exit code of `hushwatt run` for ConfigError"
    )


def test_it_may_take_the_time_that_the_hand_back_may_take():
    assert seconds(dict(lines_of("Service"))["TimeoutStopSec"]) >= HAND_BACK_S + DRAIN_S + 10


def test_the_watchdog_waits_for_more_than_one_turn_of_the_wheel():
    from agent.config.control import Control

    service = dict(lines_of("Service"))
    assert seconds(service["WatchdogSec"]) >= 3 * Control().watch_s
    assert seconds(service["TimeoutStartSec"]) >= 3 * Control().watch_s


def test_memory_settings_are_the_same_everywhere():
    unit = dict(value.split("=") for key, value in lines_of("Service") if key == "Environment")
    rows = (ROOT / "deploy" / "hushwatt.env").read_text("utf-8").splitlines()
    told = dict(row.split("=") for row in rows if row and not row.startswith("#"))
    image = dict(re.findall(r"(\w+)=(\d+)", (ROOT / "deploy" / "Dockerfile").read_text("utf-8")))
    assert unit == told == MEMORY
    assert MEMORY.items() <= image.items()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_it(tmp_path):
    """With a program and a user that exist on any machine: systemd checks for both."""
    text = UNIT.read_text("utf-8")
    for key, value in (("ExecStart", "/bin/true"), ("User", "daemon"), ("Group", "daemon")):
        text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
    unit = tmp_path / "hushwatt.service"
    unit.write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if "hushwatt.service" in line and "/man" not in line]
    assert done.returncode == 0, done.stderr
    assert complaints == []
