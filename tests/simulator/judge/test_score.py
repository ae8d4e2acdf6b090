"""`hushwatt score`: pairs, bytes, pages and what a person sees when something is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from xml.etree import ElementTree

import psutil
import pytest
import typer
from typer.testing import CliRunner

from agent.core.errors import ConfigError
from simulator import scenarios
from simulator.judge import charts, report
from simulator.judge.command import score as command
from simulator.judge.oracle import Budget
from simulator.judge.runs import CONTROLLERS, Task, carry_out
from simulator.judge.score import Scorecard, ask, score

SCENARIO = "office-tower"
SMALL = Budget(worlds=8, generations=1, lookahead_h=2.0)
app = typer.Typer()
app.command()(command)


def nobody(work):
    """Nobody listens how far it is."""


def task(controller, *seeds):
    return Task(scenario=SCENARIO, controller=controller, seeds=seeds, days=1, learn_days=0, budget=SMALL)


@pytest.fixture(scope="module")
def question():
    return ask(SCENARIO, CONTROLLERS, 2, days=1, learn_days=0, budget=SMALL)


@pytest.fixture(scope="module")
def card(question):
    return score(question, jobs=2)


# --- runs ---


def test_own_control_always_runs_for_it_is_the_yardstick():
    assert ask(SCENARIO, ["planner"], 1).controllers == ("hold", "planner")


def test_hold_is_a_plain_run_in_which_nobody_writes():
    (run,) = carry_out(task("hold", 1), nobody)
    plant = scenarios.load(SCENARIO, seed=1, days=1, learn_days=0)
    plant.start_account()
    while plant.unix_s < plant.end_unix_s - 0.5:
        plant.step({})
    assert run.account["site_kwh"] == pytest.approx(plant.account().site_kwh, rel=1e-9)
    assert sum(run.hourly_kw) == pytest.approx(run.account["import_kwh"], rel=1e-9)


def test_who_else_was_asked_for_changes_no_byte():
    together = carry_out(task("hold", 1, 2, 3), nobody)
    alone = carry_out(task("hold", 2), nobody)
    assert together[1] == alone[0]
    assert together[0] != together[1]


def test_work_told_is_work_done():
    """The bar ends at its end."""
    told = []
    carry_out(task("hold", 1, 2), told.append)
    assert sum(told) == pytest.approx(task("hold", 1, 2).work)


# --- the score ---


def test_each_run_is_there_by_controller_and_seed(card):
    assert tuple(card.runs) == CONTROLLERS
    assert all([run.seed for run in runs] == [1, 2] for runs in card.runs.values())


def test_the_oracle_is_no_worse_than_nobody(card):
    for own, best in zip(card.values("hold", "energy_kwh"), card.values("oracle", "energy_kwh"), strict=True):
        assert best <= own
    assert card.captured("oracle") in (1.0, None)
    assert card.captured("hold") is None


def test_another_run_with_other_jobs_gives_the_same_bytes(card):
    again = score(ask(SCENARIO, ["planner"], 1, days=1, learn_days=0), jobs=1)
    for name in ("hold", "planner"):
        assert json.dumps(vars_of(again.runs[name][0])) == json.dumps(vars_of(card.runs[name][0]))


def vars_of(run):
    return [run.controller, run.seed, run.account, run.hourly_kw, run.notes]


def test_the_json_has_no_holes(card):
    told = json.loads(json.dumps(card.as_dict(), allow_nan=False))
    assert set(told["controllers"]) == set(CONTROLLERS)
    assert told["controllers"]["planner"]["runs"][0]["notes"]["verdicts"]
    assert told["controllers"]["oracle"]["runs"][0]["notes"]["evaluations"] > 0
    figures = told["controllers"]["hold"]["figures"]
    assert figures["site_kwh"]["min"] <= figures["site_kwh"]["mean"] <= figures["site_kwh"]["max"]


# --- the page ---


class Page(HTMLParser):
    """What a page refers to, and its ids."""

    def __init__(self):
        super().__init__()
        self.ids, self.addresses, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in ("src", "href", "xlink:href", "action", "data"):
                self.addresses.append(value)


@pytest.fixture(scope="module")
def drawn(card):
    return charts.draw_all(card)


def test_the_page_needs_nothing_from_outside(card, drawn):
    text = report.page(card, drawn)
    page = Page()
    page.feed(text)
    assert "script" not in page.tags and "link" not in page.tags and "img" not in page.tags
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import", text)
    assert page.tags.count("svg") == len(drawn) == len(charts.CHARTS)


def test_ids_on_the_page_are_one_each_and_every_reference_hits(card, drawn):
    page = Page()
    page.feed(report.page(card, drawn))
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses} <= set(page.ids)


def test_the_page_tells_what_an_operator_asks(card, drawn):
    text = report.page(card, drawn)
    for word in ("own control (hold)", "planner", "oracle", "PUE", "idle", "95 %", "promises no saving", "generations"):
        assert word in text


def test_pictures_are_whole_and_the_same_each_time(card, drawn, tmp_path):
    paths = charts.save(drawn, tmp_path)
    assert {path.suffix for path in paths} == {".png", ".svg"}
    for path in paths:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            assert path.read_bytes().startswith(b"\x89PNG")
    assert charts.draw_all(card) == drawn


def test_one_controller_and_one_seed_make_a_page_too(card):
    question = ask(SCENARIO, ["hold"], 1, days=1, learn_days=0)
    single = Scorecard(question, {"hold": card.runs["hold"][:1]})
    assert "own control" in report.page(single, charts.draw_all(single))


# --- what people type ---


def test_the_command_leaves_its_files(tmp_path):
    out = tmp_path / "out"
    asked = [SCENARIO, "--controller", "hold", "--seeds", "2", "--days", "1", "--learn-days", "0", "--out", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "whole site" in done.output
    names = {path.name for path in out.iterdir()}
    assert {"score.json", "score.html", "energy.png", "energy.svg", "day.svg"} <= names
    told = json.loads((out / "score.json").read_text())
    assert told["seeds"] == [1, 2] and told["ran"]["jobs"] >= 1


@pytest.fixture
def strict_scenario(tmp_path):
    """The tower, expected to run on nothing."""
    text = scenarios.find(SCENARIO).read_text()
    path = tmp_path / "strict.yaml"
    path.write_text(re.sub(r"(?ms)^expect:.*?(?=^\S|\Z)", "", text) + "\nexpect:\n  site_kwh: {max: 1.0}\n")
    return str(path)


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--strict",), 1)])
def test_strict_ends_with_1_when_an_expectation_is_not_met(strict_scenario, flags, code):
    asked = [strict_scenario, "--controller", "hold", "--seeds", "1", "--days", "1", "--learn-days", "0", *flags]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == code, done.output
    assert "site_kwh at most 1: NOT met in 0 of 1 seeds" in done.output


MISTAKES = [
    (("offic-tower",), "office-tower"),
    ((SCENARIO, "--controller", "planer"), "planner"),
    ((SCENARIO, "--seeds", "0"), "1 to"),
    ((SCENARIO, "--days", "0"), "days"),
]


@pytest.mark.parametrize(("asked", "hint"), MISTAKES)
def test_a_mistake_is_told_before_anything_runs(asked, hint):
    done = CliRunner().invoke(app, list(asked))
    assert done.exit_code == 2
    assert hint in done.output


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigError) as fault:
        ask(SCENARIO, ["planer", "orakle"], 0)
    assert [problem.nearest for problem in fault.value.problems] == ["planner", "oracle", None]


def test_ctrl_c_ends_all_and_writes_nothing(tmp_path):
    program = "import typer; from simulator.judge.command import score; typer.run(score)"
    asked = [SCENARIO, "--controller", "hold", "--seeds", "200", "--jobs", "2", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *asked],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ,
        start_new_session=True,
        text=True,
    ) as process:
        workers = _workers(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # As a terminal does: to the whole group.
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped" in said and "Traceback" not in said
    psutil.wait_procs(workers, timeout=5)
    assert [worker for worker in workers if worker.is_running()] == []
    assert list(tmp_path.iterdir()) == []


def _workers(pid):
    """Once two are at work."""
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        found = [
            child for child in psutil.Process(pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())
        ]
        if len(found) >= 2 and sum(child.cpu_times().user for child in found) > 2.0:
            return found
        time.sleep(0.1)
    raise AssertionError("no workers came up")
