"""The drill-down agent's model: which of the procedure's follow-up searches to run beyond those that must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from agents.asking import Asker
from agents.context import ItemContext
from agents.material import Material
from agents.prompting import compile_prompt
from agents.sheet import Sheet
from tools.records.report import ItemReport

SPL_CHARS = 1000


class Model(BaseModel):
    """Strict about unknown names, as structured output asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChoiceGiven(Model):
    """One drill-down of the catalogue, for some findings."""

    drill_down: str
    findings: list[str] = Field(max_length=8)


class ChoicesGiven(Model):
    """What the drill-down agent's model returns."""

    enough: bool
    choices: list[ChoiceGiven] = Field(max_length=8)


class SearchGiven(Model):
    """A search of the model's own."""

    finding: str
    spl: str


class ChoicesAndSearchesGiven(ChoicesGiven):
    """The same, where the procedure allows extra searches."""

    searches: list[SearchGiven] = Field(max_length=3)


@dataclass(frozen=True, slots=True)
class Choices:
    """What may run: drill-downs with finding ids, and searches with the finding they are about."""

    drill_downs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    searches: tuple[tuple[str, str], ...] = ()


def open_drill_downs(context: ItemContext, material: Material, sheet: Sheet) -> dict[str, list[str]]:
    """Return the names of shown findings that each drill-down has not covered yet, by its id."""
    by_id = {finding.id: finding for finding in material.findings.findings}
    found: dict[str, list[str]] = {}
    for drill_down in context.item.drill_downs:
        names = [
            name
            for name, ident in sheet.findings.items()
            if material.run_of(by_id[ident], drill_down.id) is None
        ]
        if names:
            found[drill_down.id] = names
    return found


async def choose_drill_downs(
    context: ItemContext, material: Material, draft: ItemReport, asker: Asker
) -> Choices:
    """Return what a model chose, reduced to what the procedure lists and allows.

    Args:
        context: The item.
        material: Its stored results, all mandatory drill-downs among them.
        draft: A report over them.
        asker: The item's way to the models.
    """
    sheet = Sheet(draft)
    listed = open_drill_downs(context, material, sheet)
    allowed = context.item.extra_searches
    if not asker.has("drill_down") or not sheet.findings or not (listed or allowed):
        return Choices()
    lines = "\n".join(f"open: {name} ({', '.join(names)})" for name, names in listed.items())
    schema = ChoicesAndSearchesGiven if allowed else ChoicesGiven
    prompt = compile_prompt("drill_down", context)
    if not allowed:  # only what something may be chosen for
        waiting = {name for names in listed.values() for name in names}
        sheet = Sheet(draft, only=frozenset(sheet.findings[name] for name in waiting))
    given = await asker.ask("drill_down", prompt, f"{sheet.text}\n\n{lines or 'open: none'}", schema)
    if given is None or given.enough:
        return Choices()
    searches = given.searches if isinstance(given, ChoicesAndSearchesGiven) else []
    return Choices(
        drill_downs=tuple(_chosen(given.choices, listed, sheet)),
        searches=tuple(
            (sheet.findings[search.finding], search.spl)
            for search in searches[:allowed]
            if search.finding in sheet.findings and len(search.spl) <= SPL_CHARS
        ),
    )


def _chosen(
    given: Sequence[ChoiceGiven], listed: dict[str, list[str]], sheet: Sheet
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the choices, each drill-down and finding once, in the order of the model."""
    kept: dict[str, dict[str, None]] = {}
    for choice in given:
        names = [name for name in choice.findings if name in listed.get(choice.drill_down, ())]
        if names:
            kept.setdefault(choice.drill_down, {}).update(
                dict.fromkeys(sheet.findings[name] for name in names)
            )
    return [(name, tuple(findings)) for name, findings in kept.items()]
