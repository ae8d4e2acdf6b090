"""Beliefs: what trials tell is found below the weather's drift, what was never tried stays as unsure as it was."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.learn.trials import REACH, Belief

TRUTH = np.array([1.0, -0.03, 0.2])
PRIOR = Belief.prior(np.array([1.0, 0.1, 0.0]), np.array([1.0, 0.15, 0.3]), noise=0.02)


def lived(seed: int, steps: int = 400, wander: float = 0.01) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two knobs that move now and then, under weather that nobody measures and that strays slowly."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.1, (steps, 2)) * (rng.random((steps, 2)) < 0.1)
    columns = np.column_stack((np.ones(steps), np.cumsum(moves, axis=0)))
    stray = np.zeros(steps)
    for k in range(1, steps):
        stray[k] = 0.98 * stray[k - 1] + rng.normal(0.0, wander)
    return columns, columns @ TRUTH + stray, np.arange(steps)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_the_truth_lies_within_what_is_believed(seed):
    columns, target, steps = lived(seed)
    known = PRIOR.learned(columns, target, steps).told_apart(columns, target, steps, least_noise=0.01)
    belief = Belief(mean=PRIOR.mean, precision=PRIOR.precision, noise=known.noise, steadiness=known.steadiness)
    belief = belief.learned(columns, target, steps)
    # Noise and steadiness are found from the same rows, so one seed in a thousand strays beyond five.
    assert (np.abs(np.array(belief.mean) - TRUTH)[1:] < 8.0 * belief.spread[1:]).all()
    assert (belief.spread[1:] < PRIOR.spread[1:]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 399))
def test_learning_in_two_parts_is_learning_at_once(seed, cut):
    columns, target, steps = lived(seed)
    steps[cut:] += REACH  # A pause between the parts.
    whole = PRIOR.learned(columns, target, steps)
    parts = PRIOR.learned(columns[:cut], target[:cut], steps[:cut]).learned(columns[cut:], target[cut:], steps[cut:])
    np.testing.assert_allclose(parts.mean, whole.mean, atol=0.05)
    np.testing.assert_allclose(parts.spread, whole.spread, rtol=0.2)


def test_what_was_never_moved_stays_a_prior():
    """Two weeks of own control: the level is known, the answer to the knobs is not."""
    columns = np.column_stack((np.ones(1344), np.zeros((1344, 2))))
    belief = PRIOR.learned(columns, np.full(1344, 1.2), np.arange(1344))
    assert belief.mean[0] == pytest.approx(1.2, abs=0.01)
    np.testing.assert_allclose(belief.mean[1:], PRIOR.mean[1:])
    np.testing.assert_allclose(belief.spread[1:], PRIOR.spread[1:])


def test_one_trial_that_was_worse_turns_the_sign():
    """A prior that hopes for less; a step of a fifth that took 4 % more, told by what stood just before."""
    hopeful = Belief.prior(np.array([1.0, -0.1]), np.array([1.0, 0.15]), noise=0.01)
    knob = np.repeat([0.0, 0.2, 0.4], 4)
    told = hopeful.learned(np.column_stack((np.ones(12), knob)), 1.0 + 0.2 * knob, np.arange(12))
    assert told.mean[1] > 0.1
    assert told.mean[1] - 2.0 * told.spread[1] > 0.0  # No second try.


def test_a_move_is_judged_by_what_stood_on_either_side_of_it():
    """The steps of the move itself are left out; then the weather drifts for days, which is not the knob's doing."""
    knob = np.repeat([0.0, 0.0, -0.2, -0.2], 96)
    stray = np.concatenate((np.zeros(96), np.linspace(0.0, 0.03, 96), np.full(96, 0.03), np.linspace(0.03, -0.06, 96)))
    kept = np.arange(384) != 192
    columns, target = np.column_stack((np.ones(384), knob))[kept], (1.0 - 0.1 * knob + stray)[kept]
    prior = Belief.prior(np.array([1.0, 0.0]), np.array([1.0, 0.15]), noise=0.02)
    known = replace(prior, steadiness=0.98).learned(columns, target, np.arange(384)[kept])
    assert known.mean[1] == pytest.approx(-0.1, abs=0.04)


def test_a_spike_is_not_believed():
    columns, target, steps = lived(3)
    spoiled = target.copy()
    spoiled[200] += 5.0
    clean, told = PRIOR.learned(columns, target, steps), PRIOR.learned(columns, spoiled, steps)
    assert np.max(np.abs(np.array(clean.mean) - np.array(told.mean))) < 0.05


def test_the_root_gives_the_covariance():
    columns, target, steps = lived(1)
    belief = PRIOR.learned(columns, target, steps)
    np.testing.assert_allclose(belief.root(1) @ belief.root(1).T, belief.covariance[1:, 1:])


def test_json_there_and_back():
    told = json.loads(json.dumps(asdict(PRIOR)))
    back = Belief(**told | {"mean": tuple(told["mean"]), "precision": tuple(map(tuple, told["precision"]))})
    assert back == PRIOR
