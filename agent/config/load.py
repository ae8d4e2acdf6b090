"""From a file to a `SiteConfig`, or to every mistake in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.config.cross import findings
from agent.config.devices import AnyDevice, ModbusDevice
from agent.config.levels import spread
from agent.config.lines import Finding, Sheet, plain, read_sheet
from agent.config.model import SiteConfig
from agent.config.notes import missing_secrets, notes
from agent.config.products import expand
from agent.config.secrets import Login, SafeLogin
from agent.config.telling import known_keys, tell
from agent.config.tls import FILES, Tls
from agent.core.errors import ConfigError, Problem

SECRETS = {"password", "passwd", "passphrase", "pwd", "secret", "token", "api_key"}
FREE = {"points", "write", "set", "confirm", "identity", "tls", "words", "levels"}
"""Steps of a path that are no name of the site's own."""

Errors = list[dict[str, Any]]
LoginKind = TypeVar("LoginKind", bound=Login)
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `hushwatt check` found."""

    problems: list[Problem]
    notes: list[str]
    """Not wrong, but worth a look."""


def load(path: Path) -> SiteConfig:
    """The site's config with absolute paths. Raises ConfigError with all mistakes."""
    return _examine(path)[0]


def check(path: Path) -> Report:
    """Everything that is wrong or odd; never raises."""
    try:
        config, sheet = _examine(path)
    except ConfigError as fault:
        return Report(problems=fault.problems, notes=[])
    missing = [sheet.problem(*finding) for finding in missing_secrets(config)]
    return Report(problems=missing, notes=list(notes(config)))


def _examine(path: Path) -> tuple[SiteConfig, Sheet]:
    sheet = read_sheet(path)
    secrets = list(_secrets(sheet.tree, ()))
    # A secret is told once, as a secret, not again as a key that nobody knows.
    raw = _without(plain(sheet.tree), [where for where, *_ in secrets])
    broken, elsewhere = expand(raw, path.absolute().parent)
    broken = [*broken, *spread(raw)]
    config, errors = _validated(raw)
    problems = [sheet.problem(*finding) for finding in (*secrets, *broken)] + [tell(sheet, error) for error in errors]
    problems += elsewhere
    if not broken and not elsewhere:
        # A device without its template lacks points that the rest of the file is right to name.
        problems += _beyond(sheet, raw, errors, [tuple(where) for where, *_ in secrets])
    if config is None or problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.file != str(path), problem.file, problem.line)))
    return _absolute(config, path.absolute().parent), sheet


def _validated(raw: dict[str, Any]) -> tuple[SiteConfig | None, Errors]:
    try:
        return SiteConfig.model_validate(raw), []
    except ValidationError as fault:
        return None, [dict(error) for error in fault.errors()]


def _beyond(sheet: Sheet, raw: dict[str, Any], errors: Errors, gone: list[Steps]) -> Iterator[Problem]:
    """What can be said of the whole although single keys are wrong: those keys are left out, and what they touch.

    So a person mends all at once, and is told nothing that only follows from another mistake.
    """
    if not all(_is_single(error) for error in errors):
        return
    paths = [_keys_only(raw, error["loc"]) for error in errors]
    config, _ = _validated(_without(raw, paths))
    paths += gone
    named = {step for path in paths for step in path[1:-1] if step not in FREE}
    for finding in () if config is None else findings(config):
        where = tuple(finding[0])
        if not named & set(where) and not any(where[: len(path) - 1] == path[:-1] for path in paths):
            yield sheet.problem(*finding)


def _is_single(error: dict[str, Any]) -> bool:
    """Whether the rest of the file can be judged without this key: it is optional, or none of ours."""
    where, kind = tuple(error["loc"]), error["type"]
    if len(where) < 2 or kind in ("missing", "union_tag_invalid", "union_tag_not_found", "model_type", "dict_type"):
        return False
    return kind == "extra_forbidden" or where[-1] in known_keys(where[:-1])


def _keys_only(raw: Any, where: Steps) -> Steps:
    """The path in the file; pydantic's also names the sides of unions."""
    path: list[str | int] = []
    for step in where:
        is_key = isinstance(raw, dict) and step in raw
        if is_key or (isinstance(raw, list) and isinstance(step, int)):
            raw = raw[step]
            path.append(step)
    return tuple(path)


def _without(raw: Any, paths: Sequence[Sequence[str | int]]) -> Any:
    """A copy that lacks these keys."""
    if isinstance(raw, list):
        return [_without(value, [p[1:] for p in paths if p and p[0] == n]) for n, value in enumerate(raw)]
    if not isinstance(raw, dict):
        return raw
    gone = {path[0] for path in paths if len(path) == 1}
    return {k: _without(v, [p[1:] for p in paths if p and p[0] == k]) for k, v in raw.items() if k not in gone}


def _secrets(told: Any, where: Steps) -> Iterator[Finding]:
    """A password in the file is refused before anything could show it."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in inner:
        if str(key).lower() in SECRETS:
            yield (*where, key), "a secret in the file", "password_file or password_env", None
        yield from _secrets(value, (*where, key))


def _absolute(config: SiteConfig, folder: Path) -> SiteConfig:
    """Paths in the file are meant from the file's folder."""
    store = config.store.model_copy(update={"path": folder / config.store.path})
    brokers = {name: _with_paths(broker, folder) for name, broker in config.brokers.items()}
    devices = {name: _with_files(device, folder) for name, device in config.devices.items()}
    told: dict[str, Any] = {"store": store, "brokers": brokers, "devices": devices}
    if config.upstream is not None:
        sinks = {
            name: _with_paths(sink, folder) if isinstance(sink, Login) else sink
            for name, sink in config.upstream.sinks.items()
        }
        told["upstream"] = config.upstream.model_copy(update={"sinks": sinks})
    return config.model_copy(update=told)


def _with_paths(login: LoginKind, folder: Path) -> LoginKind:
    told: dict[str, Any] = {"password_file": _secret_path(login.password_file, folder)}
    if isinstance(login, SafeLogin) and login.tls is not None:
        told["tls"] = _with_tls(login.tls, folder)
    return login.model_copy(update=told)


def _with_files(device: AnyDevice, folder: Path) -> AnyDevice:
    if not isinstance(device, ModbusDevice) or device.tls is None:
        return device
    return device.model_copy(update={"tls": _with_tls(device.tls, folder)})


def _with_tls(tls: Tls, folder: Path) -> Tls:
    return tls.model_copy(update={key: _secret_path(getattr(tls, key), folder) for key in FILES})


def _secret_path(told: Path | None, folder: Path) -> Path | None:
    return None if told is None else folder / os.path.expandvars(told)
