"""`tejun inbox`, `show`, `decide`, `outcome`: reviews at the keyboard."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tejun.commands.rounds import item_shape
from tejun.guarding import guarded, run_async
from tejun.output import FAILED, USAGE, JsonOption, clock, console, fail, print_json, verdict_cell
from tejun.settings import read_settings

if TYPE_CHECKING:
    from tools.records.casebook import Casebook
    from tools.records.rows import RoundItemRow

ItemArgument = Annotated[
    str, typer.Argument(help="An item id, ROUND/ITEM, or the beginning of a thread id; see tejun inbox.")
]


class DecisionChoice(StrEnum):
    """Decisions of a review."""

    DEEP_DIVE = "deep_dive"
    NO_DEEP_DIVE = "no_deep_dive"
    NEED_MORE_EVIDENCE = "need_more_evidence"
    REPORT_DEFECT = "report_defect"


class OutcomeChoice(StrEnum):
    """Outcomes of a deep dive."""

    INCIDENT = "incident"
    NOT_INCIDENT = "not_incident"
    INCONCLUSIVE = "inconclusive"


def open_casebook() -> Casebook:
    """Open the casebook of the data directory."""
    from tools.records.casebook import Casebook

    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    return Casebook(settings.casebook_url)


@guarded
def inbox(json: JsonOption = False) -> None:
    """List the items that wait for a person, worst first."""
    casebook = open_casebook()
    rows = casebook.inbox()
    rounds = {round_.id: round_ for round_ in casebook.rounds()}
    holders = {row.thread_id: held.holder for row in rows if (held := casebook.holder(row.thread_id))}
    casebook.close()
    if json:
        print_json([item_shape(row, holders.get(row.thread_id)) for row in rows])
        return
    if not rows:
        console().print("Nothing waits for a decision.")
        return
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(
        Column("item", no_wrap=True), "day", "verdict", Column("found", justify="right"), "waits for"
    )
    if holders:
        table.add_column("held by")
    for row in rows:
        round_ = rounds[row.round_id]
        day = clock(round_.start, round_.timezone).split()[0]
        cells = [
            f"{row.round_id[:8]}/{escape(row.item_id)}",
            day,
            verdict_cell(row.verdict),
            str(row.findings or 0),
            row.awaiting or "",
        ]
        table.add_row(*cells, *([holders.get(row.thread_id, "")] if holders else []))
    console().print(table)
    console().print("Look at one with `tejun show ITEM`, then `tejun decide ITEM --decision … --reason …`.")


@guarded
def show(
    item: ItemArgument,
    json: JsonOption = False,
) -> None:
    """Show an item: its report, its checks, what waits for an answer. With --json, the review payload."""
    from agents.render.markdown import render_item
    from tools.records.evidence import EvidenceStore
    from tools.records.report import Checks, ItemReport
    from tools.search.result import SearchResult

    casebook = open_casebook()
    row = casebook.find_item(item)
    closing = casebook.closings.of(row.thread_id)
    casebook.close()
    if json and closing is None:
        payload = run_async(_payload(row))
        import sys

        import orjson

        sys.stdout.write(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    if json:
        fail(f"item {row.item_id!r} is {row.state} and waits for nothing.", FAILED)
    if row.report is None or row.checks is None:
        fail(
            f"item {row.item_id!r} has no report: it is {row.state}{': ' + row.error if row.error else ''}.",
            FAILED,
        )
    evidence = EvidenceStore(read_settings().evidence)
    text = render_item(
        evidence.get(row.report, ItemReport),
        checks=evidence.get(row.checks, Checks),
        spl_of=lambda digest: evidence.get(digest, SearchResult).spl,
    )
    _print_markdown(text)
    if closing:
        stands = f" by round {closing.by_round[:8]}" if closing.kind == "superseded" else " with its round"
        console().print(f"This item is {closing.kind}{stands}, and takes no answer.", markup=False)
    if row.awaiting:
        choices = OutcomeChoice if row.awaiting == "outcome" else DecisionChoice
        verb, flag = ("outcome", "--outcome") if row.awaiting == "outcome" else ("decide", "--decision")
        name = f"{row.round_id[:8]}/{row.item_id}"
        console().print(
            f"\nWaits for {row.awaiting}: tejun {verb} {name} {flag} {'|'.join(choices)} --reason TEXT",
            markup=False,
        )


def _print_markdown(text: str) -> None:
    """Render for a terminal; a file or a pipe gets the Markdown itself."""
    import sys

    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.markdown import Markdown

    console().print(Markdown(text.replace("<br>", "; ")))


async def _payload(row: RoundItemRow) -> object:
    from graph.rounds import config_of
    from tejun.opening import open_tejun

    async with open_tejun(read_settings()) as tejun:
        snapshot = await tejun.graph.aget_state(config_of(row))
    if not snapshot.interrupts:
        fail(f"item {row.item_id!r} waits for nothing: it is {row.state}.", FAILED)
    return {"interrupt_id": snapshot.interrupts[0].id, **snapshot.interrupts[0].value}


@guarded
def decide(
    item: ItemArgument,
    decision: Annotated[DecisionChoice, typer.Option(help="What to do with its findings.")],
    reason: Annotated[str, typer.Option(help="Why; it is printed in the report.")],
    finding: Annotated[
        list[str] | None, typer.Option(help="Only these findings (ids as shown); give the rest with --rest.")
    ] = None,
    rest: Annotated[DecisionChoice | None, typer.Option(help="Decision for the findings not named.")] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="With need_more_evidence: listed drill-downs to run.")
    ] = None,
    knowledge: Annotated[
        str | None, typer.Option(help="What the procedure should learn; kept as a proposal.")
    ] = None,
    evidence: Annotated[
        str | None, typer.Option(help="Digest of the report you looked at; a mismatch is refused.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Decide on a paused item."""
    if finding and rest is None:
        fail("--finding decides some findings. Give --rest for the others.", USAGE)
    parts: list[dict[str, object]] = [
        {"findings": finding or "rest", "decision": decision.value, "reason": reason}
    ]
    if finding and rest is not None:
        parts.append({"findings": "rest", "decision": rest.value, "reason": reason})
    answer = {"decisions": parts, "run": run or [], "knowledge": knowledge, "evidence_digest": evidence}
    _answer(item, answer, "review", json=json)


@guarded
def outcome(
    item: ItemArgument,
    outcome_: Annotated[OutcomeChoice, typer.Option("--outcome", help="How the deep dive ended.")],
    reason: Annotated[str, typer.Option(help="Why; it is printed in the report.")],
    knowledge: Annotated[
        str | None, typer.Option(help="What the procedure should learn; kept as a proposal.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Record the outcome of a deep dive."""
    answer = {"outcome": outcome_.value, "reason": reason, "knowledge": knowledge}
    _answer(item, answer, "outcome", json=json)


def _answer(name: str, answer: dict[str, Any], awaiting: Literal["review", "outcome"], *, json: bool) -> None:
    from graph.rounds import AnswerRefusedError, NothingToAnswerError

    try:
        row = run_async(_resume(name, answer, awaiting))
    except (AnswerRefusedError, NothingToAnswerError) as error:
        fail(str(error), FAILED)
    if json:
        print_json(item_shape(row))
        return
    waits = f"waits for {row.awaiting}" if row.awaiting else row.state
    console().print(
        f"{row.item_id}: answered by {read_settings().user}; now it {waits}"
        if row.awaiting
        else f"{row.item_id}: {waits}, answered by {read_settings().user}",
        markup=False,
    )


async def _resume(name: str, answer: dict[str, Any], awaiting: Literal["review", "outcome"]) -> RoundItemRow:
    from graph.rounds import answer_item
    from tejun.opening import open_tejun

    async with open_tejun(read_settings()) as tejun:
        row = tejun.resources.casebook.find_item(name)
        await answer_item(tejun.graph, tejun.resources, row, answer, awaiting=awaiting)
        return tejun.resources.casebook.find_item(row.thread_id)
