"""A report as headings, sentences and tables, written as Markdown or as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

STYLE = """\
body { font: 13px/1.4 system-ui, sans-serif; max-width: 60rem; margin: 1.5rem auto; color: #111; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 1.3rem; }
table { border-collapse: collapse; width: 100%; } td, th { border: 1px solid #bbb; padding: .15rem .4rem; }
th { text-align: left; background: #eee; } @media print { body { margin: 0; font-size: 10px; } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A heading with what stands under it."""

    heading: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)

    def markdown(self) -> str:
        return "\n".join(_markdown(self)) + "\n"

    def html(self) -> str:
        return "\n".join(_html(self)) + "\n"


def _markdown(document: Document) -> Iterator[str]:
    yield f"# {document.title}"
    for part in document.parts:
        yield f"\n## {part.heading}\n"
        yield from (f"- {sentence}" for sentence in part.sentences)
        if part.columns:
            if part.sentences:
                yield ""
            yield _row(part.columns)
            yield _row(["---"] * len(part.columns))
            yield from (_row(row) for row in part.rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _html(document: Document) -> Iterator[str]:
    title = html.escape(document.title)
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>\n{STYLE}</style></head><body>\n<h1>{title}</h1>"
    for part in document.parts:
        yield f"<h2>{html.escape(part.heading)}</h2>"
        if part.sentences:
            yield "<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in part.sentences) + "</ul>"
        if part.columns:
            yield "<table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in part.columns) + "</tr>"
            for row in part.rows:
                yield "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            yield "</table>"
    yield "</body></html>"
