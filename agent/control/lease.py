"""The right to command: taken by a command, renewed by each closed cycle, lost on any doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.core.clock import Instant
from agent.core.command import Command, Outcome
from agent.core.image import Image
from agent.core.limits import Envelope
from agent.safety import guard

UNWISHED = "nobody has wished for it since"
BLIND = "a point it needs cannot be seen"
DISAGREES = "the device does not show what was written"
TOUCHED = "somebody else moved it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A point that follows our command."""

    command: Command
    until_mono_s: float
    """Without a renewed wish by then, the point is let go."""
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why an equipment must be handed back."""

    equipment: str
    point: str
    reason: str


class Leases:
    """Which points we hold, and which equipment is barred to us for a while."""

    def __init__(self, envelope: Envelope, *, tolerance: float = 0.06, settle_s: float = 30.0) -> None:
        """`tolerance`: a read-back nearer than this is ours, in the point's unit (coarser than any wire here).

        `settle_s`: how long after a write a device may still show the old value, seconds.
        """
        self._envelope = envelope
        self._tolerance = tolerance
        self._settle_s = settle_s
        self._holds: dict[str, Hold] = {}
        self._barred_until: dict[str, float] = {}

    @property
    def held(self) -> tuple[str, ...]:
        """Points we command, in the order in which they were taken."""
        return tuple(self._holds)

    def last(self, point: str) -> Command | None:
        """The command that the point follows, None when the device has its own control."""
        hold = self._holds.get(point)
        return hold.command if hold else None

    def is_barred(self, equipment: str, now: Instant) -> bool:
        return now.mono_s < self._barred_until.get(equipment, float("-inf"))

    def bar(self, equipment: str, until_mono_s: float) -> None:
        """Keep our hands off until then; a longer bar is never shortened."""
        self._barred_until[equipment] = max(until_mono_s, self._barred_until.get(equipment, float("-inf")))

    def take(self, outcome: Outcome, until_mono_s: float) -> None:
        """A command was sent; from now on the point may follow it, confirmed or not."""
        point = outcome.command.point
        self._holds.pop(point, None)
        self._holds[point] = Hold(
            command=outcome.command, until_mono_s=until_mono_s, confirmed=outcome.kind == "confirmed"
        )

    def renew(self, point: str, until_mono_s: float) -> None:
        if point in self._holds:
            self._holds[point] = replace(self._holds[point], until_mono_s=until_mono_s)

    def let_go(self, point: str) -> None:
        self._holds.pop(point, None)

    def doubts(self, image: Image) -> list[Doubt]:
        """Every reason to hand back that the image shows; one a point at most."""
        found = []
        for point, hold in self._holds.items():
            reason = self._doubt(point, hold, image)
            if reason:
                found.append(Doubt(equipment=point.partition(".")[0], point=point, reason=reason))
        return found

    def _doubt(self, point: str, hold: Hold, image: Image) -> str | None:
        if image.at.mono_s > hold.until_mono_s:
            return UNWISHED
        if guard.is_blind(self._envelope[point], image):
            return BLIND
        if not hold.confirmed:
            return DISAGREES
        return TOUCHED if self._is_touched(point, hold, image) else None

    def _is_touched(self, point: str, hold: Hold, image: Image) -> bool:
        shown, wanted = image.good(point), hold.command.value
        since_s = image.at.mono_s - hold.command.at.mono_s
        sampled_since = image.age_s(point) < since_s - self._settle_s
        return shown is not None and wanted is not None and sampled_since and abs(shown - wanted) > self._tolerance
