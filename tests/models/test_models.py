"""Each model folder keeps its promise: same bytes from its build, same plan as its twin, golden vectors, quick."""

import time
from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import ModelError
from agent.optimize.host import ModelHost
from models.crac import example as crac_example
from models.crac import twin as crac_twin
from models.lift_group import example as lift_example
from models.lift_group import twin as lift_twin
from models.promise import read_golden
from models.zone_ahu import example as zone_example
from models.zone_ahu import twin as zone_twin

MODELS = Path(__file__).parents[2] / "models"
FOLDERS = ("zone_ahu", "crac", "lift_group")
CLOSE = 1e-4


def close(found: dict, wanted: dict) -> bool:
    return all(np.allclose(found[name], value, rtol=CLOSE, atol=CLOSE) for name, value in wanted.items())


@pytest.mark.parametrize("name", FOLDERS)
def test_golden_vectors(name):
    inputs, outputs = read_golden(MODELS / name)
    found = ModelHost(MODELS / name).run(inputs)
    assert set(found) == set(outputs)
    assert close(found, outputs)


@pytest.mark.parametrize("seed", [2, 3])
def test_zone_twin_agrees(seed):
    inputs = zone_example.example(seed, steps=48, outdoor_c=-2.0 if seed == 3 else 24.0)
    assert close(ModelHost(MODELS / "zone_ahu").run(inputs), zone_twin.plan(inputs))


@pytest.mark.parametrize("seed", [2, 3])
def test_crac_twin_agrees(seed):
    inputs = crac_example.example(seed)
    assert close(ModelHost(MODELS / "crac").run(inputs), crac_twin.plan(inputs))


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_lift_twin_agrees(seed):
    inputs = lift_example.example(seed, cars=2 + seed, floors=1 if seed == 2 else 9)
    assert close(ModelHost(MODELS / "lift_group").run(inputs), lift_twin.plan(inputs))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FOLDERS)
def test_build_is_deterministic(name, tmp_path):
    """The committed graph is what the code builds, byte for byte."""
    pytest.importorskip("spox")
    from models.crac import build as crac
    from models.graph import write
    from models.lift_group import build as lifts
    from models.zone_ahu import build as zone

    proto = {"zone_ahu": zone.zone_ahu, "crac": crac.crac, "lift_group": lifts.lift_group}[name]()
    assert write(proto, tmp_path / "model.onnx") == (MODELS / name / "model.onnx").read_bytes()
    assert proto.ir_version == 10
    assert {entry.version for entry in proto.opset_import if entry.domain == ""} == {21}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_same_inputs_give_the_same_plan(name):
    inputs, _ = read_golden(MODELS / name)
    host = ModelHost(MODELS / name)
    first, second = host.run(inputs), host.run(inputs)
    assert all(np.array_equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", FOLDERS)
def test_not_a_number_is_refused(name):
    inputs, _ = read_golden(MODELS / name)
    host = ModelHost(MODELS / name)
    for key in ("price", "step_h"):
        broken = dict(inputs)
        broken[key] = np.full_like(inputs[key], np.nan)
        with pytest.raises(ModelError, match=key):
            host.run(broken)


def test_wrong_length_is_refused():
    inputs, _ = read_golden(MODELS / "crac")
    with pytest.raises(ModelError, match="price"):
        ModelHost(MODELS / "crac").run(inputs | {"price": inputs["price"][:-1]})


def test_out_of_range_is_refused():
    inputs, _ = read_golden(MODELS / "crac")
    with pytest.raises(ModelError, match="speed"):
        ModelHost(MODELS / "crac").run(inputs | {"speed": inputs["speed"] * 0.0})


def test_a_damaged_graph_is_a_model_error(tmp_path):
    (tmp_path / "signature.json").write_text((MODELS / "crac" / "signature.json").read_text())
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        ModelHost(tmp_path)


def test_a_missing_promise_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"signature\.json"):
        ModelHost(tmp_path)


def test_a_graph_that_breaks_its_promise_is_refused(tmp_path):
    (tmp_path / "signature.json").write_text((MODELS / "zone_ahu" / "signature.json").read_text())
    (tmp_path / "model.onnx").write_bytes((MODELS / "crac" / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match="promises"):
        ModelHost(tmp_path)


def test_the_best_plan_is_not_dearer_than_the_yardsticks():
    """Among all plans that the graph scores, the chosen one has the least cost less bonus."""
    for name in ("zone_ahu", "crac"):
        inputs, _ = read_golden(MODELS / name)
        found = ModelHost(MODELS / name).run(inputs)
        rank = found["cost"] - inputs["bonus"]
        assert rank[int(found["index"])] == rank.min()


def test_a_plan_is_quick():
    """A generous bound for shared machines; tests/bench/bench_planner.py measures."""
    inputs, _ = read_golden(MODELS / "zone_ahu")
    host = ModelHost(MODELS / "zone_ahu")
    host.run(inputs)
    start = time.perf_counter()
    for _ in range(5):
        host.run(inputs)
    assert (time.perf_counter() - start) / 5 < 0.2
