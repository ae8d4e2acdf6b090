"""Logs as one JSON object a line, for journald and for people with jq."""

from __future__ import annotations

import json
import logging
import sys

from agent.core.clock import Clock


class JsonFormatter(logging.Formatter):
    """`at` (UTC, by the agent's clock), `level`, `room`, `text`, and `trace` for our own bugs."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": self._clock.read().iso(),
            "level": record.levelname.lower(),
            "room": record.name.removeprefix("agent."),
            "text": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def start_logging(clock: Clock, level: int = logging.INFO) -> None:
    """To stderr; the libraries' chatter is kept down to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(clock))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("agent").setLevel(level)
    # pymodbus logs each lost connection as an error; our drivers tell it once, with the device's name.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
