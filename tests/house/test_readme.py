"""The README's commands and the sample config, tried as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(?:sh|console)\n(.*?)```", README, re.DOTALL)
LINES = [line.removeprefix("$ ").split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("hushwatt ")]


def hushwatt(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT
    )


def test_the_two_commands_are_make_targets():
    for line in [line for line in LINES if line.startswith("make ")]:
        done = subprocess.run(["make", "-n", line.split()[1]], capture_output=True, text=True, cwd=ROOT, timeout=30)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_and_option_is_known(command):
    words = command.split()[1:]
    told = hushwatt(words[0], "--help")
    assert told.returncode == 0, told.stderr
    for option in [word for word in words if word.startswith("--")]:
        assert option in told.stdout, f"{option} of `{command}`"


def test_the_sample_config_is_checked_by_the_readmes_command():
    done = hushwatt("check", "deploy/site.yaml")
    assert done.returncode == 0, done.stderr
    assert "nothing to mend" in done.stdout


def test_an_unknown_key_does_not_start(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "version: 1\n"
        "site: {name: here, gateway: gw}\n"
        "equipment: {meter1: {kind: meter}}\n"
        "devices: {bench: {driver: memory, points: {meter1.electric_power: {}}}}\n"
        "controll: {mode: full}\n"
    )
    done = hushwatt("run", str(site))
    assert done.returncode == 2
    assert "site.yaml:5: controll" in done.stderr and "did you mean `control`?" in done.stderr
    assert not list(tmp_path.rglob("*.db"))


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
