"""What every section has in common: frozen, an unknown key is a mistake, and a number is not a text or a switch."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Yes = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.-]+$")]
Id = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")]
"""An equipment's id is the part of a point id before its dot, so it has none itself."""


def _is_host(value: str) -> str:
    # A URL may carry a password, and is no host.
    if not value or "/" in value or "@" in value or any(sign.isspace() for sign in value):
        raise ValueError("a host name or an IP address, such as 192.168.1.20")
    return value


def _is_topic(value: str) -> str:
    if not value or any(sign in value for sign in "+#\0"):
        raise ValueError("an MQTT topic without the wildcards + and #")
    return value


def _is_filter(value: str) -> str:
    steps = value.split("/")
    wild = [step for step in steps if "+" in step or "#" in step]
    if not value or "\0" in value or any(step not in ("+", "#") for step in wild) or "#" in steps[:-1]:
        raise ValueError("an MQTT topic filter, with + for one level and # at the end for all that follow")
    return value


Host = Annotated[str, AfterValidator(_is_host)]
Topic = Annotated[str, AfterValidator(_is_topic)]
Filter = Annotated[str, AfterValidator(_is_filter)]
Step = Annotated[str, Field(strict=True, min_length=1, pattern=r"^[^/+#\x00]+$")]
"""One level of a topic."""


class Section(BaseModel):
    """One mapping of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
