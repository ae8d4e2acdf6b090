"""Not wrong, but worth a look; and what only the machine at hand can tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agent.config.lines import Finding
from agent.config.model import SiteConfig
from agent.config.secrets import Login, SafeLogin
from agent.config.tls import FILES
from agent.config.wires import is_loopback
from agent.equipment.kinds import role_of
from agent.equipment.templates import template, template_names

OTHERS = 0o077
"""Permission bits of everyone but the owner."""


def _logins(config: SiteConfig) -> Iterator[tuple[tuple[str, ...], Login]]:
    """Where in the file, and what stands there."""
    for name, broker in config.brokers.items():
        yield ("brokers", name), broker
    for name, sink in config.upstream.sinks.items() if config.upstream else ():
        if isinstance(sink, Login):
            yield ("upstream", "sinks", name), sink


def missing_secrets(config: SiteConfig) -> Iterator[Finding]:
    """Files that are not there: the agent would not start."""
    for where, login in _logins(config):
        for key, path in _files(login):
            if not _is_elsewhere(path) and _stat_mode(path) is None:
                wanted = "a file with the password" if key == ("password_file",) else "a file in PEM"
                yield (*where, *key), f"no file {path}", wanted, None


def _files(login: Login) -> Iterator[tuple[tuple[str, ...], Path]]:
    if login.password_file is not None:
        yield ("password_file",), login.password_file
    tls = login.tls if isinstance(login, SafeLogin) else None
    for key in FILES if tls is not None else ():
        if (path := getattr(tls, key)) is not None:
            yield ("tls", key), path


def notes(config: SiteConfig) -> Iterator[str]:
    """Sentences for the person who wrote the file."""
    yield from _mode_notes(config)
    yield from _limit_notes(config)
    yield from _unit_notes(config)
    yield from _poll_notes(config)
    yield from _equipment_notes(config)
    yield from _template_notes(config)
    yield from _secret_notes(config)


def _mode_notes(config: SiteConfig) -> Iterator[str]:
    if config.control.mode == "shadow":
        yield "control.mode is shadow: the agent plans and tells, and writes nothing"
    if config.upstream is None:
        yield "nothing leaves this site: there is no upstream"
    elif not any(spec.share for spec in config.points()):
        yield "no sample leaves this site: neither upstream.data_use nor upstream.share lets a point pass"


def _limit_notes(config: SiteConfig) -> Iterator[str]:
    for spec in config.points():
        if spec.writable and spec.id not in config.limits:
            yield f"{spec.id} can be written but has no limit: it never will be"


def _unit_notes(config: SiteConfig) -> Iterator[str]:
    for spec in config.points():
        role = role_of(config.equipment[spec.equipment].kind, spec.role)
        if role is not None and role.unit != spec.unit:
            yield f"{spec.id} is told in {spec.unit}, the planner takes it as {role.unit}: use scale and offset instead"


def _poll_notes(config: SiteConfig) -> Iterator[str]:
    for device in config.devices.values():
        for point, entry in device.points.items():
            if entry.poll_s is not None and entry.poll_s < device.poll_s:
                often = f"every {entry.poll_s:g} s, but its device is polled every {device.poll_s:g} s"
                yield f"{point} is wanted {often}: lower the device's poll_s"


def _equipment_notes(config: SiteConfig) -> Iterator[str]:
    for name, equipment in config.equipment.items():
        if equipment.kind == "zone" and equipment.served_by is None:
            yield f"{name} has no served_by: nothing is planned for its air handler on its behalf"
        if equipment.kind == "crac" and equipment.serves is None:
            yield f"{name} serves no room: nothing is planned for it"
        elif equipment.kind == "crac" and not config.racks_of(name):
            yield f"nothing is planned for {name}: {equipment.serves}.rack_inlet_temperature_1 is on no device"


def _template_notes(config: SiteConfig) -> Iterator[str]:
    for name, device in config.devices.items():
        if device.template in template_names() and template(device.template).get("example"):
            yield f"device {name}: template {device.template} is an example, no product has these registers"


def _secret_notes(config: SiteConfig) -> Iterator[str]:
    for place, login in _logins(config):
        for where, path in _files(login):
            key, mode = ".".join((*place, *where)), _stat_mode(path)
            if where[-1] in ("password_file", "key_file") and mode is not None and mode & OTHERS:
                yield f"{key} {path} is open to others: chmod 600 it"
            if _is_elsewhere(path):
                yield f"{key} {path.name} cannot be seen from here"
        name = ".".join(place)
        if login.password_env is not None and login.password_env not in os.environ:
            yield f"{name}.password_env {login.password_env} is not set here; it must be where the agent runs"
        if isinstance(login, SafeLogin):
            yield from _tls_notes(name, login)


def _tls_notes(name: str, login: SafeLogin) -> Iterator[str]:
    if login.tls is None and not is_loopback(login.host) and not login.host.startswith("/"):
        yield f"{name} has no tls: password and set-points cross the network in clear text"
    if login.tls is not None and not login.tls.verify_host:
        yield f"{name}.tls.verify_host is false: any host with a certificate of that CA is believed"


def _stat_mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _is_elsewhere(path: Path) -> bool:
    """Whether only the agent can see it: behind a variable of its own, or in a folder that is closed to us."""
    return "$" in str(path) or (path.parent.exists() and not os.access(path.parent, os.X_OK))
