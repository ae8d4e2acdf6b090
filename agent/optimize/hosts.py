"""Which engine plans each kind of machine: our graph, its numpy twin, the site's own model, or, told why, none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.errors import ModelError
from agent.equipment.systems import Systems
from agent.optimize.host import ModelHost, twin_of
from agent.optimize.probe import Probe, probe
from agent.optimize.signature import check_against, read_promise

MODELS = Path(__file__).parents[2] / "models"


@dataclass(slots=True)
class Hosts:
    """By name of the graph; what was refused is told in sentences."""

    by_name: dict[str, ModelHost] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def get(self, name: str) -> ModelHost | None:
        return self.by_name.get(name)


def wanted_by(systems: Systems) -> list[str]:
    """Graphs that this site's machines need."""
    needs = {"zone_ahu": systems.ahus, "crac": systems.rooms, "lift_group": systems.lifts}
    return [name for name, machines in needs.items() if machines]


def open_hosts(systems: Systems, *, models: Path = MODELS, try_first: bool = False) -> Hosts:
    """`try_first`: each model is run in a process of its own before it is run in ours. Never raises for a bad model."""
    names = wanted_by(systems)
    folders = {name: systems.models.get(name, models / name) for name in names}
    tried = probe([(folders[name], models / name) for name in names]) if try_first else {}
    hosts = Hosts()
    for name in names:
        is_own = name in systems.models
        host = _own(hosts, name, folders[name], models, tried) if is_own else _ours(hosts, name, folders[name], tried)
        if host is not None:
            hosts.by_name[name] = host
    return hosts


def _own(hosts: Hosts, name: str, folder: Path, models: Path, tried: Mapping[Path, Probe]) -> ModelHost | None:
    """The site's own model, or a sentence and no planner: the rules run."""
    try:
        check_against(folder, read_promise(folder), read_promise(models / name))
        _raise(tried.get(folder))
        return ModelHost(folder)
    except (ModelError, ImportError) as fault:
        hosts.notes.append(f"the site's own model for {name} is refused, the baseline's rules run: {fault}")
        return None


def _ours(hosts: Hosts, name: str, folder: Path, tried: Mapping[Path, Probe]) -> ModelHost | None:
    """Our graph; where onnxruntime fails or is missing, its twin in numpy."""
    try:
        _raise(tried.get(folder))
        return ModelHost(folder)
    except (ModelError, ImportError) as fault:
        hosts.notes.append(f"{name} is planned by its numpy twin, for its graph does not run here: {fault}")
    try:
        return ModelHost(folder, twin=twin_of(name))
    except (ModelError, ImportError) as fault:
        hosts.notes.append(f"{name} cannot be planned, the baseline's rules run: {fault}")
        return None


def _raise(tried: Probe | None) -> None:
    if tried is not None and tried.fault is not None:
        raise ModelError(tried.fault)
