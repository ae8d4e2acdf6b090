"""What a receiver says back: which records it has safely kept, which batch it never takes, what it did not understand.

`kept` is cumulative: the ranges it has of this chain, so a lost answer costs nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from agent.core.errors import OperatingError
from agent.uplink.ranges import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message from the receiver."""

    chain: str
    kept: tuple[Range, ...] = ()
    refused: Range | None = None
    """This stretch will never be taken."""
    reason: str = ""
    unknown: tuple[str, ...] = ()
    """Ids of layouts that have to be explained again."""


def encode_answer(answer: Answer) -> bytes:
    told: dict[str, object] = {"chain": answer.chain, "kept": [list(kept) for kept in answer.kept]}
    if answer.refused is not None:
        told |= {"refused": list(answer.refused), "reason": answer.reason}
    if answer.unknown:
        told["unknown"] = list(answer.unknown)
    return json.dumps(told, separators=(",", ":")).encode()


def decode_answer(payload: bytes) -> Answer:
    """Raises OperatingError for anything else."""
    try:
        told = json.loads(payload)
        refused = told.get("refused")
        return Answer(
            chain=_text(told["chain"]),
            kept=tuple(_range(kept) for kept in told.get("kept", ())),
            refused=None if refused is None else _range(refused),
            reason=_text(told.get("reason", "")),
            unknown=tuple(_text(name) for name in told.get("unknown", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise OperatingError(f"an answer that cannot be read: {payload[:80]!r}") from fault


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError("wanted text")
    return told


def _range(told: object) -> Range:
    if not isinstance(told, list) or len(told) != 2 or not all(type(seq) is int for seq in told):
        raise TypeError("wanted a range of records")
    if not 0 < told[0] <= told[1]:
        raise ValueError("wanted a range of records")
    return told[0], told[1]
