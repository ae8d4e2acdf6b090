"""Files that are no config at all, many mistakes at once, and secrets that must not be shown."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config import check, load
from agent.core.errors import ConfigError

BROKEN = {
    "empty": (b"", 1, "an empty file"),
    "only comments": (b"# nothing\n", 1, "an empty file"),
    "a list": (b"- version: 1\n", 1, "a seq"),
    "a text": (b"hello\n", 1, "a str"),
    "a tab": (b"version: 1\nsite:\n\tname: house\n", 3, "a tab in the indentation"),
    "no UTF-8": (b"version: 1\nsite: {name: caf\xe9}\n", 2, "a byte that is not UTF-8"),
    "an open bracket": (b"version: 1\nsite: {name: house\n", 3, "expected"),
    "an odd indent": (b"version: 1\n  site: 2\n", 2, "not allowed here"),
    "a key told twice": (b"version: 1\nsite: {}\nsite: {}\n", 3, "duplicate key"),
    "two documents": (b"version: 1\n---\nversion: 1\n", 2, "another document"),
    "a day that never was": (b"version: 1\nclock: {start_utc: 2026-13-45T00:00:00Z}\n", 0, "month must be in 1..12"),
    "too deep": (b"version: 1\nsite: " + b"[" * 30 + b"]" * 30, 0, "more entries than a site has"),
    "a thousand aliases": (
        b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + b"".join(b"%c: &%c [%s]\n" % (n, n, b", ".join([b"*%c" % (n - 1)] * 10)) for n in range(ord("b"), ord("i"))),
        0,
        "aliases of aliases",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_with_its_line(name, tmp_path):
    data, line, found = BROKEN[name]
    path = tmp_path / "site.yaml"
    path.write_bytes(data)
    [problem] = check(path).problems
    assert (problem.file, problem.line) == (str(path), line)
    assert found in problem.found
    with pytest.raises(ConfigError):
        load(path)


def test_a_missing_file_and_a_folder(tmp_path):
    assert "no such file" in check(tmp_path / "site.yaml").problems[0].found
    assert "is a directory" in check(tmp_path).problems[0].found


def test_all_mistakes_are_told_at_once(write, line_of):
    path = write(
        ("host: 127.0.0.1", "host: 127.0.0.1, prot: 1884"),
        ("{register: 0, scale: 0.01}", "{register: 0, scale: tenth}"),
        ("served_by: ahu1", "served_by: ahu9"),
        ("low: 22", "low: 32"),
        ("mode: shadow", "mode: shadow, cycle_s: 5"),
    )
    problems = check(path).problems
    assert [problem.line for problem in problems] == [
        line_of(path, text) for text in ("prot:", "tenth", "ahu9", "low: 32", "cycle_s: 5")
    ]


def test_what_follows_from_another_mistake_is_not_told(write):
    # Without `write` the point could not be limited: but it has one, only misspelt.
    path = write(("{register: 2, write: {register: 12}}", "{register: 2, wirte: {register: 12}}"))
    [problem] = check(path).problems
    assert problem.nearest == "write"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("127.0.0.1}", "127.0.0.1, password: hunter2}"),
        ("127.0.0.1}", "127.0.0.1, Password: hunter2}"),
        ("127.0.0.1}", "127.0.0.1, password_fiel: hunter2}"),
        ("127.0.0.1}", "127.0.0.1, password: hunter2, password: hunter2}"),
        ("host: 127.0.0.1", "host: mqtt://me:hunter2@plc"),
        ("{host: 127.0.0.1}", "mqtt://me:hunter2@plc"),
        ("broker: local, share", "token: hunter2, broker: local, share"),
        ("host: 127.0.0.1}", "host: 127.0.0.1, password: hunter2"),
        ("host: 127.0.0.1}", "host: 127.0.0.1, username: [hunter2]}"),
    ],
)
def test_a_secret_is_never_shown(old, new, write):
    problems = check(write((old, new))).problems
    assert problems
    assert "hunter2" not in "\n".join(map(str, problems))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1500), junk=st.text(max_size=6), gone=st.integers(0, 30))
def test_check_never_raises(place, junk, gone, write):
    path = write()
    text = path.read_text("utf-8")
    path.write_text(text[:place] + junk + text[place + gone :], "utf-8", errors="replace")
    for problem in check(path).problems:
        assert 0 <= problem.line <= len(path.read_text("utf-8").splitlines()) + 1
        assert problem.found
        assert problem.wanted


def test_entries_from_a_merge_have_their_parents_line(write, line_of):
    path = write(("  ahu1: {kind: ahu}", "  ahu1: &base {kind: ahu}\n  ahu2:\n    <<: *base\n    cars: 3"))
    [problem] = check(path).problems
    assert problem.line == line_of(path, "cars: 3")
    path = write(("  ahu1: {kind: ahu}", "  ahu1: &base {kind: ahu, carz: 3}\n  ahu2:\n    <<: *base"))
    assert {problem.key for problem in check(path).problems} == {"equipment.ahu1.carz", "equipment.ahu2.carz"}
