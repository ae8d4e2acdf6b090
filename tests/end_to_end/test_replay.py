"""What was recorded is decided again, bit for bit; what differs, and what is no recording, is told."""

from __future__ import annotations

import json

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from agent.cli import app
from agent.config import load
from agent.core.errors import ConfigError
from agent.core.scan import Scan
from agent.traffic import frames
from agent.traffic.replay import replay
from simulator import scenarios
from simulator.virtual import live


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A day of the planner after two that it watched, with a dead sensor, a knob and a plant that reboots."""
    folder = tmp_path_factory.mktemp("recorded")
    text = scenarios.find("office-tower").read_text() + (
        "faults:\n"
        '  - {kind: absent, points: zone2.zone_air_temperature, day: 1, at: "10:00", for_h: 4}\n'
        '  - {kind: knob, points: zone4.zone_air_cool, day: 1, at: "11:00", for_h: 2, size: 22}\n'
        '  - {kind: reboot, devices: plant, day: 1, at: "15:00", for_h: 0.2}\n'
    )
    (folder / "mine.yaml").write_text(text)
    plant = scenarios.load(folder / "mine.yaml", seed=3, days=1, learn_days=2, wire_step_s=900)
    lived = live(plant, folder, record=folder / "traffic.hwt")
    return folder / "traffic.hwt", folder / "site.yaml", lived


def test_the_same_decisions_bit_for_bit(recorded):
    path, _, lived = recorded
    done = replay(path)
    assert done.difference is None
    assert done.turns >= 3 * 96 and done.wishes > 500 and done.commands > 20
    assert done.scans == sum(isinstance(event, Scan) for event in frames.read(path))
    assert lived.orders


def test_the_recording_is_smaller_than_what_it_holds(recorded):
    path, _, lived = recorded
    assert path.stat().st_size < 12 * lived.samples_read


def test_a_tail_that_was_cut_off_is_no_mistake(recorded, tmp_path):
    whole = recorded[0].read_bytes()
    short = tmp_path / "short.hwt"
    short.write_bytes(whole[: len(whole) // 2])
    done = replay(short)
    assert done.difference is None and 0 < done.turns < replay(recorded[0]).turns


def test_another_limit_makes_another_decision(recorded, tmp_path):
    path, site, _ = recorded
    told = YAML().load(site.read_text())
    for limit in told["limits"].values():
        limit["step"] = limit.get("step", 1.0) * 0.5
    other = tmp_path / "site.yaml"
    YAML().dump(told, other)
    difference = replay(path, load(other)).difference
    assert difference is not None
    assert "command" in difference.what or "wish" in difference.what


def test_a_tampered_recording_is_seen(recorded, tmp_path):
    """A frame whose bytes were changed is refused; one that was forged whole makes another decision."""
    path = recorded[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "bent.hwt").write_bytes(data)
    with pytest.raises(ConfigError, match="damaged frame"):
        replay(tmp_path / "bent.hwt")
    writer = frames.Writer(tmp_path / "forged.hwt")
    for event in frames.read(path):
        if isinstance(event, Scan):
            writer.scan(event)
            continue
        if event["kind"] == "turn" and event["outcomes"]:
            event["outcomes"][0]["value"] = 19.0
        writer.event(event)
    writer.close()
    assert replay(tmp_path / "forged.hwt").difference is not None


@pytest.mark.parametrize("content", [b"", b"no recording", frames.MAGIC, frames.MAGIC[:-3] + b"9\n"])
def test_what_is_no_recording_is_told(tmp_path, content):
    (tmp_path / "x.hwt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.hwt"):
        replay(tmp_path / "x.hwt")


def test_as_typed(recorded, tmp_path):
    done = CliRunner().invoke(app, ["replay", str(recorded[0])])
    assert done.exit_code == 0 and "identical" in done.output
    gone = CliRunner().invoke(app, ["replay", str(tmp_path / "none.hwt")])
    assert gone.exit_code == 2 and "none.hwt" in gone.stderr


def test_no_secret_goes_into_a_recording(recorded):
    start = next(frames.read(recorded[0]))
    assert isinstance(start, dict)
    assert "password" not in json.dumps(start["config"]["brokers"])
