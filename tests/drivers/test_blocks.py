"""Laws of joining registers into requests."""

from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.blocks import join, make_block, places
from agent.drivers.modbus_codec import TYPES, width
from agent.drivers.wire import ModbusPoint

points = st.lists(
    st.builds(
        lambda n, kind, table: ModbusPoint(point=f"e.p{n}", handle=n, unit="count", register=n, type=kind, table=table),
        st.integers(0, 300),
        st.sampled_from(sorted(TYPES)),
        st.sampled_from(["holding", "input", "coil"]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda point: (point.table, point.register),
)
holes = st.sets(st.tuples(st.sampled_from(["holding", "input"]), st.integers(0, 300)), max_size=20)


@given(points, st.integers(4, 125), st.integers(0, 30), holes)
def test_law_every_point_is_asked_for_once_within_the_limits(points, most, gap, holes):
    blocks = join(points, most, gap, holes)
    assert sorted(p.handle for block in blocks for p in block.points) == sorted(p.handle for p in points)
    for block in blocks:
        assert block.count <= (most if block.table in ("holding", "input") else min(16 * most, 2000))
        assert not block.gaps & holes
        for p in block.points:
            assert p.table == block.table
            assert block.start <= p.register and p.register + width(p) <= block.start + block.count


@given(points, st.integers(4, 125), st.integers(0, 30))
def test_law_parts_are_fewer_and_nothing_is_lost(points, most, gap):
    for block in join(points, most, gap):
        parts = block.parts()
        assert sorted(p.handle for part in parts for p in part.points) == sorted(p.handle for p in block.points)
        assert len(parts) > 1 or len(block.points) == 1
        assert all(len(part.points) < len(block.points) for part in parts) or len(block.points) == 1


def test_a_block_tells_its_gaps():
    pair = [ModbusPoint(point=f"e.p{n}", handle=n, unit="count", register=n, type="float32") for n in (10, 14)]
    assert make_block(pair).gaps == {("holding", 12), ("holding", 13)}
    assert str(make_block(pair)) == "holding 10..15"
    assert places(pair[0]) == [("holding", 10), ("holding", 11)]
