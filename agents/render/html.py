"""Reports as one self-contained HTML file: no script, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from agents.render.blocks import Block, SplOf, Timeline, item_blocks
from agents.render.round import round_blocks
from agents.render.timeline import render_svg
from tools.records.report import Checks, ItemReport, RoundReport

BREAK = "\ue000"
"""Stands for a line break on its way through the Markdown renderer; values never hold it."""


def render_item(report: ItemReport, *, checks: Checks | None, spl_of: SplOf) -> str:
    """Return one item's report."""
    return _page(item_blocks(report, checks, spl_of, level=1), title=report.title, language=report.language, tlp=report.tlp)


def render_round(report: RoundReport, *, spl_of: SplOf) -> str:
    """Return the report of a whole round."""
    return _page(round_blocks(report, spl_of), title=report.procedure_title, language=report.language, tlp=report.tlp)


def _page(blocks: Iterable[Block], *, title: str, language: str, tlp: str) -> str:
    """Render Markdown without raw HTML. `<br>` is the one tag that our own tables use; a log's is escaped."""
    markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": False})
    parts = []
    for block in blocks:
        if isinstance(block, Timeline):
            parts.append(f'<figure class="timeline">{render_svg(block.report)}</figure>')
        else:
            html = markdown.render(block.replace("<br>", BREAK)).replace(BREAK, "<br>")
            parts.append(html.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>"))
    folder = resources.files(__package__)
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text("utf-8"))
    style = folder.joinpath("page.css").read_text("utf-8")
    return template.render(
        title=title,
        language=language,
        tlp=tlp,
        style=Markup(style),  # noqa: S704 - our own file
        body=Markup("\n".join(parts)),  # noqa: S704 - made by the Markdown renderer, which escapes
    )
