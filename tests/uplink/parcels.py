"""Parcels by hand."""

import numpy as np

from agent.core.clock import Instant
from agent.core.journal import Entry
from agent.store.records import EntryRecord
from agent.uplink.parcel import Block, Layout, Parcel

START = 1_750_000_000.0
LAYOUT = Layout(device="bms", points=("ahu1.fan_power", "zone1.zone_air_temperature"), units=("kW", "degC"))


def parcel(first, last, *, is_live=True, chain="c1", layout=LAYOUT, bad=()):
    """Record n: (n / 10, n), a second apart; the second column of `bad` is BAD."""
    seq = np.arange(first, last + 1)
    quality = np.zeros((len(seq), 2), np.uint8)
    quality[np.isin(seq, bad), 1] = 128
    values = np.stack([seq / 10.0, seq.astype(np.float64)], axis=1)
    values[np.isin(seq, bad), 1] = np.nan
    block = Block(layout=layout, seq=seq, boot=np.ones_like(seq), unix_s=START + seq, values=values, quality=quality)
    return Parcel(chain=chain, first_seq=first, last_seq=last, blocks=(block,), is_live=is_live)


def note(seq, text="hello", *, chain="c1"):
    at = Instant(unix_s=START + seq, mono_s=0.0)
    entry = Entry(at=at, kind="lease", subject="ahu1", text=text, data={"x": 1.5})
    return Parcel(chain=chain, first_seq=seq, last_seq=seq, entries=(EntryRecord(seq=seq, boot=1, entry=entry),))
