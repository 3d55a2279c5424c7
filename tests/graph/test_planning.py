"""A plan says what a round then sends, to the last search, and neither sends nor writes anything itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from agents.planning import PlannedItem, Unsent
from graph.planning import PlannedRound, plan_searches
from procedures.source import read_source
from tejun.opening import Tejun
from tests.conftest import Cli
from tests.graph.test_rounds import LIBRARY, demo_window
from tests.graph.test_sharing import Desk
from tools.demo import plan
from tools.records.finding import LoggedSearch
from tools.records.rows import Round
from tools.search.result import SearchRequest, SearchResult

Line = tuple[str, str, float, float]
BEFORE = ("seen_before", "fields_before")
"""What is searched, and how often, depends on the fields that the window holds."""


def planned(round_: PlannedRound, taken_from: str | None) -> Counter[Line]:
    return Counter(
        (search.purpose, search.spl, search.earliest, search.latest)
        for item in round_.items
        for search in item.searches
        if search.taken_from == taken_from and not search.purpose.startswith(BEFORE)
    )


async def ran(desk: Desk, round_: Round, taken_from: str | None) -> Counter[Line]:
    def line(entry: LoggedSearch) -> Line:
        spl = desk.resources.evidence.get(entry.evidence, SearchResult).spl
        return entry.purpose, spl, entry.earliest, entry.latest

    open_ = ("drill_down:", *BEFORE)
    log = [entry for entry in await desk.logs(round_) if not entry.purpose.startswith(open_)]
    return Counter(line(entry) for entry in log if entry.taken_from == taken_from)


async def plan_of(desk: Desk, procedure: str) -> PlannedRound:
    return await plan_searches(desk.resources, read_source(LIBRARY / procedure), demo_window(procedure))


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_what_is_planned_is_what_is_sent(tejun: Tejun, home: Path, procedure: str) -> None:
    desk = Desk(tejun)
    await desk.run(procedure, days_before=1)
    before = sorted(path for path in (home / "evidence").rglob("*"))
    desk.counted.sent.clear()
    told = await plan_of(desk, procedure)
    assert desk.counted.sent == []
    assert sorted(path for path in (home / "evidence").rglob("*")) == before
    assert desk.resources.casebook.round(told.round) is None
    round_ = await desk.run(procedure)
    assert round_.id == told.round
    for origin in (None, "round", "earlier"):
        assert planned(told, origin) == await ran(desk, round_, origin), origin
    names = {
        row.item_id: [entry.purpose.split(":")[0] for entry in await desk.log(row)]
        for row in desk.resources.casebook.items(round_.id)
    }
    for item in told.items:
        before = sum(search.purpose.startswith(BEFORE) for search in item.searches)
        found = sum(name in BEFORE for name in names[item.item])
        assert before <= found <= before + item.before
        assert names[item.item].count("drill_down") <= item.drill_downs
    again = await plan_of(desk, procedure)
    assert (again.round, again.items) == (round_.id, ())


async def test_the_day_after_an_earlier_round_plans_no_baseline_search(tejun: Tejun) -> None:
    desk = Desk(tejun)
    alone = await plan_of(desk, plan.LINUX)
    await desk.run(plan.LINUX, days_before=1)
    after = await plan_of(desk, plan.LINUX)
    periods = sum(search.purpose.startswith("baseline:") for item in after.items for search in item.searches)
    assert (alone.count("earlier"), after.count("earlier")) == (0, periods)
    assert alone.count(None) - after.count(None) == periods


async def test_a_plan_cannot_send() -> None:
    request = SearchRequest(spl="index=os", earliest=0, latest=1)
    with pytest.raises(AssertionError, match="sends nothing"):
        await Unsent().search(request)


def test_the_command_prints_the_plan(cli: Cli) -> None:
    window = ("--from", "2026-11-19", "--to", "2026-11-20")
    done = cli("run", plan.LINUX, *window, "--plan", "--item", "ssh-bruteforce")
    assert "nothing was sent" in done.stdout
    assert "ssh-bruteforce" in done.stdout
    told = json.loads(cli("run", plan.LINUX, *window, "--plan", "--json").stdout)
    assert told["sent"] + told["shared"] + told["earlier"] == sum(
        len(item["searches"]) for item in told["items"]
    )
    PlannedItem.model_validate(told["items"][0])
    cli("run", plan.LINUX, *window, "--item", "root-login")
    left = json.loads(cli("run", plan.LINUX, *window, "--plan", "--json").stdout)
    assert "root-login" not in {item["item"] for item in left["items"]}
    done = cli("run", plan.LINUX, *window, "--plan", "--item", "root-login")
    assert "nothing is left to search" in done.stdout.replace("\n", " ")
