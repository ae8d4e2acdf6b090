"""A gateway for stories: the true agent as a process on a tiny site, with a disk and a clock that can be spoiled."""

import subprocess
import sys
import time

from agent.core.errors import StoreError
from agent.store.reader import open_reader

POINT = "zone1.zone_air_temperature"
POLL_S = 0.2
SITE = f"""\
version: 1
site: {{name: house, gateway: gateway1}}
store: {{path: disk/hushwatt.db, commit_s: 0.1}}
devices:
  rooms:
    driver: memory
    poll_s: {POLL_S}
    points:
      {POINT}: {{}}
      zone1.co2_level: {{}}
equipment:
  zone1: {{kind: zone}}
control: {{mode: shadow}}
"""
AGENT = """
import sys, time
from pathlib import Path
now, jump = time.time, Path(sys.argv.pop(1))
time.time = lambda: now() + float(jump.read_text() or 0)  # Nobody may set this machine's clock.
from agent.cli import main
main()
"""
TEN_YEARS_S = 10 * 365.25 * 86_400


class Gateway:
    """The agent as a process, with a disk of its own."""

    def __init__(self, folder):
        self.disk = folder / "disk"
        self.path = self.disk / "hushwatt.db"
        self.site = folder / "site.yaml"
        self.site.write_text(SITE)
        self.log = folder / "agent.log"
        self.log.touch()
        self.jump = folder / "jump"
        self.jump_clock(0.0)
        self.disk.mkdir()
        self.process = None
        self.is_mounted = False
        self.lives = 0

    def mount(self, options):
        told = ["mount", "-t", "tmpfs", "-o", options, "none", self.disk]
        self.is_mounted = subprocess.run(told, capture_output=True, check=False).returncode == 0
        return self.is_mounted

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.disk], check=True)

    def jump_clock(self, seconds):
        self.jump.with_suffix(".new").write_text(str(seconds))
        self.jump.with_suffix(".new").replace(self.jump)

    def start(self):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", AGENT, str(self.jump), "run", str(self.site)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

        self.lives += 1
        self.until(self.says("house is up", self.lives))

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text()[-2000:]

    def until(self, true, within_s=40):
        deadline = time.monotonic() + within_s
        while not true():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def says(self, words, times=1):
        return lambda: self.log.read_text("utf-8", "replace").count(words) >= times

    def stored(self):
        """Samples ever stored, as far as anybody can see now."""
        try:
            with open_reader(self.path) as reader:
                return reader.counts().samples
        except StoreError:
            return 0

    def until_more(self, count=10):
        before = self.stored()
        self.until(lambda: self.stored() >= before + count)

    def polls_s(self):
        with open_reader(self.path) as reader:
            return reader.history([POINT], 0, 9e9)[POINT].unix_s

    def entries(self, kind):
        with open_reader(self.path) as reader:
            return [entry.text for entry in reader.entries(kind=kind)][::-1]

    def fill(self):
        with (self.disk / "ballast").open("wb", 0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def take_names(self):
        for number in range(1000):
            try:
                (self.disk / f"name{number}").touch()
            except OSError:
                return

    def give_names_back(self):
        for file in self.disk.glob("name*"):
            file.unlink()
