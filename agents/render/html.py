"""Reports as one self-contained HTML file: no script, nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from agents.render.blocks import Block, SplOf, Timeline, item_blocks
from agents.render.decisions import Entry
from agents.render.layout import BREAK, CITED
from agents.render.round import round_blocks
from agents.render.timeline import SYMBOLS, render_svg
from agents.render.values import visible
from agents.render.words import word
from tools.defang import defang
from tools.records.fact import Fact
from tools.records.report import Checks, ItemReport, RoundReport

LinkOf = Callable[[Fact], str | None]
"""Returns the address of a fact's evidence; None when there is none."""


def render_item(
    report: ItemReport, *, checks: Checks | None, spl_of: SplOf, decisions: Sequence[Entry] = ()
) -> str:
    """Return one item's report; the arguments are those of the Markdown form."""
    blocks = item_blocks(report, checks, spl_of, level=1, decisions=decisions)
    return _page(blocks, title=report.title, language=report.language, tlp=report.tlp)


def render_round(report: RoundReport, *, spl_of: SplOf) -> str:
    """Return the report of a whole round."""
    return _page(
        round_blocks(report, spl_of), title=report.procedure_title, language=report.language, tlp=report.tlp
    )


def item_body(
    report: ItemReport,
    *,
    checks: Checks | None,
    spl_of: SplOf,
    decisions: Sequence[Entry] = (),
    link_of: LinkOf,
) -> str:
    """Return one item's report as HTML without a page around it, every figure with where it comes from.

    Args:
        report: As in the Markdown form, like the other arguments.
        checks: Its checks.
        spl_of: Returns the search text of an evidence digest.
        decisions: Casebook entries of the item.
        link_of: Returns the address at which the evidence of a fact is shown.
    """
    facts = {fact.id: fact for fact in report.facts}
    body = _body(item_blocks(report, checks, spl_of, level=1, decisions=decisions, cited=True))
    return CITED.sub(lambda mark: _figure_of(facts[mark[1]], mark[2], link_of), body)


def _figure_of(fact: Fact, text: str, link_of: LinkOf) -> str:
    """Return a figure that tells its source when it is pointed at or focused, and leads there."""
    evidence = f" · {fact.evidence[:8]}" if fact.evidence else ""
    source = escape(visible(defang(f"{fact.label[:80]}: {fact.derivation[:120]}{evidence}")))
    link = link_of(fact)
    tag, place = ("a", f' href="{escape(link)}"') if link else ("span", ' tabindex="0"')
    return f'<{tag} class="fact"{place} data-source="{source}">{text}</{tag}>'


def round_body(report: RoundReport, *, spl_of: SplOf) -> str:
    """Return the report of a whole round as HTML without a page around it."""
    return _body(round_blocks(report, spl_of))


def _body(blocks: Iterable[Block]) -> str:
    """Render Markdown without raw HTML; the one tag inside a table cell is our own line break."""
    markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": False}).disable(
        ["link", "image", "autolink"]
    )
    return "\n".join(
        _figure(block.report) if isinstance(block, Timeline) else _text(markdown, block) for block in blocks
    )


def _page(blocks: Iterable[Block], *, title: str, language: str, tlp: str) -> str:
    folder = resources.files(__package__)
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text("utf-8"))
    style = folder.joinpath("page.css").read_text("utf-8")
    return template.render(
        title=title,
        language=language,
        tlp=tlp,
        style=Markup(style),  # noqa: S704 - our own file
        body=Markup(_body(blocks)),  # noqa: S704 - made by the Markdown renderer, which escapes
    )


def _text(markdown: MarkdownIt, block: str) -> str:
    html = str(markdown.render(block)).replace(BREAK, "<br>")
    scrolled = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    return scrolled.replace("</table>", "</table></div>")


def _figure(report: ItemReport) -> str:
    used = {point.verdict for point in report.timeline}
    legend = "".join(
        f'<span class="{verdict.value}">{symbol} {escape(word(verdict.value, report.language))}</span>'
        for verdict, symbol in SYMBOLS.items()
        if verdict in used
    )
    return f'<figure class="timeline" tabindex="0">{render_svg(report)}<figcaption>{legend}</figcaption></figure>'
