"""Records as the JSON-able dicts of a batch, only with what may leave."""

from __future__ import annotations

import numpy as np

from agent.core.batch import Batch
from agent.core.points import PointTable
from agent.store.records import EntryRecord, ScanRecord, Slice


def as_batch(found: Slice, table: PointTable) -> Batch:
    """Every seq of the slice: what may no longer leave goes as its bare number, so that no gap is seen."""
    told = [_scan(one, table) if isinstance(one, ScanRecord) else _entry(one, table) for one in found.records]
    return Batch(first_seq=found.first_seq, last_seq=found.last_seq, records=told)


def _may_leave(point: str, table: PointTable) -> bool:
    spec = table.get(point)
    return spec is not None and spec.share


def _scan(record: ScanRecord, table: PointTable) -> dict[str, object]:
    keep = [place for place, name in enumerate(record.points) if _may_leave(name, table)]
    values = np.where(np.isfinite(record.values), record.values, np.nan)[keep].tolist()
    return {
        "seq": record.seq,
        "kind": "scan",
        "unix_s": record.at.unix_s,
        "device": record.device,
        "points": [record.points[place] for place in keep],
        "values": [None if value != value else value for value in values],
        "quality": record.quality[keep].tolist(),
    }


def _entry(record: EntryRecord, table: PointTable) -> dict[str, object]:
    entry = record.entry
    may_leave = _may_leave(entry.subject, table) if entry.subject in table else any(spec.share for spec in table)
    kind, subject, text, data = (
        (entry.kind, entry.subject, entry.text, dict(entry.data)) if may_leave else ("", "", "", {})
    )
    told = {"seq": record.seq, "kind": "entry", "unix_s": entry.at.unix_s}
    return {**told, "subject": subject, "text": text, "entry": kind, "data": data}
