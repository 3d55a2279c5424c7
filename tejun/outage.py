"""What a round could not have from the SIEM: told at the end of `tejun run`, with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from agents.render.words import purpose_words
from agents.unfinished import unfinished_searches
from tejun.output import clean, errors
from tejun.shapes import UnfinishedShape
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.records.report import ItemReport
from tools.records.rows import RoundItemRow

Unfinished = dict[str, list[UnfinishedShape]]
"""By item id: the searches that brought no data."""

SHOWN = 3
"""Searches of one item that are told by name."""


def unfinished_items(rows: Sequence[RoundItemRow], casebook: Casebook, evidence: EvidenceStore) -> Unfinished:
    """Return the items that nobody has answered and whose searches failed, were refused or came in part.

    What was cut off at a limit, or is silent, was answered by the SIEM and is not among them.
    """
    found: Unfinished = {}
    for row in rows:
        if row.report is None or row.state != "paused" or casebook.decisions(thread_id=row.thread_id):
            continue
        searches = unfinished_searches(evidence.get(row.report, ItemReport), evidence)
        told = [
            UnfinishedShape(search=one.purpose, status=one.status.value, message=one.message)
            for one in searches
        ]
        if told:
            found[row.item_id] = told
    return found


def print_unfinished(unfinished: Unfinished) -> None:
    """Tell on standard error how many items lack data, which searches failed, and what the SIEM said."""
    count = len(unfinished)
    noun = "item" if count == 1 else "items"
    errors().print(
        f"[bold magenta]{count} {noun} undetermined or incomplete because searches failed:[/]", soft_wrap=True
    )
    for item, searches in unfinished.items():
        names = ", ".join(f"{purpose_words(one.search, 'en')} ({one.status})" for one in searches[:SHOWN])
        more = f" and {len(searches) - SHOWN} more" if len(searches) > SHOWN else ""
        words = next((one.message for one in searches if one.message), "")
        said = f": {clean(words)}" if words else ""
        errors().print(f"  {clean(item)}: {clean(names)}{more}{said}", soft_wrap=True)
    errors().print(
        "Look at the SIEM with `tejun doctor`, then run the same command again: it repeats these items, as long as "
        "nobody has decided on them.",
        soft_wrap=True,
    )
