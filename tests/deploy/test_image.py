"""The image and the guide: what can be told of them without a Docker engine and without a Raspberry Pi."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
GUIDE = (DEPLOY / "README.md").read_text("utf-8")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [row.removeprefix(name).strip() for row in joined.splitlines() if row.startswith(f"{name} ")]


def test_it_is_built_in_two_stages_from_one_plain_image():
    assert instructions("FROM") == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert not re.search(r"--platform[= ](?!linux/amd64,linux/arm64)|x86_64|aarch64", DOCKERFILE)


def test_nothing_runs_as_root():
    last = DOCKERFILE.split("FROM ")[-1]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert last.index("USER ") < last.index("ENTRYPOINT")


def test_only_what_is_locked_comes_in():
    installs = [row for row in instructions("RUN") if "pip install" in row]
    assert all("--require-hashes" in row or "--no-deps" in row for row in installs)


@pytest.mark.parametrize("name", ["Dockerfile", "README.md", "hushwatt.service", "hushwatt.env", "requirements.txt"])
def test_no_host_is_named(name):
    assert not re.search(r"https?://|index-url", (DEPLOY / name).read_text("utf-8"))


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for row in instructions("COPY"):
        if not row.startswith("--from"):
            for source in row.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored


def test_the_wheel_carries_its_data(tmp_path):
    """The image installs the wheel: templates and models have to be in it, tests have not."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    wanted = [*(ROOT / "agent").rglob("*.yaml"), *(ROOT / "models").rglob("*.onnx"), *(ROOT / "agent").rglob("*.py")]
    assert {str(path.relative_to(ROOT)) for path in wanted} <= set(names)
    assert not [name for name in names if name.startswith("tests")]


def test_the_guide_names_files_and_commands_that_exist():
    for name in re.findall(r"^\| (`.+?`) \|", GUIDE.split("## 1.")[0], re.MULTILINE):
        for file in re.findall(r"`([^`]+)`", name):
            assert (DEPLOY / file).exists(), file
    program = Path(sys.executable).with_name("hushwatt")
    told = subprocess.run([str(program), "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for command in set(re.findall(r"(?:bin/|\.\.\. |`)hushwatt (?!:)([a-z]+)", GUIDE)):
        assert re.search(rf"\b{command}\b", told), command


def test_the_guide_says_what_was_not_tried():
    assert "Nothing on this page has been run on a real Raspberry Pi" in GUIDE
