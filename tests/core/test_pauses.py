"""How long we wait before we knock again."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.pauses import Pauses


@given(st.floats(0.01, 10.0), st.floats(1.0, 1000.0), st.text())
def test_law_pauses_grow_to_a_bound_are_jittered_and_never_end(first_s, times, seed):
    made = {"first_s": first_s, "longest_s": first_s * times, "seed": seed}
    pauses, same = Pauses(**made), Pauses(**made)
    told = [pauses.next() for _ in range(300)]
    steps = [min(first_s * times, first_s * 2.0**n) for n in range(300)]
    assert all(step / 2 <= pause <= step for step, pause in zip(steps, told, strict=True))
    assert len(set(told[20:])) > 250  # Gateways that lost the same broker do not come back in step.
    assert told == [same.next() for _ in range(300)]
    pauses.reset()
    assert pauses.next() <= first_s
