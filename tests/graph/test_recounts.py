"""The events of several items are asked for at once; that only ever confirms, and never costs an item its second look."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graph.rounds import config_of
from procedures.source import ProcedureSource
from tejun.opening import Tejun
from tests.graph.test_sharing import Desk
from tools.checks.again import Again
from tools.checks.joint import false_parts
from tools.checks.subject import Subject
from tools.demo import plan
from tools.records.report import Checks, ItemReport
from tools.records.rows import Round
from tools.search.result import SearchResult, SearchStatus

Verdicts = dict[str, tuple[object, ...]]


def verdicts(desk: Desk, round_: Round) -> Verdicts:
    found: Verdicts = {}
    for row in desk.resources.casebook.items(round_.id):
        assert row.checks is not None
        failed = desk.resources.evidence.get(row.checks, Checks).failed
        found[row.item_id] = (row.verdict, row.complete, row.findings, row.state, failed)
    return found


async def events_of(desk: Desk, round_: Round) -> dict[str, SearchResult]:
    """Return what each item was counted again from."""
    found = {}
    for row in desk.resources.casebook.items(round_.id):
        again = Again.model_validate((await desk.graph.aget_state(config_of(row))).values["again"])
        if again.events is not None:
            found[row.item_id] = desk.resources.evidence.get(again.events, SearchResult)
    return found


def joint_of(events: SearchResult) -> str | None:
    return next((text.rsplit(" ", 1)[1] for text in events.messages if "joint search" in text), None)


def sent(desk: Desk) -> int:
    return sum("multisearch" in request.spl for request in desk.counted.sent)


async def test_a_round_asks_for_the_events_of_its_items_at_once(tejun: Tejun) -> None:
    desk = Desk(tejun)
    round_ = await desk.run(plan.LINUX)
    events = await events_of(desk, round_)
    assert len(events) == len(desk.resources.casebook.items(round_.id))
    joints = {joint_of(found) for found in events.values()}
    assert (len(joints), None in joints, sent(desk)) == (1, False, 1)
    assert all(failed == () for *_, failed in verdicts(desk, round_).values())


def drop_rows(result: SearchResult) -> SearchResult:
    if "multisearch" not in result.spl:
        return result
    return result.model_copy(update={"rows": result.rows[: len(result.rows) // 2]})


def with_status(status: SearchStatus) -> Callable[[SearchResult], SearchResult]:
    def alter(result: SearchResult) -> SearchResult:
        if "multisearch" not in result.spl:
            return result
        return result.model_copy(update={"status": status, "rows": ()})

    return alter


async def test_events_that_a_joint_answer_lacks_are_asked_for_alone(tejun: Tejun) -> None:
    healthy = Desk(tejun)
    wanted = verdicts(healthy, await healthy.run(plan.LINUX))
    desk = Desk(tejun)
    desk.counted.alter = drop_rows
    round_ = await desk.run(plan.LINUX, again=True)
    assert verdicts(desk, round_) == wanted
    events = await events_of(desk, round_)
    alone = {item for item, found in events.items() if joint_of(found) is None}
    assert alone
    assert alone < set(events)


@pytest.mark.parametrize(
    ("status", "remembered"),
    [
        (SearchStatus.REFUSED, True),
        (SearchStatus.TRUNCATED, True),
        (SearchStatus.FAILED, False),
        (SearchStatus.TIMED_OUT, False),
        (SearchStatus.PARTIAL, False),
    ],
)
async def test_a_joint_search_that_comes_to_nothing_is_sent_once_and_every_item_asks_alone(
    tejun: Tejun, status: SearchStatus, remembered: bool
) -> None:
    desk = Desk(tejun)
    desk.counted.alter = with_status(status)
    round_ = await desk.run(plan.LINUX)
    assert sent(desk) == 1
    events = await events_of(desk, round_)
    assert {found.status for found in events.values()} == {SearchStatus.OK}
    assert {joint_of(found) for found in events.values()} == {None}
    assert all(failed == () for *_, failed in verdicts(desk, round_).values())
    await desk.run(plan.LINUX, days_before=1)
    assert sent(desk) == (1 if remembered else 2)


async def test_a_late_event_is_told_although_the_joint_answer_came_before_it(tejun: Tejun) -> None:
    """A count that the joint answer contradicts is counted again alone, so that nothing is called wrong for its age."""
    healthy = Desk(tejun)
    wanted = verdicts(healthy, await healthy.run(plan.LINUX))
    desk = Desk(tejun)

    def older(result: SearchResult) -> SearchResult:
        gone = tuple(row for row in result.rows if row.get("src_ip") != plan.ATTACKER)
        return result.model_copy(update={"rows": gone}) if "multisearch" in result.spl else result

    desk.counted.alter = older
    assert verdicts(desk, await desk.run(plan.LINUX, again=True)) == wanted


async def test_a_part_that_its_joint_answer_does_not_hold_is_found_out(tejun: Tejun) -> None:
    desk = Desk(tejun)
    round_ = await desk.run(plan.LINUX)
    row = next(row for row in desk.resources.casebook.items(round_.id) if row.item_id == "root-shell")
    values = (await desk.graph.aget_state(config_of(row))).values
    evidence = desk.resources.evidence
    subject = Subject(
        evidence.get(values["procedure"], ProcedureSource),
        evidence.get(values["report"], ItemReport),
        "",
        (),
        evidence,
        Again.model_validate(values["again"]),
    )
    assert subject.again is not None
    assert subject.again.events is not None
    part = evidence.get(subject.again.events, SearchResult)
    assert list(false_parts(subject, part)) == []
    forged = {**part.rows[0], "user": "nobody-there"}
    assert list(false_parts(subject, part.model_copy(update={"rows": (forged,)})))
    assert list(false_parts(subject, part.model_copy(update={"latest": part.latest + 1})))
    assert list(false_parts(subject, part.model_copy(update={"status": SearchStatus.TRUNCATED})))
    whole = evidence.get(str(joint_of(part)), SearchResult)
    counted = part.model_copy(update={"fields": ("_time",), "rows": ({"events": len(whole.rows)},)})
    assert list(false_parts(subject, counted)) == []
    more = counted.model_copy(update={"rows": ({"events": len(whole.rows) + 1},)})
    assert list(false_parts(subject, more))
