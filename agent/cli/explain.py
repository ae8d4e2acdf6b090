"""Why a point has its value."""

from __future__ import annotations

from rich.table import Table

from agent.cli.talk import DEFAULT_SITE, SiteOption, console, plain_errors, unknown_point
from agent.core.journal import Entry

RULES = {
    "no-limit": "the site's config has no limit for this point, so nothing may be written",
    "not-a-number": "the wish was not a number",
    "expired": "the wish was for an earlier time",
    "blind": "a point that the limit needs could not be seen",
    "unknown-start": "the point's present value could not be read",
    "interlock": "an interlock forbade it",
    "unchanged": "the machine follows this value already",
    "too-soon": "the last move is too recent (hold_s)",
    "band": "it was moved into the band low..high",
    "step": "it was brought down to the largest step",
    "within": "nothing stood against it",
}


LIMITS = {
    "low": "the low end of its band",
    "high": "the high end of its band",
    "step": "the largest step",
    "hold": "the least time between moves",
    "peak": "the site's peak power",
    "reserve": "units in reserve",
}
HOURS = 24


def explain(point: str, site: SiteOption = DEFAULT_SITE) -> None:
    """Why a point has its value: who wished it, which rule decided, what it is expected to save."""
    from agent.app import store_path
    from agent.store.reader import open_reader

    machine = point.partition(".")[0]
    with plain_errors(), open_reader(store_path(site)) as reader:
        verdicts = reader.entries(kind="verdict", subject=point, limit=1)
        outcomes = reader.entries(kind="outcome", subject=point, limit=1)
        leases = reader.entries(kind="lease", subject=machine, limit=1)
        effects = reader.entries(kind="effect", subject=machine, limit=HOURS)
        known = reader.names()
    if point not in known:
        unknown_point(point, known)
    if not verdicts:
        console.print(f"{point}: nobody has wished anything for it yet; it has its own control", markup=False)
        return
    _explain(point, verdicts[0], outcomes, leases, effects)


def _explain(point: str, verdict: Entry, outcomes: list[Entry], leases: list[Entry], effects: list[Entry]) -> None:
    data = verdict.data
    console.print(f"[bold]{point}[/bold]", highlight=False)
    rule = str(data["rule"])
    rows = [
        ("decided", verdict.at.iso()),
        ("wished", f"{data['wish']:g} by {data['source']}, in mode {data['mode']}"),
        ("because", str(data["reason"])),
        ("judged", f"{data['kind']} by rule {rule}: {RULES.get(rule, 'a rule of an older version')}"),
        ("written", "nothing" if data["value"] is None else f"{data['value']:g}"),
        ("bound by", ", ".join(LIMITS.get(name, name) for name in data.get("limits", ())) or "nothing"),  # type: ignore[attr-defined]
        *((f"expected {name}", f"{value:g}") for name, value in sorted(dict(data["expects"]).items())),  # type: ignore[call-overload]
        *_measured(effects),
        *(("last write", f"{entry.at.iso()} {entry.text}") for entry in outcomes),
        *(("handed back", f"{entry.at.iso()} {entry.text}") for entry in leases),
    ]
    table = Table.grid(padding=(0, 2))
    for name, said in rows:
        table.add_row(name, said)
    console.print(table)


def _measured(effects: list[Entry]) -> list[tuple[str, str]]:
    """What the machine's plans foretold of the last day's hours, and what its meters then showed."""
    if not effects:
        return []
    foretold, measured = (
        sum(float(str(entry.data[name])) for entry in effects) for name in ("foretold_kwh", "measured_kwh")
    )
    told = f"{measured:.1f} kWh in {len(effects)} h; its plans foretold {foretold:.1f} kWh"
    return [("measured", told)]
