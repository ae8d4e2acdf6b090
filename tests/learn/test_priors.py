"""Priors: each has its source; a file that is broken is refused with a sentence that names it."""

import json

import pytest

from agent.core.errors import ModelError
from agent.learn.priors import MODELS, priors_of

KINDS = sorted(path.parent.name for path in MODELS.glob("*/priors.json"))
GOOD = {"of": ["a"], "mean": [1.0], "spread": [0.5], "unit": "1", "source": "a book"}


def test_each_graph_has_its_priors():
    assert sorted(path.parent.name for path in MODELS.glob("*/model.onnx")) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_prior_is_read_and_tells_its_source(kind):
    told = json.loads((MODELS / kind / "priors.json").read_text())["priors"]
    assert set(priors_of(kind)) == set(told)
    assert all(len(entry["source"]) > 10 and entry["unit"] for entry in told.values())


@pytest.mark.parametrize(
    ("spoiled", "place"),
    [
        ({"mean": [float("nan")]}, "it.mean: found [nan], wanted finite numbers"),
        ({"mean": []}, "it.mean: found [], wanted finite numbers"),
        ({"mean": [True]}, "it.mean: found [True], wanted finite numbers"),
        ({"mean": [1.0, 2.0]}, "it: found 2 means and 1 spreads"),
        ({"spread": [0.0]}, "it.spread: found [0.0], wanted numbers above 0"),
        ({"source": ""}, "it.source: found nothing"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(tmp_path, spoiled, place):
    folder = tmp_path / "crac"
    folder.mkdir()
    (folder / "priors.json").write_text(json.dumps({"format": 1, "priors": {"it": GOOD | spoiled}}))
    with pytest.raises(ModelError, match=r"priors\.json") as fault:
        priors_of("crac", tmp_path)
    assert place in str(fault.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "priors": {}}', '{"format": 1}'])
def test_a_file_that_is_none_is_refused(tmp_path, text):
    folder = tmp_path / "crac"
    folder.mkdir()
    (folder / "priors.json").write_text(text)
    with pytest.raises(ModelError, match=r"priors\.json: found no"):
        priors_of("crac", tmp_path)
