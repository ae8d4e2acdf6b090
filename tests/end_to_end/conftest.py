"""Real processes for the stories in this folder; whatever still lives at the end is ended by its id."""

import json
import time

import pytest

from simulator.demo.processes import Child


class Stage:
    """A folder, and the processes that were started in it."""

    def __init__(self, folder):
        self.folder = folder
        self.children = []

    def start(self, name, *arguments):
        child = Child(name, arguments, self.folder / f"{name}-{len(self.children)}.log")
        self.children.append(child)
        return child

    def simulate(self, *arguments):
        common = ["--seed", "1", "--days", "1", "--learn-days", "1", "--skip-learning", "--out", str(self.folder)]
        child = self.start("simulator", "simulate", "office-tower", *common, *arguments)
        self.until((self.folder / "ready").exists, child)
        return child

    def run(self, *arguments):
        return self.start("agent", "run", str(self.folder / "site.yaml"), *arguments)

    def status(self):
        try:
            return json.loads((self.folder / "data" / "status.json").read_text())
        except (OSError, ValueError):
            return {}

    def until(self, true, *children, within_s=90):
        deadline = time.monotonic() + within_s
        while not true():
            for child in children:
                child.check()
            assert time.monotonic() < deadline, [child.last_words() for child in self.children]
            time.sleep(0.05)


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    yield made
    for child in reversed(made.children):
        child.stop(20)
