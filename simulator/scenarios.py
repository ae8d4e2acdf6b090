"""Loads a scenario, a YAML file by name or path, and builds its worlds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.config.lines import nearest, read_sheet
from agent.config.telling import tell
from agent.core.errors import ConfigError, Problem
from simulator.faults import Fault
from simulator.physics.epw import EpwSky
from simulator.physics.weather import CLIMATES, Sky, Spell, SyntheticSky
from simulator.plant import Plant
from simulator.scenario_check import check, resolve
from simulator.scenario_file import SECTIONS, ScenarioFile
from simulator.sites import SITES
from simulator.sites.kinds import Order, Seeds
from simulator.world import Site, Span, Tariff, World, Worlds

FOLDER = Path(__file__).parent / "scenarios"
WARMUP = timedelta(days=1)


class Plan(ScenarioFile):
    """A scenario that was read and checked."""

    path: Path
    """Of its file."""

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def judged_unix_s(self) -> float:
        """The first judged midnight."""
        return datetime.combine(self.start + timedelta(days=self.learn_days), time(), UTC).timestamp()


def names() -> list[str]:
    """Scenarios that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(name: str | Path) -> Path:
    """The file of a scenario, by name or path. Raises ConfigError."""
    own = FOLDER / f"{name}.yaml"
    path = own if own.is_file() else Path(name)
    if not path.is_file():
        wanted = "a scenario's name or the path of its file"
        like = nearest(str(name), names())
        raise ConfigError(
            [Problem(file=str(name), line=0, key="scenario", found="no such file", wanted=wanted, nearest=like)]
        )
    return path


def read(name: str | Path) -> Plan:
    """The plan in a file. Raises ConfigError with every mistake found."""
    path = find(name)
    sheet = read_sheet(path)
    try:
        told = ScenarioFile.model_validate(dict(sheet.tree))
    except ValidationError as fault:
        problems = [tell(sheet, dict(error), SECTIONS) for error in fault.errors()]
        raise ConfigError(sorted(problems, key=lambda problem: problem.line)) from None
    problems = [sheet.problem(*finding) for finding in check(told, path.parent)]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    plan = Plan.model_construct(**dict(told), path=path)
    names_of = site(plan, [plan.seed])
    problems = [sheet.problem(*finding) for finding in resolve(plan, names_of)[1]]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    return plan


def load(
    name: str | Path,
    *,
    seed: int | None = None,
    start: date | str | None = None,
    days: int | None = None,
    learn_days: int | None = None,
    wire_step_s: float | None = None,
) -> Plant:
    """Build the plant of a scenario; an argument that is given outranks the file. Raises ConfigError."""
    plan = changed(
        read(name), name, seed=seed, start=_date(start), days=days, learn_days=learn_days, wire_step_s=wire_step_s
    )
    return World(worlds(plan, [plan.seed]), plan.noise_k)


def changed(plan: Plan, name: str | Path = "a scenario", **told: Any) -> Plan:
    """The plan with these keys told anew, where they are not None. Raises ConfigError."""
    given = {key: value for key, value in told.items() if value is not None}
    if "wire_step_s" in given and given["wire_step_s"] == int(given["wire_step_s"]):
        given["wire_step_s"] = int(given["wire_step_s"])
    try:
        checked = ScenarioFile.model_validate({key: getattr(plan, key) for key in ScenarioFile.model_fields} | given)
    except ValidationError as fault:
        raise ConfigError([_argument(name, dict(error)) for error in fault.errors()]) from None
    return Plan.model_construct(**dict(checked), path=plan.path)


def _argument(name: str | Path, error: dict[str, Any]) -> Problem:
    key = str(error["loc"][0])
    wanted = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(file=f"argument to {name}", line=0, key=key, found=repr(error.get("input")), wanted=wanted)


def _date(start: date | str | None) -> Any:
    """A date where the text is one; else the text, which the check will refuse."""
    try:
        return date.fromisoformat(start) if isinstance(start, str) else start
    except ValueError:
        return start


def worlds(
    plan: Plan, seeds: Sequence[int], *, first_days: Sequence[date] | None = None, more: Sequence[Fault] = ()
) -> Worlds:
    """The plan's site in one world a seed. `first_days`: the first learning day of each, else the plan's for all;
    worlds of one seed that begin on different days of a year share its weather. `more`: faults beside the plan's.
    """
    firsts = list(first_days or [plan.start] * len(seeds))
    built = site(plan, seeds, firsts)
    span = Span(learn_days=plan.learn_days, days=plan.days, wire_step_s=float(plan.wire_step_s))
    tariff = Tariff(**plan.tariff.model_dump())
    return Worlds(built, _sky(plan, seeds, firsts, span), span, firsts, tariff, (*faults(plan, built), *more))


def site(plan: Plan, seeds: Sequence[int], first_days: Sequence[date] | None = None) -> Site:
    """The plan's parts, not yet alive."""
    kind = SITES[plan.site]
    sizes = {name: size.default for name, size in kind.sizes.items()} | plan.sizes
    firsts = [first - WARMUP for first in first_days or [plan.start] * len(seeds)]
    origin = min([plan.start - WARMUP, *firsts])
    return kind.compose(Order(told=plan, sizes=sizes, seeds=Seeds.of(seeds), first_days=tuple(firsts), origin=origin))


def faults(plan: Plan, built: Site) -> tuple[Fault, ...]:
    """What goes wrong, with names and instants resolved."""
    return resolve(plan, built)[0]


def _sky(plan: Plan, seeds: Sequence[int], first_days: Sequence[date], span: Span) -> Sky:
    firsts = [first - WARMUP for first in first_days]
    told, spell = plan.spell, None
    if told is not None:
        first = plan.start + timedelta(days=plan.learn_days + told.day - 1)
        spell = Spell(first=first, days=told.days, kelvin=told.kelvin)
    if plan.weather is not None:
        return EpwSky(plan.path.parent / plan.weather, firsts, span.total_days, spell)
    season, origin = CLIMATES[plan.climate][plan.season], min([plan.start - WARMUP, *firsts])
    return SyntheticSky(season, firsts, origin, span.total_days, plan.latitude, Seeds.of(seeds).sky, spell=spell)
