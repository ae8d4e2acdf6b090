"""Two kinds of wrong: the world's (retried on a budget) and what a person has to mend (told with its place)."""

from __future__ import annotations

from dataclasses import dataclass


class OperatingError(Exception):
    """The world failed us: a device silent, a broker gone, a disk full. Retried with growing pauses."""


class DeviceError(OperatingError):
    """A device did not answer, or answered with a refusal. The text names device, unit and register."""

    cost_s: float = 0.0
    """What waiting for it took from those who share its line."""


class BrokerError(OperatingError):
    """The MQTT broker refused us or went away."""


class StoreError(OperatingError):
    """The store cannot write: disk full, read-only, damaged. Control goes on without it."""


class ModelError(Exception):
    """A model folder breaks its promise: the text says which file, what was found, what was wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file, told so that a person can mend it."""

    file: str
    line: int
    """Counted from 1; 0 when the file as a whole is meant."""
    key: str
    """Dotted path of the entry, such as `devices.bms.port`."""
    found: str
    wanted: str
    nearest: str | None = None
    """The nearest known name, when the mistake looks like a slip."""

    def __str__(self) -> str:
        hint = f"; did you mean `{self.nearest}`?" if self.nearest else ""
        return f"{self.file}:{self.line}: {self.key}: found {self.found}, wanted {self.wanted}{hint}"


class ConfigError(Exception):
    """A file that a person wrote is wrong; carries every mistake found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
