"""What a person types on the command line, checked: hosts, ranges, wishes. Each mistake names what was wanted."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence

from agent.config import SiteConfig
from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from agent.core.units import UNITS
from agent.drivers.wire import Framing, HostPlace, Place, SerialPlace

MOST_HOSTS = 256
"""Of one scan: a person who means a whole building's network can say so in parts (our choice)."""
LAST_REGISTER = 65_535
LONGEST_SPAN = 2_000
"""Registers of one probe (our choice): at 100 a request some seconds on a serial line."""


def mistake(key: str, found: str, wanted: str, close: str | None = None) -> ConfigError:
    """Of the command line."""
    return ConfigError([Problem(file="command line", line=0, key=key, found=found, wanted=wanted, nearest=close)])


def lines_of(hosts: Sequence[str], port: int, framing: Framing, serial: SerialPlace | None) -> list[Place]:
    """Where to scan: the serial port, or each host. Raises ConfigError."""
    if serial is not None and hosts:
        raise mistake("hosts", "a serial port beside them", "hosts, or --serial")
    if serial is not None:
        return [serial]
    return [HostPlace(host=host, port=port, framing=framing) for host in hosts_of(hosts)]


def hosts_of(told: Sequence[str]) -> list[str]:
    """Names and addresses as they are, networks as all their hosts. Raises ConfigError."""
    if not told:
        raise mistake("hosts", "nothing", "at least one host, a network such as 192.168.1.0/28, or --serial")
    hosts: list[str] = []
    for text in told:
        hosts += _network(text) if "/" in text else [text]
        if len(hosts) > MOST_HOSTS:
            raise mistake("hosts", f"more than {MOST_HOSTS} addresses", f"{MOST_HOSTS} at a time at most")
    return list(dict.fromkeys(hosts))


def _network(text: str) -> list[str]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise mistake("hosts", f"`{text}`", "a network such as 192.168.1.0/28") from None
    if network.num_addresses > MOST_HOSTS:
        raise mistake("hosts", f"{network.num_addresses} addresses in {text}", f"{MOST_HOSTS} at a time at most")
    return [str(host) for host in network.hosts()]


def numbers_of(text: str, key: str, low: int, high: int) -> list[int]:
    """`1-3,7` as 1, 2, 3, 7. Raises ConfigError."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise mistake(key, f"`{text}`", f"numbers and ranges of {low} to {high}, such as 1-10,100")
        begin, end = int(first), int(last) if dash else int(first)
        if not low <= begin <= end <= high:
            raise mistake(key, f"`{part.strip()}`", f"a range upwards within {low} to {high}")
        numbers += range(begin, end + 1)
    return list(dict.fromkeys(numbers))


def span_of(text: str) -> tuple[int, int]:
    """First and last register. Raises ConfigError."""
    numbers = numbers_of(text, "--registers", 0, LAST_REGISTER)
    first, last = numbers[0], numbers[-1]
    if last - first + 1 != len(numbers):
        raise mistake("--registers", f"`{text}`", "one range, such as 0-40")
    if len(numbers) > LONGEST_SPAN:
        raise mistake("--registers", f"{len(numbers)} registers", f"{LONGEST_SPAN} at a time at most")
    return first, last


def known_unit(name: str | None) -> None:
    """Raises ConfigError for a unit that we do not speak."""
    if name is not None and name not in UNITS:
        raise mistake("--as", f"`{name}`", f"one of {', '.join(UNITS)}", nearest(name, UNITS))


def wishes_of(told: Sequence[str], config: SiteConfig) -> dict[str, float]:
    """`POINT=VALUE` of points that may be written. Raises ConfigError."""
    wishes: dict[str, float] = {}
    for text in told:
        point, _, number = text.partition("=")
        known = list(config.limits)
        if point not in known:
            wanted = f"a point with a limit: {', '.join(known) or 'there is none'}"
            raise mistake("--write-test", f"`{point}`", wanted, nearest(point, known))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise mistake("--write-test", f"`{text}`", f"a number, such as {point}=21.5")
        wishes[point] = value
    return wishes
