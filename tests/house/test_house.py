"""Prohibitions, each with its replacement; read from the source, not from memory."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AGENT = sorted((ROOT / "agent").rglob("*.py"))


def who(pattern: str, *, files=AGENT) -> set[str]:
    """The files in which a line matches."""
    line = re.compile(pattern, re.MULTILINE)
    return {str(path.relative_to(ROOT)) for path in files if line.search(path.read_text("utf-8"))}


def test_only_the_guard_makes_commands():
    makers = who(r"\bCommand\(") - {"agent/core/command.py"}
    assert makers == {"agent/safety/guard.py"}, "propose instead: agent.core.command.Proposal"


def test_only_the_clock_looks_at_the_time():
    lookers = who(r"\btime\.(time|monotonic|perf_counter)(_ns)?\(|datetime\.(now|today|utcnow)\(")
    assert lookers == {"agent/core/clock.py"}, "ask a Clock instead, or take an Instant as an argument"


def test_nobody_blocks_the_loop():
    assert who(r"\btime\.sleep\(") == set(), "await asyncio.sleep instead"


def test_nothing_swallows_everything():
    broad = {"Exception", "BaseException", None}
    swallowers = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in AGENT
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and getattr(node.type, "id", None) in broad
        and not isinstance(node.type, ast.Tuple | ast.Attribute)
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert swallowers == [], "name the error, or hand it up"


def test_the_map_names_every_room_and_no_other():
    text = (ROOT / "agent" / "README.md").read_text("utf-8")
    told = set(re.findall(r"^\| `agent/(\w+)`", text, re.MULTILINE))
    rooms = {path.name for path in (ROOT / "agent").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert told == rooms


@pytest.mark.parametrize("path", AGENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_a_dump(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400, "a file is a noun: split it by what it is about"
