"""Prompts compiled from a procedure: what never changes first, so that providers can cache it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agents.context import ItemContext
from agents.render.words import word
from procedures.expand import expression_text
from procedures.model import Criterion, Item
from tools.records.model_use import Agent

_FOLDER = Path(__file__).with_name("prompts")


@cache
def _environment() -> Environment:
    """Return the templates; `[[ ]]` is a place, since `{{f1}}` is a reference to a fact."""
    return Environment(  # noqa: S701 - Markdown for a model, not HTML
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        trim_blocks=True,
        lstrip_blocks=True,
    )


def compile_prompt(agent: Agent, context: ItemContext) -> str:
    """Return the instructions of `agent` for an item: its rules, the procedure, the item. No log text is in it."""
    procedure, item = context.procedure, context.item

    def told(ident: str, criterion: Criterion) -> str:
        condition = criterion.question or expression_text(criterion.when or "", context.parameters)
        why = f" — {criterion.why}" if criterion.why else ""
        return f"{ident} ({word(criterion.verdict.value, procedure.language)}): {condition}{why}"

    template = _environment().get_template(f"{agent}.{procedure.language}.md")
    text = template.render(
        procedure=procedure,
        item=item,
        told=told,
        asks=has_questions(item),
        indexes=", ".join(sorted({source.index for source in procedure.data_sources})),
        columns=", ".join(item.key),
    )
    return text.strip() + "\n"


def prompt_texts() -> dict[str, str]:
    """Return the text of every template by its file."""
    return {file.name: file.read_text("utf-8") for file in sorted(_FOLDER.glob("*.md"))}


def has_questions(item: Item) -> bool:
    """Tell whether a criterion of the item, or of its drill-downs, is a question in prose."""
    criteria = [*item.criteria, *(criterion for down in item.drill_downs for criterion in down.criteria)]
    return any(criterion.question for criterion in criteria)
