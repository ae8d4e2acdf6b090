"""A score as one HTML page that needs nothing else: no network, no script, pictures inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby

from simulator.judge.figures import Figure
from simulator.judge.score import RULER, YARDSTICK, Scorecard
from simulator.judge.spread import METHOD
from simulator.judge.table import (
    TITLES,
    change_text,
    heading,
    labelled,
    share_lines,
    shown_figures,
    spread_text,
    worse_text,
)

STYLE = """
body { font: 15px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; color: #22262b; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin-bottom: .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, li { max-width: 46rem; } .sub { color: #5c636d; margin-top: 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .7rem .22rem 0; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 14rem; }
td small { display: block; color: #5c636d; } thead th { border-bottom: 2px solid #22262b; }
tbody tr + tr td { border-top: 1px solid #eceef1; } tr.group th { padding-top: .9rem; color: #5c636d; }
.wide { overflow-x: auto; } figure { margin: 1rem 0 2rem; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #5c636d; font-size: .88rem; } .met { color: #0a7d5a; } .not { color: #b3261e; font-weight: 600; }
.key { display: flex; flex-wrap: wrap; gap: .8rem; padding: 0; list-style: none; }
.key li { border: 1px solid #d9dce1; border-radius: .5rem; padding: .6rem .8rem; min-width: 9rem; max-width: 17rem; }
.key b { display: block; font-size: 1.35rem; } .key span.not { color: #b3261e; }
.key span { color: #5c636d; font-size: .85rem; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""

WHO = {
    "hold": "nobody writes: the devices' own ordinary control, and the yardstick for all changes",
    "baseline": "the agent with its rules, without a model",
    "planner": "the agent with its planner, which learns from what it has seen so far",
    "oracle": "a search that knows weather, people and load in advance and tries plans on the very building: "
    "what foresight could have reached, and no controller can have",
}


def page(card: Scorecard, drawn: Mapping[str, tuple[str, bytes, str]]) -> str:
    """`drawn` as `charts.draw_all` gives it."""
    plan = card.question.plan
    title = escape(plan.title or plan.name)
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}: score</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f'<h1>{title}</h1><p class="sub">{escape(heading(card))}</p>',
        f"<p>{escape(plan.about)}</p>" if plan.about else "",
        *_key_figures(card),
        *_expectations(card),
        "<h2>What was run</h2><ul>",
        *(f"<li><b>{escape(TITLES[name])}</b>: {escape(WHO[name])}.</li>" for name in card.runs),
        f"</ul><p>Site <code>{escape(plan.site)}</code>, from {plan.start.isoformat()}: {plan.learn_days} days on its "
        f"own control to learn from, then {plan.days} judged days, in steps of {plan.wire_step_s:g} s on the wire and "
        "60 s inside. Each seed is another building of this kind, with its own weather, people and load.</p>",
        "<h2>In pictures</h2>",
        *(_picture(name, caption, svg) for name, (caption, _, svg) in drawn.items()),
        "<h2>All figures</h2><p>Mean over the seeds ± standard deviation; below it the change against own control.</p>",
        *_figures(card),
        *_method(card),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _key_figures(card: Scorecard) -> Iterator[str]:
    """What an operator asks first: the energy."""
    others = [name for name in card.runs if name != YARDSTICK]
    if not others:
        return
    energy = Figure("energy_kwh", "", "kWh", 0, "", True)
    yield '<ul class="key">'
    for name in others:
        told, _, between = change_text(card, name, energy).partition(" (")
        reach = f", 95 % interval {between.rstrip(')')}" if between else ""
        share = card.captured(name)
        more = f"<br>{share:.0%} of what foresight saves" if share is not None and name != RULER else ""
        yield f"<li><span>{escape(TITLES[name])}: electricity and gas</span><b>{escape(told)}</b>"
        worse = worse_text(card, name)
        bought = f'<br><span class="not">{escape(worse)}</span>' if worse else "<br>nothing is worse"
        yield f"<span>against own control{escape(reach)}{more}{bought}</span></li>"
    yield "</ul>"


def _expectations(card: Scorecard) -> Iterator[str]:
    if not card.findings:
        return
    yield "<h2>What the scenario expects</h2><table><thead><tr><th></th><th>wanted</th>"
    yield "".join(f"<th>{escape(TITLES[name])}</th>" for name in card.runs) + "</tr></thead><tbody>"
    rows = dict.fromkeys((finding.key, finding.wanted) for finding in card.findings)
    for key, wanted in rows:
        cells = ""
        for name in card.runs:
            found = next(f for f in card.findings if (f.controller, f.key, f.wanted) == (name, key, wanted))
            sign = '<span class="met">met</span>' if found.is_met else '<span class="not">not met</span>'
            cells += f"<td>{sign}<small>{found.met} of {found.seeds} seeds, worst {found.worst:.4g}</small></td>"
        yield f"<tr><td>{escape(key)}</td><td>{escape(wanted)}</td>{cells}</tr>"
    yield "</tbody></table>"


def _picture(name: str, caption: str, svg: str) -> str:
    return f"<figure>{inline(svg, name)}<figcaption>{escape(caption)}</figcaption></figure>"


def inline(svg: str, name: str) -> str:
    """An SVG file as an element of a page: no prolog, no addresses but names of namespaces, ids of its own."""
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'((?:xlink:)?href="#)', rf"\g<1>{name}-", body)
    return re.sub(r"url\(#", f"url(#{name}-", body)


def _figures(card: Scorecard) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr><th></th>' + "".join(f"<th>{escape(TITLES[n])}</th>" for n in card.runs)
    yield "</tr></thead><tbody>"
    for group, rows in groupby(shown_figures(card), lambda figure: figure.group):
        yield f'<tr class="group"><th colspan="{len(card.runs) + 1}">{escape(group)}</th></tr>'
        for figure in rows:
            cells = "".join(f"<td>{_cell(card, name, figure)}</td>" for name in card.runs)
            yield f"<tr><td>{escape(labelled(figure))}</td>{cells}</tr>"
    yield "</tbody></table></div>"


def _cell(card: Scorecard, name: str, figure: Figure) -> str:
    """The figure, and below it its change where there is one."""
    told = escape(spread_text(card.spread(name, figure.key), figure.digits))
    if name == YARDSTICK or card.values(name, figure.key) == card.values(YARDSTICK, figure.key):
        return told
    return f"{told}<small>{escape(change_text(card, name, figure))}</small>"


LIMITS = (
    "All of this is a simulation of a building whose own control is wasteful on purpose. It ranks controllers; it "
    "promises no saving to a real site.",
    "The figures are from the true values inside the simulation, not from what sensors showed.",
    "PUE falls when the servers' own fans work harder: judge a data room by the energy of the whole site.",
    "Seeds spread over buildings and days of this one scenario, not over all buildings there are: the intervals say "
    "how sure the mean of this scenario is, and nothing about another.",
)


def _method(card: Scorecard) -> Iterator[str]:
    yield f"<h2>Method and limits</h2><p>{escape(METHOD)}</p><ul>"
    yield from (f"<li>{escape(line)}</li>" for line in LIMITS)
    if RULER in card.runs:
        yield f"<li>{escape('; '.join(list(share_lines(card))[-1:]))}.</li>"
    yield "</ul>"
