"""A score on the terminal: figures with their spread, changes with their intervals, expectations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from simulator.judge.figures import Figure, figures_of
from simulator.judge.score import RULER, YARDSTICK, Scorecard
from simulator.judge.spread import Interval, Spread

MEANS = "Mean over seeds ± standard deviation; hold: own control, nobody writes"
LABEL_WIDTH = 30
Say = Callable[[Interval, int, str], str]
TITLES = {"hold": "own control (hold)", "baseline": "baseline", "planner": "planner", "oracle": "oracle"}


def shown_figures(card: Scorecard) -> list[Figure]:
    return figures_of(run.account for runs in card.runs.values() for run in runs)


def spread_text(spread: Spread, digits: int) -> str:
    sd = "" if spread.sd is None else f" ±{spread.sd:.{digits}f}"
    return f"{spread.mean:.{digits}f}{sd}"


def interval_text(interval: Interval, digits: int, unit: str = "") -> str:
    """Such as `-12.3 % (-13.0 to -11.6)`."""
    told = f"{_signed(interval.mean, digits)}{unit}"
    if interval.low is None or interval.high is None:
        return told
    return f"{told} ({_signed(interval.low, digits)} to {_signed(interval.high, digits)})"


def margin_text(interval: Interval, digits: int, unit: str = "") -> str:
    """Such as `-12.3 ±0.7 %`."""
    reach = "" if interval.high is None else f" ±{interval.high - interval.mean:.{digits}f}"
    return f"{_signed(interval.mean, digits)}{reach}{unit}"


def _signed(value: float, digits: int) -> str:
    said = f"{value:+.{digits}f}"
    return said if float(said) else said[1:]  # Nothing has no sign.


def change_text(card: Scorecard, controller: str, figure: Figure, say: Say = interval_text) -> str:
    """Energy in percent where own control uses any, else in the figure's unit."""
    change = card.change(controller, figure.key)
    if figure.is_energy and change.pct is not None:
        return say(change.pct, 1, " %")
    return say(change.change, max(figure.digits, 1), "")


def labelled(figure: Figure) -> str:
    return f"{figure.label}, {figure.unit}" if figure.unit else figure.label


def heading(card: Scorecard) -> str:
    plan, seeds = card.question.plan, card.question.seeds
    dice = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]})"
    return f"{plan.title or plan.name}: {plan.days} judged days after {plan.learn_days} of learning, {dice}"


def tables(card: Scorecard) -> RenderableType:
    """All that is told on the terminal."""
    told: list[RenderableType] = [Text(heading(card), style="bold"), _figures(card)]
    if len(card.runs) > 1:
        told.append(_changes(card))
    told += [Text(line) for line in share_lines(card)]
    told += [Text(f"{name}: {line}", style="yellow") for name in card.runs if (line := worse_text(card, name))]
    told += [Text(str(found), style="" if found.is_met else "red") for found in card.findings]
    return Group(*told)


def _figures(card: Scorecard) -> Table:
    table = Table(
        title=MEANS,
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("", min_width=LABEL_WIDTH)
    for name in card.runs:
        table.add_column(name, justify="right")
    for group, rows in groupby(shown_figures(card), lambda figure: figure.group):
        table.add_section()
        table.add_row(f"[bold]{group}")
        for figure in rows:
            cells = [spread_text(card.spread(name, figure.key), figure.digits) for name in card.runs]
            table.add_row(escape(labelled(figure)), *cells)
    return table


def _changes(card: Scorecard) -> Table:
    several = len(card.question.seeds) > 1
    told = "Change against hold, by seed" + (", ± half of its 95 % interval" if several else "")
    table = Table(title=told, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("", min_width=LABEL_WIDTH)
    others = [name for name in card.runs if name != YARDSTICK]
    for name in others:
        table.add_column(name, justify="right")
    for _, rows in groupby(shown_figures(card), lambda figure: figure.group):
        table.add_section()
        for figure in rows:
            own = card.values(YARDSTICK, figure.key)
            if all(card.values(name, figure.key) == own for name in others):
                continue
            label = labelled(figure)
            if figure.is_energy and card.change(others[0], figure.key).pct is not None:
                label = figure.label
            table.add_row(escape(label), *(change_text(card, name, figure, margin_text) for name in others))
    return table


def worse_text(card: Scorecard, controller: str) -> str:
    """What the saving was bought with; empty when with nothing."""
    worse = card.worse(controller)
    told = ", ".join(f"{label} {_signed(change, 2)}" for label, change in worse.items())
    return f"worse than own control: {told}" if worse else ""


def share_lines(card: Scorecard) -> Iterator[str]:
    """How much of what foresight saves was saved, and what that foresight cost."""
    if RULER not in card.runs:
        return
    for name in card.runs:
        share = card.captured(name)
        if share is not None and name != RULER:
            yield f"{name}: {share:.2f} of the energy that the oracle's foresight saves"
    budget = card.question.budget
    lived = sum(int(run.notes.get("evaluations", 0)) for run in card.runs[RULER])
    yield (
        f"oracle: a search with {budget.worlds} parallel worlds, {budget.generations} generations a day, "
        f"{budget.lookahead_h:g} h of look-ahead ({lived} candidate days lived); a larger budget may find more"
    )
