"""A site's own model is checked before it plans; what is refused is told in a sentence and the rules run."""

import json
import shutil
import sys

import numpy as np
import pytest

from agent.core.errors import ModelError
from agent.equipment.systems import LiftSystem, Systems
from agent.optimize import hosts as hosts_module
from agent.optimize.host import ModelHost, twin_of
from agent.optimize.hosts import MODELS, open_hosts
from agent.optimize.probe import probe
from agent.optimize.weights import check_weights
from models.promise import read_golden

NAME = "lift_group"


@pytest.fixture
def own(tmp_path):
    """A copy of our model, and a way to spoil it."""
    folder = tmp_path / "mine"
    shutil.copytree(MODELS / NAME, folder)

    def spoil(change=lambda told: None, graph: bytes | None = None):
        path = folder / "signature.json"
        told = json.loads(path.read_text())
        change(told)
        path.write_text(json.dumps(told))
        if graph is not None:
            (folder / "model.onnx").write_bytes(graph)
        return Systems(lifts=(LiftSystem(lifts="lifts1"),), models={NAME: folder})

    return spoil


def refused(systems) -> str:
    opened = open_hosts(systems, try_first=True)
    assert opened.get(NAME) is None and len(opened.notes) == 1
    return opened.notes[0]


def test_a_sound_model_of_the_site_plans(own):
    opened = open_hosts(own(), try_first=True)
    assert opened.notes == [] and opened.get(NAME).folder.name == "mine"


WRONG = [  # what a person did, what the sentence says
    (lambda t: t.pop("outputs"), "wanted `inputs` and `outputs`"),
    (lambda t: t["inputs"][0].pop("unit"), "unit is missing"),
    (lambda t: t["inputs"][0].update(unit="kW"), "is in kW, wanted count"),
    (lambda t: t["inputs"][0].update(name="passengers"), "passengers is none that we feed"),
    (lambda t: t["inputs"][0].update(shape=[]), "has shape"),
    (lambda t: t["inputs"][0].update(low=5, high=1), "its range is 5..1"),
    (lambda t: t["outputs"].pop(0), "output cars_plan in count is missing"),
    (lambda t: t["outputs"].reverse(), "signature.json promises"),
]


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_a_wrong_signature_is_told(own, change, says):
    told = refused(own(change))
    assert says in told and "the baseline's rules run" in told


def test_a_graph_that_is_none(own):
    assert "cannot be read as an ONNX model" in refused(own(graph=b"no graph"))


def test_weights_that_are_no_numbers(own):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(MODELS / NAME / "model.onnx")
    bad = onnx.numpy_helper.from_array(np.array([1.0, np.nan], np.float32), "gain")
    model.graph.initializer.append(bad)
    told = refused(own(graph=model.SerializeToString()))
    assert "`gain` holds a number that is none" in told


def test_an_unsupported_operator(own):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(MODELS / NAME / "model.onnx")
    model.graph.node[0].op_type = "Telepathy"
    assert "onnxruntime cannot load it" in refused(own(graph=model.SerializeToString()))


def test_a_narrower_range_gives_the_baseline(own):
    """Out-of-range inputs are a ModelError, on which the planner leaves the machine to its rules."""
    systems = own(lambda told: told["inputs"][0].update(high=3.0))
    inputs, _ = read_golden(MODELS / NAME)
    host = open_hosts(systems).get(NAME)
    with pytest.raises(ModelError, match="trips spans"):
        host.run(inputs)


def test_a_slow_model_is_refused(own, monkeypatch):
    monkeypatch.setattr("agent.optimize.probe.SLOW_MS", 0.0)
    from agent.optimize.probe import _try

    assert "at most 0 will do" in _try(MODELS / NAME, MODELS / NAME).fault


def test_a_crash_stays_in_its_process(own, monkeypatch, tmp_path):
    """onnxruntime dies on the site's model: the agent lives, and tells it. Ours are planned by their twins."""
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text("import os\nos.abort()\n")
    path = [str(tmp_path), *[entry for entry in sys.path if entry]]
    monkeypatch.setenv("PYTHONPATH", ":".join(path))
    folder = tmp_path / "fresh"
    shutil.copytree(MODELS / NAME, folder)
    assert "ended with -6" in probe([(folder, MODELS / NAME)])[folder].fault
    opened = open_hosts(Systems(lifts=(LiftSystem(lifts="lifts1"),)), models=_copied(tmp_path), try_first=True)
    assert "numpy twin" in opened.notes[0]
    inputs, outputs = read_golden(MODELS / NAME)
    found = opened.get(NAME).run(inputs)
    assert all(np.allclose(found[name], outputs[name], rtol=1e-4, atol=1e-4) for name in outputs)


def _copied(tmp_path):
    shutil.copytree(MODELS / NAME, tmp_path / "models" / NAME)
    return tmp_path / "models"


def test_without_onnxruntime_the_twins_plan(monkeypatch):
    def missing(path):
        raise ImportError("No module named 'onnxruntime'")

    monkeypatch.setattr("agent.optimize.host._session", missing)
    opened = open_hosts(Systems(lifts=(LiftSystem(lifts="lifts1"),)))
    assert opened.get(NAME) is not None and "numpy twin" in opened.notes[0]
    assert hosts_module.wanted_by(Systems()) == []


@pytest.mark.parametrize("name", ["zone_ahu", "crac", "lift_group"])
def test_each_twin_stands_in_for_its_graph(name):
    inputs, _ = read_golden(MODELS / name)
    graph, twin = ModelHost(MODELS / name).run(inputs), ModelHost(MODELS / name, twin=twin_of(name)).run(inputs)
    assert all(np.allclose(graph[key], twin[key], rtol=1e-4, atol=1e-4) for key in graph)
    check_weights(MODELS / name / "model.onnx")
