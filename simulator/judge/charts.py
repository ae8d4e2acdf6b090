"""A score as pictures, each as PNG and SVG. matplotlib is imported here only: a score can do without pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from simulator.judge.figures import MUST_HOLD, flat, use_label, uses_of
from simulator.judge.score import YARDSTICK, Scorecard
from simulator.judge.table import TITLES

COLORS = {"hold": "#8a8f98", "baseline": "#3a7ca5", "planner": "#0a7d5a", "oracle": "#b8860b"}
INK, FAINT = "#22262b", "#d9dce1"
PALETTE = (
    "#4c78a8", "#9ecae9", "#f58518", "#ffbf79", "#54a24b", "#88d27a", "#b79a20", "#f2cf5b",
    "#439894", "#83bcb6", "#e45756", "#ff9d98", "#79706e", "#bab0ac",
)  # fmt: skip
DOTS_ACROSS = 0.16
"""Seeds of one controller are spread over so much to either side, lest they hide one another."""


def draw_all(card: Scorecard) -> dict[str, tuple[str, bytes, str]]:
    """Name -> (caption, PNG, SVG); the same score gives the same bytes."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "hushwatt"
    mpl.rcParams.update({"axes.edgecolor": FAINT, "axes.labelcolor": INK, "text.color": INK, "font.size": 10})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "xtick.color": INK, "ytick.color": INK})
    drawn = {}
    for name, (caption, is_wanted, draw) in CHARTS.items():
        if is_wanted(card):
            drawn[name] = (caption, *_both(card, draw))
    return drawn


def save(drawn: dict[str, tuple[str, bytes, str]], folder: Path) -> list[Path]:
    """Raises OSError."""
    paths = []
    for name, (_, png, svg) in drawn.items():
        for ending, content in (("png", png), ("svg", svg.encode())):
            path = folder / f"{name}.{ending}"
            path.write_bytes(content)
            paths.append(path)
    return paths


def _both(card: Scorecard, draw: Callable[[Scorecard, Any], Any]) -> tuple[bytes, str]:
    from matplotlib import pyplot as plt

    figure = draw(card, plt)
    png, svg = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None})
    plt.close(figure)
    return png.getvalue(), svg.getvalue()


def _energy(card: Scorecard, plt: Any) -> Any:
    """Stacked bars, one a controller: where the electricity went, and the gas."""
    figure, axis = plt.subplots(figsize=(9, 1.6 + 0.75 * len(card.runs)), layout="constrained")
    accounts = [run.account for runs in card.runs.values() for run in runs]
    uses = [(f"kwh.{use}", use_label(use)) for use in uses_of(accounts) if use not in ("pv", "battery")]
    uses += [("gas_kwh", "gas")] if any(flat(account)["gas_kwh"] for account in accounts) else []
    names = list(card.runs)
    at = np.arange(len(names))
    left = np.zeros(len(names))
    for n, (key, label) in enumerate(uses):
        wide = np.array([card.spread(name, key).mean for name in names])
        axis.barh(at, wide, left=left, height=0.6, label=label, color=PALETTE[n % len(PALETTE)])
        left += wide
    spreads = [card.spread(name, "energy_kwh").sd or 0.0 for name in names]
    axis.errorbar(left, at, xerr=spreads, fmt="none", ecolor=INK, capsize=3, lw=1)
    for place, total in zip(at, left, strict=True):
        axis.annotate(f"{total:,.0f}", (total, place), (8, 9), textcoords="offset points", fontsize=9)
    axis.set_yticks(at, [TITLES[name] for name in names])
    axis.invert_yaxis()
    axis.set_xlabel("kWh over the judged days, mean over seeds; the line is ± one standard deviation")
    axis.set_xlim(0, 1.12 * float(left.max()))
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _change(card: Scorecard, plt: Any) -> Any:
    """A dot a seed, and the mean with its interval: energy, cost, carbon."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", sharey=False)
    others = [name for name in card.runs if name != YARDSTICK]
    for axis, (key, title) in zip(
        axes, (("energy_kwh", "electricity and gas"), ("cost", "cost"), ("carbon_kg", "carbon")), strict=True
    ):
        own = np.array(card.values(YARDSTICK, key))
        for place, name in enumerate(others):
            pct = 100.0 * (np.array(card.values(name, key)) - own) / np.where(own, own, np.nan)
            across = np.linspace(-DOTS_ACROSS, DOTS_ACROSS, len(pct)) if len(pct) > 1 else np.zeros(1)
            axis.plot(place + across, pct, "o", ms=4, alpha=0.55, color=COLORS[name], mec="none")
            told = card.change(name, key).pct
            if told is not None and told.low is not None and told.high is not None:
                reach = [[told.mean - told.low], [told.high - told.mean]]
                axis.errorbar(place + 0.28, told.mean, yerr=reach, fmt="_", color=COLORS[name], capsize=4, ms=12)
        axis.axhline(0.0, color=INK, lw=0.8)
        axis.set_xticks(range(len(others)), [TITLES[name] for name in others], fontsize=9)
        axis.set_xlim(-0.6, len(others) - 0.4)
        axis.set_title(title, fontsize=10)
        axis.grid(axis="y", color=FAINT, lw=0.6)
    axes[0].set_ylabel("% of own control, by seed")
    return figure


def _idle(card: Scorecard, plt: Any) -> Any:
    """Hours by machine."""
    machines = _machines(card)
    figure, axes = plt.subplots(1, 2, figsize=(9, 1.7 + 0.42 * len(machines)), layout="constrained", sharey=True)
    for axis, (field, title) in zip(axes, (("idle_h", "idle hours"), ("idle_kwh", "kWh idled away")), strict=True):
        _grouped(card, axis, [f"idle.{machine}.{field}" for machine in machines])
        axis.set_title(title, fontsize=10)
    axes[0].set_yticks(range(len(machines)), machines)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _held(card: Scorecard, plt: Any) -> Any:
    """What must not get worse: a small picture each, for they share no scale."""
    shown = [(key, title) for key, title in MUST_HOLD if any(any(card.values(name, key)) for name in card.runs)]
    rows = (len(shown) + 1) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(9, rows * (0.9 + 0.24 * len(card.runs))), layout="constrained")
    for axis, (key, title) in zip(np.ravel(axes), shown, strict=False):
        _grouped(card, axis, [key])
        axis.set_yticks([])
        axis.set_title(title, fontsize=10)
        axis.invert_yaxis()
        axis.set_xlim(left=0.0)
    for axis in np.ravel(axes)[len(shown) :]:
        axis.set_visible(False)
    handles = np.ravel(axes)[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _grouped(card: Scorecard, axis: Any, keys: list[str]) -> None:
    """Horizontal bars: a group a key, in it one a controller, with the least and the greatest seed as a line."""
    high = 0.8 / len(card.runs)
    for n, name in enumerate(card.runs):
        spreads = [card.spread(name, key) for key in keys]
        mean = np.array([spread.mean for spread in spreads])
        reach = np.array([[s.mean - s.min for s in spreads], [s.max - s.mean for s in spreads]])
        at = np.arange(len(keys)) - 0.4 + (n + 0.5) * high
        line = {"xerr": reach, "error_kw": {"ecolor": INK, "lw": 0.8}} if len(card.question.seeds) > 1 else {}
        axis.barh(at, mean, height=0.9 * high, color=COLORS[name], label=TITLES[name], **line)
    axis.grid(axis="x", color=FAINT, lw=0.6)
    axis.set_axisbelow(True)


def _day(card: Scorecard, plt: Any) -> Any:
    """The mean day: power of the whole site by hour."""
    figure, axis = plt.subplots(figsize=(9, 3.2), layout="constrained")
    for name, runs in card.runs.items():
        mean = np.mean([run.hourly_kw for run in runs], axis=0)
        axis.stairs(mean, np.arange(25), color=COLORS[name], lw=1.8, label=TITLES[name], baseline=None)
    axis.set_xlim(0, 24)
    axis.set_ylim(bottom=0.0)
    axis.set_xticks(range(0, 25, 3))
    axis.set_xlabel("hour of the day, all judged days and seeds together")
    axis.set_ylabel("power bought, kW")
    axis.grid(color=FAINT, lw=0.6)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _machines(card: Scorecard) -> list[str]:
    return sorted({machine for runs in card.runs.values() for run in runs for machine in run.account["idle"]})


CHARTS: dict[str, tuple[str, Callable[[Scorecard], bool], Callable[[Scorecard, Any], Any]]] = {
    "energy": ("Where the energy went.", lambda card: True, _energy),
    "change": (
        "Change against own control. A dot is a seed; the bar beside the dots is the mean with its 95 % interval.",
        lambda card: len(card.runs) > 1,
        _change,
    ),
    "idle": (
        "Machines that run for nobody. The line goes from the least to the greatest seed.",
        lambda card: bool(_machines(card)),
        _idle,
    ),
    "held": (
        "What must not get worse. The line goes from the least to the greatest seed.",
        lambda card: any(any(card.values(name, key)) for name in card.runs for key, _ in MUST_HOLD),
        _held,
    ),
    "day": (
        "The mean day.",
        lambda card: all(run.hourly_kw for runs in card.runs.values() for run in runs),
        _day,
    ),
}
"""Name -> caption, whether there is anything to show, how to draw it."""
