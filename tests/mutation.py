"""`make mutation`: seeded defects in finished reports, and how many of each kind the checks catch."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graph.rounds import config_of, plan_round, run_round
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource, read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tests.mutations import MUTATIONS, Finished
from tools.checks.again import search_again
from tools.checks.round import check_round
from tools.demo import plan
from tools.demo.generate import generate
from tools.logstore.store import LogStore
from tools.records.finding import DrillDownRun, Findings, Judgement
from tools.records.report import ItemReport

LIBRARY = Path(__file__).resolve().parent.parent / "procedures" / "library"
SEED = 20261119

Rates = dict[str, tuple[int, int]]
"""Kind of defect to how many were caught, and how many were seeded."""


def demo_windows() -> list[tuple[ProcedureSource, RoundWindow]]:
    """Return the bundled procedures with a full day, and with twelve hours in which a source is silent."""
    tokyo, utc = plan.tokyo(0), plan.utc(0)
    days = {plan.LINUX: tokyo, plan.WEB: tokyo, plan.AWS: utc}
    whole = [(name, RoundWindow(start, start + 86400)) for name, start in days.items()]
    quiet = RoundWindow(plan.QUIET[0], plan.QUIET[0] + 43200, ad_hoc=True)
    asked = [*whole, (plan.LINUX, quiet), (plan.WEB, RoundWindow(0, 86400))]
    return [(read_source(LIBRARY / name), window) for name, window in asked]


async def finish(tejun: Tejun, procedure: ProcedureSource, window: RoundWindow) -> list[Finished]:
    """Run a round and return its reports as its checks see them."""
    resources = tejun.resources
    round_ = plan_round(resources, procedure, window)
    await run_round(tejun.graph, resources, round_)
    finished = []
    for row in resources.casebook.items(round_.id):
        values = (await tejun.graph.aget_state(config_of(row))).values
        source = resources.evidence.get(values["procedure"], ProcedureSource)
        report = resources.evidence.get(values["report"], ItemReport)
        runs = tuple(DrillDownRun.model_validate(run) for run in values["runs"])
        session = await resources.session(resources.context(values))
        findings = resources.evidence.get(report.findings_digest, Findings)
        judgement = resources.evidence.get(report.judgement_digest, Judgement)
        again = await search_again(source, findings, judgement, runs, session, resources.evidence)
        finished.append(Finished(source, report, runs, resources.evidence, again).rendered())
    return finished


def measure(finished: list[Finished]) -> tuple[Rates, list[str]]:
    """Seed every kind of defect; return the rates, and a line for each defect that was missed."""
    for report in finished:
        if failed := report.checks().failed:
            raise SystemExit(f"{report.report.item} fails {failed[0].id} as it is: {failed[0].defects[:1]}")
    rng, rates, missed = random.Random(SEED), Rates(), []
    for mutation in MUTATIONS:
        caught = seeded = 0
        for report in finished:
            for mutant in mutation(report, rng):
                if (mutant.report, mutant.text) == (report.report, report.text):
                    continue
                seeded += 1
                if mutant.checks().failed:
                    caught += 1
                else:
                    missed.append(f"{mutation.__name__} {report.report.item}: {_difference(report, mutant)}")
        rates[mutation.__name__] = (caught, seeded)
    return rates, missed


def measure_rounds(tejun: Tejun) -> tuple[int, int]:
    """Leave each item out of each round, or call the round better than it is."""
    from agents.round_report import assemble_round

    caught = seeded = 0
    for round_ in tejun.resources.casebook.rounds():
        whole = assemble_round(
            round_, tejun.resources.casebook, tejun.resources.evidence, now=tejun.resources.clock()
        )
        source = tejun.resources.evidence.get(round_.procedure_digest, ProcedureSource)
        procedure = load_procedure(source)
        for at in range(len(whole.items)):
            mutant = whole.model_copy(update={"items": (*whole.items[:at], *whole.items[at + 1 :])})
            seeded += 1
            caught += any(check.status == "failed" for check in check_round(procedure, mutant))
    return caught, seeded


def _difference(report: Finished, mutant: Finished) -> str:
    pairs = zip(report.text.splitlines(), mutant.text.splitlines(), strict=False)
    return next((f"{old[:90]!r} → {new[:90]!r}" for old, new in pairs if old != new), "structure only")


def table(rates: Rates) -> Iterator[str]:
    """Yield the table of rates; the last line is the sum."""
    for kind, (caught, seeded) in rates.items():
        share = 100 * caught / seeded if seeded else 0
        yield f"{kind.replace('_', ' '):32} {caught:5} of {seeded:5}  {share:6.2f} %"
    yield f"caught {sum(one for one, _ in rates.values())} of {sum(two for _, two in rates.values())}"


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with LogStore(home / "logs") as store:
            for file in generate(home / "files"):
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
        settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
        async with open_tejun(settings) as tejun:
            finished = [
                report for source, window in demo_windows() for report in await finish(tejun, source, window)
            ]
            rates, missed = measure(finished)
            rates["missing_item"] = measure_rounds(tejun)
    sys.stderr.write("".join(f"missed: {line}\n" for line in missed))
    print("\n".join(table(rates)))


if __name__ == "__main__":
    asyncio.run(_main())
