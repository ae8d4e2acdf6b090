"""Laws of the zone graph: its twin plans alike in any building and weather; what is no number is never a plan."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.errors import ModelError
from agent.optimize.host import ModelHost, twin_of
from models.zone_ahu.example import example

FOLDER = Path(__file__).parents[2] / "models" / "zone_ahu"
CLOSE = 1e-4
INPUTS = sorted(example())
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def hosts():
    return ModelHost(FOLDER), ModelHost(FOLDER, twin=twin_of("zone_ahu"))


@SLOW
@given(
    seed=st.integers(0, 1000),
    zones=st.integers(1, 6),
    outdoor_c=st.floats(-25.0, 42.0),
    gas=st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])),
    economizer=st.sampled_from([0.0, 1.0]),
    gas_price=st.floats(0.0, 2.0),
)
def test_graph_and_twin_plan_alike(hosts, seed, zones, outdoor_c, gas, economizer, gas_price):
    """Costs of all plans, and what they use; where two plans cost the same either may be taken."""
    inputs = example(seed, zones=zones, steps=24, outdoor_c=outdoor_c)
    inputs |= {"coil_gas": np.float32(gas[0]), "reheat_gas": np.float32(gas[1])}
    inputs |= {"economizer": np.float32(economizer), "gas_price": np.full(24, gas_price, np.float32)}
    graph, twin = (host.run(inputs) for host in hosts)
    assert np.allclose(graph["cost"], twin["cost"], rtol=CLOSE, atol=CLOSE)
    rank = twin["cost"] - inputs["bonus"]
    assert rank[int(graph["index"])] <= rank.min() + CLOSE * max(1.0, abs(rank.min()))
    if int(graph["index"]) == int(twin["index"]):
        for name in ("on", "temperature_c", "energy_kwh", "gas_kwh"):
            assert np.allclose(graph[name], twin[name], rtol=CLOSE, atol=10 * CLOSE), name


@SLOW
@given(name=st.sampled_from(INPUTS), place=st.floats(0.0, 0.999), junk=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_is_not_a_number_is_never_a_plan(hosts, name, place, junk):
    inputs = example(steps=24)
    broken = np.array(inputs[name], order="C")
    broken.reshape(-1)[int(place * broken.size)] = junk
    for host in hosts:
        with pytest.raises(ModelError, match=name):
            host.run(inputs | {name: broken})
        assert host.take() is None
