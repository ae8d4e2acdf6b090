"""The wheel: look, think, judge, write, tell. Arbiter, lease, dispatch, hand-back."""
