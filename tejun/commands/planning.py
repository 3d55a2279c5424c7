"""`tejun run --plan`: the searches of a round before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tejun.output import clock, console
from tejun.settings import read_settings
from tejun.shapes import PlanShape

if TYPE_CHECKING:
    from graph.planning import PlannedRound
    from procedures.schedule import RoundWindow
    from procedures.source import ProcedureSource


async def plan_rounds(
    source: ProcedureSource,
    windows: tuple[RoundWindow, ...],
    only: list[str],
    *,
    again: bool,
    quiet: bool,
) -> list[PlanShape]:
    """Plan one round per window, print it unless `quiet`, and return the shapes."""
    from graph.planning import plan_searches
    from tejun.opening import open_resources

    shapes = []
    async with open_resources(read_settings()) as resources:
        for window in windows:
            plan = await plan_searches(resources, source, window, only=only, again=again)
            shapes.append(plan_shape(plan))
            if not quiet:
                print_plan(plan)
    return shapes


def plan_shape(plan: PlannedRound) -> PlanShape:
    """Return a plan as JSON shows it."""
    return PlanShape(
        **plan.model_dump(mode="json"),
        sent=plan.count(None),
        shared=plan.count("round"),
        earlier=plan.count("earlier"),
        before=sum(item.before for item in plan.items),
        drill_downs=sum(item.drill_downs for item in plan.items),
        second_look=sum(item.second_look for item in plan.items),
    )


def print_plan(plan: PlannedRound) -> None:
    """Print what each item would search, and the sum."""
    from rich.table import Table

    if not plan.items:
        console().print(
            f"round {plan.round[:8]}: nothing is left to search. Every item waits or is recorded."
        )
        return
    window = f"{clock(plan.start, plan.timezone)} to {clock(plan.end, plan.timezone)}"
    columns = (
        "item",
        "sent",
        "shared",
        "from earlier",
        "windows",
        "lost fields",
        "drill-downs",
        "second look",
    )
    table = Table(
        *columns,
        title=f"{plan.procedure} · {window}\nplan of round {plan.round[:8]}, nothing was sent",
        title_justify="left",
    )
    for item in plan.items:
        taken = [search.taken_from for search in item.searches]
        windows = {(search.earliest, search.latest) for search in item.searches}
        table.add_row(
            item.item,
            str(taken.count(None)),
            str(taken.count("round")),
            str(taken.count("earlier")),
            str(len(windows)),
            f"up to {item.before}",
            f"up to {item.drill_downs}",
            f"up to {item.second_look}",
        )
    windows = {(search.earliest, search.latest) for item in plan.items for search in item.searches}
    table.add_section()
    table.add_row(
        "in all",
        str(plan.count(None)),
        str(plan.count("round")),
        str(plan.count("earlier")),
        str(len(windows)),
        f"up to {sum(item.before for item in plan.items)}",
        f"up to {sum(item.drill_downs for item in plan.items)}",
        f"up to {sum(item.second_look for item in plan.items)}",
    )
    console().print(table)
    console().print(
        "A source whose events lack a field is also searched before the window, once for all its items."
    )
