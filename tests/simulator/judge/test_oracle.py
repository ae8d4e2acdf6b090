"""The oracle: finds what can be reckoned by hand, keeps what must be kept, and obeys the agent's own envelope."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec, PointTable
from agent.safety.guard import review
from simulator import scenarios
from simulator.judge.coupling import clusters_of
from simulator.judge.oracle import Budget, search
from simulator.judge.plans import Grip, Knob, Shape, knobs_of, within
from simulator.sites import SITES
from tests.simulator.judge.small_site import FAN, SETPOINT, SPEED, small_site

SMALL = Budget(worlds=24, generations=6)


@pytest.fixture(scope="module")
def found():
    return search(small_site(1), small_site(SMALL.worlds), 2, SMALL, 1)


def test_it_finds_what_can_be_reckoned(found):
    """The fan runs 8 h of 24 (blocks fit exactly); the room needs 20.4 C for ten hours a day."""
    assert found.hold.kwh["fan"] == pytest.approx(2 * 48.0)
    assert 2 * 16.0 <= found.account.kwh["fan"] <= 2 * 16.0 * 1.1
    assert found.account.kwh["heating"] < 0.93 * found.hold.kwh["heating"]


def test_nothing_gets_worse(found):
    assert found.account.comfort_lo_kh <= found.hold.comfort_lo_kh + 0.02
    assert found.account.unvent_h == found.hold.unvent_h == 0.0
    assert not found.is_own


def test_its_own_control_is_a_plain_run():
    alone = small_site(1, days=2)
    for _ in range(3 * 144):
        alone.step()
        if alone.unix_s == alone.judge_unix_s:
            alone.start_account()
    assert search(small_site(1), small_site(8), 2, Budget(worlds=8, generations=1), 1).hold == alone.accounts()[0]


def test_the_same_seed_finds_the_same(found):
    again = search(small_site(1), small_site(SMALL.worlds), 2, SMALL, 1)
    assert again == found


@pytest.mark.parametrize("generations", [1, 2])
def test_what_was_spent_is_told(generations):
    """Twice as much on the first of two days."""
    budget, told = Budget(worlds=8, generations=generations), []
    assert search(small_site(1), small_site(8), 2, budget, 1, told.append).evaluations == 8 * 3 * generations
    assert sum(told) == budget.generations_over(2) == 3 * generations


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_law_never_worse_than_own_control(seed):
    """Even with next to no budget."""
    found = search(small_site(1, 2), small_site(8, 2), 1, Budget(worlds=8, generations=1), seed)
    assert found.account.energy_kwh <= found.hold.energy_kwh
    assert found.account.unvent_h <= found.hold.unvent_h + 0.05


# --- parts that touch ---


def test_parts_that_do_not_touch_are_searched_side_by_side():
    worlds = small_site(16)
    before = worlds.read()
    clusters = clusters_of(worlds, np.random.default_rng(1))
    assert [[knob.point for knob in one.shape.knobs] for one in clusters] == [[SETPOINT], [FAN]]
    assert [one.rows for one in clusters] == [(0,), (1,)]
    assert np.array_equal(worlds.read(), before)


def test_parts_that_touch_are_searched_together():
    clusters = clusters_of(small_site(16, is_coupled=True), np.random.default_rng(1))
    assert [[knob.point for knob in one.shape.knobs] for one in clusters] == [[FAN], [SETPOINT, SPEED]]
    assert clusters[1].rows == (0, 2)


# --- going back in time ---


def test_a_copy_lives_as_the_first_would_and_leaves_it_alone():
    worlds = small_site(2)
    worlds.hold({SETPOINT: np.array([15.0, np.nan])})
    worlds.step()
    twin = worlds.copy()
    twin.hold({FAN: 0.0, SETPOINT: np.array([20.0, 24.0])})
    for _ in range(20):
        twin.step()
    shown = twin.read()
    assert shown[twin.names.index(SETPOINT)].tolist() == [20.0, 24.0]
    assert shown[twin.names.index(FAN)].tolist() == [0.0, 0.0]
    worlds.hold({FAN: 0.0, SETPOINT: np.array([20.0, 24.0])})
    for _ in range(20):
        worlds.step()
    assert np.array_equal(worlds.read(), shown)
    assert worlds.accounts() == twin.accounts()


# --- within the envelope ---

KNOB = Knob(
    point="crac1.supply_air_temperature_setpoint",
    role="supply_air_temperature_setpoint",
    low=16.0,
    high=26.0,
    step=1.0,
    hold_s=600.0,
    is_switch=False,
    is_whole=False,
)


@given(
    st.lists(st.floats(0.0, 40.0), min_size=1, max_size=40),
    st.floats(10.0, 30.0),
    st.sampled_from((60.0, 300.0, 900.0)),
)
def test_law_the_gate_finds_nothing_to_clip(wanted, present, step_s):
    """Each order is written when it changes; the agent's own gate lets each pass as it is."""
    orders = within([KNOB], np.array(wanted)[None, :, None], Grip.fresh(np.array([[present]])), 0.0, step_s)[0, :, 0]
    limit = Limit(point=KNOB.point, low=KNOB.low, high=KNOB.high, step=KNOB.step, hold_s=KNOB.hold_s)
    table = PointTable([PointSpec(id=KNOB.point, unit="degC", kind=Kind.SETPOINT, poll_s=60.0, fresh_s=1e9)])
    last, follows = None, present
    for k, order in enumerate(orders):
        if order == follows:
            continue
        at = Instant(unix_s=k * step_s, mono_s=k * step_s)
        image = Image(
            at=at, table=table, values=np.array([follows]), quality=np.zeros(1, np.uint8), sampled_mono_s=np.zeros(1)
        )
        wish = Proposal(point=KNOB.point, value=float(order), source="oracle", reason="", until_mono_s=1e9)
        verdict = review(wish, limit, last, image)
        is_brought_in = follows < limit.low - limit.step or follows > limit.high + limit.step
        assert verdict.kind == "allow" or (verdict.rule == "band" and is_brought_in)
        last, follows = verdict.command, float(order)


KNOBS = [knob for part in knobs_of(small_site(1)) for knob in part]


@given(st.integers(0, 10_000))
def test_law_every_vector_is_a_plan_within_the_band(seed):
    shape = Shape(KNOBS)
    vectors = np.random.default_rng(seed).uniform(size=(shape.size, 5))
    wanted = shape.wanted(vectors, np.arange(0.0, 33.0, 0.5))
    for knob, rows in zip(KNOBS, wanted, strict=True):
        assert ((knob.low <= rows) & (rows <= knob.high)).all()
        assert not knob.is_switch or set(np.unique(rows)) <= {0.0, 1.0}


@pytest.mark.parametrize("site", SITES)
def test_every_site_can_go_back_in_time(site):
    """Parts that lean on one another lean on the copies of one another."""
    name = next(name for name in scenarios.names() if f"\nsite: {site}\n" in scenarios.find(name).read_text())
    plan = scenarios.changed(scenarios.read(name), days=1, learn_days=0)
    worlds = scenarios.worlds(plan, [1, 2])
    held = {point: 0.5 * (permit.low + permit.high) for point, permit in worlds.permits.items()}
    twin = worlds.copy()
    for one in (twin, worlds):
        one.hold(held)
        for _ in range(round(3 * 3600 / one.step_s)):
            one.step()
    assert np.array_equal(twin.read(), worlds.read())
    assert twin.accounts() == worlds.accounts()
