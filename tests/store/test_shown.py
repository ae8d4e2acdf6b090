"""The sentence for the person on duty: how long the store holds, what waits, since when, and what went."""

from dataclasses import replace

import pytest

from agent.board import store_figures, store_text
from agent.core.clock import SystemClock
from agent.store.store import Store

HOUR_S = 3600.0
START = 1_750_000_000.0  # 15:06:40 UTC


async def fill(store, site, hours, sink="cloud", acked_hours=0.0):
    """A scan each minute, a run each four hours; the sink has the first of them."""
    store.outbox.open(sink)
    for minute in range(int(60 * hours)):
        store.append(site.scan(60 * minute, [21.0, 800.0, minute]))
        if minute % 240 == 239:
            await store.seal()
            await store.tidy()
    await store.flush()
    if acked_hours:
        store.outbox.ack(sink, int(60 * acked_hours))
        await store.flush()


@pytest.mark.parametrize(
    ("hours", "acked_hours", "told"),
    [
        (228.0, 224.8, "holds 9.5 days, 3.2 h unsent, oldest 23:54"),
        (10.1, 10.1, "holds 10.1 h, nothing unsent"),
        (60.0, 3.0, "holds 2.5 days, 2.4 days unsent, oldest 2025-06-15 18:06"),
        (0.0, 0.0, "holds 0 s, nothing unsent"),
    ],
)
async def test_the_sentence_is_the_one_that_was_promised(store, site, hours, acked_hours, told):
    await fill(store, site, hours, acked_hours=acked_hours)
    assert store_text(store_figures(await store.counts(), 2000.0)).startswith(told)


async def test_what_was_let_go_is_in_the_sentence(store):
    counts = replace(await store.counts(), thinned_samples=1234, lost_samples=5, dropped=2)
    text = store_text(store_figures(counts, 2000.0))
    assert "1,234 samples thinned to minute means" in text
    assert "5 samples lost before they were sent" in text
    assert text.endswith("2 scans and entries lost while the disk failed")


async def test_room_is_told_once_a_day_was_seen(store, site):
    await fill(store, site, 48.0)
    counts = await store.counts()
    figures = store_figures(counts, max_mb=2 * counts.bytes / 1e6)
    assert figures["room_s"] == pytest.approx(48 * HOUR_S, rel=0.01)
    assert "room for 48.0 h more" in store_text(figures)


async def test_a_clock_from_1970_makes_nothing_longer(tmp_path, site):
    """Held is what the agent lived through, whatever the calendar said."""
    store = await Store.open(tmp_path / "s.db", site.table, SystemClock())
    for second in range(3600):
        scan = site.scan(second, [21.0])
        jump_s = -10 * 365.25 * 24 * HOUR_S if second > 1800 else 0.0
        store.append(replace(scan, at=replace(scan.at, unix_s=scan.at.unix_s + jump_s)))
    await store.seal()
    await store.tidy()
    assert store_text(store_figures(await store.counts(), 2000.0)).startswith("holds 60.0 min")
    await store.close()
