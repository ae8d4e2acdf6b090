"""Where forecasts come from: a topic or an address with JSON arrays."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from agent.config.base import Section, Topic


def _is_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(sign.isspace() for sign in value) or "@" in value:
        raise ValueError("an address that begins with http:// or https:// and holds no password")
    return value


class ForecastEntry(Section):
    """Of one point; from a broker's topic or from a URL, one of both."""

    broker: str | None = None
    topic: Topic | None = None
    url: Annotated[str, AfterValidator(_is_url)] | None = None
    every_s: Annotated[float, Field(strict=True, ge=60, le=86_400)] = 3600.0
    """Between two questions to a URL."""
    values: Annotated[str, Field(min_length=1)] = "values"
    """Dotted path to the array of values."""
    times: Annotated[str, Field(min_length=1)] = "times"
    """Dotted path to the array of instants: seconds since 1970, or text as ISO 8601 has it (without a zone: UTC)."""

    @model_validator(mode="after")
    def _has_one_source(self) -> ForecastEntry:
        if (self.url is None) == (self.topic is None) or (self.topic is None) != (self.broker is None):
            raise ValueError("broker and topic, or url")
        return self
